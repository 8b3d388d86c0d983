"""What `recover` and `merge` share: the name of the trace that they write."""

from __future__ import annotations

import errno
import os

from .errors import UsageError, why_no_core


def check_core(verb: str) -> None:
    try:
        from . import _core  # noqa: F401
    except ImportError as error:
        raise UsageError(f"flowtrace {verb} needs the compiled core, which isn't here: {why_no_core(error)}") from None


def check_input(name: str) -> None:
    if not os.path.exists(name):
        where = "" if os.path.isabs(name) else f" in {os.getcwd()}"
        raise UsageError(f"no file {name}{where}; is the name right?")
    if os.path.isdir(name):
        raise UsageError(f"{name} is a folder, not a trace")


def check_output(name: str, inputs: list[str]) -> None:
    """What is there and is no trace is never replaced, nor what is read."""
    from .commands.run import is_replaceable

    path = os.path.abspath(name)
    folder = os.path.dirname(path)
    if not name or os.path.isdir(path):
        raise UsageError(f"the new trace needs the name of a file{f', and {name} is a folder' if name else ''}")
    if not os.path.isdir(folder):
        raise UsageError(f"can't write {name}: there is no folder {folder}; make it: mkdir -p {folder}")
    for given in inputs:
        if os.path.exists(path) and os.path.samefile(given, path):
            raise UsageError(f"{given} is read and stays as it is; name another file for the new trace")
    if os.path.lexists(path) and not is_replaceable(path):
        raise UsageError(f"{name} is there and is no trace, so it stays as it is; name another file")


def why_not_written(name: str, error: OSError) -> UsageError:
    if error.errno == errno.EBUSY:
        return UsageError(f"{name} is being recorded; name another file for the new trace")
    return UsageError(f"can't write {name}: {error.strerror}; name another file, or make room there")
