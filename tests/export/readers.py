"""Each format as what reads it does so: strictly. They fail where a reader would, or would show what isn't meant."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from conftest import TIMEOUT
from html_outline import Outline

sys.path.insert(0, str(Path(__file__).parent))
from test_mermaid import check as check_mermaid
from test_otlp import HAS_MESSAGES, Exported, attributes, parse_messages
from test_speedscope import check as check_speedscope
from timelines import Slice, read_chrome, read_perfetto

HAS_PERFETTO = importlib.util.find_spec("perfetto") is not None


class Told(NamedTuple):
    calls: int | None  # so many are in it; None: it doesn't tell all
    labels: list[str] | None = None  # of the calls, as people read them
    content: Any = None


def check_text(text: str) -> None:
    """Check that no character would act on a terminal or on the order of others."""
    text = text.replace("\n", "")
    assert text.isprintable(), {character for character in text if not character.isprintable()}


def of_json(path: Path) -> Told:
    lines = [json.loads(line) for line in path.read_bytes().decode().split("\n") if line]
    calls = [line for line in lines if line["type"] == "call"]
    assert Counter(line["type"] for line in lines)["trace"] == 1
    return Told(len(calls), None, lines)


def of_sqlite(path: Path) -> Told:
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    return Told(connection.execute("SELECT count(*) FROM call").fetchone()[0], None, connection)


def of_parquet(path: Path) -> Told:
    dataset = pytest.importorskip("pyarrow.dataset")

    def rows(table: Path) -> list[dict[str, Any]]:  # there is no file of no rows
        return dataset.dataset(table, partitioning="hive").to_table().to_pylist() if table.exists() else []

    tables = {table: rows(path / table) for table in ("call", "argument", "exception", "track")}
    return Told(len(tables["call"]), None, tables)


def told_of(slices: list[Slice]) -> Told:
    calls = [slice for slice in slices if slice.is_call]
    assert len({slice.arguments["call"] for slice in calls}) == len(calls)
    check_text("".join(f"{slice.name}{slice.category}{slice.row}" for slice in slices))
    return Told(len(calls), [slice.name for slice in calls], calls)


def of_chrome(path: Path) -> Told:
    return told_of(read_chrome(path))


def of_perfetto(path: Path) -> Told:
    if not HAS_PERFETTO:
        pytest.skip("the messages of Perfetto can't be had for this Python")
    return told_of(read_perfetto(path))


def of_otlp(path: Path) -> Told:
    exported = Exported(path.read_bytes().decode())
    if HAS_MESSAGES:
        parse_messages(exported)
    for span in exported.spans.values():
        attributes(span)
    labels = [span["name"] for span in exported.spans.values()]
    check_text("".join(labels))
    return Told(len(exported.spans), labels)


def of_speedscope(path: Path) -> Told:
    document = json.loads(path.read_bytes().decode())
    check_speedscope(document)
    frames = [frame["name"] for frame in document["shared"]["frames"]]
    opened = [frames[event["frame"]] for p in document["profiles"] for event in p["events"] if event["type"] == "O"]
    calls = [name for name in opened if not name.startswith("(waiting") and name != "(suspended)"]
    check_text("".join([document["name"], *frames, *(profile["name"] for profile in document["profiles"])]))
    return Told(len(calls), calls)


def of_flame(path: Path) -> Told:
    data, script = Outline(path.read_bytes().decode()).texts["script"]
    document = json.loads(data)
    assert script and "</" not in data and "<!--" not in data
    check_text(document["title"] + "".join(document["names"]))
    assert sum(document["nodes"][4 :: document["width"]]) == document["calls"]
    return Told(document["calls"])


def of_html(path: Path) -> Told:
    outline = Outline(path.read_bytes().decode())
    assert "Content-Security-Policy" in {attrs.get("http-equiv") for tag, attrs in outline.elements if tag == "meta"}
    assert not [attribute for attribute in outline.attributes() if attribute.startswith("on")]
    assert not outline.names() & {"i", "iframe", "img", "svg", "object", "link", "base", "form"}
    check_text("".join(outline.lines))
    told = {attrs["id"] for _, attrs in outline.elements if re.fullmatch(r"c\d+", attrs.get("id") or "")}
    return Told(len(told))


def of_folded(path: Path) -> Told:
    """As flamegraph.pl does it, to which a second number at the end is of another recording."""
    weights = 0
    for line in path.read_bytes().decode().split("\n")[:-1]:
        stack, weight = line.rsplit(" ", 1)
        assert not re.search(r"\s\d+(?:\.\d*)?$", stack[-100:], re.ASCII), line
        assert all(stack.split(";")), line
        check_text(line)
        weights += int(weight)
    return Told(weights)  # they are calls with --weight calls


def of_mermaid(path: Path) -> Told:
    text = path.read_bytes().decode()
    check_mermaid(text)
    check_text(re.sub(r"#(\d+);", lambda match: chr(int(match[1])), text))
    return Told(None)


def of_dot(path: Path) -> Told:
    text = path.read_bytes().decode()
    check_text(text)
    nodes = re.findall(r'^    f\d+ \[label="(?:[^"\\]|\\.)*\\n([\d,]+) calls?', text, re.MULTILINE)
    if shutil.which("dot"):
        done = subprocess.run(["dot", "-Tcanon"], input=text.encode(), capture_output=True, timeout=TIMEOUT)
        assert (done.returncode, done.stderr) == (0, b"")
        assert len(re.findall(rb"^\s*f\d+\s+\[", done.stdout, re.MULTILINE)) == len(nodes)
    return Told(sum(int(calls.replace(",", "")) for calls in nodes))


READERS: dict[str, Callable[[Path], Told]] = {
    "flame": of_flame,
    "folded": of_folded,
    "speedscope": of_speedscope,
    "mermaid": of_mermaid,
    "dot": of_dot,
    "json": of_json,
    "sqlite": of_sqlite,
    "parquet": of_parquet,
    "html": of_html,
    "chrome": of_chrome,
    "perfetto": of_perfetto,
    "otlp": of_otlp,
}
