"""What is measured of whole processes: what `flowtrace run` adds to the start, what its readers and traces take.

Times are CPU times, of a command and of all the processes that it has waited for.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from pathlib import Path

from environments import HERE, Interpreter, variables


def start_up(interpreter: Interpreter, rounds: int) -> dict[str, list[int]]:
    """Return ns of a program that does nothing, samples by command."""
    run = ["-m", "flowtrace", "run"]
    commands = {
        "python -c pass": ["-c", "pass"],
        "flowtrace run -q -c pass": [*run, "-q", "-c", "pass"],
        "flowtrace run -c pass": [*run, "-c", "pass"],
    }
    samples: dict[str, list[int]] = {name: [] for name in commands}
    with tempfile.TemporaryDirectory(prefix="flowtrace-bench-") as folder:
        for _ in range(rounds):
            for name, command in commands.items():
                samples[name].append(_timed([interpreter.python, *command], folder)[0])
    return samples


def readers(interpreter: Interpreter, rounds: int) -> dict[str, dict[str, list[int]]]:
    """Return ns and peak KiB of the commands that read a trace of a million calls, samples by command."""
    found: dict[str, dict[str, list[int]]] = {}
    with tempfile.TemporaryDirectory(prefix="flowtrace-bench-") as folder:
        trace = Path(folder, "million.flow")
        code = "from programs.methods import run; run(19_231)"
        command = [interpreter.python, "-m", "flowtrace", "run", "-q", "-o", str(trace), "-c", code]
        subprocess.run(command, check=True, cwd=HERE, env=variables())
        for _ in range(rounds):
            for verb in ("show", "info"):
                samples = found.setdefault(f"flowtrace {verb}", {"ns": [], "kib": []})
                took, peak = _timed([interpreter.python, "-m", "flowtrace", verb, str(trace)], folder)
                samples["ns"].append(took)
                samples["kib"].append(peak)
        found["trace"] = {"bytes": [trace.stat().st_blocks * 512]}
    return found


# What a trace may take: options, a program, bytes of a call; and bytes on the disk of the shortest program.
SPACE: dict[str, tuple[list[str], str, float]] = {
    "fib(25), --no-values": (["--no-values"], "from programs.fib import run; run(25)", 6),
    "fib(25), an int in and out": ([], "from programs.fib import run; run(25)", 14),
    "methods, values and fields": ([], "from programs.methods import run; run(2000)", 25),
}
SHORTEST = ("print('hi'), on the disk", "print('hi')", 256 << 10)


def space(interpreter: Interpreter) -> dict[str, tuple[float, float]]:
    """Return what was found and the most that it may be, by what is recorded: bytes of a call; bytes."""
    found = {}
    with tempfile.TemporaryDirectory(prefix="flowtrace-bench-") as folder:
        trace = Path(folder, "space.flow")
        for name, (options, code, most) in SPACE.items():
            _record(interpreter, trace, [*options, "-c", code])
            told = _run(interpreter, "info", str(trace))
            per_call = re.search(r"^records +[\d,]+ bytes, ([\d.]+) a call$", told, re.MULTILINE)
            assert per_call, told
            found[name] = (float(per_call[1]), most)
        name, code, most = SHORTEST
        _record(interpreter, trace, ["-c", code])
        found[name] = (trace.stat().st_blocks * 512, most)
    return found


def _record(interpreter: Interpreter, trace: Path, words: list[str]) -> None:
    _run(interpreter, "run", "-q", "-o", str(trace), *words)


def _run(interpreter: Interpreter, *words: str) -> str:
    command = [interpreter.python, "-m", "flowtrace", *words]
    return subprocess.run(command, check=True, cwd=HERE, env=variables(), text=True, capture_output=True).stdout


def _timed(command: list[str], folder: str) -> tuple[int, int]:
    """Return the ns that the command takes, and its peak memory in KiB."""
    with subprocess.Popen(
        command, cwd=folder, env=variables(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: status {process.returncode}")
    return round((usage.ru_utime + usage.ru_stime) * 1e9), usage.ru_maxrss
