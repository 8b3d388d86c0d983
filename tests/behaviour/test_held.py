"""A trace that is being recorded is not replaced by another recording."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from conftest import TIMEOUT, Workshop

from flowtrace._core import Trace

WAITS = """
    import os
    def work(n): return n
    def main():
        print(os.getpid(), flush=True)
        {act}
        work(1)
    main()
"""


def finish(process: subprocess.Popen[bytes]) -> int:
    process.communicate(b"\n", timeout=TIMEOUT)
    return process.returncode


def test_a_second_run_is_refused(workshop: Workshop) -> None:
    workshop.write("app.py", WAITS.format(act="input()"))
    first = workshop.start("-m", "flowtrace", "run", "-q", "app.py")
    pid = int(first.stdout.readline())
    second = workshop.run("-c", "print('not started')")
    assert second.outcome == (
        2,
        b"",
        f"flowtrace: flowtrace.flow is being recorded by process {pid}; name another file with -o\n".encode()
        + second.stderr.partition(b"\n")[2],
    )
    assert workshop.run("-o", "other.flow", "-c", "pass").status == 0
    assert finish(first) == 0
    assert [call.function.qualname for call in Trace(workshop.trace_path).calls()] == ["<module>", "main", "work"]
    assert workshop.run("-c", "pass").status == 0
    assert [call.function.qualname for call in Trace(workshop.trace_path).calls()] == ["<module>"]
    assert sorted(os.listdir(workshop.folder)) == ["app.py", "flowtrace.flow", "other.flow"]


def test_a_daemon_that_goes_on_holds_it(workshop: Workshop) -> None:
    workshop.write("app.py", WAITS.format(act="os.fork() or (os.read(0, 1), os._exit(0))"))
    first = workshop.start("-m", "flowtrace", "run", "-q", "app.py")
    first.stdout.readline()
    while first.poll() is None:
        pass
    assert b"flowtrace.flow is being recorded" in workshop.run("-c", "pass").stderr
    finish(first)
    for _ in range(TIMEOUT * 1000):  # the daemon's end is nobody's to wait for
        if workshop.run("-c", "pass").status == 0:
            break
    assert workshop.run("-c", "pass").status == 0


def test_in_one_process(workshop: Workshop) -> None:
    run = workshop.python(
        "-c",
        "import flowtrace, os\n"
        "flowtrace.start_tracing('a.flow'); flowtrace.stop_tracing()\n"
        "flowtrace.start_tracing('a.flow')\n"
        "os.system('true')\n"
        "flowtrace.stop_tracing(); print('done')",
    )
    assert run.outcome == (0, b"done\n", b"")


def test_the_name_of_a_link_that_somebody_else_made(workshop: Workshop, tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("precious")
    pid = os.getpid()
    (workshop.folder / "flowtrace.flow").symlink_to(target)
    assert workshop.run("-c", "pass").status == 2
    (workshop.folder / "flowtrace.flow").unlink()
    for number in range(pid, pid + 200):  # its temporary name is guessed
        (workshop.folder / f"flowtrace.flow.{number}.tmp").symlink_to(target)
    assert workshop.run("-c", "pass").outcome == (0, b"", b"")
    assert target.read_text() == "precious"


@pytest.mark.parametrize("count", [6])
def test_many_that_start_at_once(workshop: Workshop, count: int) -> None:
    workshop.write("app.py", WAITS.format(act="input()"))
    together = [workshop.start("-m", "flowtrace", "run", "-q", "app.py") for _ in range(count)]
    first = [process for process in together if process.stdout.readline()]
    assert len(first) == 1
    assert sorted(finish(process) for process in together) == [0] + [2] * (count - 1)
    assert [call.function.qualname for call in Trace(workshop.trace_path).calls()] == ["<module>", "main", "work"]
    assert sorted(os.listdir(workshop.folder)) == ["app.py", "flowtrace.flow"]
