"""What flowtrace.region() and note() cost where nothing records, beside an empty context manager and function.

    python bench/regions.py [--rounds 15]

Each round times all of them, one after the other, so that what disturbs the machine disturbs them all. A line has the
median over the rounds in nanoseconds, without the loop, and its ratio to the first line of its group.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import time
from collections.abc import Callable

import flowtrace

TIMES = 200_000


class Empty:
    def __enter__(self) -> None: ...
    def __exit__(self, *exception: object) -> None: ...


class EmptyOf:
    def __init__(self, name: str, **values: object) -> None: ...
    def __enter__(self) -> None: ...
    def __exit__(self, *exception: object) -> None: ...


def empty(text: str, **values: object) -> None: ...


def loop() -> None:
    for _ in range(TIMES):
        pass


def with_empty() -> None:
    for _ in range(TIMES):
        with Empty():
            pass


def with_null() -> None:
    for _ in range(TIMES):
        with contextlib.nullcontext():
            pass


def with_region() -> None:
    region = flowtrace.region
    for _ in range(TIMES):
        with region("part"):
            pass


def with_empty_values() -> None:
    for n in range(TIMES):
        with EmptyOf("part", n=n):
            pass


def with_region_values() -> None:
    region = flowtrace.region
    for n in range(TIMES):
        with region("part", n=n):
            pass


def call_empty() -> None:
    for n in range(TIMES):
        empty("note", n=n)


def call_note() -> None:
    note = flowtrace.note
    for n in range(TIMES):
        note("note", n=n)


GROUPS: list[list[tuple[str, Callable[[], None]]]] = [
    [("an empty context manager", with_empty), ("contextlib.nullcontext()", with_null), ("region(name)", with_region)],
    [("an empty one that takes values", with_empty_values), ("region(name, n=n)", with_region_values)],
    [("an empty function that takes values", call_empty), ("note(text, n=n)", call_note)],
]


def took(function: Callable[[], None]) -> float:
    start = time.perf_counter_ns()
    function()
    return (time.perf_counter_ns() - start) / TIMES


def measure(rounds: int) -> dict[Callable[[], None], float]:
    functions = [loop, *(function for group in GROUPS for _, function in group)]
    rows = [[took(function) for function in functions] for _ in range(rounds)]
    medians = [statistics.median(column) for column in zip(*rows, strict=True)]
    return {function: median - medians[0] for function, median in zip(functions, medians, strict=True)}


def recorded(function: Callable[[], None]) -> float:
    """Return what it costs while it is recorded."""
    with flowtrace.active_tracing(last="4M"):
        function()
        return took(function)


def main() -> None:
    parser = argparse.ArgumentParser(description="What region() and note() cost where nothing records.")
    parser.add_argument("--rounds", type=int, default=15)
    found = measure(parser.parse_args().rounds)
    for group in GROUPS:
        for name, function in group:
            print(f"{name:36} {found[function]:6.1f} ns  {found[function] / found[group[0][1]]:5.2f}")
    for name, function in [GROUPS[0][-1], GROUPS[1][-1], GROUPS[2][-1]]:
        print(f"{name + ', recorded':36} {recorded(function):6.0f} ns")


if __name__ == "__main__":
    main()
