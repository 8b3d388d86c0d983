"""Regions and notes of a program, as every view and every format has them."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Workshop

from flowtrace import _core
from flowtrace._formats import FORMATS

PROGRAM = """
import asyncio
from flowtrace import note, region

def check(row):
    if not row:
        raise ValueError("empty row")

def load(name, rows):
    with region("import", file=name):
        note("cache cold", size=len(rows))
        try:
            with region("check rows"):
                for row in rows:
                    check(row)
        except ValueError:
            note("skipped")

async def send(n):
    with region("send all", n=n):
        await asyncio.sleep(0.001)

load("a.csv", ["x", ""])
asyncio.run(send(1))
"""
REGIONS = ["[import]", "[check rows]", "[send all]"]
NOTES = ["note: cache cold", "note: skipped"]
BARE = ["import", "check rows", "send all", "cache cold", "skipped"]

VIEWS: dict[str, list[str]] = {
    "show": ["[import] (file='a.csv')", "[check rows]  ✗ ValueError", "[send all] (n=1)", "note: cache cold (size=2)"],
    "show --errors": ["left       [check rows]", "caught in  [import] (file='a.csv')", "then       note: skipped"],
    "show --by task": ["[send all] (n=1)", "[import] (file='a.csv')"],
    "show --chains": ["[import]", "note: skipped"],
    "find --function import": ["[import] (file='a.csv')"],
    "find --raised --depth 3..": ["[check rows]"],
    "report": REGIONS + NOTES,
    "graph": REGIONS + NOTES,
}

FOUND: dict[str, list[str]] = {  # as they are written; those that are bare have a field of their own for the kind
    "flame": REGIONS + NOTES,
    "folded": ["load (app.py:8);[import] (app.py:9);note: cache cold (app.py:10) 1", ";[check rows] (app.py:12) 1"],
    "speedscope": [f'"name":"{name}"' for name in REGIONS + NOTES],
    "mermaid": ["note over p0: #91;import#93;", "note over p0: note#58; cache cold"],
    "dot": [f'label="{name}\\n' for name in REGIONS + NOTES],
    "json": [f'"function":"{name}"' for name in BARE] + ['"kind":"region"', '"kind":"note"'],
    "html": ["[import]", "[check rows]", "note: cache cold", "[send all]"],
    "chrome": [f'"name":"{name}"' for name in REGIONS + NOTES],
    "perfetto": REGIONS + NOTES,
    "otlp": [f'"name":"{name}"' for name in REGIONS + NOTES],
}


@pytest.fixture
def trace(recorded: Callable[[str], Path]) -> Path:
    return recorded(PROGRAM)


@pytest.mark.parametrize("view", VIEWS)
def test_views_tell_them(workshop: Workshop, trace: Path, view: str) -> None:
    told = workshop.flowtrace(*view.split(), str(trace)).out
    assert not [text for text in VIEWS[view] if text not in told], told


def exported(trace: Path, format: str) -> bytes:
    with open(os.memfd_create("export"), "w+b") as file:
        _core.export(trace, format, file.fileno(), weight=2 if format == "folded" else 0)
        file.seek(0)
        return file.read()


def test_formats_have_them(trace: Path) -> None:
    assert set(FOUND) | {"sqlite", "parquet"} == set(FORMATS)
    for format, texts in FOUND.items():
        written = exported(trace, format).decode(errors="replace")
        assert not [text for text in texts if text not in written], (format, written)


def test_what_json_says_of_them(trace: Path) -> None:
    lines = map(json.loads, exported(trace, "json").decode().splitlines())
    calls = {line["function"]: line for line in lines if line["type"] == "call" and line["kind"] in {"region", "note"}}
    assert list(calls) == ["import", "cache cold", "check rows", "skipped", "send all"]
    assert (calls["import"]["kind"], calls["import"]["arguments"]) == ("region", {"file": "'a.csv'"})
    assert (calls["check rows"]["outcome"], calls["send all"]["suspensions"]) == ("raised", 1)
    assert calls["cache cold"]["parent"] == calls["check rows"]["parent"] == calls["import"]["call"]


def test_tables_have_them(workshop: Workshop, trace: Path) -> None:
    assert workshop.flowtrace("export", "sqlite", "-o", "out.db", str(trace)).status == 0
    with sqlite3.connect(workshop.folder / "out.db") as base:
        rows = base.execute(
            "SELECT name, kind, arguments, outcome FROM calls WHERE kind IN ('region', 'note')"
        ).fetchall()
    assert rows == [
        ("import", "region", "file='a.csv'", "returned"), ("cache cold", "note", "size=2", "returned"),
        ("check rows", "region", None, "raised"), ("skipped", "note", None, "returned"),
        ("send all", "region", "n=1", "returned"),
    ]  # fmt: skip


def test_parquet_has_them(workshop: Workshop, trace: Path) -> None:
    dataset = pytest.importorskip("pyarrow.dataset")
    done = workshop.flowtrace("export", "parquet", "-o", "out", str(trace))
    assert done.status == 0, done.err
    rows = dataset.dataset(workshop.folder / "out" / "function", partitioning="hive").to_table().to_pylist()
    assert {row["name"]: row["kind"] for row in rows if row["name"] in BARE} == {
        "import": "region", "cache cold": "note", "check rows": "region", "skipped": "note", "send all": "region",
    }  # fmt: skip


def test_a_comparison_has_them(workshop: Workshop, trace: Path) -> None:
    workshop.write("app.py", PROGRAM.replace('note("skipped")', "pass").replace('["x", ""]', '["x", "y", ""]'))
    workshop.run("-o", "other.flow", "app.py")
    told = workshop.flowtrace("diff", str(trace), "other.flow").out
    assert "note: cache cold (size=2)" in told and "size: 2 → 3" in told
    assert any(line.startswith("-") and "note: skipped" in line for line in told.splitlines())
