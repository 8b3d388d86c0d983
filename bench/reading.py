"""What reading a big trace takes: time and memory of each verb, at a million calls, ten million and, asked for, more.

    make bench-reader                     1 and 10 million calls in 4 threads
    make bench-reader ARGS=--huge         100 million as well (1.5 GB of disk)

`diff` compares it with another run of the program, in which not quite one call in a hundred is another. `--follow` is
what it takes to tell the newest of it once more: it is told again whenever there is more, so it keeps up if that time
doesn't grow.

Times are CPU times of the whole command, its interpreter's start included, and by the wall; medians. Memory is the
most that was resident, pages of the mapped file included. The last column is CPU time against that of a tenth of
the calls: 10 where it is linear.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from flowtrace.commands.show import FOLLOW_NEWEST

HERE = Path(__file__).resolve().parent
FLOWTRACE = [sys.executable, "-m", "flowtrace"]
VERBS = {
    "show": ["show"],
    "--follow": ["show", "--newest", str(FOLLOW_NEWEST), "--lines", "40"],
    "info": ["info"],
    "find": ["find", "price", "--count"],
    "report": ["report"],
    "diff": ["diff"],
}
VERBS |= {name: ["export", name, "-o", os.devnull] for name in ("json", "chrome", "perfetto", "otlp")}
DIFF_MAX = 10**7  # calls a side
SIZE_PER_CALL = 0.418  # four_threads.py's `size` for each call


def record(calls: int, folder: Path, *arguments: str) -> Path:
    trace = folder / f"{calls}{'-'.join(arguments)}.flow"
    program = [str(HERE / "four_threads.py"), str(int(calls * SIZE_PER_CALL)), *arguments]
    take(["run", "-q", "-o", str(trace), *program])
    return trace


def take(command: list[str]) -> tuple[float, float, int]:
    """Return seconds of CPU, seconds by the wall, and the peak in MiB."""
    begin = time.perf_counter()
    child = subprocess.Popen([*FLOWTRACE, *command], stdout=subprocess.DEVNULL, cwd=HERE)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode and (command[0], child.returncode) != ("diff", 1):  # they differ
        raise SystemExit(f"flowtrace {' '.join(command)}: exit status {child.returncode}")
    return usage.ru_utime + usage.ru_stime, time.perf_counter() - begin, usage.ru_maxrss // 1024


def known_verbs() -> dict[str, list[str]]:
    from flowtrace.cli import VERBS as known

    return {name: command for name, command in VERBS.items() if command[0] in known}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sizes", type=int, nargs="+", metavar="CALLS", help="instead of 1 and 10 million")
    parser.add_argument("--huge", action="store_true", help="100 million calls as well")
    options = parser.parse_args()
    sizes = options.sizes or [10**6, 10**7] + [10**8] * options.huge
    before: dict[str, float] = {}
    print(f"{'calls':>13}  {'file':>8}  {'verb':<8}{'CPU':>8}  {'wall':>8}  {'memory':>9}  × a tenth")
    with tempfile.TemporaryDirectory(prefix="flowtrace-bench-") as folder:
        for calls in sizes:
            trace = record(calls, Path(folder))
            other = record(calls, Path(folder), "changed") if calls <= DIFF_MAX else None
            for name, command in known_verbs().items():
                if name == "diff" and other is None:
                    continue
                files = [str(trace), str(other)] if name == "diff" else [str(trace)]
                samples = [take([*command, *files]) for _ in range(options.rounds)]
                cpu, wall, memory = (statistics.median(column) for column in zip(*samples, strict=True))
                ratio = f"{cpu / before[name]:9.1f}" if name in before else ""
                size = f"{trace.stat().st_size / 2**20:.0f} MiB"
                print(f"{calls:>13,}  {size:>8}  {name:<8}{cpu:>6.2f} s  {wall:>6.2f} s  {memory:>5.0f} MiB{ratio}")
                before[name] = cpu
            trace.unlink()
            if other is not None:
                other.unlink()


if __name__ == "__main__":
    main()
