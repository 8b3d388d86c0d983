"""flowtrace info: what a trace file holds."""

import sys

from .. import _options, _progress, _terminal
from .show import trace_name

HELP = """\
flowtrace info [options] [FILE]

Says what a trace holds: its program, processes, threads, counts, size, and
what is missing or damaged. FILE is flowtrace.flow if none is named.

  --verify           read all of it instead, and say of each damage where it is
                     and what is lost by it; the status is 1 if there is any
  --all              read a big trace whole; else, where it has more than
                     100,000 calls, details are of the newest of them
  --width N          columns to write to (the terminal's)
  --ascii            no character beyond ASCII

Example
  flowtrace info test.flow
  flowtrace info --verify test.flow
"""

OPTIONS = {"--verify": _options.FLAG, "--all": _options.FLAG, "--width": _options.NUMBER, "--ascii": _options.FLAG}
NEWEST = 100_000


def main(arguments: list[str]) -> int:
    options = _options.parse("info", OPTIONS, arguments)
    trace = trace_name("info", options)
    from .. import _core

    if "--verify" in options:
        text, sound = _core.verify(trace)
        _terminal.answer(text)
        return 0 if sound else 1
    look = _terminal.Look(options, sys.stdout)
    text = _progress.watched(
        _core.info,
        trace,
        newest=0 if "--all" in options else NEWEST,
        width=look.width,
        color=look.color,
        ascii=look.ascii,
    )
    _terminal.answer(look.fit(text))
    return 0
