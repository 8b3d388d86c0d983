"""When do the recorder in C and the one in plain Python tell the same?

What differs by design is made equal here, and nowhere else:

- The reference knows only the type of an object, written <Type>; the recorder in C may show what is in it.
  So a value of the reference's becomes a pattern, which the other's text must match as a whole. And of an
  exception it shows the attributes behind the args.
- To the recorder in C an asyncio task is a track, and its first call has no parent; to the reference all
  that a thread runs is one track. So tasks become their thread, and their first calls lose their parent.
- Calls are numbered in order of start, which between threads is chance: they are numbered by track.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from itertools import zip_longest

from flowtrace import Trace
from flowtrace.reference import CallEvent

# What the recorder in C shows of an object, where that doesn't begin with the type's name.
SHOWN = {
    "function": r"<function .+?>",
    "method": r"<method .+?>",
    "method-wrapper": r"<method .+?>",
    "method_descriptor": r"<method .+?>",
    "wrapper_descriptor": r"<method .+?>",
    "getset_descriptor": r"<attribute .+?>",
    "property": r"<property .+?>",
    "staticmethod": r"<staticmethod .+?>",
    "classmethod": r"<classmethod .+?>",
    "code": r"<code .+?>",
    "frame": r"<frame .+?>",
    "GenericAlias": r"\w+\[.+?\]",
    "Union": r"\w+( \| \w+)+",
    "builtin_function_or_method": r"<built-in \w+>",
    "type": r"<class \w+>",
    "module": r"<module [\w.]+>",
    "complex": r"\(?[^,]+?j\)?",
    "ellipsis": "Ellipsis",
    "NotImplementedType": "NotImplemented",
    "int": r"<(negative )?int of \d+ bits>",
    "date": r"[\d-]+",
    "datetime": r"[\d-]+ [\d:.]+([+-][\d:]+| [\w/]+)?",
    "time": r"[\d:.]+([+-][\d:]+| [\w/]+)?",
    "timedelta": r"timedelta\(.+?\)",
    "redacted": r"(<redacted>|\w+)",  # of an object its type
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


def is_same_exception(shown: str | None, reference: str | None) -> bool:
    """The recorder in C adds the attributes that the exception's class gave it."""
    return is_same_value(shown, reference) or (
        shown is not None and is_same_value(re.sub(r"(, |(?<=\())[a-z]\w*=.*\)$", ")", shown), reference)
    )


def events_of(trace: Trace) -> tuple[list[CallEvent], set[int]]:
    """Events, and the numbers of the first calls of tasks, which have become calls of the main thread."""
    events = [CallEvent(*event) for event in trace.events()]
    tasks = {track.name for track in trace.tracks if track.kind == "task"}
    first_calls = {event.id for event in events if event.track in tasks and event.parent_id is None}
    first_calls |= {call.number for call in trace.calls() if call.created_by and call.track.kind == "main"}  # callbacks
    return [event._replace(track="MainThread") if event.track in tasks else event for event in events], first_calls


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
    counts: Counter[str] = Counter()
    for event in events:
        track = tracks.setdefault(event.track, [])
        if event.id not in numbers:
            numbers[event.id] = counts[event.track]
            counts[event.track] += 1
        parent_id = numbers.get(event.parent_id, -1)
        track.append(event._replace(id=numbers[event.id], parent_id=parent_id))
    return tracks


def wrong_fields(compiled: CallEvent | None, reference: CallEvent | None) -> list[str]:
    if compiled is None or reference is None:
        return [f"only one has {compiled or reference}"]
    wrong = []
    for field in ("kind", "id", "parent_id", "function", "module", "file", "line", "depth", "track"):
        if getattr(compiled, field) != getattr(reference, field):
            wrong.append(field)
    if not is_same_value(compiled.result, reference.result):
        wrong.append("result")
    if not is_same_exception(compiled.exception, reference.exception):
        wrong.append("exception")
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


def differences(compiled: list[CallEvent], reference: list[CallEvent], first_calls: Iterable[int]) -> list[str]:
    """What is wrong, a text for each pair of events that differ; nothing if all is well."""
    tracks, expected = by_track(compiled), by_track(without_parents(reference, set(first_calls)))
    found = [f"only one has the track {name}" for name in tracks.keys() ^ expected.keys()]
    for name in tracks.keys() & expected.keys():
        for number, (event, other) in enumerate(zip_longest(tracks[name], expected[name])):
            if wrong := wrong_fields(event, other):
                what = f"{name} {number}: {(event or other).kind} {(event or other).function}"
                found.append("\n    ".join([what, *wrong]))
    return found
