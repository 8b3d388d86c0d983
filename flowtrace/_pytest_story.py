"""The story of one test as its report has it: short, and ending in the way of what was raised."""

from __future__ import annotations

import os
import re
import shlex
import sys
import textwrap
from typing import TYPE_CHECKING

from . import _recording, _scope, _terminal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import CodeType

    import pytest

LINES = 40  # of a story, all told
WAY = 12  # of these for the way of an exception
NEWEST = 1_000_000  # calls that are read for one
TOLD = 50  # stories in one process: each takes a moment
NAME = 200  # characters of a test's name in a command

type Place = tuple[str, int, str]  # of a function: file, line, qualified name
type Filters = list[tuple[str, str]]


def place_of(code: CodeType) -> Place:
    return code.co_filename, code.co_firstlineno, code.co_qualname


class Fixture:
    """One that ran, or failed, in a test that had its turn before."""

    def __init__(self, name: str, test: str) -> None:
        self.name = name
        self.test = test


class Teller:
    """Tells stories of the tests in one recording, which may still go on."""

    def __init__(self, config: pytest.Config, path: str) -> None:
        self.config = config
        self.path = path
        self.told = 0
        self.library = _scope.library() + _pytest_itself()

    def more(self, test: str) -> str:
        """Return the command that tells more of it."""
        file = self.config.getoption("flowtrace_file")
        name = test if len(test) <= NAME else test[:NAME] + "*"
        name = f"/{name}" if "*" in test and len(test) <= NAME else name
        return f"flowtrace show --test {shlex.quote(name)}" + (
            "" if file == "flowtrace.flow" else f" {shlex.quote(file)}"
        )

    def story(
        self,
        test: str,
        raised: BaseException | None = None,
        torn_down: Iterable[Fixture] = (),
        failed_before: Iterable[Fixture] = (),
    ) -> str:
        """Return what the test did until now, in LINES lines at most; the way of what was raised comes last.

        `torn_down` were set up by other tests, and the exception went through them; `failed_before` are fixtures
        whose failure it is, which no test tries again.
        """
        self.told += 1
        more = self.more(test)
        if self.told > TOLD:
            return f"(many tests have their story here already; see {more})"
        try:
            lines = self._lines(test, raised, list(torn_down), list(failed_before))
        except Exception as error:
            return f"(its story can't be told: {error})"
        return "\n".join([*lines, f"More: {more}"])

    def _lines(
        self, test: str, raised: BaseException | None, torn_down: list[Fixture], failed_before: list[Fixture]
    ) -> list[str]:
        filters = [("--test", f"/{test}")]
        end = self._torn_down(torn_down[0]) if torn_down else []
        end += [f"Fixture {fixture.name} failed before, in {fixture.test}." for fixture in failed_before[:1]]
        way = self._way(filters, raised) if raised and not end else []
        lines = self._tree(filters, LINES - 1 - len(end) - len(way) - bool(way))
        if way and not _ends_so(lines, way):
            lines += ["", *way]
        return lines + end

    def _torn_down(self, fixture: Fixture) -> list[str]:
        filters = [("--test", f"/{fixture.test}"), ("--under", f"fixture {fixture.name}")]
        lines = self._tree(filters, LINES // 2)
        return ["", f"Torn down here, set up in {fixture.test}:", *lines[: LINES // 2]] if lines else []

    # --- views

    def _tree(self, filters: Filters, room: int) -> list[str]:
        """Return a tree of so many lines at most."""
        lines: list[str] = []
        for wanted in (room, 20, 10, 4):  # about so many
            lines = self._show(filters, wanted)
            if len(lines) <= room:
                break
        if len(lines) == 1:
            lines.append("(none of your code ran in it)")
        return lines[:room]

    def _show(self, filters: Filters, lines: int, view: str = "tree") -> list[str]:
        """Return the lines of a view without its head, and its notes as far as they are for here."""
        stream = sys.__stdout__
        ascii = _terminal.needs_ascii(stream)
        width = max(80, min(_terminal.columns(stream), 160))
        text = _recording._core.show(
            self.path,
            lines=lines,
            width=width,
            ascii=ascii,
            newest=NEWEST,
            filters=filters,
            view=view,
        ).decode()
        shown = text.strip("\n").splitlines()
        shown = shown[shown.index("") + 1 :] if "" in shown else shown
        shown = [_reworded(line) for line in shown]
        if shown and view == "tree":  # the test itself is about to end, in the process that reports it
            process = re.match(r"\W*process \d+: (.*?)(?=  |$)", shown[0])
            if process:
                shown[0] = process[1].ljust(len(process[0])) + shown[0][process.end() :]
            shown[0] = RUNNING.sub(_blank, shown[0]).rstrip()
            end = shown.index("") if "" in shown else len(shown)
            return shown[:end] + textwrap.wrap(_notes(" ".join(shown[end:])), width)
        return shown

    def _way(self, filters: Filters, raised: BaseException) -> list[str]:
        """Return the way that it went, or what it holds: the last that an exception of that type went."""
        ways: list[list[str]] = [[]]
        for line in self._show(filters, 0, "errors"):
            if re.match(r"[✗!] \S", line) or not line:
                ways.append([])
            ways[-1].append(line)
        for exception in reversed([*_leaves(raised), raised]):
            head = re.compile(rf"[✗!] (\w+\.)*{re.escape(type(exception).__name__)}\b")
            own = [way for way in ways if way and head.match(way[0])]
            if own:
                return next((way for way in reversed(own) if way[-1].endswith(" pytest")), own[-1])[:WAY]
        return self._way_in_library(raised)

    def _way_in_library(self, raised: BaseException) -> list[str]:
        """Return the last place of the user's own where it came by, if it never left a call."""
        found = ""
        trace = raised.__traceback__
        while trace:
            code = trace.tb_frame.f_code
            if not _scope.is_library(os.path.dirname(code.co_filename), self.library):
                found = f"{os.path.basename(code.co_filename)}:{trace.tb_lineno} in {code.co_qualname}"
            trace = trace.tb_next
        kind = type(raised).__name__
        return [f"{kind} came up at {found}; library code that it called caught it"] if found else []


def _pytest_itself() -> list[str]:
    """Return its folders, which are no user's wherever they are: on PYTHONPATH, say."""
    names = "pytest", "_pytest", "pluggy", "xdist", "execnet"
    files = [getattr(sys.modules.get(name), "__file__", None) for name in names]
    folders = [os.path.dirname(file) for file in files if file]
    return list(dict.fromkeys(spelling for folder in folders for spelling in (folder, os.path.realpath(folder))))


RUNNING = re.compile(r"  (…|\.\.\.) still running")
SUSPENDED = re.compile(r"(?<= yielded \d[×x])  (…|\.\.\.) still running")


def _blank(match: re.Match[str]) -> str:
    """What stands in columns stays there."""
    return " " * len(match[0])


def _reworded(line: str) -> str:
    """What is pytest's here, what its options can't do, and numbers that the kept recording may not have."""
    line = re.sub(r"caught in library code$", "caught by pytest", line)
    line = re.sub(r"^( +)caught in( +)library code$", r"\1caught by\2pytest", line)
    line = re.sub(r"^( {3,}\w.*?) +#\d+$", r"\1", line)
    return SUSPENDED.sub(_blank, line).rstrip()  # a fixture that waits for its teardown


def _notes(text: str) -> str:
    """Those below a tree that say what this test's story lacks."""
    sentences = re.split(r"(?<=\.) +(?=[A-Z])", text.strip())
    kept = [re.sub(r"^(Not shown: [^;]+);.*", r"\1.", sentence) for sentence in sentences]
    kept = [sentence for sentence in kept if not re.match(r"Filters leave|Not read:|The first [\d,]+ calls", sentence)]
    older = "Told of the newest calls alone; older ones of this session are gone."
    return " ".join([*kept, older] if "Not read:" in text or " were let go" in text else kept)


def _ends_so(tree: list[str], way: list[str]) -> bool:
    """Does the tree end in this way already?"""
    raised = next((place[0] for line in way[1:] if (place := re.search(r"[^\s:]+:\d+$", line))), "")
    end = way[-1].split()
    for i in range(len(tree) - 1, max(-1, len(tree) - 5), -1):
        if re.search(r"[│| ] (raised|asked|interrupted) .*", tree[i]):
            return bool(raised) and raised in tree[i] and tree[-1].split()[-len(end) :] == end
    return False


def _leaves(raised: BaseException) -> Iterator[BaseException]:
    if isinstance(raised, BaseExceptionGroup):
        for exception in raised.exceptions[:20]:
            yield from _leaves(exception)
            yield exception


def places_in(raised: BaseException) -> set[Place]:
    """Return the functions that it went through, or what it holds did."""
    found = set()
    for exception in [raised, *_leaves(raised)]:
        trace = exception.__traceback__
        while trace:
            found.add(place_of(trace.tb_frame.f_code))
            trace = trace.tb_next
    return found
