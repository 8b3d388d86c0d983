"""flowtrace recover makes a clean trace of a damaged one."""

from __future__ import annotations

import os
import signal
import struct
from collections import Counter
from pathlib import Path

import pytest
from conftest import Run, Workshop

from flowtrace._core import Trace

UNIT = 65536
PROGRAM = """
    import asyncio, os, threading, warnings
    warnings.simplefilter("ignore")  # of a fork beside a joined thread, which may still be there for a moment
    def work(n):
        return [n] * (n % 5)
    def loop(count):
        for n in range(count): work(n)
    async def ask(n):
        await asyncio.sleep(0)
        return work(n)
    async def main():
        await asyncio.gather(*(ask(n) for n in range(20)))
    thread = threading.Thread(target=loop, args=(6000,))
    thread.start()
    thread.join()
    loop(6000)
    asyncio.run(main())
    pid = os.fork()
    if pid == 0:
        loop(3)
        os._exit(0)
    os.waitpid(pid, 0)
    """


@pytest.fixture
def trace(workshop: Workshop) -> Path:
    return workshop.record(PROGRAM).trace_path


def recover(workshop: Workshop, status: int = 0) -> Run:
    done = workshop.flowtrace("recover", "flowtrace.flow", "new.flow")
    assert done.status == status, done.err
    if status == 0:
        assert not done.stderr
        assert workshop.flowtrace("info", "--verify", "new.flow").out.startswith("sound: ")
    return done


def counted(path: Path) -> Counter[str]:
    return Counter(call.function.qualname for call in Trace(path).calls())


def chunks(path: Path) -> list[int]:
    data = path.read_bytes()
    return [at for at in range(UNIT, len(data), UNIT) if data[at : at + 6] == b"CHNK\1\0"]


def change(path: Path, at: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


def test_a_sound_trace_stays_what_it_is(workshop: Workshop, trace: Path) -> None:
    before = trace.read_bytes()
    assert recover(workshop).out.endswith("; nothing is missing\n")
    new = workshop.folder / "new.flow"
    assert trace.read_bytes() == before
    assert new.stat().st_mode & 0o777 == 0o600
    assert new.stat().st_size <= len(before)
    assert workshop.flowtrace("show", "new.flow").out == workshop.flowtrace("show").out
    assert not [path for path in workshop.folder.iterdir() if path.suffix == ".tmp"]


def test_what_is_lost_is_said_and_stands_in_the_story(workshop: Workshop, trace: Path) -> None:
    at = next(at for at in chunks(trace) if struct.unpack_from("<I", trace.read_bytes(), at + 76)[0] > 45000)
    change(trace, at + 30000, b"\xff" * 40)
    before = counted(trace)
    out = recover(workshop).out.splitlines()
    assert " is no record. " in out[0]
    assert out[-1].startswith("recovered: ")
    assert "1 chunk could not be read to its end (" in out[-1]
    assert out[-1].endswith(" calls are missing, or more")
    assert counted(workshop.folder / "new.flow") == before
    story = " ".join(workshop.flowtrace("show", "new.flow").out.split())
    missing = out[-1].partition("chunks; ")[2]
    assert f"Recovered: {missing}." in story
    assert f"recovered     {missing}\n" in workshop.flowtrace("info", "new.flow").out
    (told,) = (process["recovered"] for process in Trace(workshop.folder / "new.flow").info["processes"][:1])
    assert told == missing


def test_a_header_that_is_gone(workshop: Workshop, trace: Path) -> None:
    before = counted(trace)
    change(trace, 0, b"\0" * UNIT)
    assert "its header was gone, and with it when it began" in recover(workshop).out
    assert counted(workshop.folder / "new.flow") == before
    assert "started" not in workshop.flowtrace("info", "new.flow").out
    calls = list(Trace(workshop.folder / "new.flow").calls())
    assert 0 < max(call.start_ns for call in calls) < 3600 * 10**9


def test_a_file_that_is_cut_off(workshop: Workshop, trace: Path) -> None:
    os.truncate(trace, trace.stat().st_size - 2 * UNIT - 100)
    before = counted(trace)
    assert "its end was cut off" in recover(workshop).out
    assert counted(workshop.folder / "new.flow") == before


def test_a_program_that_was_killed(workshop: Workshop) -> None:
    workshop.record(
        "import os, signal\ndef f(n):\n    if n: f(n - 1)\n    else: os.kill(os.getpid(), signal.SIGKILL)\nf(5)",
        status=-signal.SIGKILL,
    )
    assert recover(workshop).out.endswith("; nothing is missing\n")
    calls = list(Trace(workshop.folder / "new.flow").calls(function="f"))
    assert [call.outcome for call in calls] == ["running"] * 6
    assert "killed by SIGKILL" in workshop.flowtrace("show", "new.flow").out


def test_a_bounded_one_becomes_a_plain_one(workshop: Workshop) -> None:
    workshop.record("def f(n): return n\nfor n in range(200_000): f(n)", "--last", "1M")
    before = counted(workshop.trace_path)
    out = recover(workshop).out
    assert " calls had been let go by --last 1M\n" in out
    new = workshop.folder / "new.flow"
    assert counted(new) == before
    assert Trace(new).info["last"] == 0
    assert "had been let go by --last 1M" in " ".join(workshop.flowtrace("show", "new.flow").out.split())


@pytest.mark.parametrize("data", [b"text\n", b"\0" * 3 * UNIT, os.urandom(3 * UNIT)])
def test_what_is_no_trace(workshop: Workshop, data: bytes) -> None:
    workshop.trace_path.write_bytes(data)
    done = recover(workshop, 1)
    assert done.err.startswith("flowtrace: nothing in flowtrace.flow can be recovered: ")
    assert len(done.err.splitlines()) == 1
    assert not (workshop.folder / "new.flow").exists()


def test_bad_usage(workshop: Workshop, trace: Path) -> None:
    before = trace.read_bytes()
    workshop.write("text.txt", "mine\n")
    (workshop.folder / "link.flow").symlink_to(trace)
    for words, message in [
        ([], "two files"),
        (["flowtrace.flow"], "two files"),
        (["nothing.flow", "new.flow"], "no file nothing.flow"),
        (["flowtrace.flow", "flowtrace.flow"], "stays as it is"),
        (["flowtrace.flow", "link.flow"], "stays as it is"),
        (["link.flow", "./flowtrace.flow"], "stays as it is"),
        (["flowtrace.flow", "text.txt"], "is no trace"),
        (["flowtrace.flow", "no/new.flow"], "no folder"),
        (["flowtrace.flow", "."], "folder"),
        (["--all", "flowtrace.flow", "new.flow"], "no option --all"),
    ]:
        done = workshop.flowtrace("recover", *words)
        assert done.status == 2, words
        assert message in done.err
    assert trace.read_bytes() == before
    assert workshop.folder.joinpath("text.txt").read_text() == "mine\n"


def test_a_trace_that_is_being_recorded_is_not_replaced(workshop: Workshop, trace: Path) -> None:
    workshop.write("wait.py", "print('up', flush=True)\ninput()")
    recording = workshop.start("-m", "flowtrace", "run", "-q", "-o", "live.flow", "wait.py")
    assert recording.stdout
    assert recording.stdout.readline() == b"up\n"
    done = workshop.flowtrace("recover", "flowtrace.flow", "live.flow")
    assert done.status == 2
    assert "live.flow is being recorded" in done.err
    live = workshop.flowtrace("recover", "live.flow", "copy.flow")  # what it holds so far
    assert live.status == 0, live.err
    recording.communicate(b"\n", timeout=60)
    assert recording.returncode == 0
