"""flowtrace diff: where two runs of a program part, and what differs."""

from __future__ import annotations

import sys

from .. import _filters, _options, _progress, _terminal
from ..errors import UsageError
from .show import DEFAULT_LINES, check_trace

HELP = f"""\
flowtrace diff [options] A B

Compares two recorded runs of a program, call by call: where they part first,
then what of B is not as in A. Addresses, readings of the clock, ids, temporary
paths and the order in which threads and tasks had their turns don't count.

  --ignore NAME      leave a function with all it calls, or a parameter, field
                     or key of this name out; * and ? are wildcards. May be
                     given several times
  --no-values        compare calls and exceptions, no arguments or results
  --time             also how long functions took, where that changed beyond
                     the noise
  --lines N          in about N lines (200)
  --all              everything that differs
  --width N          columns to write to (the terminal's)
  --ascii            no character beyond ASCII

{_filters.HELP}
They choose calls of both runs. The status is 0 if these are the same, 1 if they
differ, 2 if they can't be compared.

Example
  flowtrace run -q -o before.flow app.py
  flowtrace run -q -o after.flow app.py
  flowtrace diff before.flow after.flow
"""

OPTIONS = {
    **_filters.OPTIONS,
    "--ignore": _options.TEXT,
    "--no-values": _options.FLAG,
    "--time": _options.FLAG,
    "--lines": _options.NUMBER,
    "--all": _options.FLAG,
    "--width": _options.NUMBER,
    "--ascii": _options.FLAG,
}


def main(arguments: list[str]) -> int:
    options = _options.parse("diff", OPTIONS, arguments)
    if len(options.rest) != 2:
        raise UsageError(f"two files are compared, not {len(options.rest)}; see: flowtrace diff --help")
    ignored = [value for name, value in options.order if name == "--ignore"]
    if "" in ignored:
        raise UsageError("--ignore needs a name")
    for name in options.rest:
        check_trace(name, "is the name right?")
    text, same = compare(options, ignored)
    _terminal.answer(text)
    return 0 if same else 1


def compare(options: _options.Options, ignored: list[str]) -> tuple[bytes, bool]:
    from .. import _core

    look = _terminal.Look(options, sys.stdout)
    text, same = _progress.watched(
        _core.diff,
        options.rest[0],
        options.rest[1],
        lines=0 if "--all" in options else options.number("--lines", DEFAULT_LINES),
        width=look.width,
        color=look.color,
        ascii=look.ascii,
        values="--no-values" not in options,
        ignore=ignored,
        time="--time" in options,
        filters=_filters.given(options),
    )
    return look.fit(text), same
