"""flowtrace export flame: what is in the page, that nothing in it can run but its own script, and that it stays small.

What a browser makes of it is looked at by tests/interop/flame.py.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WAIT, FOLDED, SUSPENDED = -1, -2, -3
RAISED, OPEN, GOES_ON, TEXT = 1, 2, 4, 8


def page(workshop, trace, *words: str) -> str:
    done = workshop.flowtrace("export", "flame", "-o", "-", *words, str(trace))
    assert done.status == 0, done.err
    return done.stdout.decode()


def data(html: str) -> dict:
    found = re.findall(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    assert len(found) == 1
    return json.loads(found[0])


def graph(document: dict) -> list[str]:
    """Return "depth name calls raised open" of each frame."""
    lines = []
    width = document["width"]
    numbers = document["nodes"]
    assert len(numbers) % width == 0
    for at in range(0, len(numbers), width):
        depth, name, _, _, calls, raised, unended = numbers[at : at + 7]
        label = "(smaller)" if name < 0 else document["names"][name]
        lines.append(f"{'  ' * depth}{label} {calls}" + " raised" * (raised > 0) + " open" * (unended > 0))
    return lines


def slices(document: dict) -> dict[str, list[tuple[int, str, int, int, int, int]]]:
    """Return of each track its slices by their starts: depth, name, start, length, marks, number."""
    special = {WAIT: "(wait)", FOLDED: "(short)", SUSPENDED: "(suspended)"}
    found = {}
    for track, numbers in document["tracks"]:
        rows = [tuple(numbers[at : at + 6]) for at in range(0, len(numbers), 6)]
        rows.sort(key=lambda row: (row[2], row[0]))
        found[track] = [(row[0], special.get(row[1]) or document["names"][row[1]], *row[2:]) for row in rows]
    return found


def check_nesting(document: dict) -> None:
    """Slices of one depth don't overlap, and each lies within one of the depth above."""
    for rows in slices(document).values():
        reach: dict[int, tuple[int, int]] = {}
        for depth, _, start, length, *_ in rows:
            assert start >= reach.get(depth, (0, 0))[1]
            if depth:
                above = reach[depth - 1]
                assert above[0] <= start <= start + length <= above[1]
            reach[depth] = (start, start + length)


EVERYTHING = """\
app.py [PID] 0
  main thread 0
    app.py 1 raised
      main 1 raised
        price 1
        careful 1
          broken 1 raised
        consume 1
          numbers 1
          price 3
        broken 1 raised
  task Task-1 0
    gather 1
  task Task-2 0
    fetch 1
  task Task-3 0
    fetch 1
  thread worker 0
    price 1
app.py [PID] 0
  main thread 0
    app.py 0
      main 0
        child 1
          price 1"""


def test_the_graph_of_everything(workshop, everything) -> None:
    document = data(page(workshop, everything))
    text = "\n".join(graph(document))
    assert re.sub(r"\[\d+\]", "[PID]", text) == EVERYTHING
    assert document["weight"] == "running"
    assert (document["title"], document["calls"]) == (everything.name, 19)
    assert document["nodes_left_out"] == 0
    assert document["modules"][document["module_of"][document["names"].index("price")]] == "app.py"


def test_the_timeline_of_everything(workshop, everything) -> None:
    document = data(page(workshop, everything))
    check_nesting(document)
    rows = {
        re.sub(r".*\] ", "", track): told for track, told in slices(document).items() if "price" not in str(told[1:2])
    }
    assert [(depth, name) for depth, name, *_ in rows["task Task-2"]] == [(0, "fetch"), (1, "(wait)")]
    main = next(told for told in slices(document).values() if told[0][1] == "app.py")
    broken = [row for row in main if row[1] == "broken"]
    assert [row[4] & RAISED for row in broken] == [RAISED, RAISED]
    assert [document["exceptions"][row[4] // TEXT - 1] for row in broken] == [
        "ValueError('no 2')",
        "ValueError('no 3')",
    ]
    assert [bool(row[4] & GOES_ON) for row in main if row[1] == "numbers"] == [True, True, True, False]
    assert main[0][5] == 1
    assert (document["shortest_ns"], document["slices_folded"], document["tracks_left_out"]) == (0, 0, 0)


def test_only_its_own_script_can_run(workshop, hostile) -> None:
    html = page(workshop, hostile)
    assert html.lower().count("<script") == html.lower().count("</script") == 2
    assert html.count("<style") == 1
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy
    script = re.search(r"<script>(.*?)</script>", html, re.DOTALL)
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert script and style
    for text in (script[1], style[1]):
        assert f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" in policy[1]
    assert "default-src 'none'" in policy[1]
    assert "unsafe" not in policy[1]
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|https?://", script[1])
    assert any("</script><script>alert(1)</script>" in name for name in data(html)["names"])


def test_a_hostile_title_is_text(workshop, everything) -> None:
    hostile = workshop.folder / "<b>&amp;\x1b\"'.flow"
    hostile.write_bytes(everything.read_bytes())
    html = page(workshop, hostile)
    assert "<b>" not in html
    assert data(html)["title"] == "<b>&amp;\\x1b\"'.flow"


def test_calls_that_have_not_ended_are_marked(workshop) -> None:
    workshop.write("app.py", "import os\ndef f():\n    os._exit(0)\nf()\n")
    workshop.run("app.py")
    document = data(page(workshop, workshop.trace_path))
    assert graph(document) == ["main thread 0", "  app.py 1 open", "    f 1 open"]
    assert [row[4] for row in slices(document)["main thread"]] == [OPEN, OPEN]


def test_a_generator_that_nobody_in_sight_drives_is_suspended_and_not_waiting(workshop) -> None:
    workshop.record("def f():\n    yield 1\nlist(f())\n")
    rows = slices(data(page(workshop, workshop.trace_path)))["main thread"]
    assert [(depth, name) for depth, name, *_ in rows] == [(0, "app.py"), (1, "f"), (2, "(suspended)")]


def test_a_trace_without_times_shows_calls(workshop) -> None:
    workshop.record("def f():\n    pass\nf()\nf()\n", "--no-time")
    document = data(page(workshop, workshop.trace_path))
    assert (document["timed"], document["weight"]) == (False, "calls")
    assert graph(document) == ["main thread 0", "  app.py 1", "    f 2"]


MANY = """
import sys
sys.setrecursionlimit(5000)
def leaf(n):
    return n
def small(n):
    return leaf(n)
def big():
    return sum([small(i) for i in range(500)])
def deep(n):
    return n and deep(n - 1)
for _ in range(70):
    big()
deep(1500)
"""


def test_many_calls_are_bounded_and_what_is_left_out_is_counted(workshop) -> None:
    workshop.record(MANY)
    html = page(workshop, workshop.trace_path)
    document = data(html)
    check_nesting(document)
    rows = slices(document)["main thread"]
    kept = [row for row in rows if row[1] != "(short)"]
    short = [row for row in rows if row[1] == "(short)"]
    assert len(kept) <= 30_000 and len(rows) <= 60_000
    assert len(kept) + document["slices_folded"] == document["calls"]
    assert 0 < sum(row[5] for row in short) <= document["slices_folded"]
    assert all(row[3] >= document["shortest_ns"] for row in rows)
    assert sum(name == "big" for _, name, *_ in kept) == 70
    assert sum(document["nodes"][4::7]) == document["calls"]


WIDE = """
names = {}
for i in range(9000):
    exec(f"def f{i}(): pass")
    names[i] = globals()[f"f{i}"]
for f in names.values():
    f()
"""


def test_the_smallest_of_many_frames_are_one(workshop) -> None:
    workshop.record(WIDE, "--include", "*")
    document = data(page(workshop, workshop.trace_path, "--weight", "calls"))
    assert len(graph(document)) < 8010
    assert document["nodes_left_out"] > 0
    assert sum(document["nodes"][4::7]) == document["calls"]


BEFORE = """
def work(n):
    return sum(range(n))
def vanishing():
    for _ in range(3):
        work(10)
def staying():
    work(10)
vanishing()
staying()
"""
AFTER = """
# lines are others
def staying():
    work(10)
    work(20)
def work(n):
    return sum(range(n))
def new():
    work(5)
new()
staying()
"""


@pytest.fixture
def compared(workshop, recorded) -> dict:
    return data(page(workshop, recorded(AFTER), "--before", str(recorded(BEFORE))))


def test_a_trace_is_compared_with_an_earlier_one(compared) -> None:
    assert (compared["before"], compared["width"]) == (True, 10)
    numbers = compared["nodes"]
    told = {}
    for at in range(0, len(numbers), 10):
        told[numbers[at], compared["names"][numbers[at + 1]]] = (numbers[at + 4], numbers[at + 9])
    assert told == {
        (0, "main thread"): (0, 0),
        (1, "app.py"): (1, 1),
        (2, "new"): (1, 0),
        (3, "work"): (2, 1),
        (2, "staying"): (1, 1),
    }


def test_what_has_vanished_is_said(compared) -> None:
    ((path, running, waiting, calls),) = compared["vanished"]
    assert path == "main thread › app.py › vanishing"
    assert running > 0 and waiting == 0 and calls == 4
    assert compared["vanished_left_out"] == 0


def test_nothing_is_new_or_gone_beside_itself(workshop, everything) -> None:
    document = data(page(workshop, everything, "--before", str(everything)))
    numbers = document["nodes"]
    assert document["vanished"] == []
    for at in range(0, len(numbers), 10):
        assert numbers[at + 2 : at + 5] == numbers[at + 7 : at + 10]
