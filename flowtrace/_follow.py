"""flowtrace show --follow: the story of a recording that is still being made, told again whenever there is more."""

from __future__ import annotations

import os
import time

from . import _terminal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

INTERVAL = 0.5  # seconds
SHARE = 5  # of the time that telling it takes passes before it is told again
CLEAR = b"\033[H\033[2J"


def follow(trace: str, tell: Callable[[], bytes], stream: TextIO) -> None:
    """Tell it until no process records any more; where `stream` is no terminal, once, when that is so."""
    redraws = _terminal.is_terminal(stream) and os.environ.get("TERM") != "dumb"
    shown = b""
    while True:
        live = is_live(trace)  # asked first: what is told after the last has ended is all
        begin = time.monotonic()
        if redraws or not live:
            text = tell()
            if text != shown:
                _terminal.write(stream, (CLEAR if redraws else b"") + text)
            shown = text
        if not live:
            return
        time.sleep(max(INTERVAL, SHARE * (time.monotonic() - begin)))


def rows(stream: TextIO) -> int | None:
    """Return the lines of a story that fits the terminal; None where there is none."""
    try:
        return max(os.get_terminal_size(stream.fileno()).lines - 2, 5)
    except (OSError, ValueError):
        return None


def is_live(trace: str) -> bool:
    """Is one of its processes, of this machine, there still, which hasn't said that it has ended?"""
    from . import _core

    return any(_exists(pid) for pid in _core.live(trace))


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True
