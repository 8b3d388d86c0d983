"""Many children that live shortly, and children of equal pids: one file, and each where it belongs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import crash
from conftest import Workshop

LAST_PID = Path("/proc/sys/kernel/ns_last_pid")


def test_a_storm_of_forks_in_threads(workshop: Workshop) -> None:
    crash.storm(200, workshop.folder)


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
