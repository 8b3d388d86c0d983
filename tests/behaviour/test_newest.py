"""A trace that is too big to be read whole is told from its newest calls."""

from __future__ import annotations

import re

from conftest import Workshop

from flowtrace import _core

PROGRAM = """
    def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)
    def main():
        for _ in range(20): fib(15)
    main()
"""


def number(text: str) -> int:
    return int(text.replace(",", ""))


def test_a_story_says_what_it_has_not_read(workshop: Workshop) -> None:
    run = workshop.record(PROGRAM)
    whole = workshop.flowtrace("show", str(run.trace_path)).out
    every = re.search(r"· ([\d,]+) calls", whole)
    part = workshop.flowtrace("show", "--newest", "15000", str(run.trace_path)).out
    told = re.search(r"· ([\d,]+) calls", part)
    left_out = re.search(r"Not read: ([\d,]+) older calls; --newest N reads more\.", part)
    assert every and told and left_out, part
    assert "Not read" not in whole
    assert 5000 < number(told[1]) < 16000
    # What ran when the newest part began is told again.
    assert 0 <= number(told[1]) + number(left_out[1]) - number(every[1]) <= 20
    assert "main()" in part


def test_info_counts_all_calls_and_tells_of_the_newest(workshop: Workshop) -> None:
    run = workshop.record(PROGRAM)
    text = _core.info(run.trace_path, newest=15000).decode()
    found = re.search(r"^calls +([\d,]+) in all; the newest were read \(--all reads all\):\n +([\d,]+) of", text, re.M)
    assert found, text
    whole = re.search(r"^calls +([\d,]+) of", workshop.flowtrace("info", str(run.trace_path)).out, re.M)
    assert whole
    assert number(found[1]) == number(whole[1])
    assert number(found[2]) < 16000
    assert re.search(r"^duration +[\d.]+ [µm]?s, of what was read$", text, re.M), text
    assert "exit status 0" in text
