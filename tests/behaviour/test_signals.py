"""Signals reach the program as they would without FlowTrace, and its death is passed on."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import termios
import threading
from collections.abc import Callable

import pytest
from conftest import TIMEOUT, Workshop

from flowtrace._core import Trace

RUN = ["-m", "flowtrace", "run"]

# Does `{handle}`, says that it is ready, then does `{wait}`.
PROGRAM = """
import os, select, signal, sys
awake, wake = os.pipe()
os.set_blocking(wake, False)
signal.set_wakeup_fd(wake)
def work():
    {handle}
    wait()
def say(*words):  # print() can't be interrupted by a handler that prints
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())
def wait_for(*files):  # pause() sleeps through a signal that comes just before it; this doesn't
    while not set(files) & set(select.select([awake, *files], [], [])[0]):
        os.read(awake, 1)
def wait():
    say("ready", os.getpid())
    {wait}
work()
"""
FOREVER = "wait_for()"


def program(workshop: Workshop, handle: str = "pass", wait: str = FOREVER) -> None:
    workshop.write("app.py", PROGRAM.format(handle=handle, wait=wait))


def ready(process: subprocess.Popen[bytes]) -> int:
    """Wait until the program is where it waits; returns its pid."""
    line = process.stdout.readline().decode()
    assert line.startswith("ready "), (line, process.communicate(timeout=TIMEOUT))
    return int(line.split()[1])


def finish(process: subprocess.Popen[bytes]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=TIMEOUT)
    return process.returncode, out.decode(), err.decode()


def within_time(question: Callable[[], object]) -> object:
    """Answer a question that has no timeout of its own."""
    answers: list[object] = []
    thread = threading.Thread(target=lambda: answers.append(question()), daemon=True)
    thread.start()
    thread.join(TIMEOUT)
    assert answers, "nothing happened"
    return answers[0]


# --- deaths -----------------------------------------------------------------

DEATHS = [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGABRT, signal.SIGHUP, signal.SIGUSR1, signal.SIGFPE]


@pytest.mark.parametrize("number", DEATHS, ids=lambda number: number.name)
def test_a_program_that_dies_of_a_signal(workshop: Workshop, number: signal.Signals) -> None:
    program(workshop, wait=f"os.kill(os.getpid(), {int(number)})")
    assert workshop.python("app.py").status == -number
    told = workshop.flowtrace("run", "app.py")
    assert told.status == -number
    assert told.out.startswith("ready ")
    assert number.name in told.err
    assert "wait()" in told.err
    info = workshop.flowtrace("info")
    assert number.name in info.out
    (process,) = told.trace.info["processes"]
    assert (process["wait_status"], process["ended"]) == (int(number), False)


def test_a_real_segmentation_fault(workshop: Workshop) -> None:
    program(workshop, wait="__import__('ctypes').string_at(0)")
    plain, told = workshop.python("app.py"), workshop.flowtrace("run", "app.py")
    assert (told.status, plain.status) == (-signal.SIGSEGV, -signal.SIGSEGV)
    assert [call.outcome for call in told.trace.calls()] == ["running"] * 3 + ["returned"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGUSR2], ids=lambda n: n.name)
def test_what_is_sent_to_flowtrace_alone_is_the_programs(workshop: Workshop, number: signal.Signals) -> None:
    program(workshop, handle=f"signal.signal({int(number)}, signal.SIG_DFL)")
    process = workshop.start(*RUN, "app.py")
    ready(process)
    process.send_signal(number)
    status, _, err = finish(process)
    assert status == -number
    assert number.name in err
    assert "wait()" in err


def test_a_program_killed_in_the_middle_leaves_all_it_did(workshop: Workshop) -> None:
    workshop.write(
        "app.py",
        """
        import os
        def step(n): return n
        def work():
            for n in range(20_000):
                step(n)
            wait()
        def wait():
            print("ready", os.getpid(), flush=True)
            while True:
                input()
        work()
        """,
    )
    process = workshop.start(*RUN, "app.py")
    pid = ready(process)
    # Its own record of it is whole before anyone has tidied up.
    running = [call.function.qualname for call in Trace(workshop.trace_path).calls(outcome="running")]
    assert running == ["<module>", "work", "wait"]
    os.kill(pid, signal.SIGKILL)
    status, _, err = finish(process)
    assert status == -signal.SIGKILL
    assert "SIGKILL" in err
    trace = Trace(workshop.trace_path)
    assert len(trace) == 20_003
    assert [call.arguments["n"].python() for call in trace.calls(function="step")] == list(range(20_000))
    assert trace.info["damaged_chunks"] == trace.info["lost_records"] == 0


def test_a_killed_flowtrace_leaves_a_readable_trace(workshop: Workshop) -> None:
    program(workshop)
    process = workshop.start(*RUN, "app.py")
    pid = ready(process)
    process.kill()
    assert process.wait(TIMEOUT) == -signal.SIGKILL
    os.kill(pid, signal.SIGKILL)
    process.communicate(timeout=TIMEOUT)
    shown = workshop.flowtrace("show")
    assert shown.status == 0
    assert "wait()" in shown.out


# --- handlers -----------------------------------------------------------------

HANDLED = [
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGQUIT,
    signal.SIGALRM,
    signal.SIGWINCH,
    signal.SIGINT,
    signal.SIGCONT,
]


@pytest.mark.parametrize("number", HANDLED, ids=lambda number: number.name)
def test_a_handler_gets_what_is_sent_to_flowtrace_alone(workshop: Workshop, number: signal.Signals) -> None:
    """Once: what comes after it ends the program."""
    program(
        workshop,
        handle=f"signal.signal({int(number)}, lambda number, frame: say('got', number))",
        wait="wait_for(0); print('read', sys.stdin.read()); sys.exit(5)",
    )
    process = workshop.start(*RUN, "-q", "app.py")
    ready(process)
    process.send_signal(number)
    assert process.stdout.readline().decode() == f"got {int(number)}\n"
    assert finish(process) == (5, "read \n", "")


def test_several_signals_in_order(workshop: Workshop) -> None:
    program(
        workshop,
        handle="for n in (10, 12): signal.signal(n, lambda number, frame: say(number))",
        wait=FOREVER,
    )
    process = workshop.start(*RUN, "-q", "app.py")
    ready(process)
    for number in (10, 12, 10, 12):
        process.send_signal(number)
        assert process.stdout.readline().decode() == f"{number}\n"
    process.terminate()
    assert finish(process) == (-signal.SIGTERM, "", "")


def test_a_program_that_signals_its_own_group_hears_it_once(workshop: Workshop) -> None:
    workshop.write(
        "app.py",
        """
        import os, signal
        arrivals, end = os.pipe()
        os.set_blocking(end, False)
        signal.set_wakeup_fd(end)
        for number in (signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(number, lambda number, frame: None)
        def shout(): os.kill(0, signal.SIGUSR1)
        shout()
        print("ready", os.getpid(), flush=True)
        seen = b""
        while bytes([signal.SIGUSR2]) not in seen:
            seen += os.read(arrivals, 100)
        print(list(seen))
        """,
    )
    process = workshop.start(*RUN, "-q", "app.py")
    ready(process)
    process.send_signal(signal.SIGUSR2)  # comes last: flowtrace takes the signals that wait by their numbers
    assert finish(process) == (0, f"[{signal.SIGUSR1:d}, {signal.SIGUSR2:d}]\n", "")


def test_signals_while_flowtrace_is_stopped(workshop: Workshop) -> None:
    """Those that nobody can be given any more must not end the story."""
    program(workshop)
    process = workshop.start(*RUN, "app.py")
    pid = ready(process)
    process.send_signal(signal.SIGSTOP)
    assert os.WIFSTOPPED(within_time(lambda: os.waitpid(process.pid, os.WUNTRACED))[1])
    os.kill(pid, signal.SIGKILL)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGCONT):
        process.send_signal(number)
    status, _, err = finish(process)
    assert status == -signal.SIGKILL
    assert "killed by SIGKILL" in err


@pytest.mark.parametrize(
    "prepare",
    [
        lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
        lambda: [signal.signal(n, signal.SIG_IGN) for n in (signal.SIGHUP, signal.SIGTERM, signal.SIGCHLD)],
        lambda: signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGINT, signal.SIGCHLD}),
        lambda: signal.signal(signal.SIGPIPE, signal.SIG_DFL),
    ],
    ids=["SIGINT ignored", "others ignored", "some blocked", "SIGPIPE default"],
)
def test_what_was_ignored_or_blocked_stays_so(workshop: Workshop, prepare: Callable[[], object]) -> None:
    workshop.write(
        "app.py",
        """
        import os, signal, sys
        def state():
            lines = open("/proc/self/status").read() if os.path.exists("/proc/self/status") else ""
            masks = [line.split() for line in lines.splitlines() if line.startswith(("SigBlk", "SigIgn", "SigCgt"))]
            # Without the two that glibc keeps to itself, and SIGBUS: docs/reliability.md says why.
            return [(name, hex(int(mask, 16) & ~0x180000000 & ~(1 << signal.SIGBUS - 1))) for name, mask in masks]
        print(state(), [str(signal.getsignal(n)) for n in sorted(signal.valid_signals())])
        print(sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])))
        sys.exit(6)
        """,
    )
    plain = workshop.python("app.py", preexec_fn=prepare)
    traced = workshop.run("app.py", preexec_fn=prepare)
    assert plain.status == 6
    assert traced.outcome == plain.outcome


def test_a_program_that_ignores_interrupts_goes_on(workshop: Workshop) -> None:
    program(workshop, wait="wait_for(0); print('read', len(sys.stdin.read())); sys.exit(8)")
    process = workshop.start(*RUN, "-q", "app.py", preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
    ready(process)
    os.killpg(process.pid, signal.SIGINT)
    assert finish(process) == (8, "read 0\n", "")


def test_stopped_and_continued(workshop: Workshop) -> None:
    """Ctrl-Z and fg: the shell sees flowtrace stop with the program, and both go on."""
    program(workshop, wait="os.kill(os.getpid(), signal.SIGSTOP); print('went on'); sys.exit(9)")
    process = workshop.start(*RUN, "-q", "app.py")
    ready(process)
    pid, status = within_time(lambda: os.waitpid(process.pid, os.WUNTRACED))
    assert (pid, os.WIFSTOPPED(status)) == (process.pid, True)
    os.kill(process.pid, signal.SIGCONT)
    assert finish(process) == (9, "went on\n", "")


# --- Ctrl-C -------------------------------------------------------------------


class Terminal:
    """A program with a terminal of its own; its stderr is a pipe."""

    def __init__(self, workshop: Workshop, *words: str) -> None:
        self.leader, follower = os.openpty()
        settings = termios.tcgetattr(follower)
        settings[3] &= ~termios.ECHO
        termios.tcsetattr(follower, termios.TCSANOW, settings)
        self.process = subprocess.Popen(
            [sys.executable, *words],
            cwd=workshop.folder,
            env=workshop.environment,
            stdin=follower,
            stdout=follower,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509
        )
        workshop.started.append(self.process)
        os.close(follower)
        self.reader = os.fdopen(self.leader, "rb", buffering=0)

    def line(self) -> str:
        return within_time(self.reader.readline).decode().strip()

    def type(self, keys: bytes) -> None:
        os.write(self.leader, keys)

    def end(self) -> tuple[int, str]:
        _, err = self.process.communicate(timeout=TIMEOUT)
        self.reader.close()
        return self.process.returncode, err.decode()


CTRL_C = b"\x03"
# What comes after "ready" and before the program waits is kept until then.
BLOCK = "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})"
UNBLOCK = "signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})"


def test_ctrl_c_interrupts_the_program_and_its_story_is_told(workshop: Workshop) -> None:
    program(workshop, BLOCK, wait=f"{UNBLOCK}; wait_for()")
    results = []
    for words in (["app.py"], [*RUN, "app.py"]):
        terminal = Terminal(workshop, *words)
        assert terminal.line().startswith("ready")
        terminal.type(CTRL_C)
        results.append(terminal.end())
    (plain, plain_err), (status, err) = results
    assert status == plain == -signal.SIGINT
    # Where it comes differs from run to run; whose frames there are does not.
    traceback, _, story = err.partition("\nKeyboardInterrupt\n")
    assert traceback.splitlines()[:6] == plain_err.splitlines()[:6]
    assert "site-packages" not in traceback
    assert "KeyboardInterrupt" in story
    assert "wait()" in story
    assert "flowtrace:" not in err


def test_ctrl_c_comes_once(workshop: Workshop) -> None:
    """Counted where a signal arrives: two that come together make one KeyboardInterrupt."""
    workshop.write(
        "app.py",
        """
        import os, select, signal, sys
        arrivals, end = os.pipe()
        os.set_blocking(end, False)
        signal.set_wakeup_fd(end)
        signal.signal(signal.SIGUSR2, lambda number, frame: None)
        def wait():
            try:
                print("ready", flush=True)
                select.select([0, arrivals], [], [])
            except KeyboardInterrupt:
                pass
            print("caught", flush=True)
            seen = b""
            while bytes([signal.SIGUSR2]) not in seen:
                seen += os.read(arrivals, 100)
            print(seen.count(signal.SIGINT), flush=True)
            sys.exit(4)
        wait()
        """,
    )
    terminal = Terminal(workshop, *RUN, "-q", "app.py")
    assert terminal.line() == "ready"
    terminal.type(CTRL_C)
    assert terminal.line() == "caught"
    terminal.process.send_signal(signal.SIGUSR2)  # comes after all SIGINT: flowtrace takes the lower number first
    assert terminal.line() == "1"
    assert terminal.end() == (4, "")


def test_ctrl_c_again_and_again(workshop: Workshop) -> None:
    program(
        workshop,
        wait="""
    for n in range(5):
        try:
            print("waiting", n, flush=True)
            wait_for()
        except KeyboardInterrupt:
            pass
    sys.exit(3)
""",
    )
    terminal = Terminal(workshop, *RUN, "app.py")
    assert terminal.line().startswith("ready")
    for n in range(5):
        assert terminal.line() == f"waiting {n}"
        terminal.type(CTRL_C)
    status, err = terminal.end()
    assert status == 3
    assert "wait()" in err
