"""One trace with hostile text wherever text can be: what reads each format gets back what is in it, all of it, as text.

A format that is added is tested here by a function in READERS, which reads what was written as its readers do:
strictly. It returns how many calls it found, and the names of their functions.
"""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from conftest import ROOT, TIMEOUT, Run, Workshop
from html_outline import Outline

from flowtrace._core import Call, Trace
from flowtrace._formats import FORMATS

sys.path.insert(0, str(Path(__file__).parent))
from test_mermaid import check as check_mermaid
from test_otlp import HAS_MESSAGES, Exported, attributes, parse_messages
from test_speedscope import check as check_speedscope
from timelines import read_chrome, read_perfetto

# The process, the trace and so its titles have this name.
PROGRAM = 'a;b "c" <i>\n\x1b[31m&amp;\u202e%s 42.py'
NAMES = "SELECT name FROM calls ORDER BY call"


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


def check_text(text: str) -> None:
    """Check that no character would act on a terminal or on the order of others."""
    assert not {character for character in text if character != "\n" and not character.isprintable()}


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

type Told = tuple[int, Iterable[str] | None]


def of_json(path: Path, hostile: Hostile) -> Told:
    lines = [json.loads(line) for line in path.read_bytes().decode().split("\n") if line]
    kinds = Counter(line["type"] for line in lines)
    assert (kinds["track"], kinds["exception"]) == (hostile.tracks, hostile.exceptions)
    calls = [line for line in lines if line["type"] == "call"]
    assert [call["function"] for call in calls] == hostile.names
    assert [call.get("module", "") for call in calls] == [as_utf8(call.function.module) for call in hostile.calls]
    assert [call.get("file", "") for call in calls] == [as_utf8(call.function.file) for call in hostile.calls]
    return len(calls), None


def of_sqlite(path: Path, hostile: Hostile) -> Told:
    connection = sqlite3.connect(path)
    ask = connection.execute
    assert ask("PRAGMA integrity_check").fetchone() == ("ok",)
    for table, count in (
        ("track", hostile.tracks),
        ("exception", hostile.exceptions),
        ("argument", sum(len(call.arguments) for call in hostile.calls)),
    ):
        assert ask(f"SELECT count(*) FROM {table}").fetchone() == (count,)
    assert [name for (name,) in ask(NAMES)] == hostile.names
    arguments = Counter(name for (name,) in ask("SELECT name FROM argument"))
    assert arguments == Counter(as_utf8(name) for call in hostile.calls for name in call.arguments)
    return ask("SELECT count(*) FROM call").fetchone()[0], None


def of_parquet(path: Path, hostile: Hostile) -> Told:
    dataset = pytest.importorskip("pyarrow.dataset")
    tables = {
        table: dataset.dataset(path / table, partitioning="hive").to_table().to_pylist()
        for table in ("call", "argument", "exception", "track")
    }
    assert len(tables["track"]) == hostile.tracks
    assert len(tables["exception"]) == hostile.exceptions
    assert len(tables["argument"]) == sum(len(call.arguments) for call in hostile.calls)
    calls = sorted(tables["call"], key=lambda row: row["call"])
    assert [row["function_name"] for row in calls] == hostile.names
    return len(calls), None


def of_timeline(read: Callable[[Path], list[Any]]) -> Callable[[Path, Hostile], Told]:
    def of(path: Path, hostile: Hostile) -> Told:
        calls = [slice for slice in read(path) if slice.is_call]
        assert {slice.arguments["call"] for slice in calls} == {call.number for call in hostile.calls}
        return len(calls), [slice.name for slice in calls]

    return of


def of_perfetto(path: Path, hostile: Hostile) -> Told:
    pytest.importorskip("perfetto")
    return of_timeline(read_perfetto)(path, hostile)


def of_otlp(path: Path, hostile: Hostile) -> Told:
    text = path.read_bytes().decode()
    exported = Exported(text)
    if HAS_MESSAGES:
        parse_messages(exported)
    for span in exported.spans.values():
        attributes(span)
    return len(exported.spans), [span["name"] for span in exported.spans.values()]


def of_speedscope(path: Path, hostile: Hostile) -> Told:
    document = json.loads(path.read_bytes().decode())
    check_speedscope(document)
    frames = [frame["name"] for frame in document["shared"]["frames"]]
    opened = [frames[event["frame"]] for p in document["profiles"] for event in p["events"] if event["type"] == "O"]
    calls = [name for name in opened if not name.startswith("(waiting") and name != "(suspended)"]
    check_text(document["name"] + "".join(profile["name"] for profile in document["profiles"]))
    return len(calls), calls


def of_flame(path: Path, hostile: Hostile) -> Told:
    outline = Outline(path.read_bytes().decode())
    data, _script = outline.texts["script"]
    document = json.loads(data)
    assert "</" not in data and "<!--" not in data
    assert document["calls"] == len(hostile.calls)
    check_text(document["title"] + "".join(document["names"]))
    return sum(document["nodes"][4 :: document["width"]]), None


def of_html(path: Path, hostile: Hostile) -> Told:
    outline = Outline(path.read_bytes().decode())
    assert {attrs.get("http-equiv") for tag, attrs in outline.elements if tag == "meta"} >= {"Content-Security-Policy"}
    assert not [attr for attr in outline.attributes() if attr.startswith("on")]
    assert not outline.names() & {"i", "iframe", "img", "svg", "object", "link", "base", "form"}
    check_text("".join(outline.lines))
    told = {attrs["id"] for _, attrs in outline.elements if re.fullmatch(r"c\d+", attrs.get("id") or "")}
    return len(told), None


def of_folded(path: Path, hostile: Hostile) -> Told:
    """As flamegraph.pl does it, to which a second number at the end is of another recording."""
    calls = 0
    for line in path.read_bytes().decode().split("\n")[:-1]:
        found = re.fullmatch(r"(.*)\s+?(\d+(?:\.\d*)?)", line)
        assert found
        assert not re.fullmatch(r"(.*)\s+?(\d+(?:\.\d*)?)", found[1], re.ASCII), line
        assert all(found[1].split(";")), line
        check_text(line)
        calls += int(found[2])
    return calls, None


def of_mermaid(path: Path, hostile: Hostile) -> Told:
    text = path.read_bytes().decode()
    check_mermaid(text)
    check_text(re.sub(r"#(\d+);", lambda match: chr(int(match[1])), text))
    return len(hostile.calls), None


def of_dot(path: Path, hostile: Hostile) -> Told:
    text = path.read_bytes().decode()
    check_text(text)
    nodes = re.findall(r'^    f\d+ \[label="((?:[^"\\]|\\.)*)\\n([\d,]+) calls?', text, re.MULTILINE)
    if shutil.which("dot"):
        done = subprocess.run(["dot", "-Tdot"], input=text.encode(), capture_output=True, timeout=TIMEOUT)
        assert (done.returncode, done.stderr) == (0, b"")
        assert len(re.findall(rb"^\s*f\d+\s+\[", done.stdout, re.MULTILINE)) == len(nodes)
    return sum(int(calls.replace(",", "")) for _, calls in nodes), None


READERS: dict[str, Callable[[Path, Hostile], Told]] = {
    "flame": of_flame,
    "folded": of_folded,
    "speedscope": of_speedscope,
    "mermaid": of_mermaid,
    "dot": of_dot,
    "json": of_json,
    "sqlite": of_sqlite,
    "parquet": of_parquet,
    "html": of_html,
    "chrome": of_timeline(read_chrome),
    "perfetto": of_perfetto,
    "otlp": of_otlp,
}
# So that nothing is left out.
WHOLE = {"folded": ["--weight", "calls"], "dot": ["--lines", "10000"], "mermaid": ["--lines", "2000"]}


@pytest.mark.parametrize("name", FORMATS)
def test_all_calls_come_back(workshop: Workshop, hostile: Hostile, name: str) -> None:
    count, names = READERS[name](export(workshop, hostile, name, *WHOLE.get(name, [])), hostile)
    assert count == len(hostile.calls), Counter(call.function.kind for call in hostile.calls)
    if names is not None:
        check_text("".join(names))
        assert len(set(names)) >= len({call.function.qualname for call in hostile.calls}) - 1


def test_a_format_has_a_reader_here() -> None:
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
