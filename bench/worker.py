"""One process with one program and one way to record it, run as often as the harness says.

    python worker.py WAY PROGRAM SIZE FOLDER

Each line of standard input is a wish, each line of standard output the answer in JSON: "untraced" and
"traced" run the program and give its times in ns (cpu: of the threads that run it; others: of the recorder's own; wall:
with what it waited), "calls" says what
the last output holds, "first" when its reader has written a line, "count" how often the program's own functions are
entered.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable

from programs import LIBRARY_PROGRAMS, PROGRAMS, count_calls
from ways import WAYS, Way


def timed(run: Callable[[int], object], size: int, has_threads: bool = False) -> dict[str, int]:
    gc.collect()
    forget_peak()
    wall, process, thread = time.perf_counter_ns(), time.process_time_ns(), time.thread_time_ns()
    run(size)
    thread, process = time.thread_time_ns() - thread, time.process_time_ns() - process
    wall = time.perf_counter_ns() - wall
    cpu = process if has_threads else thread
    return {"cpu": cpu, "others": process - cpu, "wall": wall}


def forget_peak() -> None:
    """Let peak() begin anew, where Linux can do that."""
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        pass


def peak() -> int:
    """Return the most memory this process has had, in KiB; what getrusage() tells on Linux includes its parent's."""
    try:
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def traced(way: Way, run: Callable[[int], object], size: int, has_threads: bool) -> dict[str, int]:
    for name in os.listdir(way.folder):
        path = os.path.join(way.folder, name)
        shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
    way.start()
    try:
        times = timed(run, size, has_threads)
        running, start = peak(), time.perf_counter_ns()
    finally:
        way.stop()
    way.save()
    saved = time.perf_counter_ns() - start
    return {**times, "save": saved, "peak": running, "peak_saved": peak(), "bytes": used_bytes(way)}


def used_bytes(way: Way) -> int:
    """Return what the output takes on the disk: a trace's file has holes."""
    return sum(os.stat(path).st_blocks * 512 for path in way.output())


def first_line(command: list[str]) -> int | None:
    """Return how long the command takes until it has written a line, in ns; None if there is none."""
    if not command:
        return None
    start = time.perf_counter_ns()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout
        line = process.stdout.readline()
        took = time.perf_counter_ns() - start
        process.stdout.read()
    return took if line else None


def main(name: str, program_name: str, size: int, folder: str) -> None:
    program = (PROGRAMS | LIBRARY_PROGRAMS)[program_name]
    way, run = WAYS[name](folder, program.package), program.load()
    run(size)  # what is done once only, and the interpreter's own warming up
    wishes = {
        "untraced": lambda: {**timed(run, size, program.threads), "peak": peak()},
        "traced": lambda: traced(way, run, size, program.threads),
        "calls": way.calls,
        "first": lambda: first_line(way.reader()),
        "count": lambda: count_calls(program, size),
    }
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a recorder prints is no answer
    for line in sys.stdin:
        print(json.dumps(wishes[line.strip()]()), file=answers)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
