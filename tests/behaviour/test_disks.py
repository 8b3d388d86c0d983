"""Disks that are full, or can't do what a trace needs: the program goes on, and what was written can be read."""

from __future__ import annotations

import functools
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import Run, Workshop

MOUNTS = Path(__file__).with_name("mounts.py")


class Disk:
    """A file system at a place where nobody else sees it. The trace is on it, the program beside it."""

    def __init__(self, workshop: Workshop, place: Path, kind: str, *options: str) -> None:
        self.workshop, self.place = workshop, place
        self.trace = place / "x.flow"
        self.holder = workshop.start(str(MOUNTS), str(place), kind, *options)
        answer = self.holder.stdout.readline().decode().strip()
        if answer != "ready":
            pytest.skip(f"no {kind} can be mounted here: {answer}")

    def enter(self) -> None:
        """Before the program begins: go where the file system is seen."""
        root = os.open(f"/proc/{self.holder.pid}/root", os.O_PATH)
        spaces = [os.open(f"/proc/{self.holder.pid}/ns/{name}", os.O_RDONLY) for name in ("user", "mnt")]
        for space in spaces:
            try:
                os.setns(space)
            except OSError:  # the user that it is already
                pass
        os.fchdir(root)
        os.chroot(".")
        os.chdir(self.workshop.folder)

    def flowtrace(self, *words: str, **settings: object) -> Run:
        return self.workshop.flowtrace(*words, preexec_fn=self.enter, **settings)

    def run(self, *words: str, **settings: object) -> Run:
        """Record quietly, and copy the trace to where all see it."""
        run = self.flowtrace("run", "-q", "-o", str(self.trace), *words, **settings)
        self.copy()
        return run

    def copy(self) -> None:
        subprocess.run(["cp", str(self.trace), str(self.workshop.trace_path)], check=True, preexec_fn=self.enter)

    def python(self, *words: str, **settings: object) -> Run:
        return self.workshop.python(*words, preexec_fn=self.enter, **settings)

    def fill(self, leave: int) -> None:
        """Take all of it but so many bytes."""
        assert self.python("-c", f"import os\nf = os.statvfs('disk')\n{FILL}", str(leave)).err == ""

    def make_read_only(self) -> None:
        self.holder.stdin.write(b"done\n")
        self.holder.stdin.flush()
        assert self.holder.stdout.readline() == b"done\n"


@pytest.fixture
def disk(workshop: Workshop) -> Iterator[Callable[..., Disk]]:
    place = workshop.folder / "disk"
    place.mkdir()
    yield functools.partial(Disk, workshop, place)


WORK = """\
import os, threading
def work(n): return [n] * 9
def many(first, count):
    for n in range(first, first + count): work(n)
"""
PROGRAMS = {
    "one thread": "many(0, 20_000)",
    "threads": """
threads = [threading.Thread(target=many, args=[n * 100_000, 5000]) for n in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
""",
    "forks": """
many(0, 1000)
for n in range(1, 4):
    if not os.fork():
        many(n * 100_000, 6000)
        os._exit(n)
    print(os.wait()[1] >> 8, flush=True)
""",
}
FILL = """
import sys
left = f.f_bavail * f.f_bsize - int(sys.argv[1] if sys.argv[1:] else 0)
os.posix_fallocate(os.open("disk/fill", os.O_CREAT | os.O_RDWR), 0, left)
"""
END = "\nprint('done')\nraise SystemExit(4)\n"
FULL = "No space left on device"


def check_numbers(run: Run) -> int:
    """Of each worker's calls the first are there, without a hole. Returns how many there are of all."""
    lines: dict[int, list[int]] = {}
    for call in run.calls("work"):
        n = call.arguments["n"].python()
        lines.setdefault(n // 100_000, []).append(n % 100_000)
    for numbers in lines.values():
        assert numbers == list(range(len(numbers)))
    assert run.trace.info["damaged_chunks"] == run.trace.info["lost_records"] == 0
    return sum(map(len, lines.values()))


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("size", [60, 68, 80, 200, 400])
def test_a_disk_that_fills_up(workshop: Workshop, disk: Callable[..., Disk], program: str, size: int) -> None:
    workshop.write("app.py", WORK + PROGRAMS[program] + END)
    plain = workshop.python("app.py")
    run = disk("tmpfs", f"size={size}k").run("app.py")
    assert plain.status == 4
    assert (run.status, run.stdout) == (plain.status, plain.stdout)
    kept = check_numbers(run)
    lost = [process["lost"] for process in run.trace.info["processes"]]
    not_recorded = f"flowtrace: this run is not recorded: [Errno 28] {FULL}: '{workshop.folder}/disk/x.flow'\n"
    if size < 68:  # a page, and what a process says of itself
        assert (kept, lost) == (0, [])
        assert run.err == not_recorded
        assert "there was no room for it, on the disk or in memory" in workshop.flowtrace("show").out
        return
    assert (kept > 0) == (size > 80 or (size == 80 and program != "threads"))
    if FULL in lost:
        assert run.err == f"flowtrace: recording stopped early: {FULL}\n"
        assert f"recording stopped early: {FULL}" in workshop.flowtrace("info").out
    else:
        assert (program, kept) == ("forks", 1000)
        assert run.err == "flowtrace: recording stopped early: no room for 3 of its processes, on disk or in memory\n"
        assert "3 more of its processes could not be recorded" in workshop.flowtrace("info").out
    story = " ".join(workshop.flowtrace("show").out.split())
    assert f"recording stopped early: {FULL}" in story or "Part of this trace is missing: see flowtrace info" in story


def test_a_bounded_recording_on_a_disk_that_is_smaller(workshop: Workshop, disk: Callable[..., Disk]) -> None:
    workshop.write("app.py", WORK + PROGRAMS["one thread"] + END)
    run = disk("tmpfs", "size=400k").run("--last", "1M", "app.py")
    assert (run.status, run.out) == (4, "done\n")
    assert check_numbers(run) > 0
    assert run.trace.info["processes"][0]["lost"] == FULL


def test_how_a_program_ended_on_a_full_disk(workshop: Workshop, disk: Callable[..., Disk]) -> None:
    """The program fills it: the trace is whole but for that, and the story is told all the same."""
    workshop.write("app.py", WORK + "work(1)\nf = os.statvfs('disk')\n" + FILL + "os._exit(5)\n")
    full = disk("tmpfs", "size=400k")
    run = full.flowtrace("run", "-o", str(full.trace), "app.py")
    assert run.status == 5
    assert "work(n=1) → [1, 1," in run.err
    assert run.err.endswith(f"\nflowtrace: the trace doesn't say how the program ended: {FULL}\n")


@pytest.mark.parametrize("left", [0, 1, 4095])
def test_a_disk_that_is_full(workshop: Workshop, disk: Callable[..., Disk], left: int) -> None:
    """Nothing is begun, and an older trace stays."""
    workshop.write("app.py", WORK + "work(1)\nprint('done')\n")
    full = disk("tmpfs", "size=400k")
    assert full.run("-c", "print('older')").out == "older\n"
    before = workshop.trace_path.read_bytes()
    full.fill(left)
    run = full.flowtrace("run", "-o", str(full.trace), "app.py")
    told = f"flowtrace: can't record to {full.trace}: {FULL}; name another file with -o\n"
    assert (run.status, run.out) == (2, "")
    assert run.err.startswith(told)
    assert full.python("-c", "import os; print(os.listdir('disk'))").out == "['fill', 'x.flow']\n"
    full.copy()
    assert workshop.trace_path.read_bytes() == before
    started = full.python("app.py", environment={"FLOWTRACE": str(full.trace)})
    assert (started.status, started.out) == (0, "done\n")
    assert started.err.count("\n") == 1
    assert started.err.startswith("flowtrace: this run is not recorded: ")
    assert FULL in started.err


def test_a_disk_that_is_read_only(workshop: Workshop, disk: Callable[..., Disk]) -> None:
    workshop.write("app.py", WORK + "work(1)\nprint('done')\n")
    guarded = disk("tmpfs", "size=400k")
    guarded.make_read_only()
    run = guarded.flowtrace("run", "-o", str(guarded.trace), "app.py")
    assert (run.status, run.out) == (2, "")
    assert "Read-only file system; name another file with -o" in run.err
    started = guarded.python("app.py", environment={"FLOWTRACE": str(guarded.trace)})
    assert (started.status, started.out) == (0, "done\n")
    assert "this run is not recorded: " in started.err


@pytest.mark.parametrize("on_it", [True, False])
def test_a_small_dev_shm(workshop: Workshop, disk: Callable[..., Disk], on_it: bool) -> None:
    """What the program itself needs of it, it has; nor does FlowTrace take any unless the trace is to lie there."""
    workshop.write(
        "app.py",
        WORK
        + """
import multiprocessing
from multiprocessing import shared_memory

def child(lock, name):
    with lock:
        many(100_000, 3000)
        memory = shared_memory.SharedMemory(name)
        memory.buf[0] = 7
        memory.close()

if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    memory = shared_memory.SharedMemory(create=True, size=4096)
    many(0, 3000)
    process = context.Process(target=child, args=(context.Lock(), memory.name))
    process.start()
    process.join()
    print(memory.buf[0], process.exitcode)
    memory.close()
    memory.unlink()
""",
    )
    plain = workshop.python("app.py")
    assert plain.outcome == (0, b"7 0\n", b"")
    small = Disk(workshop, Path("/dev/shm"), "tmpfs", "size=160k")
    run = small.run("app.py") if on_it else small.flowtrace("run", "-q", "app.py")
    assert (run.status, run.out) == (plain.status, plain.out)
    lost = [process["lost"] for process in run.trace.info["processes"]]
    assert (FULL in lost) == on_it
    assert (check_numbers(run) == 6000) == (not on_it)


# --- file systems that lack something ---------------------------------------------


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("lacks", ["nothing", "fallocate"])
def test_a_file_system_of_somebodys_own(
    workshop: Workshop, disk: Callable[..., Disk], program: str, lacks: str
) -> None:
    """Without fallocate() glibc writes a byte to each block of a place that nobody else has."""
    workshop.write("app.py", WORK + PROGRAMS[program] + END)
    plain = workshop.python("app.py")
    own = disk("fuse", lacks)
    run = own.run("app.py")
    assert run.outcome == plain.outcome
    assert check_numbers(run) == {"one thread": 20_000, "threads": 20_000, "forks": 19_000}[program]
    assert [process["lost"] for process in run.trace.info["processes"]] == [None] * (4 if program == "forks" else 1)


@pytest.mark.parametrize("lacks", ["nothing", "fallocate"])
def test_a_file_system_of_somebodys_own_that_fills_up(
    workshop: Workshop, disk: Callable[..., Disk], lacks: str
) -> None:
    workshop.write("app.py", WORK + PROGRAMS["threads"] + END)
    run = disk("fuse", lacks, f"size={400 << 10}").run("app.py")
    assert (run.status, run.out) == (4, "done\n")
    assert run.err == f"flowtrace: recording stopped early: {FULL}\n"
    assert check_numbers(run) > 0


def test_a_file_system_without_mmap(workshop: Workshop, disk: Callable[..., Disk]) -> None:
    workshop.write("app.py", WORK + "work(1)\nprint('done')\n")
    own = disk("fuse", "mmap")
    run = own.flowtrace("run", "-o", str(own.trace), "app.py")
    assert (run.status, run.out) == (2, "")
    assert run.err.startswith(
        f"flowtrace: can't record to {own.trace}: files there can't be mapped into memory; "
        "name a file on a local disk with -o\n"
    )
    started = own.python("app.py", environment={"FLOWTRACE": str(own.trace)})
    assert (started.status, started.out) == (0, "done\n")
    assert started.err.count("\n") == 1
    assert "this run is not recorded: " in started.err
