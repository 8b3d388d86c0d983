"""Programs that are measured. Each module has run(size), does the same every time, and keeps nothing."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from typing import NamedTuple

HERE = os.path.dirname(os.path.abspath(__file__))


class Program(NamedTuple):
    """Sizes: `full` takes some 10 ms alone, `small` is for recorders that need microseconds a call and more."""

    module: str
    full: int
    small: int
    package: str = ""  # from PyPI, and part of the program
    threads: bool = False  # it has some

    def load(self) -> Callable[[int], object]:
        run: Callable[[int], object] = importlib.import_module(f"programs.{self.module}").run
        return run


PROGRAMS = {
    "fib": Program("fib", 25, 13),
    "methods": Program("methods", 2000, 14),
    "richards": Program("richards", 12_000, 50),
    "deltablue": Program("deltablue", 250, 2),
    "parser": Program("parser", 350, 2),
    "orm": Program("orm", 60, 1),
    "asyncio": Program("tasks", 250, 3),
    "awaits": Program("awaits", 200, 2),
    "new tasks": Program("new_tasks", 50, 1),
    "threads": Program("threads", 2400, 30, threads=True),
    "generators": Program("generators", 250, 3),
    "exceptions": Program("exceptions", 6000, 30),
    "markdown": Program("markdown", 40, 1, package="markdown_it"),
}
# What costs here is code that isn't the program's own.
LIBRARY_PROGRAMS = {
    "json, re, argparse": Program("library_json", 240, 1),
    "markdown-it-py": Program("library_markdown", 200, 1),
    "difflib": Program("library_difflib", 50, 1),
}


def count_calls(program: Program, size: int) -> tuple[int, int]:
    """Return how often functions of the program's own are called in run(size), and how often resumed."""
    monitoring, events = sys.monitoring, sys.monitoring.events
    # Lists, since threads may append to one at the same time, without a GIL too.
    entered: dict[int, list[None]] = {event: [] for event in (events.PY_START, events.PY_RESUME, events.PY_THROW)}
    own = HERE, os.sep + program.package + os.sep if program.package else HERE

    def counting(entered: list[None]) -> Callable[..., None]:
        def count(code: object, *_: object) -> None:
            file = getattr(code, "co_filename", "")
            if file.startswith(own[0]) or own[1] in file:
                entered.append(None)

        return count

    run = program.load()
    run(size)  # what is done once only
    monitoring.use_tool_id(5, "count")
    for event, list_ in entered.items():
        monitoring.register_callback(5, event, counting(list_))
    monitoring.set_events(5, sum(entered))
    run(size)
    monitoring.set_events(5, 0)
    monitoring.free_tool_id(5)
    started, *resumed = map(len, entered.values())
    return started, sum(resumed)
