"""flowtrace report: the calls of a recorded run in numbers, for eyes and for programs."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from pathlib import Path

import pytest
from conftest import Run, Workshop

SOURCE = """
    import threading

    def fib(n):
        return n if n < 2 else fib(n - 1) + fib(n - 2)

    def pay(amount):
        if amount > 1:
            raise ValueError(amount)

    def work():
        for amount in range(4):
            try:
                pay(amount)
            except ValueError:
                pass

    fib(6)
    thread = threading.Thread(target=work, name="worker")
    thread.start()
    thread.join()
    work()
"""


@pytest.fixture
def recorded(workshop: Workshop) -> Workshop:
    workshop.record(SOURCE)
    return workshop


def rows(done: Run) -> list[dict[str, str]]:
    assert done.status == 0, done.err
    return list(csv.DictReader(io.StringIO(done.out)))


def by_name(done: Run, key: str = "function") -> dict[str, dict[str, str]]:
    return {row[key]: row for row in rows(done)}


def test_the_rows_are_what_the_trace_holds(recorded: Workshop) -> None:
    told = by_name(recorded.flowtrace("report", "--csv"))
    assert {name: int(row["calls"]) for name, row in told.items()} == {"<module>": 1, "fib": 25, "work": 2, "pay": 8}
    assert told["pay"]["raised"] == "4"
    assert told["pay"]["line"] == "6"
    assert told["pay"]["file"] == str(recorded.folder / "app.py")
    assert told["work"]["open"] == "0"
    trace = recorded.flowtrace("show").out
    assert trace


def test_times_agree_with_the_calls(recorded: Workshop) -> None:
    from flowtrace._core import Trace

    told = by_name(recorded.flowtrace("report", "--csv"))
    trace = Trace(recorded.trace_path)
    for name in ("fib", "pay", "work"):
        times = sorted(call.running_ns for call in trace.calls(function=name))
        row = told[name]
        assert [int(row["min_ns"]), int(row["median_ns"]), int(row["max_ns"])] == [
            times[0],
            times[(len(times) - 1) // 2],
            times[-1],
        ]
    fib = next(call for call in trace.calls(function="fib"))
    assert int(told["fib"]["total_ns"]) == fib.running_ns, "a recursion counts once"
    assert int(told["fib"]["self_ns"]) == fib.running_ns
    assert int(told["work"]["self_ns"]) + int(told["pay"]["self_ns"]) == int(told["work"]["total_ns"])


def test_json_has_the_same_rows(recorded: Workshop) -> None:
    told = json.loads(recorded.flowtrace("report", "--json").out)
    assert [told["program"], told["by"], told["calls"], told["open"], told["rows_in_all"]] == [
        "app.py",
        "function",
        36,
        0,
        4,
    ]
    listed = rows(recorded.flowtrace("report", "--csv"))
    assert [{name: str(value) for name, value in row.items()} for row in told["rows"]] == listed


@pytest.mark.parametrize(
    ("by", "key", "names"),
    [
        ("file", "file", {"app.py"}),
        ("module", "module", {"__main__"}),
        ("track", "name", {"MainThread", "worker"}),
        ("exception", "type", {"ValueError"}),
    ],
)
def test_by(recorded: Workshop, by: str, key: str, names: set[str]) -> None:
    listed = rows(recorded.flowtrace("report", "--by", by, "--csv"))
    assert {Path(row[key]).name for row in listed} == names
    table = recorded.flowtrace("report", "--by", by).out
    assert all(name in table for name in names)


def test_exceptions_are_told_with_who_caught_them(recorded: Workshop) -> None:
    (row,) = rows(recorded.flowtrace("report", "--by", "exception", "--csv"))
    assert (row["raised"], row["caught"], row["left"], row["places"]) == ("4", "4", "4", "1")
    assert (row["function"], row["line"]) == ("pay", "8")


def test_sort_and_limit(recorded: Workshop) -> None:
    lines = recorded.flowtrace("report", "--sort", "calls", "--limit", "2").out.splitlines()
    assert [line.split()[0] for line in lines[3:5]] == ["25", "8"]
    assert lines[5] == "… 2 more functions: --limit N"
    names = [row["function"] for row in rows(recorded.flowtrace("report", "--sort", "name", "--reverse", "--csv"))]
    assert names == ["work", "pay", "fib", "<module>"]


def test_filters_choose_what_is_counted(recorded: Workshop) -> None:
    told = by_name(recorded.flowtrace("report", "--csv", "--track", "worker", "--function", "pay"))
    assert {name: row["calls"] for name, row in told.items()} == {"pay": "4"}
    whole = by_name(recorded.flowtrace("report", "--csv"))["work"]
    hidden = by_name(recorded.flowtrace("report", "--csv", "--hide", "pay"))
    assert "pay" not in hidden
    assert hidden["work"]["self_ns"] == hidden["work"]["total_ns"] == whole["total_ns"]
    assert recorded.flowtrace("report", "--function", "pay").out.startswith("app.py · 8 of 36 calls, of 1 function · ")
    assert recorded.flowtrace("report", "--function", "pay", "--duration", "10s..").out == (
        "The filters leave none of 36 calls.\n"
    )
    assert rows(recorded.flowtrace("report", "--csv", "--function", "pay", "--duration", "10s..")) == []
    done = recorded.flowtrace("report", "--function", "pya")
    assert (done.status, done.err) == (2, "flowtrace: no function matches 'pya'; did you mean pay?\n")


def test_the_table_says_what_its_numbers_are(recorded: Workshop) -> None:
    told = " ".join(recorded.flowtrace("report").out.split())
    assert "This is no profiler: times include what recording cost." in told
    assert "not ended" not in told


def test_calls_that_have_not_ended_are_told(workshop: Workshop) -> None:
    workshop.record("import os\ndef last(): os._exit(0)\nlast()")
    told = " ".join(workshop.flowtrace("report").out.split())
    assert "2 calls have not ended: counted as far as recorded." in told
    assert {row["open"] for row in rows(workshop.flowtrace("report", "--csv"))} == {"1"}


def test_a_coroutine_waits_and_does_not_run(workshop: Workshop) -> None:
    workshop.record(
        """
        import asyncio
        async def nap():
            await asyncio.sleep(0.05)
        asyncio.run(nap())
        """
    )
    row = by_name(workshop.flowtrace("report", "--csv"))["nap"]
    assert int(row["waits_ns"]) > 45_000_000 > int(row["total_ns"])
    assert re.search(r"\bwaits\b", workshop.flowtrace("report").out)


def test_untimed_traces_have_no_times(workshop: Workshop) -> None:
    workshop.record(SOURCE, "--no-time")
    told = workshop.flowtrace("report").out
    assert "total" not in told
    assert "profiler" not in told
    assert told.splitlines()[3].split()[0] == "25", "the most called first"
    assert "total_ns" not in rows(workshop.flowtrace("report", "--csv"))[0]
    assert workshop.flowtrace("report", "--no-time").out == told


def test_names_of_the_trace_are_harmless_to_programs_and_terminals(workshop: Workshop) -> None:
    workshop.record(
        r"""
        def f(): pass
        f.__code__ = f.__code__.replace(co_name="n", co_qualname='a,"b"\n\x1b[31m', co_filename=__file__)
        f()
        """
    )
    assert "\x1b" not in workshop.flowtrace("report", "--width", "200").out
    assert rows(workshop.flowtrace("report", "--csv", "--limit", "9"))
    names = [row["function"] for row in json.loads(workshop.flowtrace("report", "--json").out)["rows"]]
    assert 'a,"b"\n\x1b[31m' in names


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (["--sort", "totl"], ["no column 'totl'", "calls, open, total, self"]),
        (["--sort", "total", "--by", "exception"], ["no column 'total'", "raised, caught, left, places, name"]),
        (["--by", "functions"], ["no grouping 'functions'", "function, file, module, track, exception"]),
        (["--csv", "--json"], ["--csv and --json"]),
        (["--limit", "many"], ["--limit", "whole number", "'many'"]),
        (["--limit"], ["--limit needs a value"]),
        (["--colour"], ["no option --colour"]),
        (["missing.flow"], ["no file missing.flow"]),
    ],
)
def test_what_is_wrong_is_named(recorded: Workshop, options: list[str], parts: list[str]) -> None:
    done = recorded.flowtrace("report", *options)
    assert done.status == 2
    assert done.stdout == b""
    assert done.err.startswith("flowtrace: ")
    assert done.err.count("\n") == 1
    for part in parts:
        assert part in done.err


def test_the_columns_that_help_lists_are_those_that_there_are(recorded: Workshop) -> None:
    told = recorded.flowtrace("report", "--help").out
    for column in (
        recorded.flowtrace("report", "--sort", "?").err.partition("there are ")[2].partition(";")[0].split(", ")
    ):
        assert re.search(rf"\b{column}\b", told), column


def test_nothing_was_recorded(workshop: Workshop) -> None:
    workshop.write("app.py", "def f(:\n")
    assert workshop.run("app.py").status == 1
    assert "ended before its first, with exit status 1" in workshop.flowtrace("report").out
    assert rows(workshop.flowtrace("report", "--csv")) == []


def test_a_pipe_that_nobody_reads(recorded: Workshop) -> None:
    process = recorded.start(
        "-c", f"import os; os.execv({sys.executable!r}, [{sys.executable!r}, '-m', 'flowtrace', 'report'])"
    )
    assert process.stdout
    process.stdout.close()
    assert process.stderr
    assert process.stderr.read() == b""
    assert process.wait(timeout=60) == 0
