"""Check the rules that keep FlowTrace's rooms apart; print `file:line: what is wrong` and exit 1 if one is broken.

    python tools/lint_rooms.py [FOLDER]

The rules, from what each room in src/ may know (READS) on:
  - a room includes its own headers and those of the rooms that it may know
  - only record and binding include Python.h, be it through another header
  - nothing calls settrace or setprofile: FlowTrace listens to sys.monitoring alone
  - flowtrace/reference.py explains FlowTrace in one file: short, and without the rest of it
  - meson.build names every source, or it would be missing from what is installed
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

READS: dict[str, set[str]] = {
    "trace": set(),
    "record": {"trace"},
    "model": {"trace"},
    "show": {"model", "trace"},
    "export": {"model", "trace"},
    "binding": {"trace", "record", "model", "show", "export"},
}
WITH_PYTHON = {"record", "binding"}
REFERENCE = "flowtrace/reference.py"
REFERENCE_LINES_MAX = 250
HOOKS = re.compile(r"\b(settrace|setprofile)\w*$|^PyEval_Set(Trace|Profile)\w*$")
C_CALL = re.compile(r"\b(\w+)\s*\(")
# A comment, a string or a character: nothing in them is code.
C_NO_CODE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)
C_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
C_INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')

Problem = tuple[str, int, str]


def blank(pattern: re.Pattern[str], text: str) -> str:
    """Text without what matches; its lines keep their numbers."""
    return pattern.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


class Rooms:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.source = folder / "src"

    def name(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()

    def room(self, path: Path) -> str | None:
        """Name the room that a file lies in; None outside of src/."""
        return path.relative_to(self.source).parts[0] if path.is_relative_to(self.source) else None

    def files(self) -> list[Path]:
        return sorted(path for path in self.source.rglob("*") if path.suffix in {".c", ".h"})

    def includes(self, path: Path) -> Iterator[tuple[int, str, Path | None]]:
        """Yield the line, the name and, if it is one of ours, the file of each header included."""
        for number, line in enumerate(blank(C_COMMENT, path.read_text(encoding="utf-8")).splitlines(), 1):
            if match := C_INCLUDE.match(line):
                beside = (path.parent / match[2]).resolve()
                below = (self.source / match[2]).resolve()
                yield number, match[2], next((file for file in (beside, below) if file.is_file()), None)

    def way_to_python(self, path: Path, seen: set[Path]) -> list[str] | None:
        """Tell through which headers Python.h is reached from here; None if it isn't."""
        seen.add(path)
        for _, header, file in self.includes(path):
            if Path(header).name == "Python.h":
                return []
            if file and file not in seen and (way := self.way_to_python(file, seen)) is not None:
                return [self.name(file), *way]
        return None

    def check_includes(self) -> Iterator[Problem]:
        for path in self.files():
            room = self.room(path)
            if room is None or room not in READS:
                yield self.name(path), 1, f"src/{room} is no room; READS in tools/lint_rooms.py says what each may know"
                continue
            for line, header, file in self.includes(path):
                yield from ((self.name(path), line, text) for text in self.wrong_with(room, header, file))

    def wrong_with(self, room: str, header: str, file: Path | None) -> Iterator[str]:
        if room not in WITH_PYTHON:
            if Path(header).name == "Python.h":
                yield f"src/{room} never includes Python.h: it builds and is tested without Python"
            elif file and (way := self.way_to_python(file, set())) is not None:
                yield f"src/{room} never includes Python.h, as it does here through {', '.join([header, *way])}"
        if file is None:
            return
        known = self.room(file)
        if known is None:
            yield f"src/{room} includes {header}, which lies outside of src/"
        elif known not in READS[room] | {room}:
            may = " and ".join(sorted(READS[room])) or "no other room"
            yield f"src/{room} never includes src/{known} ({header}); it knows {may}"

    def check_hooks(self) -> Iterator[Problem]:
        for path in self.files():
            for line, text in enumerate(blank(C_NO_CODE, path.read_text(encoding="utf-8")).splitlines(), 1):
                for name in C_CALL.findall(text):
                    yield from self.hook(path, line, name)
        for path in sorted((self.folder / "flowtrace").rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
                if isinstance(node, ast.Call):
                    yield from self.hook(path, node.lineno, ast.unparse(node.func))

    def hook(self, path: Path, line: int, called: str) -> Iterator[Problem]:
        if HOOKS.search(called):
            yield self.name(path), line, f"{called}() takes the program's debugger away; listen to sys.monitoring"

    def check_reference(self) -> Iterator[Problem]:
        text = (self.folder / REFERENCE).read_text(encoding="utf-8")
        if (lines := len(text.splitlines())) > REFERENCE_LINES_MAX:
            yield REFERENCE, lines, f"{lines} lines; the explanation has room for {REFERENCE_LINES_MAX}"
        for line, name in imported(ast.parse(text, REFERENCE)):
            if name not in sys.stdlib_module_names:
                yield REFERENCE, line, f"imports {name or 'its package'}; it stands alone, with the standard library"

    def check_build(self) -> Iterator[Problem]:
        build = re.sub(r"#.*", "", (self.folder / "meson.build").read_text(encoding="utf-8"))
        sources = [path for path in self.files() if path.suffix == ".c"]
        sources += sorted(path for path in (self.folder / "flowtrace").rglob("*.py*") if path.suffix != ".pyc")
        for path in sources:
            if f"'{self.name(path)}'" not in build:
                yield self.name(path), 1, "meson.build does not name it, so it is neither built nor installed"

    def problems(self) -> Iterator[Problem]:
        yield from self.check_includes()
        yield from self.check_hooks()
        yield from self.check_reference()
        yield from self.check_build()


def imported(module: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the line and the top-level name of each import; "" for one from the own package."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.partition(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, "" if node.level else (node.module or "").partition(".")[0]


def main(arguments: list[str]) -> int:
    folder = Path(arguments[0]) if arguments else Path(__file__).parent.parent
    problems = list(Rooms(folder.resolve()).problems())
    for file, line, text in problems:
        print(f"{file}:{line}: {text}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
