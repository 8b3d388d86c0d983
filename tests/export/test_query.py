"""`flowtrace query`: answers, how they are written, the cache, and what a question may not do."""

from __future__ import annotations

import csv
import io
import json
import os
import sqlite3

import pytest


def query(workshop, question: str, *words: str, **settings: object):
    return workshop.flowtrace("query", question, *words, **settings)


@pytest.fixture
def shop(workshop):
    workshop.record("def price(order, rule='new'):\n    return order * 10\nfor i in range(3):\n    price(i)\n")
    return workshop


def test_a_question_is_answered_as_a_table(shop) -> None:
    done = query(shop, "SELECT name, arguments, result FROM calls WHERE name = 'price'")
    assert (done.status, done.err) == (0, "")
    assert done.out == (
        "name   arguments            result\n"
        "-----  -------------------  ------\n"
        "price  order=0, rule='new'       0\n"
        "price  order=1, rule='new'      10\n"
        "price  order=2, rule='new'      20\n"
        "(3 rows)\n"
    )


def test_csv_and_json_are_for_programs(shop) -> None:
    question = "SELECT call, name, parent, 'a,\"b\"' AS odd FROM calls"
    rows = list(csv.reader(io.StringIO(query(shop, question, "--csv").out)))
    assert rows[:2] == [["call", "name", "parent", "odd"], ["1", "<module>", "", 'a,"b"']]
    told = json.loads(query(shop, question, "--json").out)
    assert told[1] == {"call": 2, "name": "price", "parent": 1, "odd": 'a,"b"'}
    assert json.loads(query(shop, "SELECT 1 AS one WHERE 0", "--json").out) == []
    assert query(shop, "SELECT 1", "--json", "--csv").status == 2


def test_a_question_may_come_from_stdin(shop) -> None:
    assert query(shop, "-", stdin=b"SELECT count(*) AS n\nFROM calls").out.splitlines()[2] == "4"
    assert "is empty" in query(shop, "-").err


def test_the_database_is_kept_until_the_trace_changes(shop) -> None:
    database = shop.folder / "flowtrace.flow.sqlite"
    query(shop, "SELECT 1")
    made = database.stat().st_ino
    query(shop, "SELECT 1")
    assert database.stat().st_ino == made
    query(shop, "SELECT 1", "--newest", "1000000")
    assert database.stat().st_ino != made
    shop.record("def other():\n    pass\nother()\n")
    assert "other" in query(shop, "SELECT name FROM calls").out


def test_a_folder_that_can_not_be_written_to_is_no_trouble(shop) -> None:
    database = shop.folder / "flowtrace.flow.sqlite"
    os.mkdir(shop.folder / "elsewhere")
    done = query(shop, "SELECT count(*) AS n FROM calls", environment={"TMPDIR": str(shop.folder / "elsewhere")})
    assert done.out.splitlines()[2] == "4"
    os.unlink(database)
    os.mkdir(database)  # nothing can be put there
    done = query(shop, "SELECT count(*) AS n FROM calls", environment={"TMPDIR": str(shop.folder / "elsewhere")})
    assert done.out.splitlines()[2] == "4"
    assert os.listdir(shop.folder / "elsewhere") == []


def test_a_file_of_that_name_which_is_something_else_stays(shop) -> None:
    database = shop.folder / "flowtrace.flow.sqlite"
    database.write_text("mine")
    done = query(shop, "SELECT 1")
    assert done.status == 2
    assert "is no database of a trace, so it stays as it is" in done.err
    assert database.read_text() == "mine"


@pytest.mark.parametrize(
    ("question", "sentences"),
    [
        ("SELEC 1", ['near "SELEC": syntax error', "  SELEC 1\n  ^^^^^"]),
        (
            "SELECT nam FROM calls",
            ["no such column: nam", "         ^^^", "did you mean name?", "  track: track, process"],
        ),
        ("SELECT 1 FROM cals", ["no such table: cals", "did you mean calls?"]),
        ("SELECT name\nFROM calls\nWHER 1", ["  WHER 1\n"]),
        ("DELETE FROM call", ["a question can only read"]),
        ("ATTACH 'x' AS x", ["a question can only read"]),
        ("PRAGMA journal_mode = WAL", ["a question can only read"]),
        ("SELECT load_extension('x')", ["a question can only read"]),
        ("SELECT 1; SELECT 2", ["one SELECT at a time"]),
        ("/* nothing */", ["this is no question"]),
    ],
)
def test_what_is_wrong_with_a_question_is_said(shop, question, sentences) -> None:
    done = query(shop, question)
    assert (done.status, done.out) == (2, "")
    for sentence in sentences:
        assert sentence in done.err
    assert "Traceback" not in done.err
    assert not (shop.folder / "x").exists()


def test_the_database_can_not_be_changed_by_a_question(shop) -> None:
    query(shop, "SELECT 1")
    query(shop, "WITH x AS (SELECT 1) DELETE FROM call")
    connection = sqlite3.connect(shop.folder / "flowtrace.flow.sqlite")
    assert connection.execute("SELECT count(*) FROM call").fetchone() == (4,)


def test_tables_are_listed_with_what_their_columns_hold(workshop) -> None:
    done = workshop.flowtrace("query", "--tables")
    assert done.status == 0
    for word in (
        "calls ",
        "swallowed ",
        "call: calls, in order of their start",
        "running_ns ",
        "duration without waits",
    ):
        assert word in done.out
    assert "which question?" in workshop.flowtrace("query").err


def test_control_characters_do_not_reach_a_terminal(workshop, hostile) -> None:
    done = query(workshop, "SELECT name FROM function", str(hostile))
    os.unlink(f"{hostile}.sqlite")
    assert done.status == 0
    assert "\x1b" not in done.out and "\x00" not in done.out and "\u202e" not in done.out
    assert r"\x1b[31mred\x07" in done.out


def test_wide_characters_are_aligned(shop) -> None:
    done = query(shop, "SELECT '中文' AS a, 1 AS b UNION ALL SELECT 'x', 22")
    assert done.out == "a      b\n----  --\n中文   1\nx     22\n(2 rows)\n"


def test_long_texts_are_cut_in_tables(shop) -> None:
    question = "SELECT printf('%.100c', 'x') AS long"
    assert query(shop, question).out.splitlines()[2] == "x" * 59 + "…"
    assert query(shop, question, "--wide").out.splitlines()[2] == "x" * 100
    assert query(shop, question, "--csv").out.splitlines()[1] == "x" * 100


def test_texts_are_cut_further_on_a_narrow_terminal() -> None:
    from flowtrace._rows import _fit, _line

    widths = _fit([50, 10, 400], [False, True, False], 80)
    assert sum(widths) + 4 == 80
    assert _line(["a" * 400, "5", "b"], [12, 3, 5], [False, True, False]) == "aaaaaaaaaaa…    5  b"
