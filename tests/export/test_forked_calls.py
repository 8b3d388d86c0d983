"""Calls that a fork copied stand once in what is exported, and are counted once."""

from __future__ import annotations

import json
import sqlite3

FORKS = """
    import os
    def f(n): return n
    for n in range(3):
        if not os.fork():
            f(n)
            break
        os.wait()
"""
CALLS = 1 + 3  # the module's body, which each process of a fork has as well


def test_counts_agree_with_what_is_there(workshop) -> None:
    workshop.record(FORKS)
    json_lines = workshop.flowtrace("export", "json", "-o", "-").out.splitlines()
    assert json.loads(json_lines[0])["calls"] == CALLS
    assert sum('"type":"call"' in line for line in json_lines) == CALLS
    done = workshop.flowtrace("export", "sqlite", "-o", "out.sqlite")
    assert f"wrote out.sqlite: {CALLS} calls" in done.err
    ask = sqlite3.connect(workshop.folder / "out.sqlite").execute
    assert ask("SELECT count(*) FROM call").fetchone() == (CALLS,)
    assert ask("SELECT value FROM trace WHERE name = 'calls'").fetchone() == (CALLS,)
    assert f"calls         {CALLS} of " in workshop.flowtrace("info").out
    assert f"wrote flowtrace.folded: {CALLS} calls" in workshop.flowtrace("export", "folded").err


def test_counts_beside_filters_agree_too(workshop) -> None:
    workshop.record(FORKS)
    json_lines = workshop.flowtrace("export", "json", "--function", "f", "-o", "-").out.splitlines()
    trace = json.loads(json_lines[0])
    assert (trace["calls"], trace["calls_before_filters"]) == (3, CALLS)
    assert sum('"type":"call"' in line for line in json_lines) == 3
