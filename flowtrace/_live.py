"""flowtrace run --live: while the program runs, what it did lately is told on the terminal, part after part.

A thread of the launcher reads the trace file, as anybody may; the program doesn't know of it. What is told is
appended, never drawn over, since the program writes to the same terminal.
"""

from __future__ import annotations

import os
import sys
import threading
import time

from . import _terminal
from .errors import FlowTraceError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._options import Options

INTERVAL = 1.0  # seconds
SHARE = 9  # of the time that telling a part takes passes before the next: a tenth of one core at most
LINES = 16  # of a part


class Live:
    """Tells a trace from begin() to end(), which are called where the program starts and has ended."""

    def __init__(self, trace: str, options: Options) -> None:
        self.trace = trace
        self.look = _terminal.Look(options, sys.stderr)
        self.last = "-q" in options  # else the story tells how it ended
        self.since = 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.watch, name="flowtrace live", daemon=True)

    def begin(self) -> None:
        self.thread.start()

    def end(self) -> None:
        self.ended.set()
        self.thread.join()

    def watch(self) -> None:
        yield_to_others()
        pause = INTERVAL
        try:
            while not self.ended.wait(pause):
                begin = time.monotonic()
                self.tell()
                pause = max(INTERVAL, SHARE * (time.monotonic() - begin))
            if self.last:
                self.tell()
        except (OSError, FlowTraceError):
            return  # nobody reads it any more; what is wrong with the trace is said at the end

    def tell(self) -> None:
        from . import _core

        self.since, text = _core.show_since(
            self.trace,
            self.since,
            lines=LINES,
            width=self.look.width,
            color=self.look.color,
            ascii=self.look.ascii,
            links=not self.look.ascii and _terminal.takes_links(sys.stderr),
        )
        if text and (self.last or not self.ended.is_set()):
            _terminal.write(sys.stderr, b"\n" + self.look.fit(text))


def yield_to_others() -> None:
    """Let the program have the processor first; on Linux a thread has a priority of its own."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)


def begin(trace: str, options: Options) -> Live | None:
    """Return what tells a run, or None, with a sentence, where nobody would see it."""
    if _terminal.is_terminal(sys.stderr):
        return Live(trace, options)
    _terminal.say(
        "--live needs a terminal, and stderr is none; the program runs without it. "
        f"In another terminal: flowtrace show --follow {trace}"
    )
    return None
