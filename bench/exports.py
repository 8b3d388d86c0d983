"""What `flowtrace export` takes: time, memory and bytes of every format, for a trace of so many calls.

    make bench-exports                          1 million calls, some 20 seconds
    make bench-exports ARGS='--calls 10M'       10 million: some minutes, 1.5 GB of disk for the time of one format
    make bench-exports ARGS='--format json --format otlp'

Text goes through a pipe to nowhere, where its bytes are counted; sqlite and parquet are written to a folder in $TMPDIR
and deleted at once. Times are of the whole command, its interpreter's start included. Memory is the most that was
resident, pages of the mapped trace included: the first row is of `flowtrace find price --count`, which reads all and
writes a number. What a format takes beyond that is to be the same for any number of calls.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import harness
from environments import HERE, Interpreter
from reading import FLOWTRACE, record

from flowtrace._formats import FORMATS

READING = "reading alone"
NEEDS = {"parquet": "pyarrow"}  # packages
TIMES = {"k": 10**3, "M": 10**6}


def number(text: str) -> int:
    """Return what 10M or 250k is."""
    unit = TIMES.get(text[-1:], 1)
    return int(float(text.rstrip("kM").replace("_", "")) * unit)


def take(name: str, trace: Path, folder: Path) -> dict[str, Any]:
    """Return seconds of CPU and by the wall, the peak in KiB, and what was written."""
    out = folder / name
    is_file = name in FORMATS and bool(FORMATS[name].module)
    words = ["find", "price", "--count"] if name == READING else ["export", name, "-o", str(out) if is_file else "-"]
    begin = time.perf_counter()
    child = subprocess.Popen([*FLOWTRACE, *words, str(trace)], stdout=subprocess.PIPE, cwd=HERE)
    assert child.stdout
    written = drain(child.stdout.fileno())
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - begin
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"flowtrace {' '.join(words)}: exit status {child.returncode}")
    if is_file:
        written = sum(path.stat().st_size for path in [out, *out.rglob("*")] if path.is_file())
        shutil.rmtree(out) if out.is_dir() else out.unlink()
    return {
        "cpu": round(usage.ru_utime + usage.ru_stime, 3),
        "wall": round(wall, 3),
        "kib": usage.ru_maxrss,
        "bytes": 0 if name == READING else written,
    }


def drain(pipe: int) -> int:
    """Return how much comes out of it, without looking at that."""
    written = 0
    with open(os.devnull, "wb", buffering=0) as nowhere:
        while count := os.splice(pipe, nowhere.fileno(), 1 << 20):
            written += count
    return written


def obstacle(name: str) -> str:
    package = NEEDS.get(name)
    return f"needs {package}" if package and importlib.util.find_spec(package) is None else ""


def measure(names: list[str], calls: int, rounds: int) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="flowtrace-bench-") as folder:
        trace = record(calls, Path(folder))
        print(f"{f'{calls:,} calls':<16}{'CPU':>8}  {'wall':>9}  {'memory':>10}  {'written':>12}")
        for name in [READING, *names]:
            row: dict[str, Any] = {"format": name}
            if reason := obstacle(name):
                row["failed"] = reason
            else:
                samples = [take(name, trace, Path(folder)) for _ in range(rounds)]
                row |= {key: [sample[key] for sample in samples] for key in ("cpu", "wall", "kib")}
                row["bytes"] = samples[0]["bytes"]
            rows.append(row)
            print(f"{name:<16}{row.get('failed') or told(row)}", flush=True)
        return {"calls": calls, "trace": trace.stat().st_size, "rows": rows}


def told(row: dict[str, Any]) -> str:
    cpu, wall, memory = (statistics.median(row[key]) for key in ("cpu", "wall", "kib"))
    return f"{cpu:8.2f} s{wall:9.2f} s{memory / 1024:8,.0f} MiB{row['bytes'] / 2**20:10,.1f} MiB"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=number, default=10**6, help="such as 250k or 10M; 1M unless said")
    parser.add_argument("--format", choices=list(FORMATS), action="append")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--commit", default=harness.commit(), help="what is measured, where git can't tell")
    parser.add_argument("--output", type=Path, default=harness.RESULTS / "last-exports.json", help="where all goes")
    options = parser.parse_args()
    results = {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="minutes"),
        "commit": options.commit,
        "machine": harness.machine(),
        "python": harness.facts(Interpreter(sys.executable)),
        "load": [os.getloadavg()[0]],
        "rounds": [1, options.rounds],
    }
    results |= measure(options.format or list(FORMATS), options.calls, options.rounds)
    results["load"].append(os.getloadavg()[0])
    harness.write(results, options.output)
    print(f"\n{os.path.relpath(options.output)}")


if __name__ == "__main__":
    main()
