"""flowtrace show: the story of a recorded run."""

from __future__ import annotations

import sys

from .. import _filters, _options, _progress, _terminal
from ..errors import UsageError, why_no_core
from .run import DEFAULT_FILE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

HELP = f"""\
flowtrace show [options] [FILE]

Tells the story of a recorded run again. FILE is flowtrace.flow if none is
named.

  --lines N          in about N lines (200; with --timeline 50)
  --all              everything
  --newest N         read no more than the newest N calls (40,000,000: 4 GB)
  --errors           exceptions alone: the way of each, and what was swallowed
  --timeline         threads and tasks as lanes over time: what ran, and what
                     waited, when; --between 1s..2s draws that part alone
  --by WHAT          where a task's calls stand: under the call that created it
                     (creator), or beside it, as a tree of their own (task)
  --call N           all of one call: the number stands behind # in other views
  --fields LIST      what stands at the right: running, duration, waiting, self,
                     start, thread, where, depth, call; with commas between
  --chains           a chain of calls, each the only one in the one before, on
                     one line
  --values HOW       none, short, or full: as long as they were recorded
  --wide             cut no line to the width
  --no-values        leave arguments and results out, as --values none
  --no-time          leave times out
  --width N          columns to write to (the terminal's)
  --ascii            no character beyond ASCII
  --follow           of a program that is still running: tell it again whenever
                     there is more, until the program ends

{_filters.HELP}
Example
  flowtrace show --all test.flow | less -R
"""

OPTIONS = {
    **_filters.OPTIONS,
    "--lines": _options.NUMBER,
    "--all": _options.FLAG,
    "--newest": _options.NUMBER,
    "--errors": _options.FLAG,
    "--timeline": _options.FLAG,
    "--by": _options.TEXT,
    "--call": _options.NUMBER,
    "--fields": _options.TEXT,
    "--values": _options.TEXT,
    "--chains": _options.FLAG,
    "--wide": _options.FLAG,
    "--no-values": _options.FLAG,
    "--no-time": _options.FLAG,
    "--width": _options.NUMBER,
    "--ascii": _options.FLAG,
    "--follow": _options.FLAG,
}
DEFAULT_LINES = 200
TIMELINE_LINES = 50  # what a person sees at a glance
VIEWS = ("errors", "call", "timeline")
VALUES = ("none", "short", "full")
FOLLOW_NEWEST = 200_000  # read in some 50 ms: who follows sees what happens now


def main(arguments: list[str]) -> int:
    options = _options.parse("show", OPTIONS, arguments)
    trace = trace_name("show", options)
    filters = _filters.given(options)
    if "--follow" in options:
        from .. import _follow

        if (rows := _follow.rows(sys.stdout)) and "--lines" not in options:
            options.order.append(("--lines", str(rows)))
        if rows and "--newest" not in options:
            options.order.append(("--newest", str(FOLLOW_NEWEST)))
        _follow.follow(trace, lambda: story(trace, options, sys.stdout, filters), sys.stdout)
        return 0
    _terminal.answer(story(trace, options, sys.stdout, filters))
    return 0


def story(
    trace: str, options: _options.Options, stream: TextIO | None, filters: list[tuple[str, str]] | None = None
) -> bytes:
    """Return the story as it suits `stream`. Raises FlowTraceError for what is no trace.

    `run` has options of the same names as filters, which choose what is recorded.
    """
    from .. import _core

    look = _terminal.Look(options, stream)
    values = values_wanted(options)
    view = view_wanted(options)
    lines = TIMELINE_LINES if view == "timeline" else DEFAULT_LINES
    text = _progress.watched(
        _core.show,
        trace,
        lines=0 if "--all" in options else options.number("--lines", lines),
        width=look.width,
        color=look.color,
        ascii=look.ascii,
        arguments=values != "none",
        results=values != "none",
        time="--no-time" not in options,
        newest=newest_wanted(options),
        filters=filters or [],
        view=view,
        call=options.number("--call", 0),
        fields=",".join(fields_wanted(options)),
        chains="--chains" in options,
        wide="--wide" in options,
        full=values == "full",
        links=not look.ascii and _terminal.takes_links(stream),
    )
    return look.fit(text)


def view_wanted(options: _options.Options) -> str:
    views = [view for view in VIEWS if f"--{view}" in options]
    if len(views) > 1:
        raise UsageError(f"--{views[0]} or --{views[1]}: one at a time")
    by = options.text("--by", "creator")
    if by not in {"creator", "task"}:
        raise UsageError(f"--by is creator or task, not {by!r}")
    if by == "task" and views:
        raise UsageError(f"--by is about the tree; give one of --by and --{views[0]}")
    if views == ["timeline"] and "--no-time" in options:
        raise UsageError("--timeline is about times; give one of --timeline and --no-time")
    return views[0] if views else "tasks" if by == "task" else "tree"


def values_wanted(options: _options.Options) -> str:
    values = "none" if "--no-values" in options else options.text("--values", "short")
    if values not in VALUES:
        raise UsageError(f"--values is none, short or full, not {values!r}")
    return values


def newest_wanted(options: _options.Options) -> int:
    from .._core import NEWEST

    return options.number("--newest", NEWEST)


def fields_wanted(options: _options.Options) -> list[str]:
    from .._core import FIELDS, FIELDS_MAX

    names = [name.strip() for name in options.text("--fields", "").split(",") if name.strip()]
    for name in names:
        if name not in FIELDS:
            from difflib import get_close_matches

            near = get_close_matches(name, FIELDS, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise UsageError(f"no field {name!r}{hint}; the fields are {', '.join(FIELDS)}")
    if "--fields" in options and not 0 < len(names) <= FIELDS_MAX:
        raise UsageError(f"--fields takes 1 to {FIELDS_MAX} of {', '.join(FIELDS)}")
    return names


def trace_name(verb: str, options: _options.Options) -> str:
    """Return the one file that was named, or the default; checks that it can be read here."""
    if len(options.rest) > 1:
        raise UsageError(f"one file at a time, not {len(options.rest)}; see: flowtrace {verb} --help")
    name = options.rest[0] if options.rest else DEFAULT_FILE
    check_trace(name, "is the name right?" if options.rest else "record one: flowtrace run app.py")
    return name


def check_trace(name: str, hint: str) -> None:
    """Raise UsageError, with the hint where there is no such file, for what can't be read here."""
    import os

    if not os.path.exists(name):
        where = "" if os.path.isabs(name) else f" in {os.getcwd()}"
        raise UsageError(f"no file {name}{where}; {hint}")
    if os.path.isdir(name):
        raise UsageError(f"{name} is a folder, not a trace; traces are files such as {DEFAULT_FILE}")
    try:
        from .. import _core  # noqa: F401
    except ImportError as error:
        raise UsageError(f"reading traces needs the compiled core, which isn't here: {why_no_core(error)}") from None
