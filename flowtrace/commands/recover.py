"""flowtrace recover: a clean trace of a damaged one."""

from .. import _options, _rewrite, _terminal
from ..errors import UsageError

HELP = """\
flowtrace recover FILE NEW

Writes what can be read of FILE, a trace that is damaged, cut off or has lost
its header, to the file NEW, and says what is missing. FILE stays as it is. NEW
is sound, and its story says that it was recovered; of a trace that was made
with --last it is a plain one.

Example
  flowtrace recover broken.flow whole.flow
  flowtrace show whole.flow
"""


def main(arguments: list[str]) -> int:
    options = _options.parse("recover", {}, arguments)
    if len(options.rest) != 2:
        raise UsageError(f"it takes two files, not {len(options.rest)}: flowtrace recover broken.flow whole.flow")
    damaged, new = options.rest
    _rewrite.check_core("recover")
    _rewrite.check_input(damaged)
    _rewrite.check_output(new, [damaged])
    from .. import _core

    try:
        text = _core.recover(damaged, new)
    except _core.FlowTraceError as error:
        _terminal.say(str(error))
        return 1
    except OSError as error:
        raise _rewrite.why_not_written(new, error) from None
    _terminal.answer(text)
    return 0
