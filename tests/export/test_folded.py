"""flowtrace export folded: stacks and their weights, as flamegraph.pl and inferno read them."""

from __future__ import annotations

import re
from collections import Counter

import flowtrace

EVERYTHING = """\
app.py [PID];main thread;app.py 1
app.py [PID];main thread;app.py;main (app.py:45) 1
app.py [PID];main thread;app.py;main (app.py:45);price (app.py:8) 1
app.py [PID];main thread;app.py;main (app.py:45);careful (app.py:16) 1
app.py [PID];main thread;app.py;main (app.py:45);careful (app.py:16);broken (app.py:12) 1
app.py [PID];main thread;app.py;main (app.py:45);consume (app.py:28) 1
app.py [PID];main thread;app.py;main (app.py:45);consume (app.py:28);numbers (app.py:23) 1
app.py [PID];main thread;app.py;main (app.py:45);consume (app.py:28);price (app.py:8) 3
app.py [PID];task Task-1;gather (app.py:37) 1
app.py [PID];task Task-2;fetch (app.py:32) 1
app.py [PID];task Task-3;fetch (app.py:32) 1
app.py [PID];thread worker;price (app.py:8) 1
app.py [PID];main thread;app.py;main (app.py:45);child (app.py:41) 1
app.py [PID];main thread;app.py;main (app.py:45);child (app.py:41);price (app.py:8) 1
app.py [PID];main thread;app.py;main (app.py:45);broken (app.py:12) 1
"""


def folded(workshop, trace, *words: str) -> str:
    done = workshop.flowtrace("export", "folded", "-o", "-", *words, str(trace))
    assert done.status == 0, done.err
    return done.out


def weights(text: str) -> Counter[str]:
    """Return the weight of each stack: as a reader does, who takes the last word of a line for it."""
    found: Counter[str] = Counter()
    for line in text.splitlines():
        stack, weight = line.rsplit(" ", 1)
        found[stack] += int(weight)
    return found


def test_calls_of_everything(workshop, everything) -> None:
    text = folded(workshop, everything, "--weight", "calls")
    assert re.sub(r"\[\d+\]", "[PID]", text) == EVERYTHING


def test_running_adds_up_to_what_the_roots_took(workshop, everything) -> None:
    found = weights(folded(workshop, everything))
    calls = list(flowtrace.open(everything).calls())
    roots = [call for call in calls if call.parent is None]
    inside = [call for call in calls if call.function.qualname == "child"]  # their parent counts in another process
    whole = sum(call.running_ns for call in [*roots, *inside]) / 1000
    assert whole - len(found) <= sum(found.values()) <= whole + len(found)


def test_waiting_is_what_coroutines_waited(workshop, everything) -> None:
    found = weights(folded(workshop, everything, "--weight", "waiting"))
    assert {stack.split(";", 1)[1] for stack in found} == {
        "task Task-1;gather (app.py:37)",
        "task Task-2;fetch (app.py:32)",
        "task Task-3;fetch (app.py:32)",
    }
    assert all(weight >= 1000 for weight in found.values())


def test_the_time_of_a_coroutine_that_is_awaited_is_its_own(workshop) -> None:
    source = """
        import asyncio
        async def inner():
            await asyncio.sleep(0.01)
        async def outer():
            await inner()
        asyncio.run(outer())
    """
    workshop.record(source)
    found = weights(folded(workshop, workshop.trace_path, "--weight", "waiting"))
    assert max(found, key=found.__getitem__) == "task Task-1;outer (app.py:4);inner (app.py:2)"
    assert found.get("task Task-1;outer (app.py:4)", 0) < 5_000
    assert max(found.values()) >= 10_000


def test_hostile_names_stay_one_line_and_one_frame_each(workshop, hostile) -> None:
    lines = folded(workshop, hostile, "--weight", "calls").splitlines()
    assert {line.count(";") for line in lines} == {1, 2, 3}
    for line in lines:
        assert re.search(r" \d+$", line)
        assert not re.search(r"\d \d+$", line)
    assert "\r" not in "".join(lines)
    assert "\x1b" not in "".join(lines)
    assert any("a,b c\\n1 (app.py:16) 15" in line for line in lines)


def test_a_trace_without_times_has_calls_for_weights(workshop) -> None:
    workshop.record("def f():\n    pass\nf()\nf()\n", "--no-time")
    assert folded(workshop, workshop.trace_path) == "main thread;app.py 1\nmain thread;app.py;f (app.py:1) 2\n"


def test_tracks_that_differ_in_a_number_are_one_where_there_are_many(workshop) -> None:
    source = """
        import asyncio
        async def work():
            pass
        async def main():
            await asyncio.gather(*(work() for _ in range(100)))
        asyncio.run(main())
    """
    workshop.record(source)
    text = folded(workshop, workshop.trace_path, "--weight", "calls")
    assert "task Task-#;work (app.py:2) 100\n" in text
    assert "main (app.py:4);<genexpr app.py:5> 1\n" in text
    assert "task Task-1;" not in text


def test_what_is_deeper_than_a_thousand_frames_is_one_more(workshop) -> None:
    workshop.record("import sys\nsys.setrecursionlimit(9000)\ndef f(n):\n    return n and f(n - 1)\nf(1200)\n")
    lines = folded(workshop, workshop.trace_path, "--weight", "calls").splitlines()
    assert len(lines) == 1001
    assert lines[-1].endswith(";f (app.py:3);(deeper) 202")
