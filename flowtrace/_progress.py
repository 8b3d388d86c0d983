"""How far a long piece of work has come, on the terminal of the person who waits for it."""

from __future__ import annotations

import os
import sys
import time

from ._terminal import is_terminal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 1.0  # seconds before anything is said
BAR = 24


class Progress:
    """`with Progress():` what _core does meanwhile is told on stderr, if that is a terminal, after a second."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.columns = 0

    def __enter__(self) -> Progress:
        from . import _core

        if is_terminal(sys.stderr) and os.environ.get("TERM") != "dumb":
            _core.set_progress(self.tell)
        return self

    def __exit__(self, *_: object) -> None:
        from . import _core

        _core.set_progress(None)
        self.clear()

    def tell(self, doing: str, done: int, total: int) -> None:
        if time.monotonic() - self.began < PATIENCE:
            return
        part = min(done / total, 1.0) if total else 0.0
        bar = "=" * round(part * BAR)
        line = f"{doing} [{bar:<{BAR}}] {part:4.0%}"
        self.columns = max(self.columns, len(line))
        self._write(f"\r{line:<{self.columns}}")

    def clear(self) -> None:
        if self.columns:
            self._write(f"\r{'':<{self.columns}}\r")
        self.columns = 0

    def _write(self, text: str) -> None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except (OSError, ValueError):
            pass


def watched[**P, R](function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a function of _core; how far it is can be seen meanwhile."""
    with Progress():
        return function(*args, **kwargs)
