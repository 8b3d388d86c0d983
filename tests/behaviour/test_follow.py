"""flowtrace show --follow tells a recording that is still being made; a second reader sees a prefix of it."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable

from conftest import TIMEOUT, Workshop

from flowtrace import Trace

PROGRAM = """
    import sys
    def step(n): return n
    def main():
        print("ready", flush=True)
        for line in sys.stdin:
            step(int(line))
            print("done", flush=True)
    main()
    """


def begin(workshop: Workshop) -> subprocess.Popen[bytes]:
    workshop.write("app.py", PROGRAM)
    program = workshop.start("-m", "flowtrace", "run", "-q", "app.py")
    assert program.stdout
    assert program.stdout.readline() == b"ready\n"
    return program


def ask(program: subprocess.Popen[bytes], n: int) -> None:
    """When this returns, step(n) has returned."""
    assert program.stdin
    assert program.stdout
    program.stdin.write(b"%d\n" % n)
    program.stdin.flush()
    assert program.stdout.readline() == b"done\n"


def read_until(descriptor: int, holds: Callable[[bytes], bool]) -> bytes:
    text = b""
    end = time.monotonic() + TIMEOUT
    while not holds(text):
        assert select.select([descriptor], [], [], end - time.monotonic())[0], text
        try:
            more = os.read(descriptor, 65536)
        except OSError:  # the other end is closed
            more = b""
        if not more:
            break
        text += more
    return text


def test_the_story_on_a_terminal_grows_until_the_program_has_ended(workshop: Workshop) -> None:
    program = begin(workshop)
    ask(program, 41)
    workshop.environment["NO_COLOR"] = "1"
    ours, theirs = pty.openpty()
    reader = workshop.start("-m", "flowtrace", "show", "--follow", stdout=theirs, stderr=theirs, stdin=theirs)
    os.close(theirs)
    assert b"step(n=41)" in read_until(ours, lambda text: b"step(n=41)" in text)
    ask(program, 43)
    grown = read_until(ours, lambda text: b"43" in text)
    assert b"\x1b[H\x1b[2J" in grown
    assert reader.poll() is None
    program.communicate(timeout=TIMEOUT)
    end = read_until(ours, lambda text: False)
    assert b"still running" not in end.split(b"\x1b[2J")[-1]
    assert reader.wait(TIMEOUT) == 0
    os.close(ours)


def test_elsewhere_it_is_told_once_when_the_program_has_ended(workshop: Workshop) -> None:
    program = begin(workshop)
    ask(program, 1)
    reader = workshop.start("-m", "flowtrace", "show", "--follow")
    ask(program, 2)
    assert reader.poll() is None
    program.communicate(timeout=TIMEOUT)
    out, err = reader.communicate(timeout=TIMEOUT)
    assert not err
    assert out == workshop.flowtrace("show").stdout


def test_a_trace_that_is_whole_is_told_at_once(workshop: Workshop) -> None:
    workshop.record("def f(): pass\nf()")
    assert workshop.flowtrace("show", "--follow").stdout == workshop.flowtrace("show").stdout


def test_a_killed_program_is_not_waited_for(workshop: Workshop) -> None:
    done = workshop.record("import os\ndef f(): os.kill(os.getpid(), 9)\nf()", status=-9)
    assert b"f()" in workshop.flowtrace("show", "--follow").stdout, done.err


def test_a_second_reader_sees_a_prefix(workshop: Workshop) -> None:
    workshop.write(
        "app.py",
        """
        import sys, threading
        def leaf(n): return n
        def branch(n): return [leaf(n), leaf(-n)]
        def loop():
            n = 0
            while not ended and n < 3000: branch(n := n + 1)
        ended = False
        threads = [threading.Thread(target=loop, name=f"thread {n}") for n in range(2)]
        for thread in threads: thread.start()
        print("ready", flush=True)
        sys.stdin.readline()
        ended = True
        for thread in threads: thread.join()
        """,
    )
    program = workshop.start("-m", "flowtrace", "run", "-q", "app.py")
    assert program.stdout
    program.stdout.readline()
    seen = [calls_by_track(Trace(workshop.trace_path)) for _ in range(6)]
    program.communicate(b"\n", timeout=TIMEOUT)
    whole = calls_by_track(Trace(workshop.trace_path))
    assert sum(map(len, whole.values())) > 1000
    for before, after in zip(seen, [*seen[1:], whole], strict=True):
        for track, calls in before.items():
            assert len(calls) <= len(after[track])
            assert is_prefix(calls, whole[track])


def calls_by_track(trace: Trace) -> dict[str, list[tuple[str, str, str]]]:
    tracks = defaultdict(list)
    assert trace.info["damaged_chunks"] == 0
    for call in trace.calls():
        arguments = ", ".join(map(str, call.arguments.values()))
        tracks[call.track.name].append((call.function.qualname, arguments, f"{call.outcome} {call.result}"))
    return tracks


def is_prefix(calls: list[tuple[str, str, str]], whole: list[tuple[str, str, str]]) -> bool:
    """What had ended then ended so; what still ran may have ended later."""
    return all(
        call[:2] == later[:2] and (call[2] == later[2] or call[2].startswith("running"))
        for call, later in zip(calls, whole, strict=False)
    )
