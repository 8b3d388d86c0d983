"""Whose code is the user's: the folders and rules that the recorder decides by."""

import os
import site
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

PROJECT_MARKS = ("pyproject.toml", "setup.py", "setup.cfg", ".git")


def project_of(folder: str) -> str | None:
    """Return the nearest folder at or above `folder` that looks like a project's."""
    while True:
        if any(os.path.exists(os.path.join(folder, mark)) for mark in PROJECT_MARKS):
            return folder
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent


def roots_of(*folders: str) -> list[str]:
    """Return `folders` and the projects that hold them, as named and with links resolved."""
    roots: list[str] = []
    for folder in folders:
        for spelling in (os.path.abspath(folder), os.path.realpath(folder)):
            roots += [spelling, project_of(spelling) or spelling]
    return _unique(roots)


def library() -> list[str]:
    """Return the folders of the standard library and of installed packages, and FlowTrace's own.

    Any site-packages or dist-packages, wherever it is, the recorder knows by its name.
    """
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    folders = [os.path.dirname(os.__file__), os.path.dirname(os.path.abspath(__file__))]
    for prefix in (sys.base_prefix, sys.base_exec_prefix, sys.prefix):
        folders.append(os.path.join(prefix, sys.platlibdir, name))
        folders.append(os.path.join(prefix, "lib", name))
    if site.ENABLE_USER_SITE:
        folders.append(site.getusersitepackages())
    folders += site.getsitepackages()
    if sys.prefix != sys.base_prefix:  # console scripts of a virtual environment
        folders.append(os.path.dirname(sys.executable))
    return _unique(folder for path in folders for folder in (path, os.path.realpath(path)))


def rules_of(arguments: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Turn --include and --exclude, in order, into pairs of the recorder's rule and the argument.

    "/" in it, ".py" at its end or a file of that name make it a path, else it is a module.
    """
    rules = []
    for option, pattern in arguments:
        sign = "+" if option == "--include" else "-"
        if "/" in pattern or pattern.endswith(".py") or os.path.exists(pattern):
            rules += [(f"{sign}path:{path}", pattern) for path in _spellings(pattern)]
        else:
            rules.append((f"{sign}module:{pattern}", pattern))
    return rules


def _spellings(pattern: str) -> list[str]:
    if pattern.startswith("*"):
        return [pattern]
    path = os.path.abspath(os.path.expanduser(pattern))
    return _unique((path, os.path.realpath(path)))


def _unique(items: "Iterable[str]") -> list[str]:
    return list(dict.fromkeys(items))
