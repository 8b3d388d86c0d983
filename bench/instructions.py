"""How many instructions recording adds to a call, counted by valgrind: the same figures every time.

    make instructions                  compare with instructions.json: fails where one has grown by more than 5 %
    make instructions ARGS=--update    a figure has changed on purpose, or this interpreter has none: write it there
    make instructions ARGS='--keep /tmp/counted'   keep what callgrind wrote, for callgrind_annotate

A program runs twice within one process, and six times within another. The difference is four runs that start up
nothing. That difference with recording, less the one without, is divided by the calls.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

HERE = Path(__file__).resolve().parent
FIGURES = HERE / "instructions.json"
TOLERANCE = 0.05
MODES: dict[str, dict[str, bool] | None] = {
    "untraced": None,
    "full": {},
    "--no-values": {"values": False},
    "--no-values --no-time": {"values": False, "time": False},
}
SIZES = {"fib": (15, 1973), "methods": (40, 2081)}  # with their calls
RUNS = (3, 8)
# As `flowtrace run` records. After record_start() valgrind 3.19 fails: it maps a file again that was renamed.
PROGRAM = """
import json, os, sys
from programs import HERE, PROGRAMS
from flowtrace import _core

name, size, runs, options = sys.argv[1], *map(json.loads, sys.argv[2:5])
run = PROGRAMS[name].load()
if options is not None:
    _core.create_trace("counted.flow", **options)
    _core.record_join("counted.flow", roots=[HERE], library=[os.path.dirname(os.__file__)], rules=[], info={},
                      settings={}, secrets=[])
for _ in range(runs):
    run(size)
if options is not None:
    _core.record_stop()
"""


def build() -> str:
    """Name what the figures depend on: the interpreter, how it was built, and by what FlowTrace is compiled."""
    kind = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else "d" if hasattr(sys, "gettotalrefcount") else ""
    optimised = "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "")
    compiler = subprocess.run(["cc", "-dumpfullversion", "-dumpversion"], capture_output=True, text=True).stdout.strip()
    words = [sys.version.split()[0] + kind, platform.machine(), *(["optimised"] if optimised else [])]
    return " ".join([*words, platform.python_compiler(), "cc", compiler])


def process(program: str, mode: str, runs: int, *under: str) -> str:
    """Run the program `runs` times in a new process under these words of a command, and return its standard error."""
    with tempfile.TemporaryDirectory(prefix="flowtrace-") as work:
        arguments = [program, str(SIZES[program][0]), str(runs), json.dumps(MODES[mode])]
        environment = {"PATH": os.environ["PATH"], "PYTHONHASHSEED": "0", "PYTHONPATH": str(HERE), "LANG": "C.UTF-8"}
        command = [*under, sys.executable, "-c", PROGRAM, *arguments]
        done = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{program} {mode} failed:\n{done.stderr[-2000:]}")
    return done.stderr


def count(program: str, mode: str, runs: int, folder: Path) -> int:
    """Return the instructions that such a process takes."""
    output = folder / f"{program}.{mode.replace(' ', '')}.{runs}.callgrind"
    said = process(program, mode, runs, "valgrind", "--tool=callgrind", f"--callgrind-out-file={output}")
    counted = re.search(r"Collected : (\d+)", said)
    if not counted:
        raise SystemExit(f"valgrind did not count:\n{said[-2000:]}")
    return int(counted[1])


def measure(folder: Path) -> dict[str, int]:
    """Return instructions added per call, by program and mode."""
    for program in SIZES:  # so that none compiles what it imports
        process(program, "full", 1)
    wanted = list(product(SIZES, MODES, RUNS))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        counted = dict(zip(wanted, pool.map(lambda of: count(*of, folder), wanted), strict=True))
    few, many = RUNS
    of_run = {
        (program, mode): counted[program, mode, many] - counted[program, mode, few] for program, mode, _ in wanted
    }
    return {
        f"{program} {mode}": round((steady - of_run[program, "untraced"]) / ((many - few) * SIZES[program][1]))
        for (program, mode), steady in of_run.items()
        if mode != "untraced"
    }


def compare(found: dict[str, int], committed: dict[str, int]) -> list[str]:
    """Return what has become dearer, a line each."""
    return [
        f"{name}: {now} instructions a call, {now / committed[name] - 1:+.1%} of {committed[name]}"
        for name, now in found.items()
        if name in committed and now > committed[name] * (1 + TOLERANCE)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    if not shutil.which("valgrind"):
        print("make instructions: skipped, there is no valgrind here")
        return
    with tempfile.TemporaryDirectory(prefix="flowtrace-") as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(exist_ok=True)
        found = measure(folder)
    figures: dict[str, dict[str, int]] = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
    committed = figures.get(build(), {})
    print(f"Instructions that recording adds to a call, {build()}")
    for name, now in found.items():
        print(f"  {name:34}{now:7,}" + (f"{now / committed[name] - 1:+9.1%}" if name in committed else ""))
    if options.update:
        figures[build()] = found
        FIGURES.write_text(json.dumps(dict(sorted(figures.items())), indent=2) + "\n", encoding="utf-8")
    elif not committed:
        print("No figures of this build to compare with; ARGS=--update writes them to bench/instructions.json")
    elif dearer := compare(found, committed):
        raise SystemExit(
            "\n".join(["Dearer than it was; if that is on purpose: make instructions ARGS=--update", *dearer])
        )
    elif compare(committed, found):
        print("Cheaper than it was: make instructions ARGS=--update keeps it so")


if __name__ == "__main__":
    main()
