"""flowtrace find: the calls that match, one a line."""

import sys

from .. import _filters, _options, _progress, _terminal
from .show import fields_wanted, newest_wanted, trace_name

HELP = f"""\
flowtrace find [options] [FUNC | NAME=VALUE | NAME~TEXT ...] [FILE]

Prints the calls that match, one a line, in order of their start, with their
numbers. A word with = or ~ in it is as --arg, any other as --function. FILE
is a word that ends in .flow or has a / in it; flowtrace.flow if there is none.
The status is 0 if there are any, 1 if none, 2 if there is trouble.

  --limit N          print at most N (100); 0: all
  --count            print how many there are, and nothing else
  --produced VALUE   the way of a value instead: the calls that returned it, and
                     those that got it afterwards, in order of time
  --fields LIST      what stands at the right: running, duration, waiting, self,
                     start, thread, where, depth, call; with commas between
  --no-values        leave arguments and results out
  --no-time          leave times out
  --newest N         read no more than the newest N calls (40,000,000: 4 GB)
  --width N          columns to write to (the terminal's)
  --ascii            no character beyond ASCII

{_filters.HELP}
Example
  flowtrace find price quantity=2 --duration 1ms..
  flowtrace find --produced 'R0006'
"""

OPTIONS = {
    **_filters.OPTIONS,
    "--limit": _options.NUMBER,
    "--count": _options.FLAG,
    "--produced": _options.TEXT,
    "--fields": _options.TEXT,
    "--no-values": _options.FLAG,
    "--no-time": _options.FLAG,
    "--newest": _options.NUMBER,
    "--width": _options.NUMBER,
    "--ascii": _options.FLAG,
}
DEFAULT_LIMIT = 100


def main(arguments: list[str]) -> int:
    options = _options.parse("find", OPTIONS, arguments)
    _take_words(options)
    trace = trace_name("find", options)
    from .. import _core

    look = _terminal.Look(options, sys.stdout)
    text, found, whole = _progress.watched(
        _core.find,
        trace,
        limit=options.number("--limit", DEFAULT_LIMIT),
        width=look.width,
        color=look.color,
        ascii=look.ascii,
        arguments="--no-values" not in options,
        results="--no-values" not in options,
        time="--no-time" not in options,
        newest=newest_wanted(options),
        filters=_filters.given(options),
        fields=",".join(fields_wanted(options)),
        produced=options.text("--produced", "") if "--produced" in options else None,
    )
    if "--count" in options:
        _terminal.answer(b"%d\n" % found)
    elif found:
        _terminal.answer(look.fit(text))
    else:
        _terminal.say(" ".join([f"none of {whole:,} calls.", *text.decode().split()]).removesuffix("."))
    return 0 if found else 1


def _take_words(options: _options.Options) -> None:
    """Make options of the words that name functions and arguments; what names a file stays."""
    files = []
    for word in options.rest:
        if "=" in word or "~" in word:
            options.order.append(("--arg", word))
        elif word.endswith(".flow") or "/" in word or word in {".", ".."}:
            files.append(word)
        else:
            options.order.append(("--function", word))
    options.rest = files
