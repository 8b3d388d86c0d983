"""flowtrace report: the calls of a recorded run in numbers."""

import sys

from .. import _filters, _options, _progress, _terminal
from ..errors import UsageError
from .show import newest_wanted, trace_name

HELP = f"""\
flowtrace report [options] [FILE]

Tells the calls of a recorded run in numbers: how often each function was
called, how long it ran, what it waited, which exceptions left it, and how many
different things it did. FILE is flowtrace.flow if none is named.

  --by WHAT          function (as usual), file, module, track or exception
  --sort COLUMN      the largest first: calls, open, total (as usual), self, min,
                     median, max, waits, raised, stops, cancelled, shapes; or
                     by name. With --by exception: raised, caught, left, places
  --reverse          the other way round
  --limit N          so many rows (40); 0 for all
  --newest N         read no more than the newest N calls (40,000,000: 4 GB)
  --no-time          leave times out
  --csv, --json      for programs: each number exact, times in ns, all rows
  --width N          columns to write to (the terminal's)
  --ascii            no character beyond ASCII

{_filters.HELP}
Example
  flowtrace report --sort self --limit 10 test.flow
  flowtrace report --by exception --under load_config
"""

OPTIONS = {
    **_filters.OPTIONS,
    "--by": _options.TEXT,
    "--sort": _options.TEXT,
    "--reverse": _options.FLAG,
    "--limit": _options.NUMBER,
    "--newest": _options.NUMBER,
    "--no-time": _options.FLAG,
    "--csv": _options.FLAG,
    "--json": _options.FLAG,
    "--width": _options.NUMBER,
    "--ascii": _options.FLAG,
}
DEFAULT_LIMIT = 40


def main(arguments: list[str]) -> int:
    options = _options.parse("report", OPTIONS, arguments)
    if "--csv" in options and "--json" in options:
        raise UsageError("--csv and --json exclude each other; choose one")
    trace = trace_name("report", options)
    from .. import _core

    look = _terminal.Look(options, sys.stdout)
    form = "csv" if "--csv" in options else "json" if "--json" in options else "text"
    try:
        text = _progress.watched(
            _core.report,
            trace,
            by=options.text("--by", "function"),
            sort=options.text("--sort", "") or None,
            reverse="--reverse" in options,
            limit=options.number("--limit", DEFAULT_LIMIT if form == "text" else 0),
            format=form,
            time="--no-time" not in options,
            width=look.width,
            color=look.color,
            ascii=look.ascii,
            newest=newest_wanted(options),
            filters=_filters.given(options),
        )
    except ValueError as error:
        raise UsageError(f"{error}; see: flowtrace report --help") from None
    _terminal.answer(look.fit(text))
    return 0
