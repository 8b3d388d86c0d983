"""CallEvent, and the plain tree that is made of such events alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class CallEvent(NamedTuple):
    """One thing that happened to one call.

    The first event of a call is its "call". A "return" or an "exception" ends it; a
    generator or coroutine has "yield", "resume" and "throw" between.
    """

    kind: str
    """"call", "return", "exception", "yield", "resume" or "throw"."""
    id: int
    """Of the call: its events share it. Calls count from 1 in order of their start."""
    parent_id: int | None
    """Of the call that made it; None for the first of a thread or task."""
    function: str
    """Qualified name, as in function.__qualname__."""
    module: str
    """Name of the module that the function is in."""
    file: str
    """Path of the source."""
    line: int
    """First line of the function in the file, decorators included."""
    arguments: dict[str, str]
    """Of a "call": the values' text by parameter, in order; else empty."""
    result: str | None
    """Text of what a "return" or a "yield" gave; None for others and where values were not recorded."""
    exception: str | None
    """Text of what an "exception" or "throw" brought, such as "ValueError('no')"; else None."""
    start_ns: int
    """When the call began, in nanoseconds on a clock of the recording; the same in all its events."""
    duration_ns: int | None
    """Of the event that ends the call: nanoseconds since its start, waiting included; else None."""
    depth: int
    """How many calls were above it."""
    track: str
    """Name of the thread or task that it ran in."""


# --- the plain tree ---------------------------------------------------------


class Look(NamedTuple):
    """What a plain tree shows."""

    arguments: bool
    results: bool
    time: bool
    exceptions: bool
    inline: bool  # how a call ended stands on its own line, else on one below its callees


def tree(events: Iterable[CallEvent], look: Look) -> Iterator[str]:
    """Make a line for each call, indented by its depth; threads and tasks one after another."""
    tracks: dict[str, list[CallEvent]] = {}
    for event in events:
        tracks.setdefault(event.track, []).append(event)
    for name, track in tracks.items():
        if len(tracks) > 1:
            yield f"{name}:"
        yield from _track(track, look)


def _track(events: list[CallEvent], look: Look) -> Iterator[str]:
    ends = {event.id: event for event in events if event.duration_ns is not None}
    top = min(event.depth for event in events)
    for event in events:
        indent = "  " * (event.depth - top)
        if event.kind == "call":
            arguments = (f"{name}={value}" for name, value in event.arguments.items() if look.arguments)
            end = _end(ends.get(event.id), look) if look.inline else ""
            yield f"{indent}→ {event.function}({', '.join(arguments)}){end}"
        elif event.duration_ns is not None and not look.inline:
            yield f"{indent}← {event.function}{_end(event, look)}"


def _end(event: CallEvent | None, look: Look) -> str:
    if event is None:
        return " …"
    result = f" → {event.result}" if look.results and event.result is not None else ""
    exception = f" ✗ {event.exception}" if look.exceptions and event.exception else ""
    return result + exception + (f"  {duration_text(event.duration_ns or 0)}" if look.time else "")


def duration_text(ns: int) -> str:
    """Write nanoseconds with three digits and the unit that suits them."""
    for unit, size in (("s", 1_000_000_000), ("ms", 1_000_000), ("µs", 1_000)):
        if ns >= size:
            number = ns / size
            return f"{number:.{2 if number < 10 else 1 if number < 100 else 0}f} {unit}"
    return f"{ns} ns"
