"""Runs programs in all ways, in turn, and keeps each sample.

For each program and way there is a process that runs it untraced and traced, alternately; the ways alternate
too. So what disturbs the machine for a while disturbs them all. This is done in several processes one after the
other, since where memory happens to lie matters as well.
"""

from __future__ import annotations

import json
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from environments import HERE, CannotInstall, Interpreter, python_for, variables
from programs import LIBRARY_PROGRAMS, PROGRAMS

PATIENCE = 300.0  # seconds for one answer
BUDGET = 15.0  # seconds for one program in one way; what takes longer has fewer rounds
FEWEST = 3


class Failed(Exception):
    """A worker died or didn't answer; says how."""


class Worker:
    """A worker.py; `with` ends it."""

    def __init__(self, python: str, way: str, program: str, size: int, folder: Path) -> None:
        command = [python, str(HERE / "worker.py"), way, program, str(size), str(folder)]
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - as long as the worker
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True, env=variables()
        )

    def ask(self, wish: str) -> Any:
        assert self.process.stdin and self.process.stdout
        try:
            self.process.stdin.write(wish + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Failed(self.last_words()) from None
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        line = self.process.stdout.readline() if ready else ""
        if not line:
            raise Failed(self.last_words() if ready else f"no answer within {PATIENCE:.0f} s")
        return json.loads(line)

    def last_words(self) -> str:
        self.process.kill()
        self.process.wait()
        self.errors.seek(0)
        return (self.errors.read().strip().splitlines() or [f"status {self.process.returncode}"])[-1][:200]

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin and self.process.stdout
        for pipe in (self.process.stdin, self.process.stdout):
            try:
                pipe.close()
            except BrokenPipeError:
                pass
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.errors.close()


@dataclass
class Row:
    """One program recorded in one way. Samples are in ns, by their round."""

    program: str
    way: str
    size: int
    calls: int
    resumed: int
    untraced: list[int] = field(default_factory=list)  # CPU time of the threads that run the program
    traced: list[int] = field(default_factory=list)
    others: list[int] = field(default_factory=list)  # CPU time of other threads meanwhile, traced
    wall: list[tuple[int, int]] = field(default_factory=list)  # untraced, traced
    save: list[int] = field(default_factory=list)  # from the end of the program until the output is whole
    first: list[int] = field(default_factory=list)  # the command that shows it, until its first line
    bytes: int = 0  # of the output, on the disk
    memory: int = 0  # KiB more at its peak, until the program has ended
    memory_saved: int = 0  # and until all was saved
    recorded: int | None = None  # calls in the output
    failed: str = ""

    def take(self, untraced: dict[str, int], traced: dict[str, int]) -> None:
        if not self.traced:
            self.memory = traced["peak"] - untraced["peak"]
            self.memory_saved = traced["peak_saved"] - untraced["peak"]
        self.untraced.append(untraced["cpu"])
        self.traced.append(traced["cpu"])
        self.others.append(traced["others"])
        self.wall.append((untraced["wall"], traced["wall"]))
        self.save.append(traced["save"])
        self.bytes = traced["bytes"]


class Runner:
    """One way with one program: its row, its worker, its folder."""

    def __init__(self, row: Row, python: str, folder: Path) -> None:
        self.row = row
        self.python = python
        self.folder = folder / str(abs(hash((row.program, row.way))))
        self.worker: Worker | None = None
        self.spent = 0.0

    def start(self) -> Worker:
        self.folder.mkdir(exist_ok=True)
        return Worker(self.python, self.row.way, self.row.program, self.row.size, self.folder)

    def round(self) -> None:
        if self.spent > BUDGET and len(self.row.traced) >= FEWEST:
            return
        start = time.monotonic()
        if self.row.way == "functiontrace":
            self.whole_process()
        else:
            self.worker = self.worker or self.start()
            untraced = self.worker.ask("untraced")
            self.row.take(untraced, self.worker.ask("traced"))
        self.spent += time.monotonic() - start

    def whole_process(self) -> None:
        """For what can't be stopped: what is left to save is done when the process has ended."""
        with self.start() as worker:
            untraced = worker.ask("untraced")
            traced = worker.ask("traced")
            start = time.perf_counter_ns()
        traced["save"] = time.perf_counter_ns() - start
        while not any(path.is_symlink() for path in self.folder.iterdir()):  # the last thing that its server makes
            if time.perf_counter_ns() - start > PATIENCE * 1e9:
                raise Failed("no profile was written")
            time.sleep(0.01)  # its server is no child of ours
            traced["save"] = time.perf_counter_ns() - start
        traced["bytes"] = sum(path.lstat().st_blocks * 512 for path in self.folder.iterdir())
        self.row.take(untraced, traced)

    def look(self) -> None:
        """Did it record?"""
        if self.row.recorded is None:
            self.worker = self.worker or self.start()
            self.row.recorded = self.worker.ask("calls")
        if self.worker and self.spent < BUDGET:
            start = time.monotonic()
            if first := self.worker.ask("first"):
                self.row.first.append(first)
            self.spent += time.monotonic() - start

    def stop(self) -> None:
        if self.worker:
            self.worker.__exit__()
            self.worker = None
        shutil.rmtree(self.folder, ignore_errors=True)


def count(python: str, program: str, size: int, folder: Path) -> tuple[int, int]:
    with Worker(python, "untraced", program, size, folder) as worker:
        calls, resumed = worker.ask("count")
    return calls, resumed


def measure(
    names: list[str], ways: dict[str, bool], interpreter: Interpreter, processes: int, rounds: int
) -> Iterator[list[Row]]:
    """Yield the rows of each program. `ways`: is this way measured on the program's small form?"""
    with tempfile.TemporaryDirectory(prefix="flowtrace-bench-") as name:
        folder = Path(name)
        for program in names:
            rows = list(_rows(program, ways, interpreter, folder))
            runners = [Runner(row, python_for(row.way, interpreter), folder) for row in rows if not row.failed]
            for _ in range(processes):
                _rounds(runners, rounds)
            yield rows


def _rows(program: str, ways: dict[str, bool], interpreter: Interpreter, folder: Path) -> Iterator[Row]:
    known = (PROGRAMS | LIBRARY_PROGRAMS)[program]
    counts: dict[int, tuple[int, int]] = {}
    for way, small in ways.items():
        size = known.small if small else known.full
        if size not in counts:
            counts[size] = count(interpreter.python, program, size, folder)
        row = Row(program, way, size, *counts[size])
        try:
            python_for(way, interpreter)
        except CannotInstall as reason:
            row.failed = f"not installed: {reason}"
        yield row


def _rounds(runners: list[Runner], rounds: int) -> None:
    with ExitStack() as stack:
        for runner in runners:
            stack.callback(runner.stop)
        for number in range(rounds):
            for runner in runners if number % 2 else reversed(runners):
                _try(runner, runner.round)
        for runner in runners:
            _try(runner, runner.look)


def _try(runner: Runner, step: Any) -> None:
    if not runner.row.failed:
        try:
            step()
        except Failed as reason:
            runner.row.failed = str(reason)


def as_json(row: Row) -> dict[str, Any]:
    return {name: value for name, value in asdict(row).items() if value not in ("", [], None)}
