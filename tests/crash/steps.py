"""Look at a trace after every single instruction of the program that is recorded.

    steps.py SCENE                      a_chunk, a_slot, a_fork, a_thread, kinds, an_end (steps_program.py)

A process that is killed leaves in the file what the file holds at that instruction, since it is mapped and shared. So
whoever sees the file at each instruction has seen each moment at which a process can be killed. The program is stepped
through by ptrace; when an instruction has changed the file, a copy of it is read: it must be sound, and hold all calls
that have returned by then.
"""

from __future__ import annotations

import argparse
import ctypes
import mmap
import os
import signal
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from flowtrace._core import Trace

PROGRAM = Path(__file__).with_name("steps_program.py")
SCENES = ("a_chunk", "a_slot", "a_fork", "a_thread", "kinds", "an_end")
CONT, SINGLESTEP, SEIZE, INTERRUPT = 7, 9, 0x4206, 0x4207
ALL_TASKS = 0x02 | 0x04 | 0x08 | 0x100000  # forks, vforks, threads; whoever is stepped through ends with us
WORKERS = 3
SKIPPED = 77

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long
libc.memcmp.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]


class Unsound(AssertionError):
    """What a process that is killed here would leave."""


class NotAllowed(OSError):
    """This machine lets no process step through another."""


class Seen(NamedTuple):
    instructions: int
    states: int  # of the file
    calls: int


def ptrace(request: int, pid: int, data: int = 0) -> None:
    if libc.ptrace(request, pid, None, data) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


class Mapped:
    """A file as it is now, however long it grows."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("r+b")
        self.before = b""
        self.size = 0
        self.look()

    def look(self) -> bool:
        """Has it changed since it was looked at last?"""
        size = os.fstat(self.file.fileno()).st_size
        if size == self.size and libc.memcmp(self.address, self.before, size) == 0:
            return False
        if size != self.size:
            self.map = mmap.mmap(self.file.fileno(), size)
            self.address = ctypes.addressof(ctypes.c_char.from_buffer(self.map))
            self.size = size
        self.before = self.map[:]
        return True


class Watch:
    """The trace and the proofs of a program, looked at together."""

    def __init__(self, scene: str, trace: Path, proofs: Path) -> None:
        self.scene = scene
        self.trace = Mapped(trace)
        self.proofs = Mapped(proofs)
        self.copy = trace.with_name("copy.flow")
        self.copy_file = self.copy.open("w+b", buffering=0)
        self.states = self.calls = 0

    def claims(self) -> int:
        """Chunks that have been begun so far, and more."""
        next_unit, bound = 72, 4096
        (units,) = struct.unpack_from("<Q", self.trace.map, next_unit)
        (claims,) = struct.unpack_from("<Q", self.trace.map, bound + 24)
        return int(claims if self.scene == "a_slot" else units)

    def look(self) -> None:
        proved = struct.unpack_from(f"<{WORKERS}I", self.proofs.map)  # before the trace: that is ahead of them
        if self.trace.look():
            self.states += 1
            os.ftruncate(self.copy_file.fileno(), self.trace.size)
            os.pwrite(self.copy_file.fileno(), self.trace.before, 0)
            self.check(proved)

    def check(self, proved: tuple[int, ...]) -> None:
        try:
            trace = Trace(self.copy)
        except (OSError, ValueError) as error:
            raise Unsound(f"it can't be read: {error}") from None
        if trace.info["damaged_chunks"] or trace.info["lost_records"]:
            raise Unsound(f"{trace.info['damaged_chunks']} chunks are damaged, {trace.info['lost_records']} lost")
        returned: list[list[int]] = [[] for _ in range(WORKERS)]
        running: list[list[int]] = [[] for _ in range(WORKERS)]
        for call in trace.calls(function="work"):
            if self.scene == "a_slot" and not call.arguments and call.outcome != "abandoned":
                continue  # the chunk in which it began was let go
            worker, number = (call.arguments[name].python() for name in ("worker", "number"))
            if call.outcome == "returned" and call.result is not None and call.result.python() == 2 * number:
                returned[worker].append(number)
            elif call.outcome == "running":
                running[worker].append(number)
            else:
                raise Unsound(f"worker {worker}: call {number} {call.outcome}: {call.result}")
            if call.parent is None or call.parent.function.qualname not in {"works", "numbers"}:
                raise Unsound(f"worker {worker}: call {number} is called by {call.parent}")
        for worker, count in enumerate(proved):
            self.check_worker(worker, count, returned[worker], running[worker])
        self.calls = max(self.calls, sum(map(len, returned)))
        if any(call.outcome == "abandoned" for call in trace.calls()):
            raise Unsound("a call is told to have been given up")

    def check_worker(self, worker: int, count: int, returned: list[int], running: list[int]) -> None:
        first = returned[0] if self.scene == "a_slot" and returned else 0
        if returned not in (list(range(first, count)), list(range(first, count + 1))):
            raise Unsound(f"worker {worker} has proved {count}; {returned} returned")
        if running and running != [len(returned) + first]:
            raise Unsound(f"worker {worker} has proved {count}; {running} run")


def step_through(pid: int, watch: Watch) -> int:
    """From the first SIGUSR1 to the last SIGUSR2 of the program: how many instructions."""
    instructions = 0
    try:
        ptrace(SEIZE, pid, ALL_TASKS)
    except OSError as error:
        raise NotAllowed(error.errno, error.strerror) from None
    stepping = False
    before = 0
    ptrace(INTERRUPT, pid)
    while True:
        task, status = os.waitpid(-1, 0x40000000)  # __WALL
        if os.WIFEXITED(status) or os.WIFSIGNALED(status):
            if task == pid:
                return instructions
            continue
        number, event = os.WSTOPSIG(status), status >> 16
        sent = 0
        if number == signal.SIGUSR1:
            stepping = True
            watch.look()
            before = watch.claims()
        elif number == signal.SIGUSR2:
            stepping = False
            watch.look()
            if watch.claims() == before and watch.scene != "kinds":
                raise Unsound("no chunk was begun meanwhile")
        elif event == 0 and number != signal.SIGTRAP:
            sent = number
        elif stepping and number == signal.SIGTRAP:
            instructions += 1
            watch.look()
        try:
            ptrace(SINGLESTEP if stepping else CONT, task, sent)
        except ProcessLookupError:
            pass  # killed meanwhile, or it ended


def run(scene: str, steps: int, folder: Path) -> Seen:
    trace, proofs = folder / "steps.flow", folder / "proofs"
    proofs.write_bytes(bytes(mmap.PAGESIZE))
    options = ["-q", "--value-bytes", "3500", *(["--last", "1M"] if scene == "a_slot" else [])]
    words = [scene, str(trace), str(proofs), str(steps)]
    process = subprocess.Popen(
        [sys.executable, "-m", "flowtrace", "run", *options, "-o", str(trace), str(PROGRAM), *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=folder,
        start_new_session=True,
    )
    assert process.stdin
    assert process.stdout
    try:
        pid = int(process.stdout.readline())
        watch = Watch(scene, trace, proofs)
        process.stdin.write(b"\n")
        process.stdin.flush()
        instructions = step_through(pid, watch)
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    if watch.calls < steps or watch.states < 10:
        raise Unsound(f"only {watch.calls} calls and {watch.states} states of the file were seen")
    return Seen(instructions, watch.states, watch.calls)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scene", nargs="*", help=", ".join(SCENES))
    parser.add_argument("--steps", type=int, default=3, help="calls")
    arguments = parser.parse_args()
    # On one processor neither needs to wake the other.
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    for scene in arguments.scene or SCENES:
        with tempfile.TemporaryDirectory(prefix="flowtrace-steps-") as folder:
            try:
                seen = run(scene, arguments.steps, Path(folder))
            except NotAllowed as error:
                print(f"stepping through a process is not allowed here: {error}", file=sys.stderr)
                return SKIPPED
            except Unsound as error:
                print(f"{scene}: {error}", file=sys.stderr)
                return 1
        print(f"{scene:8} {seen.instructions:9,} instructions, {seen.states:6,} states of the file, each sound")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
