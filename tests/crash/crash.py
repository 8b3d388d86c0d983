"""Kill programs at random moments, and look whether their traces hold all that they had proved to have done.

    make crash                          1,200 moments
    make crash ARGS='--moments 50 --seed 7'
    make crash ARGS='--kind fork --way SIGSEGV --last'

A program writes to a pipe which of its calls have returned (program.py). It dies by its own hand, at a call drawn at
random, or is killed with all its children when a number of proofs drawn at random has come. Whatever it had proved by
then must be in the trace, with its arguments, its result, and its thread, task or process; no call may be told to have
returned that didn't; and the story must say how it ended.

With --last the oldest calls may be missing, but nothing else: what is left of a worker's are the newest without a hole,
and what is missing has been counted.

Then a program forks 2,000 children, each of which must be found in the trace where it belongs.
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

from flowtrace._core import Call, Trace, info, show

PROGRAM = Path(__file__).with_name("program.py")
STORM = Path(__file__).with_name("storm_program.py")
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
# --last, and the ballast that each call needs for the file to go round; each process needs a unit to speak of itself.
BOUNDS = {"one thread": (1, 600), "threads": (2, 800), "fork": (5, 4000), "spawn": (5, 4000), "tasks": (1, 600)}
CALLS_PER_STEP, CALLS_PER_CHUNK = 7, 700
ONE_PROCESS = {"one thread", "threads", "tasks"}
TIMEOUT = 120


class Moment(NamedTuple):
    """When and how a program dies."""

    kind: str
    way: str
    place: str
    worker: int
    step: int
    last: bool = False

    def __str__(self) -> str:
        last = "--last, " if self.last else ""
        return f"{last}{self.kind}, {self.way} at call {self.step} of worker {self.worker}, {self.place}"


class Found(NamedTuple):
    """What a trace has: calls that were proved, how many of them had been let go, and its size on the disk."""

    proved: int
    let_go: int
    size: int


class Lost(AssertionError):
    """A trace lacks what was proved, or tells what wasn't."""


def draw(dice: random.Random, kind: str, way: str) -> Moment:
    place, worker = dice.choice(PLACES), dice.randrange(KINDS[kind][1])
    # Often early: the first chunks of a trace are the smallest.
    step = dice.randrange(STEPS[kind]) if dice.random() < 0.7 else dice.randrange(30)
    return Moment(kind, way, place, worker, step)


def run(moment: Moment, trace: Path) -> tuple[int, Counter[int]]:
    """Let the program die; returns its status and how many calls each worker has proved."""
    kind, workers = KINDS[moment.kind]
    outside = moment.way == "killed from outside"
    read, write = os.pipe()
    size, ballast = BOUNDS[moment.kind] if moment.last else (0, 0)
    options = ["--last", f"{size}M", "--value-bytes", "4096", "--call-bytes", "8000"] if moment.last else []
    words = [kind, workers, STEPS[moment.kind], write, moment.way, moment.place, moment.worker, moment.step, ballast]
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


class Told:
    """What a trace tells of each worker's steps."""

    def __init__(self, moment: Moment, read: Trace) -> None:
        self.returned: dict[int, set[int]] = defaultdict(set)
        self.running: dict[int, list[int]] = defaultdict(list)
        self.homes: dict[int, set[object]] = defaultdict(set)
        for call in read.calls(function="step"):
            if not (moment.last and not call.arguments and call.outcome != "abandoned"):
                self.add(call)  # else the chunk in which it began was let go

    def add(self, call: Call) -> None:
        worker, number = (call.arguments[name].python() for name in ("worker", "number"))
        self.homes[worker].add((call.track.pid, call.track.name))
        if call.outcome == "returned":
            if call.result is None or call.result.python() != 2 * number or number in self.returned[worker]:
                raise Lost(f"worker {worker}: call {number} returned {call.result}")
            self.returned[worker].add(number)
        elif call.outcome == "running":
            self.running[worker].append(number)
        else:
            raise Lost(f"worker {worker}: call {number} {call.outcome}")

    def check(self, worker: int, count: int, first: int) -> None:
        """All of its `count` proved calls are there, from the `first` one on."""
        returned, running = self.returned[worker], self.running[worker]
        missing = set(range(first, count)) - returned
        if missing:
            raise Lost(f"worker {worker} proved {count} calls; {len(missing)} are missing, the first is {min(missing)}")
        unproven = returned - set(range(count + 1))
        if unproven or len(running) > 1 or any(number < count for number in running):
            raise Lost(f"worker {worker} proved {count} calls; also {unproven} returned, {running} run")


def check(moment: Moment, trace: Path, proofs: Counter[int]) -> Found:
    """Raise Lost, or tell what was found."""
    read = Trace(trace)
    if read.info["damaged_chunks"] or read.info["lost_records"]:
        raise Lost(f"damage: {read.info['damaged_chunks']} chunks, {read.info['lost_records']} records")
    told = Told(moment, read)
    let_go = {worker: oldest(moment, worker, count, told.returned[worker]) for worker, count in proofs.items()}
    # Not of each worker: the chunk that a slow one has filled may be the oldest of all when it begins another.
    lost = all(let_go[worker] == count for worker, count in proofs.items())
    if moment.last and moment.kind in ONE_PROCESS and any(proofs.values()) and lost:
        raise Lost("the newest calls are missing")
    for worker, count in proofs.items():
        told.check(worker, count, let_go[worker])
    check_homes(told)
    if moment.last:
        check_bound(moment, trace, read, let_go)
    check_death(moment, told, let_go)
    check_story(moment, trace, any(told.running.values()))
    return Found(proofs.total(), sum(let_go.values()), os.stat(trace).st_blocks * 512)


def check_homes(told: Told) -> None:
    """Each worker is a thread, task or process of its own."""
    homes = [home for known in told.homes.values() for home in known]
    if any(len(known) != 1 for known in told.homes.values()) or len(set(homes)) != len(homes):
        raise Lost(f"workers share a track, or have several: {dict(told.homes)}")


def oldest(moment: Moment, worker: int, count: int, returned: set[int]) -> int:
    """How many of the worker's first calls may be missing: what is there has no hole, and reaches to the end."""
    if not moment.last:
        return 0
    return min(returned, default=count)


def check_bound(moment: Moment, trace: Path, read: Trace, let_go: dict[int, int]) -> None:
    """What is missing has been counted; of a process that was killed while others went on, not all."""
    size = BOUNDS[moment.kind][0] << 20
    if os.stat(trace).st_size > size or os.stat(trace).st_blocks * 512 > size:
        raise Lost(f"it has {os.stat(trace).st_size} bytes")
    counted = read.info["calls_let_go"] + read.info["calls_unplaced"]
    alone = moment.kind in ONE_PROCESS
    kept_on = [count for worker, count in let_go.items() if alone or worker != moment.worker]
    missing = sum(kept_on)
    # Of the first step that is missing in part, up to all of its calls may be there. Who is killed from outside may
    # have taken a slot over and not have counted yet what was there; multiprocessing ends its forks by os._exit(), and
    # of the last hundredth of a second of those it isn't known how many calls began.
    least = (missing - len(kept_on)) * CALLS_PER_STEP
    if moment.way == "killed from outside" or moment.kind == "fork":
        least -= (len(kept_on) if not alone else 1) * CALLS_PER_CHUNK
    if counted < least:
        raise Lost(f"{missing} steps are missing, {counted} calls were counted")
    if moment.kind == "one thread" and counted > (missing + 1) * CALLS_PER_STEP + 4:
        raise Lost(f"{missing} steps are missing, but {counted} calls were counted")


def check_death(moment: Moment, told: Told, let_go: dict[int, int]) -> None:
    """Where it died by its own hand it is known exactly what had begun and what had ended."""
    returned, running = told.returned[moment.worker], told.running[moment.worker]
    others_went_on = moment.last and moment.kind not in ONE_PROCESS
    if moment.way == "killed from outside" or (others_went_on and not (running or returned)):
        return
    ended = moment.place in ("returned", "proven")
    count = moment.step + ended
    first = min(let_go.get(moment.worker, 0), count)
    if running != ([] if ended else [moment.step]) or returned != set(range(first, count)):
        raise Lost(f"{running} run of worker {moment.worker}, {len(returned)} returned")


def check_story(moment: Moment, trace: Path, runs: bool) -> None:
    story, facts = show(trace, lines=60).decode(), info(trace).decode()
    if runs and "still running" not in story:
        raise Lost("the story does not say what ran:\n" + story)
    name = SIGNALS.get(moment.way)
    how = f"killed by {name}" if name else "exit status 3" if moment.way == "os._exit" else ""
    if how and how not in facts and not (moment.last and "all that was known of them" in facts):
        raise Lost(f"nothing says {how}:\n{facts}")


def try_one(moment: Moment) -> Found:
    with tempfile.TemporaryDirectory(prefix="flowtrace-crash-") as folder:
        trace = Path(folder) / "crash.flow"
        _, proofs = run(moment, trace)
        if not trace.exists():
            raise Lost("there is no trace")
        return check(moment, trace, proofs)


def storm(count: int, folder: Path) -> Found:
    """So many children that live shortly: one file, no clash, right links."""
    trace = folder / "storm.flow"
    command = [sys.executable, "-m", "flowtrace", "run", "-q", "-o", str(trace), str(STORM), str(count)]
    subprocess.run(command, check=True, cwd=folder, timeout=5 * TIMEOUT)
    read = Trace(trace)
    children = read.calls(function="child")
    if sorted(call.arguments["n"].python() for call in children) != list(range(count)):
        raise Lost(f"of {count} children {len(children)} are there")
    if read.info["damaged_chunks"] or read.info["lost_records"] or len(read.info["processes"]) != count + 1:
        raise Lost(f"{len(read.info['processes'])} processes, {read.info['damaged_chunks']} damaged chunks")
    for call in children:
        n = call.arguments["n"].python()
        (work,) = call.children
        if (work.arguments["n"].python(), work.result.python(), call.outcome) != (n, n + 1, "running"):
            raise Lost(f"child {n} {call.outcome}; its call has {work.arguments} and returned {work.result}")
        if call.parent is None or call.parent.function.qualname != "starts" or call.parent.arguments["n"].python() != n:
            raise Lost(f"child {n} is called by {call.parent}")
    return Found(2 * count, 0, os.stat(trace).st_blocks * 512)


def moments(count: int, seed: int, kinds: list[str], ways: list[str], last: bool = False) -> list[Moment]:
    dice = random.Random(seed)
    pairs = [(kind, way) for kind in kinds for way in ways]
    return [draw(dice, *pairs[n % len(pairs)])._replace(last=last) for n in range(count)]


def kill_all(drawn: list[Moment], jobs: int) -> bool:
    """Try them all, print what was found, and tell whether nothing was lost."""
    found: dict[str, list[Found]] = defaultdict(list)
    lost = 0
    with ThreadPoolExecutor(jobs) as pool:
        for moment, future in [(moment, pool.submit(try_one, moment)) for moment in drawn]:
            try:
                found[moment.kind].append(future.result())
            except (Lost, subprocess.TimeoutExpired) as error:
                lost += 1
                print(f"{moment}: {error}", file=sys.stderr)
    found["all"] = [each for kind in list(found.values()) for each in kind]
    print(f"{'':16}{'moments':>8}{'proved calls':>14}{'missing':>9}{'let go':>10}{'bytes':>15}")
    for kind, traces in found.items():
        proved, let_go, size = (sum(column) for column in zip(*traces, strict=True)) if traces else (0, 0, 0)
        print(f"{kind:16}{len(traces):8,}{proved:14,}{0:9}{let_go:10,}{size:15,}")
    if lost:
        print(f"{lost} traces lack something")
    return not lost


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moments", type=int, default=1200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", action="append", choices=KINDS)
    parser.add_argument("--way", action="append", choices=WAYS)
    parser.add_argument("--last", action="store_true", help="only with --last; else 1/4 as many moments more with it")
    parser.add_argument("--storm", type=int, default=2000, help="children; 0: none")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    chosen = arguments.kind or list(KINDS), arguments.way or list(WAYS)
    sound = True
    for last in (True,) if arguments.last else (False, True):
        count = arguments.moments // (4 if last and not arguments.last else 1)
        print("with --last" if last else "the whole trace")
        sound &= kill_all(moments(count, arguments.seed, *chosen, last), arguments.jobs)
    if arguments.storm:
        with tempfile.TemporaryDirectory(prefix="flowtrace-crash-") as folder:
            found = storm(arguments.storm, Path(folder))
        print(f"{arguments.storm:,} forked children: each is there, {found.size:,} bytes")
    return 0 if sound else 1


if __name__ == "__main__":
    raise SystemExit(main())
