"""What recording costs: ns added per call and bytes per call, beside the floor and cProfile.

    python bench/recorder.py [--rounds 15] [--program fib]

Every round runs each program in each way, one after the other, in one process, so that
what disturbs the machine disturbs them all; figures are medians over the rounds.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable

from programs import PROGRAMS

from flowtrace import _core

HERE = os.path.dirname(os.path.abspath(__file__))
LIBRARY = [os.path.dirname(os.__file__)]


def timed(program: Callable[[], int]) -> int:
    start = time.perf_counter_ns()
    program()
    return time.perf_counter_ns() - start


def untraced(program: Callable[[], int], path: str) -> int:
    return timed(program)


def empty_pair(program: Callable[[], int], path: str) -> int:
    """PY_START and PY_RETURN into C functions that do nothing: the interpreter's own price."""
    monitoring = sys.monitoring
    events = monitoring.events
    monitoring.use_tool_id(5, "floor")
    try:
        monitoring.register_callback(5, events.PY_START, _core._nothing)
        monitoring.register_callback(5, events.PY_RETURN, _core._nothing)
        monitoring.set_events(5, events.PY_START | events.PY_RETURN)
        return timed(program)
    finally:
        monitoring.set_events(5, 0)
        monitoring.free_tool_id(5)


def cprofile(program: Callable[[], int], path: str) -> int:
    profile = cProfile.Profile()
    profile.enable()
    try:
        return timed(program)
    finally:
        profile.disable()


def flowtrace(values: bool, with_time: bool = True, identity: bool = False) -> Callable[[Callable[[], int], str], int]:
    def run(program: Callable[[], int], path: str) -> int:
        _core.record_start(
            path,
            values=values,
            time=with_time,
            roots=[HERE],
            library=LIBRARY,
            rules=[],
            info={},
            settings={"identity": int(identity)},
            secrets=[],
        )
        try:
            return timed(program)
        finally:
            _core.record_stop()

    return run


WAYS: dict[str, Callable[[Callable[[], int], str], int]] = {
    "untraced": untraced,
    "empty C pair": empty_pair,
    "cProfile": cprofile,
    "flowtrace": flowtrace(values=True),
    **({} if _core.identity_obstacle() else {"flowtrace --identity": flowtrace(values=True, identity=True)}),
    "flowtrace --no-values": flowtrace(values=False),
    "flowtrace --no-values --no-time": flowtrace(values=False, with_time=False),
}


def used_bytes(path: str) -> int:
    """Bytes that the trace takes on the disk, the fixed first pages of an empty one included."""
    return os.stat(path).st_blocks * 512


def measure(name: str, rounds: int) -> None:
    program = PROGRAMS[name]
    calls = program()
    times: dict[str, list[int]] = {way: [] for way in WAYS}
    sizes: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "bench.flow")
        for _ in range(rounds):
            for way, run in WAYS.items():
                times[way].append(run(program, path))
                if way.startswith("flowtrace"):
                    sizes[way] = used_bytes(path)
    base = statistics.median(times["untraced"])
    profile = statistics.median(times["cProfile"]) - base
    print(f"\n{name}: {calls:,} calls, {base / calls:.0f} ns each untraced")
    print(f"  {'':34}{'ns added':>10}{'spread':>10}{'× cProfile':>12}{'B per call':>12}")
    for way, samples in times.items():
        if way == "untraced":
            continue
        added = (statistics.median(samples) - base) / calls
        low, _, high = statistics.quantiles(samples, n=4)
        ratio = (statistics.median(samples) - base) / profile
        size = f"{sizes[way] / calls:.1f}" if way in sizes else ""
        print(f"  {way:34}{added:10.0f}{(high - low) / calls:10.0f}{ratio:12.2f}{size:>12}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--program", choices=sorted(PROGRAMS), action="append")
    options = parser.parse_args()
    print(f"CPython {sys.version.split()[0]}, medians of {options.rounds} rounds, spread between quartiles")
    for name in options.program or PROGRAMS:
        measure(name, options.rounds)


if __name__ == "__main__":
    main()
