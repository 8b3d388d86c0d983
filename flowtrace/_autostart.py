"""Turns the recorder on in a program that `flowtrace run` has started.

flowtrace.pth calls `start()` while the interpreter starts, before any of the
program's own code. The program must find itself as if nobody were there: its
environment, its modules, its standard error.
"""

import os
import sys


def unpack(options: str) -> dict[str, list[str]]:
    """Read what `commands/run.py` packed: a line "key value" each, %-escaped."""
    values: dict[str, list[str]] = {}
    for line in options.split("\n"):
        key, _, value = line.partition(" ")
        values.setdefault(key, []).append(value.replace("%0A", "\n").replace("%25", "%"))
    return values


def start() -> None:
    """Join the trace that the environment names; without one do nothing. Never raises."""
    path = os.environ.pop("FLOWTRACE_TRACE", None)
    options = os.environ.pop("FLOWTRACE_OPTIONS", "")
    if path:
        try:
            join(path, unpack(options))
        except Exception as error:
            report(error)
    # Nobody needs this module again, and the program has not imported it.
    package = sys.modules.get("flowtrace")
    if sys.modules.pop(__name__, None) and package:
        vars(package).pop("_autostart", None)
    if not path and package and "_core" not in vars(package):
        sys.modules.pop("flowtrace", None)
    globals().clear()  # functions and their globals hold each other: the program's first gc.collect() would count us


def join(path: str, options: dict[str, list[str]]) -> None:
    from . import _core

    _core.record_join(
        path,
        roots=options.get("root", []),
        library=options.get("library", []),
        rules=options.get("rule", []),
        info={key[5:]: value[0] for key, value in options.items() if key.startswith("info.")},
    )


def report(error: Exception) -> None:
    try:
        os.write(2, f"flowtrace: this run is not recorded: {error}\n".encode(errors="replace"))
    except OSError:
        pass
