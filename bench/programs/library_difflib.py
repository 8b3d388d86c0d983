"""Out of scope: all time is spent in the library's difflib."""

from __future__ import annotations

import difflib


def run(size: int) -> object:
    before = [f"line {i} of {i % 7} with {'x' * (i % 11)}" for i in range(120)]
    after = [line if i % 5 else line.replace("line", "row") for i, line in enumerate(before) if i % 13]
    return [list(difflib.ndiff(before, after)) for _ in range(size)][-1]
