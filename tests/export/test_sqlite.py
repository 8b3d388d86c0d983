"""The SQLite database: its tables hold what the trace does, and the real shell reads them."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest

from flowtrace._core import NEWEST, Tables, Trace, table_columns
from flowtrace.formats import sqlite


def database(workshop, trace: Path, *words: str) -> sqlite3.Connection:
    done = workshop.flowtrace("export", "sqlite", *words, "-o", "out.sqlite", str(trace))
    assert done.status == 0, done.err
    return sqlite3.connect(workshop.folder / "out.sqlite")


def count(connection: sqlite3.Connection, table: str) -> int:
    return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def test_the_tables_hold_what_the_trace_does(workshop, everything) -> None:
    trace = Trace(everything)
    connection = database(workshop, everything)
    calls = list(trace.calls())
    assert count(connection, "call") == len(calls)
    assert count(connection, "argument") == sum(len(call.arguments) for call in calls)
    assert count(connection, "track") == len(trace.tracks)
    assert count(connection, "exception") == len(trace.exceptions)
    assert count(connection, "process") == 2
    for call in calls:
        told = connection.execute(
            "SELECT name, parent, duration_ns, running_ns, waiting_ns, outcome, result FROM calls WHERE call = ?",
            (call.number,),
        ).fetchone()
        parent = call.parent.number if call.parent else None
        result = str(call.result) if call.result is not None else None
        times = (call.duration_ns, call.running_ns, call.waiting_ns)
        assert told == (call.function.qualname, parent, *times, call.outcome, result)


def test_arguments_exceptions_and_links_can_be_asked_for(workshop, everything) -> None:
    connection = database(workshop, everything)
    ask = connection.execute
    assert ask("SELECT arguments FROM calls WHERE name = 'price' LIMIT 1").fetchone() == ("order=1, rule='vip'",)
    assert ask("SELECT name, value FROM argument WHERE position = 1 LIMIT 1").fetchone() == ("rule", "'vip'")
    assert ask("SELECT text, caught_by_function FROM swallowed").fetchall() == [("ValueError('no 2')", "careful")]
    kinds = {kind for (kind,) in ask("SELECT DISTINCT kind FROM link")}
    assert {"task", "thread", "process"} <= kinds
    (waits,) = ask("SELECT count(*) FROM call WHERE waiting_ns > 0 AND longest_wait_ns > 0").fetchone()
    assert waits >= 2
    assert ask("PRAGMA integrity_check").fetchone() == ("ok",)


def test_depth_is_that_of_the_track(workshop, everything) -> None:
    connection = database(workshop, everything)
    for call in Trace(everything).calls():
        (depth,) = connection.execute("SELECT depth FROM call WHERE call = ?", (call.number,)).fetchone()
        assert depth == call.depth


def test_hostile_names_and_values_come_back(workshop, hostile) -> None:
    connection = database(workshop, hostile)
    names = {name for (name,) in connection.execute("SELECT name FROM function")}
    assert {"</script><script>alert(1)</script>", "a;b c\n1"} <= names
    assert count(connection, "call") == len(list(Trace(hostile).calls()))


def test_filters_apply(workshop, everything) -> None:
    connection = database(workshop, everything, "--function", "price")
    assert connection.execute("SELECT DISTINCT name FROM calls").fetchall() == [("price",)]


def test_the_shell_reads_it(workshop, everything) -> None:
    shell = shutil.which("sqlite3")
    if not shell:
        pytest.skip("no sqlite3 shell here")
    database(workshop, everything).close()
    done = subprocess.run(
        [shell, "out.sqlite", "SELECT count(*) FROM calls"], cwd=workshop.folder, capture_output=True, text=True
    )
    assert done.stdout.strip() == str(len(list(Trace(everything).calls())))


def told(connection: sqlite3.Connection) -> dict[str, list[tuple[int | str | None, ...]]]:
    found = {}
    for table, _, columns in table_columns():
        names = ", ".join(f'"{column[0]}"' for column in columns)
        order = "call, position" if table == "argument" else "rowid"
        found[table] = connection.execute(f"SELECT {names} FROM {table} ORDER BY {order}").fetchall()
    return found


def held(trace: Path) -> dict[str, list[tuple[int | str | None, ...]]]:
    tables = Tables(trace)
    return {table: list(tables.rows(table)) for table, _, _ in table_columns()}


@pytest.mark.parametrize("rows", [1, 3, 64])
@pytest.mark.parametrize("derives", [True, False])
def test_each_cell_is_what_the_trace_has(tmp_path, everything, monkeypatch, rows, derives) -> None:
    """Columns that a block has as usual aren't inserted, and some are made of others, or not by an old SQLite."""
    monkeypatch.setattr(sqlite, "ROWS", rows)
    monkeypatch.setattr(sqlite, "can_derive", lambda: derives)
    sqlite.write(str(everything), str(tmp_path / "out.sqlite"), NEWEST, [])
    assert told(sqlite3.connect(tmp_path / "out.sqlite")) == held(everything)


def test_numbers_with_gaps_are_kept(workshop, tmp_path) -> None:
    program = "def odd(n): return n\ndef even(n): return n\nfor n in range(200): (odd if n % 3 else even)(n)"
    trace = workshop.record(program).trace_path
    sqlite.write(str(trace), str(tmp_path / "out.sqlite"), NEWEST, [("--hide", "even")])
    numbers = sqlite3.connect(tmp_path / "out.sqlite").execute("SELECT call FROM call ORDER BY call")
    assert [number for (number,) in numbers] == [1] + [n + 2 for n in range(200) if n % 3]


def test_blocks_have_few_shapes_whatever_rows_lack(workshop) -> None:
    """Or a statement would be made for nearly each of them."""
    program = "def f(n):\n    if n % 7 == 0: raise ValueError(n)\n    return n\ndef g(n):\n    yield n\n"
    program += "for n in range(300):\n    try: f(n)\n    except ValueError: pass\n    if n % 5 == 0: list(g(n))\n"
    trace = workshop.record(program).trace_path
    shapes = [shape for shape, _ in Tables(trace).blocks("call", rows=1, derived=False)]
    assert 2 <= len(set(shapes)) <= 33
    with pytest.raises(ValueError, match="rows is 1 to"):
        Tables(trace).blocks("call", rows=0, derived=False)
