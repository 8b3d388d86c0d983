"""Parquet: a folder of many runs and hosts is one data set to DuckDB and Polars."""

from __future__ import annotations

import os

import pytest

from flowtrace._core import NEWEST, Tables, Trace, table_columns

pyarrow_dataset = pytest.importorskip("pyarrow.dataset")

WORK = "def price(order, rate):\n    return order * rate\nfor i in range(5):\n    price(i, {rate})\n"


@pytest.fixture
def runs(workshop):
    """Return a folder with two runs, as of two hosts, and one of several processes."""
    for host, rate in (("desk", 10), ("lab", 11)):
        workshop.record(WORK.format(rate=rate))
        merged = workshop.flowtrace("export", "parquet", "-o", f"at-{host}", str(workshop.trace_path))
        assert merged.status == 0, merged.err
        for table in os.listdir(workshop.folder / f"at-{host}"):
            (given,) = os.listdir(workshop.folder / f"at-{host}" / table)
            place = workshop.folder / "runs" / table
            place.mkdir(parents=True, exist_ok=True)
            os.rename(workshop.folder / f"at-{host}" / table / given, place / f"host={host}")
    return workshop.folder / "runs"


DIFFERS = """
    SELECT d.function_name, d.result AS desk, l.result AS lab
    FROM (SELECT *, row_number() OVER (PARTITION BY function_name ORDER BY call) AS nth
          FROM read_parquet('{0}/call/**/*.parquet', hive_partitioning = true) WHERE host = 'desk') d
    JOIN (SELECT *, row_number() OVER (PARTITION BY function_name ORDER BY call) AS nth
          FROM read_parquet('{0}/call/**/*.parquet', hive_partitioning = true) WHERE host = 'lab') l
    USING (function_name, nth) WHERE d.result IS DISTINCT FROM l.result ORDER BY nth
"""


def test_duckdb_finds_the_calls_that_differ_between_hosts(runs) -> None:
    duckdb = pytest.importorskip("duckdb")
    found = duckdb.sql(DIFFERS.format(runs)).fetchall()
    assert found == [("price", str(10 * i), str(11 * i)) for i in range(1, 5)]


def test_polars_reads_the_same_folder(runs) -> None:
    polars = pytest.importorskip("polars")
    calls = polars.scan_parquet(f"{runs}/call/**/*.parquet", hive_partitioning=True)
    told = calls.filter(polars.col("function_name").cast(polars.String) == "price").group_by("host").len().collect()
    assert sorted(told.rows()) == [("desk", 5), ("lab", 5)]


def test_all_that_the_trace_holds_is_there(workshop, everything) -> None:
    done = workshop.flowtrace("export", "parquet", "-o", "out", str(everything))
    assert done.status == 0, done.err
    calls = list(Trace(everything).calls())
    table = pyarrow_dataset.dataset(workshop.folder / "out/call", partitioning="hive").to_table()
    rows = sorted(table.to_pylist(), key=lambda row: row["call"])
    assert [row["function_name"] for row in rows] == [call.function.qualname for call in calls]
    assert [row["duration_ns"] for row in rows] == [call.duration_ns for call in calls]
    assert [row["track_name"] for row in rows] == [call.track.name for call in calls]
    assert len({row["process"] for row in rows}) == 2
    arguments = pyarrow_dataset.dataset(workshop.folder / "out/argument", partitioning="hive").to_table()
    assert arguments.num_rows == sum(len(call.arguments) for call in calls)


def test_the_same_trace_replaces_itself_and_another_is_added(workshop, everything, hostile) -> None:
    for trace, expected in ((everything, 1), (everything, 1), (hostile, 2)):
        assert workshop.flowtrace("export", "parquet", "-o", "out", str(trace)).status == 0
        (host,) = os.listdir(workshop.folder / "out/call")
        assert len(os.listdir(workshop.folder / "out/call" / host)) == expected
    assert not [name for name in os.listdir(workshop.folder / "out") if name.startswith(".")]
    names = pyarrow_dataset.dataset(workshop.folder / "out/function", partitioning="hive").to_table()["name"]
    assert "</script><script>alert(1)</script>" in names.to_pylist()


def test_a_file_in_the_way_stays(workshop, everything) -> None:
    (workshop.folder / "out").write_text("mine")
    done = workshop.flowtrace("export", "parquet", "-o", "out", str(everything))
    assert done.status == 2
    assert "out is there and is no folder" in done.err
    assert (workshop.folder / "out").read_text() == "mine"
    done = workshop.flowtrace("export", "parquet", "-o", "-", str(everything))
    assert "stdout can't be" in done.err


def test_files_are_closed_and_begun_again_where_there_are_many_processes(workshop, tmp_path, monkeypatch) -> None:
    from flowtrace.formats import parquet

    program = (
        "import os\ndef f(n): return n\nfor n in range(5):\n    if not os.fork():\n        f(n), f(n)\n        break\n"
    )
    program += "    os.wait()\nf('last')\n"
    trace = workshop.record(program).trace_path
    monkeypatch.setattr(parquet, "WRITERS_MAX", 2)
    monkeypatch.setattr(parquet, "BATCH", 3)
    size, calls = parquet.write(str(trace), str(tmp_path / "out"), NEWEST, [])
    found = list((tmp_path / "out").rglob("*.parquet"))
    assert size == sum(path.stat().st_size for path in found)
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in found)
    assert any(path.name == "part-1.parquet" for path in found)
    table = pyarrow_dataset.dataset(tmp_path / "out/call", partitioning="hive").to_table()
    told = {(row["call"], row["process"], row["function_name"], row["result"]) for row in table.to_pylist()}
    assert len(told) == table.num_rows == calls
    assert {process for _, process, name, _ in told if name == "f"} == set(range(6))


def test_a_table_without_rows_has_its_columns(workshop) -> None:
    duckdb = pytest.importorskip("duckdb")
    workshop.record("def f(): pass\nf()\n")
    assert workshop.flowtrace("export", "parquet", "-o", "out").status == 0
    question = "SELECT count(*), count(fate), count(process) FROM read_parquet('{}/exception/**/*.parquet')"
    assert duckdb.sql(question.format(workshop.folder / "out")).fetchall() == [(0, 0, 0)]


def test_times_of_traces_can_be_compared(workshop) -> None:
    import time

    before = time.time_ns()
    workshop.record("pass")
    assert workshop.flowtrace("export", "parquet", "-o", "out").status == 0
    (process,) = pyarrow_dataset.dataset(workshop.folder / "out/process", partitioning="hive").to_table().to_pylist()
    assert before <= process["start_unix_ns"] <= time.time_ns()
    assert process["start_unix_ns"] > process["start_ns"]


def test_each_table_is_read_with_what_its_path_says(workshop, everything) -> None:
    assert workshop.flowtrace("export", "parquet", "-o", "out", str(everything)).status == 0
    for table, _, columns in table_columns():
        found = pyarrow_dataset.dataset(workshop.folder / "out" / table, partitioning="hive").to_table()
        assert found.num_rows == sum(1 for _ in Tables(everything).rows(table)), table
        names = {"process_host" if name == "host" else name for name, *_ in columns}
        assert names | {"host", "trace"} <= set(found.column_names)
