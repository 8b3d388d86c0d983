"""flowtrace graph: who calls whom, merged by function."""

from __future__ import annotations

import os
import sys

from .. import _filters, _options, _progress, _terminal
from ..errors import UsageError
from .show import DEFAULT_LINES, newest_wanted, trace_name

# Two of them mean something else here.
FILTERS = "".join(
    line for line in _filters.HELP.splitlines(keepends=True) if not line.startswith(("  --function ", "  --depth "))
)

HELP = f"""\
flowtrace graph [options] [FUNC] [FILE]

Tells who calls whom: a tree of functions, in which all calls that a function
made to another are one line. With FUNC: what led to its calls, back to the
roots, and what they led to. FILE is flowtrace.flow if none is named. One word
alone is FILE if it is the name of a file or ends in .flow; else it is FUNC.

  --function FUNC    this function, also where a file has its name
  --lines N          in about N lines (200)
  --depth N          no more than N levels
  --all              everything
  --newest N         read no more than the newest N calls (40,000,000: 4 GB)
  --no-time          leave times out
  --width N          columns to write to (the terminal's)
  --ascii            no character beyond ASCII

{FILTERS}
Example
  flowtrace graph
  flowtrace graph Cart.add test.flow
"""

OPTIONS = {
    **_filters.OPTIONS,
    "--function": _options.TEXT,
    "--depth": _options.NUMBER,
    "--lines": _options.NUMBER,
    "--all": _options.FLAG,
    "--newest": _options.NUMBER,
    "--no-time": _options.FLAG,
    "--width": _options.NUMBER,
    "--ascii": _options.FLAG,
}


def main(arguments: list[str]) -> int:
    options = _options.parse("graph", OPTIONS, arguments)
    function = function_name(options)
    trace = trace_name("graph", options)
    from .. import _core

    look = _terminal.Look(options, sys.stdout)
    filters = [(name, text) for name, text in _filters.given(options) if name not in {"--function", "--depth"}]
    text = _progress.watched(
        _core.graph,
        trace,
        function=function,
        lines=0 if "--all" in options else options.number("--lines", DEFAULT_LINES),
        depth=options.number("--depth", 0),
        time="--no-time" not in options,
        width=look.width,
        color=look.color,
        ascii=look.ascii,
        newest=newest_wanted(options),
        filters=filters,
    )
    _terminal.answer(look.fit(text))
    return 0


def function_name(options: _options.Options) -> str | None:
    """Return the function that was named, and leave no more than FILE in `options.rest`."""
    if "--function" in options:
        if not options.text("--function", ""):
            raise UsageError("--function needs the name of a function; see: flowtrace graph --help")
        return options.text("--function", "")
    words = options.rest
    if len(words) > 2:
        raise UsageError(f"one function and one file, not {len(words)} words; see: flowtrace graph --help")
    if len(words) == 2:
        return words.pop(0)
    if len(words) == 1 and not (words[0].endswith(".flow") or os.path.isfile(words[0])):
        return words.pop()
    return None
