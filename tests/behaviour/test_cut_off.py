"""A trace that others cut off while a program is recorded into it, or while it is read."""

from __future__ import annotations

import os

import pytest
from conftest import Workshop

from flowtrace._core import Trace

UNIT = 64 << 10
CUTS_ITSELF = """
    import os, signal, sys, threading
    def work(n): return n + 1
    def many(count): return sum(work(n) for n in range(count))
    trace = os.environ.get("TRACE")
    print(many(1000))
    {before}
    if trace: os.truncate(trace, {size})
    {after}
    print(many(100_000), signal.getsignal(signal.SIGBUS))
"""
THREADS = """pass
    threads = [threading.Thread(target=many, args=[10_000]) for _ in range(4)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
"""
FORKS = """pass
    if not os.fork():
        many(10_000)
        os._exit(7)
    print(os.wait()[1] >> 8)
"""


@pytest.mark.parametrize("after", ["pass", THREADS, FORKS], ids=["one thread", "threads", "forks"])
@pytest.mark.parametrize("size", [0, UNIT, UNIT + 5000])
def test_a_program_whose_trace_is_cut_off_goes_on(workshop: Workshop, size: int, after: str) -> None:
    workshop.write("app.py", CUTS_ITSELF.format(size=size, before="pass", after=after))
    plain = workshop.python("app.py")
    assert plain.status == 0, plain.err
    trace = workshop.folder / "cut.flow"
    workshop.environment["TRACE"] = str(trace)
    run = workshop.run("-o", str(trace), "app.py")
    assert (run.status, run.stdout) == (plain.status, plain.stdout)
    if size == 0:
        assert trace.stat().st_size == 0
        assert run.err == f"flowtrace: {trace}: the file is empty\n"
    else:
        told = workshop.flowtrace("info", str(trace)).out
        assert "the file is cut off: it was longer" in told
        stopped = "recording stopped early: the trace was cut off while it was recorded" in told
        assert stopped == (size > UNIT)  # what the process says of itself is in the second unit


def test_faulthandler_may_be_on_as_well(workshop: Workshop) -> None:
    trace = workshop.folder / "cut.flow"
    workshop.environment["TRACE"] = str(trace)
    for before in "import faulthandler; faulthandler.enable()", "signal.signal(signal.SIGBUS, signal.SIG_DFL)":
        workshop.write("app.py", CUTS_ITSELF.format(size=0, before=before, after="pass"))
        run = workshop.run("-o", str(trace), "app.py")
        if "faulthandler" in before:
            assert run.status == 0
            assert "Bus error" in run.err  # it has the signal first, and says so
        else:
            assert run.status < 0 or run.status > 128  # this program wants to die of it


def test_a_signal_that_is_sent_is_not_swallowed(workshop: Workshop) -> None:
    source = """
        import os, signal, subprocess, sys
        print(signal.getsignal(signal.SIGBUS))
        print(subprocess.run([sys.executable, "-c", "import os; os.kill(os.getpid(), 7)"]).returncode, flush=True)
        os.kill(os.getpid(), signal.SIGBUS)
    """
    workshop.write("app.py", source)
    plain = workshop.python("app.py")
    run = workshop.run("app.py")
    assert run.outcome == plain.outcome


def test_a_trace_that_is_cut_off_while_it_is_read(workshop: Workshop) -> None:
    run = workshop.record("""
        def work(n): return n + 1
        def many(): return [work(n) for n in range(100_000)]
        many()
        """)
    whole = Trace(run.trace_path)
    calls = whole.calls()
    os.truncate(run.trace_path, 2 * UNIT)
    # What is gone reads as nothing, and nobody dies of it.
    assert {call.function.qualname.strip("\0") for call in calls} <= {"", "<module>", "many", "work"}
    assert sum(len(call.arguments) >= 0 for call in whole.calls()) == 100_002
    told = workshop.flowtrace("info", str(run.trace_path))
    assert "cut off" in told.out
