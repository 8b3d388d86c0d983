"""Fills in the tables of documents from bench/results: what stands behind a line <!-- bench RESULTS TABLE ... -->.

    python bench/document.py

RESULTS is the name of a file there, or several with commas. tests/bench checks that the documents agree with the files.
"""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Callable
from functools import cache

import tables
from environments import HERE, ROOT
from tables import Results, Table

DOCUMENTS = ("docs/performance.md", "README.md", "README.ru.md")
BLOCK = re.compile(r"(<!-- bench (?P<names>\S+) (?P<table>\S+)(?: (?P<argument>.+?))? -->\n)(?:[^<\n].*\n)*")


@cache
def load(name: str) -> Results:
    return dict(json.loads((HERE / "results" / f"{name}.json").read_text(encoding="utf-8")))


def of_machine(results: Results) -> Table:
    machine, python = results["machine"], results["python"]
    kind = ", ".join(word for word in ("free_threaded", "debug") if python[word])
    processes, rounds = results["rounds"]
    return [
        ["what", "with what"],
        ["CPU", f"{machine['cpu']}, {machine['cores']} cores, {machine['architecture']}"],
        ["system", machine["system"]],
        ["CPython", f"{python['version'].split()[0]}, {python['compiler']}{kind and ', ' + kind}"],
        ["when, of which commit", f"{results['date'][:10]}, {results['commit']}"],
        ["rounds", f"{rounds} in each of {processes} processes"],
        ["load, before and after", " and ".join(f"{load:.1f}" for load in results["load"])],
    ]


SUMMARY = ("fib", "methods", "parser", "asyncio", "markdown")


def of_summary(names: list[str], way: str) -> Table:
    """Ratios to cProfile, by interpreter."""
    table = [["CPython", *SUMMARY]]
    for name in names:
        results = load(name)
        ratios = dict(zip(*_row(tables.of_ratios(results, "cProfile"), way), strict=True))
        table.append([results["python"]["version"].split()[0], *[ratios[program] for program in SUMMARY]])
    return table


def of_interpreters(names: list[str], program: str) -> Table:
    """ns added to a step of one program, ways by interpreters."""
    columns = [load(name) for name in names]
    table = [["", *[results["python"]["version"].split()[0] for results in columns]]]
    known = dict.fromkeys(way for results in columns for way in tables.ways(results))
    for way in known:
        rows = [tables.found(results, program, way) for results in columns]
        if sum(row is not None for row in rows) > len(rows) / 2:
            table.append([way, *[tables.number(tables.added(row)[0]) if row else "–" for row in rows]])
    return table


def _row(table: Table, name: str) -> tuple[list[str], list[str]]:
    return table[0][1:], next(row for row in table if row[0] == name)[1:]


def of_others(names: list[str]) -> Table:
    """What whole processes take, by interpreter."""
    table = [["", *[load(name)["python"]["version"].split()[0] for name in names]]]
    lines: dict[str, list[str]] = {}
    for name in names:
        results = load(name)
        for row in results["library"]:
            middle, low, high = tables.percent(row)
            cell = f"{middle:+.1f} % ({low:+.1f} … {high:+.1f})"
            lines.setdefault(f"time in {row['program']}: slower by", []).append(cell)
        start = {command: statistics.median(samples) / 1e6 for command, samples in results["start_up"].items()}
        base = start.pop("python -c pass")
        lines.setdefault("`python -c pass`", []).append(f"{base:.0f} ms")
        for command, took in start.items():
            lines.setdefault(f"`{command}` adds", []).append(f"{took - base:.0f} ms")
        for command, samples in results["readers"].items():
            if "ns" in samples:
                took, peak = statistics.median(samples["ns"]) / 1e6, max(samples["kib"]) / 1024
                lines.setdefault(f"`{command}`, a million calls", []).append(f"{took:.0f} ms, {peak:.0f} MB")
    return [*table, *[[name, *cells] for name, cells in lines.items()]]


def table_for(names: list[str], table: str, argument: str) -> Table:
    results = load(names[0])
    made: dict[str, Callable[[], Table]] = {
        "abilities": lambda: tables.of_abilities(tables.ways(results)),
        "machine": lambda: of_machine(results),
        "added": lambda: tables.of_added(results),
        "ratios": lambda: tables.of_ratios(results, argument),
        "output": lambda: tables.of_output(results, argument),
        "summary": lambda: of_summary(names, argument),
        "interpreters": lambda: of_interpreters(names, argument),
        "others": lambda: of_others(names),
        "exports": lambda: tables.of_exports(results),
    }
    return made[table]()


def filled(text: str) -> str:
    """Return a document with its tables as the files say."""

    def fill(block: re.Match[str]) -> str:
        table = table_for(block["names"].split(","), block["table"], block["argument"] or "")
        words = block["table"] in {"abilities", "machine"}
        return block[1] + tables.markdown(table, "---" if words else "---:") + "\n"

    return BLOCK.sub(fill, text)


def main() -> None:
    for name in DOCUMENTS:
        path = ROOT / name
        before = path.read_text(encoding="utf-8")
        after = filled(before)
        if after != before:
            path.write_text(after, encoding="utf-8")
            print(name)


if __name__ == "__main__":
    main()
