"""What does a recording leave behind in memory? Runs programs in rounds, plain and recorded, and counts.

    python tests/leaks/leaks.py [--rounds N] [word ...]

Counted are Python's memory blocks, the bytes that C has allocated and, on a debug build, references. An interpreter
keeps something of the first rounds, and of a later one now and then: a leak is what grows in a usual round, and more
than it does with nobody watching. The words choose among the names that are printed.
"""

from __future__ import annotations

import argparse
import array
import contextlib
import ctypes
import gc
import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from work import WORK

import flowtrace
from flowtrace import _core

WARM_UP = 4
EXACT = "glibc.malloc.tcache_count=0:glibc.malloc.mxfast=0"  # what is freed counts as free, and is not kept at hand
SEEN = (flowtrace.Trace, flowtrace.Call, flowtrace.Function, flowtrace.Track, flowtrace.ExceptionInfo, flowtrace.Value)

type Action = Callable[[], object]
type Growth = dict[str, float]  # in a usual round, by counter


class _Allocated(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "arena free fast maps mapped most fast_free used rest keep".split()]


def _counters() -> dict[str, Callable[[], int]]:
    counters: dict[str, Callable[[], int]] = {"blocks": sys.getallocatedblocks}
    with contextlib.suppress(AttributeError):  # glibc 2.33 or newer
        mallinfo2 = ctypes.CDLL(None).mallinfo2
        mallinfo2.restype = _Allocated
        counters["bytes"] = lambda: int(mallinfo2().used)
    if hasattr(sys, "gettotalrefcount"):
        counters["references"] = sys.gettotalrefcount
    return counters


COUNTERS = _counters()
NUMBERED = not _core.identity_obstacle()  # --identity works here


def count() -> list[int]:
    gc.collect()
    # The cache of lookups holds a reference to each name that a class was asked for, however dead the class is.
    getattr(sys, "_clear_internal_caches", getattr(sys, "_clear_type_cache", None))()
    return [counter() for counter in COUNTERS.values()]


def growth(action: Action, rounds: int) -> Growth:
    grown = [array.array("q", [0] * rounds) for _ in COUNTERS]  # an array keeps no int of ours
    for _ in range(WARM_UP):
        action()
    before = count()
    for number in range(rounds):
        action()
        after = count()
        for which, (old, new) in enumerate(zip(before, after, strict=True)):
            grown[which][number] = new - old
        before = after
    return {name: statistics.median(deltas) for name, deltas in zip(COUNTERS, grown, strict=True)}


# --- what is done in a round ----------------------------------------------------


def recorded(action: Action, path: Path, **options: bool) -> Action:
    def once() -> None:
        with flowtrace.active_tracing(path, **options):
            action()

    return once


def watched(action: Action, _: Path) -> Action:
    """By @trace: the events of one function start and end it."""

    @flowtrace.trace
    def once() -> None:
        action()

    return once


def look(waiting: list[object]) -> None:
    """Ask objects of a trace all that they can be asked, and those that they answer with."""
    seen = set(waiting)
    while waiting:
        thing = waiting.pop()
        repr(thing), str(thing), thing == waiting
        for name in dir(type(thing)):
            try:
                answer = None if name.startswith("_") else getattr(thing, name)
                answer = answer() if callable(answer) else answer
            except (flowtrace.FlowTraceError, TypeError, ValueError):
                continue
            several = answer if isinstance(answer, tuple | list) else [answer]
            new = [one for one in several if isinstance(one, SEEN) and one not in seen]
            seen.update(new)
            waiting += new


def read(path: Path) -> None:
    trace = flowtrace.open(path)
    look([trace, *trace.calls()])
    list(trace.calls(function="deeper", outcome="raised", min_duration_ns=1, under=trace.call(1)))
    list(trace.calls(function=trace.functions[0], track=trace.tracks[0], module="*"))
    for wrong in ({"outcome": 5}, {"outcome": "lost"}, {"track": 1}, {"under": "x"}, {"function": 1}, {"module": 1}):
        with contextlib.suppress(TypeError, ValueError):
            trace.calls(**wrong)  # type: ignore[arg-type]
    for number in (-1, 1 << 40, 1 << 80, "x"):
        with contextlib.suppress(IndexError, TypeError):
            trace.call(number)  # type: ignore[arg-type]
    for missing in (__file__, "/nonexistent", "a\0b"):
        with contextlib.suppress(flowtrace.FlowTraceError, ValueError):
            flowtrace.open(missing)
    _core.show(path), _core.info(path)
    flowtrace.get_trace_data()


def refused(path: Path) -> None:
    """Starts that fail."""
    with flowtrace.active_tracing(path), contextlib.suppress(flowtrace.FlowTraceError):
        flowtrace.start_tracing(path)
    for options in ({"path": "/nonexistent/x"}, {"path": path, "include": [""]}, {"path": path, "include": 5}):
        with contextlib.suppress(flowtrace.FlowTraceError, TypeError, ValueError):
            flowtrace.start_tracing(**options)  # type: ignore[arg-type]
            flowtrace.stop_tracing()
    with contextlib.suppress(flowtrace.FlowTraceError):
        flowtrace.stop_tracing()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("words", nargs="*")
    options = parser.parse_args()
    if os.environ.get("GLIBC_TUNABLES") != EXACT:
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "GLIBC_TUNABLES": EXACT})
    with tempfile.TemporaryDirectory() as folder, open(os.devnull, "w") as sys.stderr:  # where @trace tells its stories
        return check(Path(folder), options.rounds, options.words)


def record_all(path: Path) -> None:
    with flowtrace.active_tracing(path):
        for action in WORK.values():
            action()


def check(folder: Path, rounds: int, words: list[str]) -> int:
    path = folder / "leaks.flow"
    every = folder / "every.flow"
    pairs: dict[str, tuple[Action, Action]] = {}
    for name, action in WORK.items():
        pairs[f"recorded {name}"] = (action, recorded(action, path))
        pairs[f"watched {name}"] = (action, watched(action, path))
        pairs[f"in detail {name}"] = (action, recorded(action, path, caught=True, boundary=True, identity=NUMBERED))
    nothing = WORK["recursion"]
    pairs["read"] = (nothing, lambda: read(every))
    pairs["refused"] = (nothing, lambda: refused(path))
    leaks = 0
    chosen = {name: pair for name, pair in pairs.items() if not words or any(word in name for word in words)}
    # In 3.13t no code dies any more once a thread has been started.
    for name in sorted(chosen, key=lambda name: "executed" not in name):
        plain, traced = chosen[name]
        if name == "read":
            record_all(every)
        usual, grown = growth(plain, rounds), growth(traced, rounds)
        leaking = any(grown[counter] > max(usual[counter], 0) for counter in COUNTERS)
        leaks += leaking
        shown = ", ".join(f"{grown[counter]:+g} {counter} (untraced {usual[counter]:+g})" for counter in COUNTERS)
        print(f"{name}: {shown}{'  LEAKS' if leaking else ''}", flush=True)
    print(f"{leaks} of {len(chosen)} leak")
    return 1 if leaks else 0


if __name__ == "__main__":
    sys.exit(main())
