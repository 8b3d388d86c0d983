"""SIGBUS: FlowTrace has a handler for it while it records, lest a trace that is cut off end the program."""

from __future__ import annotations

import os
import re
import signal
import sys
import textwrap

import pytest
from conftest import Run, Workshop

CUT = """
    trace = os.environ.get("TRACE")
    def work(n): return n + 1
    def many(count): return sum(work(n) for n in range(count))
    def cut():
        if trace: os.truncate(trace, 0)
"""
ITS_OWN = """
    import mmap, tempfile
    def touch():  # what isn't there any more, of a file of the program's own
        with tempfile.TemporaryFile() as file:
            file.truncate(1 << 16)
            own = mmap.mmap(file.fileno(), 1 << 16)
            file.truncate(0)
            return own[5000]
"""
STATE = """
    def state():
        lines = open("/proc/self/status").read().splitlines() if os.path.exists("/proc/self/status") else []
        ignored = [int(line.split()[1], 16) for line in lines if line.startswith("SigIgn")]
        return [mask >> signal.SIGBUS - 1 & 1 for mask in ignored], signal.getsignal(signal.SIGBUS)
"""
CHILD = "import signal, sys; print(repr(signal.getsignal(signal.SIGBUS)), signal.pthread_sigmask(signal.SIG_BLOCK, []))"


def known(run: Run) -> tuple[int, bytes, str]:
    """What is the same in each run: faulthandler tells addresses of threads and of C, and which modules are loaded."""
    err = re.sub(r"thread 0x[0-9a-f]+", "thread", run.err).partition("Current thread's C stack")[0]
    return run.status, run.stdout, re.sub(r"Extension modules: flowtrace._core \(total: 1\)\s*", "", err).rstrip()


def program(workshop: Workshop, *parts: str) -> None:
    workshop.write("app.py", "\n".join(textwrap.dedent(part) for part in parts))


def same(workshop: Workshop, *parts: str, status: int = 0) -> None:
    """As without FlowTrace, also where the trace is cut off meanwhile."""
    program(workshop, *parts)
    workshop.write("child.py", CHILD)
    plain = workshop.python("app.py")
    assert plain.status == status, plain.err
    assert known(workshop.run("app.py")) == known(plain)
    cut = workshop.run("app.py", environment={"TRACE": str(workshop.trace_path)})
    assert (cut.status, cut.stdout) == (plain.status, plain.stdout), cut.err


def test_a_handler_of_the_programs(workshop: Workshop) -> None:
    """What is sent reaches it, once each time, and what was there before is what was there."""
    same(
        workshop,
        "import os, signal",
        CUT,
        """
    def handle(number, frame): print("got", number, frame.f_code.co_name, flush=True)
    def sends(): os.kill(os.getpid(), signal.SIGBUS)
    print(many(1000), signal.getsignal(signal.SIGBUS))
    print(signal.signal(signal.SIGBUS, handle))
    for _ in range(3): sends()
    print(signal.signal(signal.SIGBUS, signal.SIG_IGN) is handle)
    sends()
    print(signal.signal(signal.SIGBUS, signal.SIG_DFL))
    os.kill(os.getpid(), signal.SIGBUS)
    """,
        status=-signal.SIGBUS,
    )


def test_a_handler_that_is_older_than_the_recording(workshop: Workshop) -> None:
    """It is asked after ours, and is the only one again when recording has ended."""
    workshop.write(
        "app.py",
        """
        import os, signal, flowtrace
        caught = []
        signal.signal(signal.SIGBUS, lambda number, frame: caught.append(number))
        def work(n): return n + 1
        for _ in range(3):
            with flowtrace.active_tracing("a.flow"):
                sum(work(n) for n in range(100))
                os.kill(os.getpid(), signal.SIGBUS)
                sum(work(n) for n in range(20_000))
            os.kill(os.getpid(), signal.SIGBUS)
        print(caught)
        """,
    )
    assert workshop.python("app.py").outcome == (0, f"{[int(signal.SIGBUS)] * 6}\n".encode(), b"")


@pytest.mark.parametrize("beside", ["", "import faulthandler; faulthandler.enable()"], ids=["alone", "faulthandler"])
def test_a_file_of_the_programs_own_that_is_cut_off(workshop: Workshop, beside: str) -> None:
    program(workshop, f"import os\n{beside}", CUT, ITS_OWN, "many(1000)\ntouch()")
    plain, traced = workshop.python("app.py"), workshop.run("app.py")
    assert plain.status == -signal.SIGBUS
    assert known(traced) == known(plain)
    assert ("Fatal Python error: Bus error" in plain.err) == bool(beside)
    assert traced.calls("touch")[0].outcome == "running"
    assert len(traced.calls("work")) == 1000


def test_faulthandler_tells_of_other_faults_as_ever(workshop: Workshop) -> None:
    same(
        workshop,
        "import ctypes, faulthandler, os\nfaulthandler.enable()",
        CUT,
        "many(1000)\nctypes.string_at(0)",
        status=-signal.SIGSEGV,
    )


STACK = """
    import ctypes
    class Stack(ctypes.Structure):
        _fields_ = [("place", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t)]
    libc = ctypes.CDLL(None)
    place = ctypes.create_string_buffer(1 << 16)
    def alternate():
        "Signals that want it are handled on that stack. Returns what of it was written to."
        libc.sigaltstack(ctypes.byref(Stack(ctypes.addressof(place), 0, len(place))), None)
    def used(): return any(place.raw)
"""


def test_a_stack_of_the_programs_own_for_signals(workshop: Workshop) -> None:
    """Our handler runs there, as every handler should that may come when the other stack is at its end."""
    same(
        workshop,
        "import os, threading",
        CUT,
        STACK,
        """
    def run():
        alternate()
        print(many(1000), used())
        cut()
        print(many(20_000))
        return used()
    result = []
    thread = threading.Thread(target=lambda: result.append(run()))
    thread.start()
    thread.join()
    if trace: raise SystemExit(not result[0])
    """,
    )


STARTS = {
    "subprocess": "subprocess.run([sys.executable, 'child.py'], check=True)",
    "subprocess, nothing restored": "subprocess.run([sys.executable, 'child.py'], check=True, restore_signals=False)",
    "posix_spawn": "os.waitpid(os.posix_spawn(sys.executable, ['python', 'child.py'], os.environ), 0)",
    "posix_spawn, defaults": "os.waitpid(os.posix_spawn(sys.executable, ['python', 'child.py'], os.environ,"
    " setsigdef=[signal.SIGBUS], setsigmask=[signal.SIGUSR1]), 0)",
    "fork and exec": "os.fork() or os.execv(sys.executable, ['python', 'child.py']); os.wait()",
    "fork": "os.fork() or (print(state(), many(100)), sys.stdout.flush(), os._exit(0)); os.wait()",
}


@pytest.mark.parametrize("how", STARTS)
@pytest.mark.parametrize("before", ["SIG_DFL", "SIG_IGN", "None"])
def test_children_inherit_what_they_would(workshop: Workshop, how: str, before: str) -> None:
    act = f"signal.signal(signal.SIGBUS, signal.{before})" if before != "None" else "pass"
    same(
        workshop,
        "import os, signal, subprocess, sys",
        CUT,
        STATE,
        f"{act}\nprint(many(1000), state(), flush=True)\n{STARTS[how]}",
    )


@pytest.mark.parametrize("how", ["posix_spawn", "fork and exec", "subprocess"])
def test_a_program_that_is_begun_with_it_ignored(workshop: Workshop, how: str) -> None:
    """By whoever started it. So are its children: a handler would become the default there."""
    workshop.write("child.py", CHILD)
    last = "os.kill(os.getpid(), signal.SIGBUS)"
    begin = "print(many(1000), state(), flush=True)"
    program(workshop, "import os, signal, subprocess, sys", CUT, STATE, f"{begin}\n{STARTS[how]}\n{last}")

    def ignore() -> None:
        signal.signal(signal.SIGBUS, signal.SIG_IGN)

    plain, traced = workshop.python("app.py", preexec_fn=ignore), workshop.run("app.py", preexec_fn=ignore)
    assert plain.status == 0
    assert "Handlers.SIG_IGN" in plain.out.splitlines()[-1]
    assert traced.outcome == plain.outcome


@pytest.mark.skipif(sys.version_info < (3, 13), reason="no sub-interpreters that a program can make here")
def test_a_sub_interpreter_whose_trace_is_cut_off(workshop: Workshop) -> None:
    workshop.write("inside.py", "\n".join([textwrap.dedent(CUT), "many(1000)\ncut()\nprint(many(50_000), flush=True)"]))
    same(
        workshop,
        """
    try: import _interpreters as interpreters
    except ImportError: import _xxsubinterpreters as interpreters
    for _ in range(2):
        interpreters.run_string(interpreters.create(), "import os\\n" + open("inside.py").read())
    """,
    )


def test_a_trace_that_is_cut_off_twice(workshop: Workshop) -> None:
    """By another process, while threads come and go, and each new process begins in what is left."""
    same(
        workshop,
        "import os, subprocess, sys, threading, warnings",
        "warnings.simplefilter('ignore')  # a thread that has just been joined may count as running yet",
        CUT,
        """
    def thread():
        made = threading.Thread(target=many, args=[500])
        made.start()
        made.join()
    for n in range(6):
        thread()
        if n % 2: cut()
        if not os.fork():
            thread()
            os._exit(many(100) % 7)
        print(os.wait()[1] >> 8, flush=True)
    """,
    )
    assert os.stat(workshop.trace_path).st_size == 0
