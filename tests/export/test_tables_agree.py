"""What a table says of another's rows: they are there, whatever filters have left."""

from __future__ import annotations

import json
import sqlite3

import pytest

REFERENCES = {
    "process": {"created_by": "call"},
    "track": {"process": "process", "created_by": "call"},
    "call": {
        "parent": "call",
        "created_by": "call",
        "process": "process",
        "track": "track",
        "function": "function",
        "exception": "exception",
    },
    "argument": {"call": "call", "process": "process"},
    "exception": {
        "process": "process",
        "first_left": "call",
        "last_left": "call",
        "caught_by": "call",
        "cause_exception": "exception",
    },
    "link": {"from_call": "call", "to_call": "call", "process": "process"},
}
FILTERS = [[], ["--depth", "3.."], ["--raised"], ["--last", "5"], ["--hide", "main"], ["--newest", "1"]]


def lost(connection: sqlite3.Connection) -> list[str]:
    found = []
    for table, columns in REFERENCES.items():
        for column, other in columns.items():
            (count,) = connection.execute(
                f"SELECT count({column}) FROM {table} WHERE {column} NOT IN (SELECT {other} FROM {other})"
            ).fetchone()
            found += [f"{count} times {table}.{column}"] * (count > 0)
    return found


@pytest.mark.parametrize("words", FILTERS, ids=lambda words: " ".join(words) or "all")
def test_what_rows_refer_to_is_there(workshop, everything, words) -> None:
    done = workshop.flowtrace("export", "sqlite", *words, "-o", "out.sqlite", str(everything))
    assert done.status == 0, done.err
    assert lost(sqlite3.connect(workshop.folder / "out.sqlite")) == []


def test_what_lines_of_json_refer_to_is_there(workshop, everything) -> None:
    told = workshop.flowtrace("export", "json", "--newest", "1", "-o", "-", str(everything)).out.splitlines()
    calls = [line for line in map(json.loads, told) if line["type"] == "call"]
    assert {call["parent"] for call in calls if "parent" in call} <= {call["call"] for call in calls}


KEPT = """
    import asyncio
    async def waits():
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return "kept"
    async def main():
        task = asyncio.create_task(waits())
        await asyncio.sleep(0)
        task.cancel()
        await task
    asyncio.run(main())
"""


def test_a_cancellation_that_a_call_kept_to_itself_was_swallowed_by_it(workshop) -> None:
    workshop.record(KEPT)
    done = workshop.flowtrace("query", "--csv", "SELECT text, caught_by_function FROM swallowed")
    assert done.out == "text,caught_by_function\nCancelledError(),waits\n"
    told = workshop.flowtrace("export", "json", "-o", "-").out.splitlines()
    (exception,) = [line for line in map(json.loads, told) if line["type"] == "exception"]
    (call,) = [line for line in map(json.loads, told) if line.get("function") == "waits"]
    assert exception["caught_by"] == call["call"]
