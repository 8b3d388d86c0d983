"""What a call costs when two threads make calls at once, untraced and recorded, beside what it costs in one.

    python bench/threads.py [--rounds 15]

On a free-threaded build the two run on two cores: a ratio above 1 means that they share something. Each round does
all of it, one after the other, so that what disturbs the machine disturbs them all; the figures are medians over the
rounds of each thread's own time on the CPU. With a GIL, or where the machine has something else to do, they take
turns and the ratio says nothing: the last column is the part of the time in which both ran.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable

from flowtrace import _core

HERE = os.path.dirname(os.path.abspath(__file__))
DEPTH, CALLS = 22, 57313  # of fib(22)


class Point:
    def __init__(self, x: int) -> None:
        self.x = x


def fib(n: int) -> int:
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def objects(n: int) -> Point:
    """The same number of calls, with texts and objects that the thread has made."""
    point, name = Point(n), f"name {n}"
    for _ in range((CALLS - 1) // 2):
        both(name, point)
        both(point, name)
    return point


def both(one: object, other: object) -> object:
    return one


def run(program: Callable[[int], object], threads: int) -> tuple[float, float]:
    """Return ns for each call, and the part of the time in which all threads ran."""
    barrier = threading.Barrier(threads)
    took: list[int] = []
    spans: list[tuple[int, int]] = []

    def work(place: int) -> None:
        if hasattr(os, "sched_setaffinity"):  # else both may begin on one core
            cores = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(0, {cores[place % len(cores)]})
        barrier.wait()
        begin, start = time.perf_counter_ns(), time.thread_time_ns()
        program(DEPTH)
        took.append(time.thread_time_ns() - start)
        spans.append((begin, time.perf_counter_ns()))

    workers = [threading.Thread(target=work, args=(place,)) for place in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    wall = max(end for _, end in spans) - min(begin for begin, _ in spans)
    return sum(took) / threads / CALLS, sum(took) / threads / wall


def recorded(program: Callable[[int], object], threads: int, path: str) -> tuple[float, float]:
    library = [os.path.dirname(os.__file__)]
    _core.record_start(
        path, values=True, time=True, roots=[HERE], library=library, rules=[], info={}, settings={}, secrets=[]
    )
    try:
        return run(program, threads)
    finally:
        _core.record_stop()
        os.unlink(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    if getattr(sys, "_is_gil_enabled", lambda: True)():
        print("This Python has a GIL: threads take turns, and share nothing at the same time")
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None  # a disk that has to find room would part the threads
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        path = os.path.join(folder, "bench.flow")
        ways = [
            (f"{program.__name__}, {'recorded' if traced else 'untraced'}", program, traced)
            for program in (fib, objects)
            for traced in (False, True)
        ]
        figures: dict[tuple[str, int], list[tuple[float, float]]] = {(way[0], n): [] for way in ways for n in (1, 2)}
        for _ in range(rounds):
            for name, program, traced in ways:
                for threads in (1, 2):
                    took = recorded(program, threads, path) if traced else run(program, threads)
                    figures[name, threads].append(took)
    print(f"{'':20} {'1 thread':>10} {'2 threads':>10}  ratio  both ran (medians of {rounds} rounds)")
    for name, *_ in ways:
        one, two = ([cost for cost, _ in figures[name, threads]] for threads in (1, 2))
        ratio = statistics.median(b / a for a, b in zip(one, two, strict=True))
        both_ran = statistics.median(part for _, part in figures[name, 2])
        print(
            f"{name:20} {statistics.median(one):7.1f} ns {statistics.median(two):7.1f} ns  {ratio:5.2f}  {both_ran:.0%}"
        )


if __name__ == "__main__":
    main()
