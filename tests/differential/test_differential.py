"""The recorder in C and the one in plain Python must tell the same of the same programs, event by event.

Each file in programs/ is one. The Python one runs in reference_driver.py. What
differs by design is made equal here, and nowhere else:

- The reference knows only the type of an object, written <Type>; the recorder in C may show what is in it.
  So a value of the reference's becomes a pattern, which the other's text must match as a whole.
- To the recorder in C an asyncio task is a track, and its first call has no parent; to the reference all
  that a thread runs is one track. So tasks become their thread, and their first calls lose their parent.
- Calls are numbered in order of start, which between threads is chance: they are numbered by track.
"""

from __future__ import annotations

import json
import re
import shutil
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import Run, Workshop

from flowtrace.reference import CallEvent
from flowtrace.reference import __file__ as REFERENCE

HERE = Path(__file__).parent
PROGRAMS = sorted(path.name for path in (HERE / "programs").glob("*.py"))
COMMANDS = [[name] for name in PROGRAMS] + [["-m", "shapes", "2", "3"], ["-c", "def f(n):\n  return [n]\nf(n=1)"]]

# What the recorder in C shows of an object, where that doesn't begin with the type's name.
SHOWN = {
    "function": r"<function .+?>",
    "method": r"<method .+?>",
    "builtin_function_or_method": r"<built-in \w+>",
    "type": r"<class \w+>",
    "module": r"<module [\w.]+>",
    "complex": r"\(.+?j\)",
    "ellipsis": "Ellipsis",
    "NotImplementedType": "NotImplemented",
    "int": r"<(negative )?int of \d+ bits>",
    "date": r"[\d-]+",
    "datetime": r"[\d-]+ [\d:.]+",
    "time": r"[\d:.]+",
    "timedelta": r"timedelta\(.+?\)",
    "redacted": "<redacted>",
}
TOKEN = re.compile(
    r"""(?P<alike>(?<=[\[({])<(?P<item>[\w-]+)>(, <(?P=item)>)+(, …)?(?=[\])}]))"""  # [<A>, <A>]: [A ×2]
    r"""|(?P<quoted>'(\\.|[^'\\])*'|"(\\.|[^"\\])*")"""
    r"""|<(?P<type>[\w-]+)>|(?P<rest>…)|(?P<other>.)""",
    re.DOTALL,
)


def pattern_of(token: re.Match[str]) -> str:
    if token["alike"]:
        one_by_one = TOKEN.sub(pattern_of, " " + token["alike"])  # with nothing before it that makes it alike
        return f"({token['item']} ×\\d+|{one_by_one[2:]})"
    if token["type"]:
        return SHOWN.get(token["type"], rf"({token['type']}(\(.*?\)|\.[\w|]+)?|<class \w+>)")
    return r"…\d*" if token["rest"] else re.escape(token[0])


def is_same_value(shown: str | None, reference: str | None) -> bool:
    if shown is None or reference is None:
        return shown is reference
    return shown == reference or bool(re.fullmatch(TOKEN.sub(pattern_of, reference), shown, re.DOTALL))


class Recording(NamedTuple):
    run: Run
    events: list[CallEvent]
    first_calls: set[int]  # of tasks, by their number


def by_compiled(workshop: Workshop, command: list[str]) -> Recording:
    run = workshop.run(*command, environment={"PYTHONHASHSEED": "0"})
    events = [CallEvent(*event) for event in run.trace.events()]
    tasks = {track.name for track in run.trace.tracks if track.kind == "task"}
    first_calls = {event.id for event in events if event.track in tasks and event.parent_id is None}
    events = [event._replace(track="MainThread") if event.track in tasks else event for event in events]
    return Recording(run, events, first_calls)


def by_reference(workshop: Workshop, command: list[str], first_calls: set[int]) -> Recording:
    output = workshop.folder / "events.json"
    words = [str(HERE / "reference_driver.py"), str(output), *command]
    run = workshop.python(*words, environment={"PYTHONHASHSEED": "0"})
    events = [CallEvent(*event) for event in json.loads(output.read_text())]
    return Recording(run, without_parents(events, first_calls), first_calls)


def without_parents(events: list[CallEvent], first_calls: set[int]) -> list[CallEvent]:
    """Make roots of the first calls of tasks."""
    above = {None: 0}  # calls above the root of each call's tree
    for event in events:
        if event.kind == "call":
            above[event.id] = event.depth if event.id in first_calls else above[event.parent_id]
    return [
        event._replace(
            parent_id=None if event.id in first_calls else event.parent_id, depth=event.depth - above[event.id]
        )
        for event in events
    ]


def by_track(events: list[CallEvent]) -> dict[str, list[CallEvent]]:
    tracks: dict[str, list[CallEvent]] = {}
    numbers: dict[int | None, int | None] = {None: None}
    for event in events:
        track = tracks.setdefault(event.track, [])
        if event.id not in numbers:
            numbers[event.id] = sum(other.kind == "call" for other in track)
        parent_id = numbers.get(event.parent_id, -1)
        track.append(event._replace(id=numbers[event.id], parent_id=parent_id))
    return tracks


def differences(compiled: CallEvent | None, reference: CallEvent | None) -> list[str]:
    if compiled is None or reference is None:
        return [f"only one has {compiled or reference}"]
    wrong = []
    for field in ("kind", "id", "parent_id", "function", "module", "file", "line", "depth", "track"):
        if getattr(compiled, field) != getattr(reference, field):
            wrong.append(field)
    for field in ("result", "exception"):
        if not is_same_value(getattr(compiled, field), getattr(reference, field)):
            wrong.append(field)
    pairs = zip_longest(compiled.arguments.items(), reference.arguments.items(), fillvalue=("", None))
    if not all(name == other and is_same_value(text, value) for (name, text), (other, value) in pairs):
        wrong.append("arguments")
    if (compiled.duration_ns is None) != (reference.duration_ns is None):
        wrong.append("duration_ns")
    return [f"{field}: {getattr(compiled, field)!r}, reference {getattr(reference, field)!r}" for field in wrong]


def check_times(events: list[CallEvent]) -> None:
    starts: dict[int, int] = {}
    latest = 0
    for event in events:
        assert event.start_ns == starts.setdefault(event.id, event.start_ns), event
        if event.kind == "call":
            assert event.start_ns >= latest, event
            latest = event.start_ns
        assert event.duration_ns is None or event.duration_ns >= 0, event


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0].removesuffix(".py"))
def test_same_events(workshop: Workshop, command: list[str]) -> None:
    shutil.copytree(HERE / "programs", workshop.folder, dirs_exist_ok=True)
    compiled = by_compiled(workshop, command)
    reference = by_reference(workshop, command, compiled.first_calls)
    assert compiled.run.status == reference.run.status
    assert compiled.events
    assert compiled.run.stdout == reference.run.stdout
    tracks, expected = by_track(compiled.events), by_track(reference.events)
    assert sorted(tracks) == sorted(expected)
    found = []
    for name, events in tracks.items():
        check_times(events)
        check_times(expected[name])
        for number, (event, other) in enumerate(zip_longest(events, expected[name])):
            if wrong := differences(event, other):
                what = f"{name} {number}: {(event or other).kind} {(event or other).function}"
                found.append("\n    ".join([what, *wrong]))
    assert not found, f"{len(found)} differ\n" + "\n".join(found[:40])


@pytest.mark.parametrize("command", [*COMMANDS[-2:], ["secrets_named.py"]], ids=lambda command: command[0])
def test_reference_alone(workshop: Workshop, command: list[str]) -> None:
    """Run as a script, reference.py adds to the program's output its tree, and no complaint."""
    shutil.copytree(HERE / "programs", workshop.folder, dirs_exist_ok=True)
    shutil.copy(REFERENCE, workshop.folder / "reference.py")
    plain, run = workshop.python(*command), workshop.python("reference.py", *command)
    assert (run.status, run.stdout) == (plain.status, plain.stdout)
    lines = run.err.splitlines()
    assert lines[0].startswith("<module>() -> None")
    assert all(re.fullmatch(r" *[\w.<>]+\(.*\)( -> | ! | \.\.\.).*", line) for line in lines), run.err
