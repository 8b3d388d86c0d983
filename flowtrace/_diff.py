"""diff(): what `flowtrace diff` says, for programs and notebooks."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ._recording import _core
from .errors import FlowTraceError

if TYPE_CHECKING:
    from ._core import Trace
    from ._recording import Path, Patterns

__all__ = ["Diff", "diff"]


class Diff:
    """Two recorded runs of a program, compared; str() says where they part and what differs.

    same: whether nothing does.
    """

    def __init__(self, a: str, b: str, options: dict[str, Any]) -> None:
        self._a, self._b = a, b
        # All at once: the files may be others when a notebook shows it.
        text, same, html = _core.diff(a, b, html=True, **options)
        self._text = text.decode()
        self._html = html
        self.same: bool = same

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"<Diff of {self._a!r} and {self._b!r}: {'the same' if self.same else 'they differ'}>"

    def _repr_html_(self) -> str:
        """As notebooks show it: a tree that opens by click."""
        return self._html

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        """As IPython shows it in a terminal."""
        printer.text(self._text.rstrip("\n"))


def diff(a: Path | Trace, b: Path | Trace, *, values: bool = True, ignore: Patterns = (), lines: int = 200) -> Diff:
    """Compare two recorded runs: where b parts from a first, and what of b is not as in a.

    values: False: compare calls and exceptions, no arguments or results.
    ignore: names of functions, parameters, fields and keys that don't count; * and ? are wildcards.
    lines: about how many lines its text may have; 0: all there are.
    Raises FlowTraceError for what is no trace.
    """
    if _core is None:
        raise FlowTraceError("reading traces needs the compiled core: install a C compiler, then FlowTrace again")
    names = [ignore] if isinstance(ignore, str) else list(ignore)
    return Diff(_path(a), _path(b), {"values": values, "ignore": names, "lines": lines})


def _path(of: Path | Trace) -> str:
    path = of.info["path"] if isinstance(of, _core.Trace) else os.fspath(of)
    if not os.path.exists(path):
        raise FlowTraceError(f"no file {path} in {os.getcwd()}; record one: flowtrace run -o {path} app.py")
    return path
