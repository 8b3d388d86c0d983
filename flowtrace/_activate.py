"""FLOWTRACE=1 python app.py: a recording without `flowtrace run`, for programs that somebody else starts."""

from __future__ import annotations

import os

from . import _options, _program
from .commands import run


def prepare(asked: str, words: str) -> tuple[str, str]:
    """Create the trace; returns its path, and the options as `run.pack()` packs them.

    asked: the value of FLOWTRACE: 1, or where to record.
    words: options of `flowtrace run`, separated by spaces.
    Raises UsageError or OSError.
    """
    options = _options.parse("run", run.OPTIONS, words.split())
    program = _program.find(_program.program_words())
    if asked != "1":
        options.order.append(("-o", asked))
    run.check_settings(options)
    trace = run.create_trace(options)
    packed = run.pack(program, run.rules_of(options), options, launcher=os.getppid())
    return trace, f"{packed}\nset hash 1"  # no launcher will make them when the program has ended
