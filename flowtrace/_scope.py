"""Whose code is the user's: the folders and rules that the recorder decides by."""

import os
import site
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

INSTALLED = ("site-packages", "dist-packages")
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


def roots_elsewhere() -> list[str]:
    """Return folders on the program's path that somebody put there by hand: PYTHONPATH, editable installs."""
    folders = [] if sys.flags.ignore_environment else os.environ.get("PYTHONPATH", "").split(os.pathsep)
    for place in sys.path:
        if place.endswith(INSTALLED):
            folders += _editable(place)
    known = library()
    roots = _unique(
        root for folder in filter(None, folders) for root in (os.path.abspath(folder), os.path.realpath(folder))
    )
    return [root for root in roots if not is_library(root, known)]


def is_library(folder: str, known: list[str]) -> bool:
    """Does `folder` lie where packages are installed, or in one of `known`?"""
    parts = folder.split(os.sep)
    return any(name in parts for name in INSTALLED) or any(
        folder == place or folder.startswith(place + os.sep) for place in known
    )


def _editable(site_packages: str) -> list[str]:
    """Return the projects that `pip install -e` has linked there (PEP 610), or setup.py develop."""
    folders = []
    try:
        names = os.listdir(site_packages)
    except OSError:
        return []
    for name in names:
        if name.endswith(".dist-info"):
            folders.append(_editable_folder(_read(os.path.join(site_packages, name, "direct_url.json"))))
        elif name.endswith(".egg-link"):
            folders.append(_read(os.path.join(site_packages, name)).partition("\n")[0].strip())
    return folders


def _editable_folder(direct_url: str) -> str:
    """Read {"dir_info": {"editable": true}, "url": "file:///home/me/my%20project"}; "" if it says something else."""
    words = direct_url.replace(" ", "").replace("\n", "")
    _, found, url = words.partition('"url":"file://')
    if '"editable":true' not in words or not found:
        return ""
    first, *escaped = url.partition('"')[0].split("%")
    try:
        path = first.encode() + b"".join(bytes.fromhex(part[:2]) + part[2:].encode() for part in escaped)
    except ValueError:
        return ""
    return os.fsdecode(path)


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


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
    """Return the path as named and with links resolved; "/**/" may stand for no folder at all."""
    spellings = [pattern]
    if not pattern.startswith("*"):
        path = os.path.abspath(os.path.expanduser(pattern))
        spellings = [path, os.path.realpath(path)]
    return _unique([*spellings, *(path.replace("/**/", "/") for path in spellings)])


def _unique(items: "Iterable[str]") -> list[str]:
    return list(dict.fromkeys(items))
