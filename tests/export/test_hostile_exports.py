"""One trace with hostile text wherever text can be: what reads each format gets back what is in it, all of it, as text.

A format that is added is tested here as soon as it has its line in READERS of readers.py.
"""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from conftest import ROOT, Run, Workshop

from flowtrace._core import Call, Trace
from flowtrace._formats import FORMATS

sys.path.insert(0, str(Path(__file__).parent))
from readers import READERS, check_text
from timelines import Slice

# The process, the trace and so its titles have this name.
PROGRAM = 'a;b "c" <i>\n\x1b[31m&amp;\u202e%s 42.py'


class Hostile(NamedTuple):
    trace_path: Path
    calls: list[Call]
    tracks: int
    exceptions: int

    @property
    def names(self) -> list[str]:
        return [as_utf8(call.function.qualname) for call in self.calls]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Hostile:
    workshop = Workshop(tmp_path_factory.mktemp("hostile"))
    (workshop.folder / PROGRAM).write_text((ROOT / "tests/export/programs/everywhere.py").read_text())
    trace_path = workshop.folder / f"{PROGRAM}.flow"
    done = workshop.run("-o", str(trace_path), PROGRAM)
    assert done.status == 1
    assert b"RuntimeError: </script>" in done.stderr
    trace = Trace(trace_path)
    return Hostile(trace_path, list(trace.calls()), len(trace.tracks), len(trace.exceptions))


def as_utf8(text: str) -> str:
    """Return it as formats have it that can hold Unicode only."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


def export(workshop: Workshop, hostile: Hostile, name: str, *words: str) -> Path:
    """Return where it was written."""
    done = workshop.flowtrace("export", name, "-o", "out", *words, str(hostile.trace_path))
    assert done.status == 0, done.err
    return workshop.folder / "out"


def query(workshop: Workshop, hostile: Hostile, question: str, *words: str) -> Run:
    done = workshop.flowtrace("query", question, *words, str(hostile.trace_path))
    assert (done.status, done.err) == (0, "")
    return done


# --- what was recorded ------------------------------------------------------------------


def test_the_trace_has_each_text_in_each_place(hostile: Hostile) -> None:
    texts = {as_utf8(text) for text in texts_of_the_program()}
    functions = {call.function.qualname for call in hostile.calls if call.function.kind == "function"}
    regions = {call.function.qualname for call in hostile.calls if call.function.kind == "region"}
    notes = {call.function.qualname for call in hostile.calls if call.function.kind == "note"}
    modules = {call.function.module for call in hostile.calls if call.function.kind == "module"}
    tracks = {call.track.name for call in hostile.calls}
    for text in texts - {"name" * 250_000}:
        assert text in functions
        assert text in regions
        assert f"test_x.py::test_it[{text}]" in regions
        assert text in notes
        assert [module for module in modules if module.startswith(cut(text, 250))]
        assert [name for name in tracks if name.startswith(cut(text, 55))]
    assert "name" * 128 in functions & regions & notes


def cut(text: str, size: int) -> str:
    return text.encode()[:size].decode(errors="ignore")


def texts_of_the_program() -> set[str]:
    source = (ROOT / "tests/export/programs/everywhere.py").read_text()
    found: dict[str, Any] = {}
    exec(source[source.index("TEXTS") : source.index("SURROGATES")], found)  # noqa: S102
    return set(found["TEXTS"].values())


# --- what reads it ------------------------------------------------------------------------


def check_json(lines: list[dict[str, Any]], hostile: Hostile) -> None:
    kinds = Counter(line["type"] for line in lines)
    assert (kinds["track"], kinds["exception"]) == (hostile.tracks, hostile.exceptions)
    calls = [line for line in lines if line["type"] == "call"]
    assert [call["function"] for call in calls] == hostile.names
    assert [call.get("module", "") for call in calls] == [as_utf8(call.function.module) for call in hostile.calls]
    assert [call.get("file", "") for call in calls] == [as_utf8(call.function.file) for call in hostile.calls]


def check_sqlite(connection: sqlite3.Connection, hostile: Hostile) -> None:
    ask = connection.execute
    for table, count in (
        ("track", hostile.tracks),
        ("exception", hostile.exceptions),
        ("argument", sum(len(call.arguments) for call in hostile.calls)),
    ):
        assert ask(f"SELECT count(*) FROM {table}").fetchone() == (count,)
    assert [name for (name,) in ask("SELECT name FROM calls ORDER BY call")] == hostile.names
    arguments = Counter(name for (name,) in ask("SELECT name FROM argument"))
    assert arguments == Counter(as_utf8(name) for call in hostile.calls for name in call.arguments)


def check_parquet(tables: dict[str, list[dict[str, Any]]], hostile: Hostile) -> None:
    assert len(tables["track"]) == hostile.tracks
    assert len(tables["exception"]) == hostile.exceptions
    assert len(tables["argument"]) == sum(len(call.arguments) for call in hostile.calls)
    calls = sorted(tables["call"], key=lambda row: row["call"])
    assert [row["function_name"] for row in calls] == hostile.names


def check_slices(calls: list[Slice], hostile: Hostile) -> None:
    assert {slice.arguments["call"] for slice in calls} == {call.number for call in hostile.calls}


EXACT: dict[str, Callable[[Any, Hostile], None]] = {
    "json": check_json,
    "sqlite": check_sqlite,
    "parquet": check_parquet,
    "chrome": check_slices,
    "perfetto": check_slices,
}
# So that nothing is left out.
WHOLE = {"folded": ["--weight", "calls"], "dot": ["--lines", "10000"], "mermaid": ["--lines", "2000"]}


@pytest.mark.parametrize("name", FORMATS)
def test_all_calls_come_back(workshop: Workshop, hostile: Hostile, name: str) -> None:
    calls, labels, content = READERS[name](export(workshop, hostile, name, *WHOLE.get(name, [])))
    assert calls in {len(hostile.calls), None}
    if labels is not None:
        assert len(labels) == calls
        assert len(set(labels)) >= len({call.function.qualname for call in hostile.calls}) - 1
    if name in EXACT:
        EXACT[name](content, hostile)


def test_each_format_has_its_reader() -> None:
    assert READERS.keys() == FORMATS.keys()


# --- answers --------------------------------------------------------------------------------

CELLS = "SELECT call, name, module, file, arguments, result, exception, track FROM calls ORDER BY call"


def cells(hostile: Hostile, workshop: Workshop) -> list[tuple[int | str | None, ...]]:
    connection = sqlite3.connect(export(workshop, hostile, "sqlite"))
    return connection.execute(CELLS).fetchall()


def test_answers_as_csv_come_back(workshop: Workshop, hostile: Hostile) -> None:
    """With the rules of RFC 4180 alone, whatever Python's own reader lets pass."""
    text = query(workshop, hostile, CELLS, "--csv").stdout.decode()
    cell = r'(?:"(?:[^"]|"")*"|[^",\r\n]*)'
    assert re.fullmatch(rf"(?:{cell}(?:,{cell}){{7}}\n)*", text)
    head, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert head == ["call", "name", "module", "file", "arguments", "result", "exception", "track"]
    expected = cells(hostile, workshop)
    assert len(rows) == len(hostile.calls)
    assert rows == [["" if cell is None else str(cell) for cell in row] for row in expected]


def test_answers_as_json_come_back(workshop: Workshop, hostile: Hostile) -> None:
    rows = json.loads(query(workshop, hostile, CELLS, "--json").stdout)
    assert [tuple(row.values()) for row in rows] == cells(hostile, workshop)


def test_answers_as_a_table_have_a_line_each(workshop: Workshop, hostile: Hostile) -> None:
    for words in ([], ["--wide"]):
        head, rule, *rows, counted = query(workshop, hostile, CELLS, *words).stdout.decode().split("\n")[:-1]
        assert (head.split()[0], set(rule), counted) == ("call", {"-", " "}, f"({len(hostile.calls)} rows)")
        assert [int(row.split()[0]) for row in rows] == [call.number for call in hostile.calls]
        check_text("\n".join(rows))


def test_a_hostile_question_is_answered_harmlessly(workshop: Workshop, hostile: Hostile) -> None:
    odd = "\x1b[31m\u202e\nx"
    done = query(workshop, hostile, f"SELECT 1 AS \"{odd}\", '{odd}' AS b")
    assert done.out.splitlines()[::2] == [r"\x1b[31m\u202e\nx  b", r"                1  \x1b[31m\u202e\nx"]
    wrong = workshop.flowtrace("query", f'SELECT "{odd}" FROM nowhere', str(hostile.trace_path))
    assert wrong.status == 2
    check_text(wrong.err)


def test_numbers_that_json_lacks_are_text(workshop: Workshop, hostile: Hostile) -> None:
    told = query(workshop, hostile, "SELECT 9e999 AS a, -9e999 AS b, 1.5 AS c, x'00ff' AS d", "--json").out

    def fail(word: str) -> None:
        raise AssertionError(word)

    assert json.loads(told, parse_constant=fail) == [{"a": "inf", "b": "-inf", "c": 1.5, "d": "b'\\x00\\xff'"}]


# --- lanes ------------------------------------------------------------------------------------


def test_a_timeline_has_a_lane_a_track(workshop: Workshop, hostile: Hostile) -> None:
    done = workshop.flowtrace("show", "--timeline", "--lines", "1000", str(hostile.trace_path))
    assert done.status == 0, done.err
    check_text(done.out)
    assert len([line for line in done.out.splitlines() if line.startswith(("main", "⇉", "⇢"))]) == hostile.tracks
