"""flowtrace run --live tells on the terminal what a running program does, and changes nothing about the program."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess

import pytest
from conftest import TIMEOUT, Workshop
from test_follow import ask, read_until

PROGRAM = """
    import os, sys
    def step(n): return n * 10
    def main():
        print("ready", os.isatty(0), os.isatty(1), os.isatty(2), flush=True)
        for line in sys.stdin:
            step(int(line))
            print("done", flush=True)
    main()
    sys.exit(3)
    """


def begin(workshop: Workshop, *options: str) -> tuple[subprocess.Popen[bytes], int]:
    """Return a program that is ready, and the terminal at its stderr."""
    workshop.write("app.py", PROGRAM)
    workshop.environment["NO_COLOR"] = "1"
    ours, theirs = pty.openpty()
    program = workshop.start("-m", "flowtrace", "run", "--live", *options, "app.py", stderr=theirs)
    os.close(theirs)
    assert program.stdout
    assert program.stdout.readline() == b"ready False False True\n"
    return program, ours


def test_what_is_new_is_told_while_the_program_runs(workshop: Workshop) -> None:
    program, terminal = begin(workshop)
    ask(program, 41)
    first = read_until(terminal, lambda text: b"step(n=41)" in text and text.endswith(b"\n"))
    assert re.search(rb"main\(\)  \xe2\x80\xa6 still running.*\n.*step\(n=41\) \xe2\x86\x92 410", first)
    ask(program, 43)
    # Times of a trace that grows get more exact, so a call at the seam of two parts may be told in both.
    second = read_until(terminal, lambda text: re.search(rb"step\(n=(41 \xe2\x80\xa6 )?43\)", text) is not None)
    out, _ = program.communicate(timeout=TIMEOUT)
    rest = read_until(terminal, lambda text: False)
    assert (program.returncode, out) == (3, b"")
    story = rest.partition(b"exit status 3")[2]  # of all of it
    assert story.count(b"step(n=41 \xe2\x80\xa6 43)") == 1
    assert b"\x1b" not in first + second + rest  # nothing is erased
    os.close(terminal)


def test_without_a_story_the_end_is_told_too(workshop: Workshop) -> None:
    program, terminal = begin(workshop, "-q")
    ask(program, 7)
    program.communicate(timeout=TIMEOUT)
    told = read_until(terminal, lambda text: False)
    assert program.returncode == 3
    assert b"step(n=7)" in told
    assert b"main()  \xe2\x80\xa6 still running" not in told.split(b"calls")[-1]
    os.close(terminal)


def test_a_signal_reaches_the_program_as_ever(workshop: Workshop) -> None:
    program, terminal = begin(workshop)
    ask(program, 1)
    program.send_signal(signal.SIGTERM)
    assert program.wait(TIMEOUT) == -signal.SIGTERM
    assert b"killed by SIGTERM" in read_until(terminal, lambda text: False)
    os.close(terminal)


def test_where_stderr_is_no_terminal_the_program_runs_without_it(workshop: Workshop) -> None:
    workshop.write("app.py", PROGRAM)
    done = workshop.flowtrace("run", "-q", "--live", "app.py", stdin=b"1\n")
    assert (done.status, done.stdout) == (3, b"ready False False False\ndone\n")
    path = workshop.trace_path
    assert done.err == (
        "flowtrace: --live needs a terminal, and stderr is none; the program runs without it. "
        f"In another terminal: flowtrace show --follow {path}\n"
    )
    assert done.calls("step")


@pytest.mark.parametrize("options", [["--live", "--no-time"]])
def test_it_needs_times(workshop: Workshop, options: list[str]) -> None:
    workshop.write("app.py", PROGRAM)
    done = workshop.flowtrace("run", *options, "app.py")
    assert (done.status, done.stdout) == (2, b"")
    assert done.err == ("flowtrace: --live tells what happened when, which --no-time leaves out; give one of them\n")
