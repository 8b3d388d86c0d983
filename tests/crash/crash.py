"""Kill programs at random moments, and look whether their traces hold all that they had proved to have done.

    make crash                          1,200 moments
    make crash ARGS='--moments 50 --seed 7'
    make crash ARGS='--kind fork --way SIGSEGV'

A program writes to a pipe which of its calls have returned (program.py). It dies by its own hand, at a call drawn at
random, or is killed with all its children when a number of proofs drawn at random has come. Whatever it had proved by
then must be in the trace, with its arguments, its result, and its thread, task or process; no call may be told to have
returned that didn't; and the story must say how it ended.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import struct
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from flowtrace._core import Trace, info, show

PROGRAM = Path(__file__).with_name("program.py")
KINDS = {
    "one thread": ("thread", 1),
    "threads": ("thread", 8),
    "fork": ("fork", 8),
    "spawn": ("spawn", 8),
    "tasks": ("task", 8),
}
WAYS = ("SIGKILL", "SIGSEGV", "SIGTERM", "os._exit", "os.abort", "killed from outside")
PLACES = ("step", "inner", "returned", "proven")
SIGNALS = {"SIGKILL": "SIGKILL", "SIGSEGV": "SIGSEGV", "SIGTERM": "SIGTERM", "os.abort": "SIGABRT"}
STEPS = {"one thread": 3000, "threads": 600, "fork": 300, "spawn": 200, "tasks": 600}
TIMEOUT = 120


class Moment(NamedTuple):
    """When and how a program dies."""

    kind: str
    way: str
    place: str
    worker: int
    step: int

    def __str__(self) -> str:
        return f"{self.kind}, {self.way} at call {self.step} of worker {self.worker}, {self.place}"


class Lost(AssertionError):
    """A trace lacks what was proved, or tells what wasn't."""


def draw(dice: random.Random, kind: str, way: str) -> Moment:
    place, worker = dice.choice(PLACES), dice.randrange(KINDS[kind][1])
    # Often early: the first chunks of a trace are the smallest.
    step = dice.randrange(STEPS[kind]) if dice.random() < 0.7 else dice.randrange(30)
    return Moment(kind, way, place, worker, step)


def run(moment: Moment, trace: Path, options: list[str]) -> tuple[int, Counter[int]]:
    """Let the program die; returns its status and how many calls each worker has proved."""
    kind, workers = KINDS[moment.kind]
    outside = moment.way == "killed from outside"
    read, write = os.pipe()
    words = [kind, workers, STEPS[moment.kind], write, moment.way, moment.place, moment.worker, moment.step]
    process = subprocess.Popen(
        [sys.executable, "-m", "flowtrace", "run", "-q", *options, "-o", str(trace), str(PROGRAM), *map(str, words)],
        pass_fds=[write],
        cwd=trace.parent,  # not where the sources are, which have no compiled core
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    proofs = read_proofs(read, process.pid if outside else None, moment.step * (workers // 2 or 1))
    status = process.wait(TIMEOUT)
    return status, proofs


def read_proofs(read: int, group: int | None, enough: int) -> Counter[int]:
    """Count what comes until all writers are gone; kill the group after `enough` of it."""
    proofs: Counter[int] = Counter()
    count = 0
    with open(read, "rb", buffering=0) as pipe:
        while data := pipe.read(8):
            worker, number = struct.unpack("<II", data)
            if number != proofs[worker]:
                raise Lost(f"worker {worker} proved {number} after {proofs[worker] - 1}")
            proofs[worker] += 1
            count += 1
            if group and count > enough:
                os.killpg(group, signal.SIGKILL)
                group = None
    return proofs


def check(moment: Moment, trace: Path, proofs: Counter[int]) -> int:
    """Raise Lost, or return how many proofs were found."""
    read = Trace(trace)
    if read.info["damaged_chunks"] or read.info["lost_records"]:
        raise Lost(f"damage: {read.info['damaged_chunks']} chunks, {read.info['lost_records']} records")
    returned: dict[int, set[int]] = defaultdict(set)
    running: dict[int, list[int]] = defaultdict(list)
    homes: dict[int, set[object]] = defaultdict(set)
    for call in read.calls(function="step"):
        worker, number = (call.arguments[name].python() for name in ("worker", "number"))
        homes[worker].add((call.track.pid, call.track.name))
        if call.outcome == "returned":
            if call.result is None or call.result.python() != 2 * number or number in returned[worker]:
                raise Lost(f"worker {worker}: call {number} returned {call.result}")
            returned[worker].add(number)
        elif call.outcome == "running":
            running[worker].append(number)
        else:
            raise Lost(f"worker {worker}: call {number} {call.outcome}")
    for worker, count in proofs.items():
        missing = set(range(count)) - returned[worker]
        if missing:
            raise Lost(f"worker {worker} proved {count} calls; {len(missing)} are missing, the first is {min(missing)}")
        unproven = returned[worker] - set(range(count + 1))
        if unproven or len(running[worker]) > 1 or any(number < count for number in running[worker]):
            raise Lost(f"worker {worker} proved {count} calls; also {unproven} returned, {running[worker]} run")
        if len(homes[worker]) != 1:
            raise Lost(f"worker {worker} ran in {homes[worker]}")
    if len({home for known in homes.values() for home in known}) != len(homes):
        raise Lost(f"workers share a track: {dict(homes)}")
    check_death(moment, returned, running)
    check_story(moment, trace, any(running.values()))
    return proofs.total()


def check_death(moment: Moment, returned: dict[int, set[int]], running: dict[int, list[int]]) -> None:
    """Where it died by its own hand it is known exactly what had begun and what had ended."""
    if moment.way == "killed from outside":
        return
    ended = moment.place in ("returned", "proven")
    calls = [] if ended else [moment.step]
    count = moment.step + ended
    if running[moment.worker] != calls or returned[moment.worker] != set(range(count)):
        raise Lost(f"{running[moment.worker]} run of worker {moment.worker}, {len(returned[moment.worker])} returned")


def check_story(moment: Moment, trace: Path, runs: bool) -> None:
    story, facts = show(trace, lines=60).decode(), info(trace).decode()
    if runs and "still running" not in story:
        raise Lost("the story does not say what ran:\n" + story)
    name = SIGNALS.get(moment.way)
    how = f"killed by {name}" if name else "exit status 3" if moment.way == "os._exit" else ""
    if how and how not in facts:
        raise Lost(f"nothing says {how}:\n{facts}")


def try_one(moment: Moment, options: list[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="flowtrace-crash-") as folder:
        trace = Path(folder) / "crash.flow"
        _, proofs = run(moment, trace, options)
        if not trace.exists():
            if proofs:
                raise Lost("there is no trace")
            return 0
        return check(moment, trace, proofs)


def moments(count: int, seed: int, kinds: list[str], ways: list[str]) -> list[Moment]:
    dice = random.Random(seed)
    pairs = [(kind, way) for kind in kinds for way in ways]
    return [draw(dice, *pairs[n % len(pairs)]) for n in range(count)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moments", type=int, default=1200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", action="append", choices=KINDS)
    parser.add_argument("--way", action="append", choices=WAYS)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    drawn = moments(arguments.moments, arguments.seed, arguments.kind or list(KINDS), arguments.way or list(WAYS))
    proven: Counter[str] = Counter()
    lost = 0
    with ThreadPoolExecutor(arguments.jobs) as pool:
        for moment, future in [(moment, pool.submit(try_one, moment, [])) for moment in drawn]:
            try:
                proven[moment.kind] += future.result()
            except (Lost, subprocess.TimeoutExpired) as error:
                lost += 1
                print(f"{moment}: {error}", file=sys.stderr)
    for kind, count in proven.items():
        times = sum(moment.kind == kind for moment in drawn)
        print(f"{kind:12} {times:5} moments  {count:10,} calls proved to have returned, all found")
    print(
        f"{len(drawn)} moments, {len(arguments.way or WAYS)} ways, {proven.total():,} calls; "
        f"{lost} traces lack something"
    )
    return 1 if lost else 0


if __name__ == "__main__":
    raise SystemExit(main())
