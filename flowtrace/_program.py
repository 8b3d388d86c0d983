"""Which program is meant: a file, a module, a string of code, or a command that is a Python script."""

from __future__ import annotations

import os
import sys

from .errors import UsageError


class Program:
    """How python is to be started, and where the user's own code is."""

    def __init__(self, python_arguments: list[str], title: str, folders: list[str]) -> None:
        self.python_arguments = python_arguments
        self.title = title
        self.folders = folders


def find(words: list[str]) -> Program:
    """Find what to run in the part of the command line that is the program's."""
    if not words or not words[0]:
        raise UsageError("which program? For example: flowtrace run app.py")
    first, rest = words[0], words[1:]
    if first in {"-m", "-c"}:
        if not rest:
            raise UsageError(f"{first} needs {'a module' if first == '-m' else 'code'} after it")
        folders = module_folders(rest[0]) if first == "-m" else [os.getcwd()]
        title = f"-m {rest[0]}" if first == "-m" else "-c"
        return Program(words, title, folders)
    if first == "-":
        return Program(words, "standard input", [os.getcwd()])
    if os.path.exists(first):
        folders = script_folders(first)
        is_command = os.path.realpath(folders[-1]) == os.path.realpath(os.path.dirname(sys.executable))
        return Program(words, first, [os.getcwd()] if is_command else folders)
    return console_script(first, rest)


def script_folders(path: str) -> list[str]:
    is_folder = os.path.isdir(path)
    if is_folder and not os.path.exists(os.path.join(path, "__main__.py")):
        raise UsageError(f"{path} is a folder without a __main__.py, so python can't run it; name a file in it")
    if not os.access(path, os.R_OK):
        raise UsageError(f"{path} may not be read by this user; see its permissions: ls -l {path}")
    if is_folder:
        return [path]
    # Through a link: what it imports is beside the file itself, but its own code has the link's name.
    return [os.path.dirname(os.path.realpath(path)), os.path.dirname(os.path.abspath(path))]


def module_folders(name: str) -> list[str]:
    """Return the current folder, and the one that holds the module's package."""
    import importlib.util

    here = os.getcwd()
    path = list(sys.path)
    if not sys.flags.safe_path:
        sys.path.insert(0, here)
    try:
        spec = importlib.util.find_spec(name.partition(".")[0])
    except (ImportError, ValueError):
        spec = None
    finally:
        sys.path[:] = path
    if spec is None:
        raise UsageError(
            f"no module named {name!r} in {here} or installed for {sys.executable}; "
            "go to the folder that holds it, or install it"
        )
    places = spec.submodule_search_locations or ([spec.origin] if spec.has_location and spec.origin else [])
    return [here, *(os.path.dirname(place) for place in places)]


def console_script(name: str, arguments: list[str]) -> Program:
    """pytest, black ...: run with this python, as their first line asks for."""
    path = which(name)
    if path is None:
        if os.path.dirname(name) or name.endswith(".py"):
            raise UsageError(f"{name}: no such file; this folder is {os.getcwd()}")
        raise UsageError(
            f"{name}: no such file in {os.getcwd()}, and no command of that name on PATH; "
            f"a module is run with -m {name}"
        )
    interpreter = shebang(path)
    if interpreter is None:
        hint = "leave it out" if os.path.basename(path).startswith("python") else "FlowTrace can only run Python"
        raise UsageError(f"{name} ({path}) is not a Python script; {hint}")
    python, *flags = interpreter
    if os.path.isabs(python) and not _is_ours(python):
        raise UsageError(
            f"{name} ({path}) belongs to another python, {python}; install FlowTrace there: "
            f"{python} -m pip install flowtrace"
        )
    return Program([*flags, path, *arguments], name, [os.getcwd()])


def which(name: str) -> str | None:
    if os.path.dirname(name):
        return None
    folders = [os.path.dirname(sys.executable), *os.environ.get("PATH", os.defpath).split(os.pathsep)]
    for folder in folders:
        path = os.path.join(folder, name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None


def shebang(path: str) -> list[str] | None:
    """Return the python that the script's first lines name, and its options; None: it isn't Python."""
    try:
        with open(path, "rb") as file:
            start = file.read(1024)
    except OSError:
        return None
    first, second = [*os.fsdecode(start).split("\n", 2), "", ""][:2]
    if not first.startswith("#!"):
        return None
    words = first[2:].split()
    if words[:1] == ["/bin/sh"] and second.startswith("'''exec' "):  # pip's way with long or odd paths
        quoted = second[len("'''exec' ") :].partition(' "$0"')[0]
        words = [quoted.strip('"')]
    if words and os.path.basename(words[0]) == "env":
        words = [word for word in words[1:] if word != "-S" and "=" not in word]
    if not words or not os.path.basename(words[0]).startswith(("python", "pypy")):
        return None
    return words


def _is_ours(python: str) -> bool:
    """Virtual environments link to one interpreter: the folder is what tells them apart."""
    folder = os.path.dirname(python)
    return os.path.realpath(folder) == os.path.realpath(os.path.dirname(sys.executable)) or (
        sys.prefix == sys.base_prefix and os.path.realpath(python) == os.path.realpath(sys.executable)
    )


def python_flags() -> list[str]:
    """Return the options that this interpreter itself was given: python -X dev -m flowtrace ..."""
    flags: list[str] = []
    words = iter(sys.orig_argv[1:])
    for word in words:
        if not word.startswith("-") or word == "-":
            break
        if word.startswith("--"):
            flags.append(word)
            if word == "--check-hash-based-pycs":
                flags.append(next(words, "default"))
            continue
        kept = _before_program(word)
        if kept != "-":
            flags.append(kept)
        if kept != word:
            break
        if word[-1] in "WX" and _takes_next(word):
            flags.append(next(words, ""))
    return flags


def program_words() -> list[str]:
    """Return what follows the options of python itself: a script or -m or -c, and arguments."""
    words = sys.orig_argv[1:]
    flags = python_flags()
    rest = words[len(flags) :]
    if flags and flags[-1] != words[len(flags) - 1]:  # -Im: one word for both
        rest = ["-" + words[len(flags) - 1][len(flags[-1]) :], *rest]
    if rest and rest[0][:2] in {"-m", "-c"} and len(rest[0]) > 2:
        rest = [rest[0][:2], rest[0][2:], *rest[1:]]
    return rest


def _before_program(word: str) -> str:
    """-Im -> -I: the part of a cluster of options before m or c; W and X take what follows."""
    for i, letter in enumerate(word[1:], 1):
        if letter in "WX":
            return word
        if letter in "mc":
            return word[:i]
    return word


def _takes_next(word: str) -> bool:
    return all(letter not in "WX" for letter in word[1:-1])
