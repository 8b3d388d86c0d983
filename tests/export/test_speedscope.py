"""flowtrace export speedscope: the rules of its file format, and what a profile says."""

from __future__ import annotations

import json

PROFILES = """\
app.py [PID] main thread: (app.py (main (price price) (careful (broken broken) careful) (consume (numbers numbers) \
(price price) (numbers numbers) (price price) (numbers numbers) (price price) (numbers numbers) consume) \
(broken broken) main) app.py)
app.py [PID] thread worker: (price price)
app.py [PID] task Task-1: (gather ((waiting: _GatheringFuture) (waiting: _GatheringFuture)) gather)
app.py [PID] task Task-2: (fetch ((waiting: Future) (waiting: Future)) fetch)
app.py [PID] task Task-3: (fetch ((waiting: Future) (waiting: Future)) fetch)
app.py [PID] main thread: (child (price price) child)
"""


def speedscope(workshop, trace) -> dict:
    done = workshop.flowtrace("export", "speedscope", "-o", "-", str(trace))
    assert done.status == 0, done.err
    return json.loads(done.out)


def check(document: dict) -> None:
    """Check what https://www.speedscope.app/file-format-schema.json and its importer want."""
    assert document["$schema"] == "https://www.speedscope.app/file-format-schema.json"
    frames = document["shared"]["frames"]
    for frame in frames:
        assert isinstance(frame["name"], str)
        assert set(frame) <= {"name", "file", "line", "col"}
    for profile in document["profiles"]:
        assert set(profile) == {"type", "name", "unit", "startValue", "endValue", "events"}
        assert (profile["type"], profile["unit"]) == ("evented", "nanoseconds")
        stack: list[int] = []
        at = profile["startValue"]
        for event in profile["events"]:
            assert set(event) == {"type", "frame", "at"}
            assert at <= event["at"] <= profile["endValue"]
            at = event["at"]
            if event["type"] == "O":
                assert 0 <= event["frame"] < len(frames)
                stack.append(event["frame"])
            else:
                assert event["type"] == "C"
                assert stack.pop() == event["frame"]
        assert not stack


def told(document: dict) -> str:
    """Return the profiles in brackets."""
    names = [frame["name"] for frame in document["shared"]["frames"]]
    lines = []
    for profile in document["profiles"]:
        words = [f"({names[e['frame']]}" if e["type"] == "O" else f"{names[e['frame']]})" for e in profile["events"]]
        lines.append(f"{profile['name']}: {' '.join(words)}\n")
    return "".join(lines)


def test_everything(workshop, everything) -> None:
    import re

    document = speedscope(workshop, everything)
    check(document)
    assert document["exporter"] == "flowtrace"
    assert document["name"] == everything.name
    assert re.sub(r"\[\d+\]", "[PID]", told(document)) == PROFILES
    price = next(frame for frame in document["shared"]["frames"] if frame["name"] == "price")
    assert price == {"name": "price", "file": str(everything.parent / "app.py"), "line": 8}


def test_each_profile_begins_with_its_first_call(workshop, everything) -> None:
    profiles = speedscope(workshop, everything)["profiles"]
    assert all(profile["startValue"] == profile["events"][0]["at"] for profile in profiles)
    assert all(profile["endValue"] == profile["events"][-1]["at"] for profile in profiles)


def test_hostile(workshop, hostile) -> None:
    document = speedscope(workshop, hostile)
    check(document)
    assert len(document["profiles"]) == 1
    assert any("</script>" in frame["name"] for frame in document["shared"]["frames"])


def test_a_call_that_has_not_ended_is_closed_and_marked(workshop) -> None:
    source = "import os\ndef f():\n    g()\n    os._exit(0)\ndef g():\n    pass\nf()\n"
    workshop.write("app.py", source)
    workshop.run("app.py")
    document = speedscope(workshop, workshop.trace_path)
    check(document)
    assert told(document) == (
        "main thread: (app.py (unfinished) (f (unfinished) (g g) f (unfinished)) app.py (unfinished))\n"
    )


def test_a_trace_without_times_keeps_the_order(workshop) -> None:
    workshop.record("def f():\n    pass\nf()\nf()\n", "--no-time")
    document = speedscope(workshop, workshop.trace_path)
    check(document)
    assert told(document) == "main thread: (app.py (f f) (f f) app.py)\n"
    assert [event["at"] for event in document["profiles"][0]["events"]] == [1000, 2000, 3000, 4000, 5000, 6000]
