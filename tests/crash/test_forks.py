"""Many children that live shortly, and children of equal pids: one file, and each where it belongs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from conftest import Workshop

LAST_PID = Path("/proc/sys/kernel/ns_last_pid")


def test_a_storm_of_forks_in_threads(workshop: Workshop) -> None:
    run = workshop.record("""
        import os, threading, warnings
        warnings.simplefilter("ignore")

        def work(n): return n + 1
        def child(n):
            work(n)
            os._exit(n % 7)
        def starts(n):
            pid = os.fork()
            if not pid:
                child(n)
            os.waitpid(pid, 0)
        def storm(first):
            for n in range(first, first + 50):
                starts(n)

        threads = [threading.Thread(target=storm, args=[first]) for first in range(0, 200, 50)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        """)
    children = run.calls("child")
    assert sorted(call.arguments["n"].python() for call in children) == list(range(200))
    assert len({call.track.pid for call in children}) == 200
    for call in children:
        n = call.arguments["n"].python()
        (work,) = call.children
        assert (work.arguments["n"].python(), work.result.python()) == (n, n + 1)
        assert call.outcome == "running"
        assert call.parent is not None
        assert call.parent.function.qualname == "starts"
        assert call.parent.arguments["n"].python() == n
    assert run.trace.info["damaged_chunks"] == 0
    assert len(run.trace.info["processes"]) == 201


@pytest.mark.skipif(not os.access(LAST_PID, os.W_OK), reason="the next pid can't be chosen here")
def test_children_that_have_the_same_pid(workshop: Workshop) -> None:
    workshop.write(
        "app.py",
        """
        import os

        def work(n): return n + 1
        def starts(n, wanted):
            for _ in range(200):  # others are started on this machine as well
                with open("/proc/sys/kernel/ns_last_pid", "w") as file:
                    file.write(str(wanted - 1))
                pid = os.fork()
                if not pid and os.getpid() == wanted:
                    work(n)
                if not pid:
                    os._exit(0)
                os.waitpid(pid, 0)
                if pid == wanted:
                    return
            raise SystemExit(77)

        pid = os.fork()
        if not pid:
            os._exit(0)
        os.waitpid(pid, 0)
        for n in range(5):
            starts(n, pid)
        """,
    )
    run = workshop.run("app.py")
    if run.status == 77:
        pytest.skip("another process has that pid, and keeps it")
    assert run.outcome == (0, b"", b"")
    works = run.calls("work")
    assert [call.arguments["n"].python() for call in works] == list(range(5))
    assert len({call.track.pid for call in works}) == 1
    assert [call.parent.arguments["n"].python() for call in works] == list(range(5))
    assert len({call.track for call in works}) == 5
