"""`flowtrace query`: answers, how they are written, the cache, and what a question may not do."""

from __future__ import annotations

import csv
import io
import json
import os
import sqlite3
import subprocess
import sys

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
    assert "was not made by query, so it stays as it is" in done.err
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
    before = sorted(os.listdir(shop.folder))
    done = query(shop, question)
    assert (done.status, done.out) == (2, "")
    for sentence in sentences:
        assert sentence in done.err
    assert "Traceback" not in done.err
    assert not (shop.folder / "x").exists()
    assert sorted(os.listdir(shop.folder)) == before


def test_what_takes_long_without_rows_is_asked_once(shop) -> None:
    long = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT max(i) FROM n"
    assert "300000" in query(shop, long).out
    assert "flowtrace" in query(shop, "SELECT name FROM trace").out


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


def test_columns_of_one_name_are_told_apart_in_json(shop) -> None:
    question = (
        "SELECT calls.name, argument.name, argument.value AS name_2 FROM calls JOIN argument USING (call) LIMIT 1"
    )
    assert json.loads(query(shop, question, "--json").out) == [{"name": "price", "name_2": "order", "name_2_2": "0"}]


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        (b"SELECT '\xff'", "the question is no UTF-8"),
        (b"SELECT sum(9223372036854775807) FROM call", "integer overflow"),
        (b"SELECT ?", "a question has no parameters"),
        (b"SELECT CAST(x'ff41' AS TEXT)", "Could not decode to UTF-8"),
    ],
)
def test_what_is_wrong_beside_its_words_is_said_without_the_list_of_tables(shop, question, sentence) -> None:
    done = query(shop, os.fsdecode(question))
    assert (done.status, done.out) == (2, "")
    assert sentence in done.err
    assert len(done.err.splitlines()) == 1


ASKS_MEANWHILE = """
    import os, subprocess, sys
    def f(n): return n
    own = {name: value for name, value in os.environ.items() if not name.startswith("FLOWTRACE")}
    def ask():
        question = "SELECT count(*) FROM calls WHERE name = 'f'"
        command = [sys.executable, "-m", "flowtrace", "query", "--csv", question]
        return subprocess.run(command, env=own, capture_output=True, text=True, check=True).stdout.split()[-1]
    f(1)
    first = ask()
    f(2), f(3)
    print(first, ask())
"""


def test_a_trace_that_is_being_recorded_is_asked_as_it_is_now(workshop) -> None:
    assert workshop.record(ASKS_MEANWHILE).out == "1 3\n"
    assert query(workshop, "SELECT count(*) FROM calls WHERE name = 'f'", "--csv").out.split()[-1] == "3"


def test_an_export_of_the_name_that_the_tables_would_have_stays(shop) -> None:
    os.rename(shop.trace_path, shop.folder / "run")
    shop.flowtrace("export", "sqlite", "--last", "1", "run")  # to run.sqlite
    before = (shop.folder / "run.sqlite").read_bytes()
    done = query(shop, "SELECT 1", "run")
    assert "was not made by query, so it stays as it is" in done.err
    assert (shop.folder / "run.sqlite").read_bytes() == before


def test_damaged_tables_are_named(shop) -> None:
    assert query(shop, "SELECT 1").status == 0
    path = shop.folder / "flowtrace.flow.sqlite"
    (root,) = sqlite3.connect(path).execute("SELECT rootpage FROM sqlite_schema WHERE name = 'call'").fetchone()
    with open(path, "r+b") as file:
        file.seek((root - 1) * 16384)
        file.write(b"\xff" * 16384)
    done = query(shop, "SELECT * FROM call")
    assert f"the tables in {path} are damaged; delete it" in done.err
    assert len(done.err.splitlines()) == 1


def test_two_questions_at_once_make_the_tables_twice_and_leave_one_file(shop) -> None:
    command = [sys.executable, "-m", "flowtrace", "query", "--csv", "SELECT count(*) FROM call"]
    asked = [subprocess.Popen(command, cwd=shop.folder, env=shop.environment, stdout=subprocess.PIPE) for _ in range(3)]
    assert [process.communicate()[0] for process in asked] == [b"count(*)\n4\n"] * 3
    assert sorted(os.listdir(shop.folder)) == ["app.py", "flowtrace.flow", "flowtrace.flow.sqlite"]


def test_nothing_is_left_of_tables_that_were_interrupted(shop, monkeypatch) -> None:
    from flowtrace.commands import query as verb
    from flowtrace.formats import sqlite

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sqlite, "_insert", interrupted)
    with pytest.raises(KeyboardInterrupt):
        verb.main(["SELECT 1", str(shop.trace_path)])
    assert sorted(os.listdir(shop.folder)) == ["app.py", "flowtrace.flow"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
@pytest.mark.parametrize("words", [["SELECT 1"], ["SELECT 1", "--csv"], ["SELECT 1", "--json"], ["--tables"]])
def test_a_full_disk_is_said(shop, words) -> None:
    command = [sys.executable, "-m", "flowtrace", "query", *words]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, cwd=shop.folder, env=shop.environment, stdout=full, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (2, b"flowtrace: can't write to stdout: No space left on device\n")


def test_who_reads_the_first_rows_only_gets_these(shop) -> None:
    question = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT * FROM n"
    for words in ([], ["--csv"], ["--json"]):
        command = [sys.executable, "-m", "flowtrace", "query", question, *words]
        asked = subprocess.Popen(
            command, cwd=shop.folder, env=shop.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert asked.stdout.read(10)
        asked.stdout.close()
        assert asked.stderr.read() == b""
        asked.stderr.close()
        asked.wait()


def test_calls_of_several_hosts_are_told_apart(workshop) -> None:
    workshop.record("def f(n): return n\nf(1)\n")
    os.rename(workshop.trace_path, workshop.folder / "here.flow")
    workshop.record("def f(n): return n\nf(2)\n")
    assert workshop.flowtrace("merge", "-o", "both.flow", "here.flow", "flowtrace.flow").status == 0
    question = "SELECT process, result, host IS NOT NULL AS known FROM calls WHERE name = 'f' ORDER BY process"
    assert query(workshop, question, "--csv", "both.flow").out == "process,result,known\n0,1,1\n1,2,1\n"


@pytest.mark.parametrize("name", ["a b?#%41;.flow", os.fsdecode(b"b\xff.flow"), "d?#/x.flow", "'.flow", "-x.flow"])
def test_names_that_mean_something_elsewhere_are_names(shop, name) -> None:
    place = shop.folder / name
    place.parent.mkdir(exist_ok=True)
    os.rename(shop.trace_path, place)
    for given in (f"./{name}", f"/{place}"):  # two slashes begin the name of a machine in a URI
        assert query(shop, "SELECT count(*) FROM call", "--csv", given).out == "count(*)\n4\n"
    assert os.path.isfile(f"{place}.sqlite")


def test_a_pipe_in_place_of_the_tables_is_not_waited_for(shop) -> None:
    os.mkfifo(shop.folder / "flowtrace.flow.sqlite")
    assert query(shop, "SELECT count(*) FROM call", "--csv").out == "count(*)\n4\n"
