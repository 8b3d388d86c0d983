"""flowtrace merge joins the traces of several runs, and keeps them apart."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from conftest import Run, Workshop, told

from flowtrace._core import Trace

PROGRAM = """
    import warnings, asyncio, os, subprocess, sys, threading
    def work(n):
        return n + 1
    def loop(count):
        for n in range(count): work(n)
    async def ask(n):
        await asyncio.sleep(0)
        return work(n)
    async def main():
        await asyncio.gather(*(ask(n) for n in range(3)))
    def start():
        thread = threading.Thread(target=loop, args=(2,), name="loop")
        thread.start()
        thread.join()
        asyncio.run(main())
        warnings.simplefilter("ignore")  # the thread that was joined may still be there
        pid = os.fork()
        if pid == 0:
            loop(3)
            os._exit(0)
        os.waitpid(pid, 0)
        subprocess.run([sys.executable, "child.py"], check=True)
    start()
    """
SECOND = 10**9


@pytest.fixture
def traces(workshop: Workshop) -> tuple[Path, Path]:
    workshop.write("child.py", "def hello(): return 1\nhello()\n")
    paths = []
    for name in "ab":
        done = workshop.record(PROGRAM, "-o", f"{name}.flow")
        assert not done.stderr
        paths.append(workshop.folder / f"{name}.flow")
    return paths[0], paths[1]


def merge(workshop: Workshop, *words: str, status: int = 0) -> Run:
    done = workshop.flowtrace("merge", *words)
    assert done.status == status, done.err
    assert "Traceback" not in done.err
    return done


def on_another_host(path: Path) -> None:
    """The name of the host stands in it as plain text."""
    host = os.uname().nodename.encode()
    data = path.read_bytes()
    here = b"\x04host" + bytes([len(host)]) + host
    assert here in data
    path.write_bytes(data.replace(here, b"\x04host" + bytes([len(host)]) + b"x" * len(host)))


def first_start(trace: Trace, run: int) -> int:
    """When the first call of a run began; they follow one another."""
    pids = {process["pid"] for process in trace.info["processes"] if process["run"] == run}
    return min(call.start_ns for call in trace.calls() if call.track.pid in pids)


def test_each_run_stays_what_it_was(workshop: Workshop, traces: tuple[Path, Path]) -> None:
    done = merge(workshop, "a.flow", "b.flow", "-o", "c.flow")
    lines = done.out.splitlines()
    assert lines[0] == "merged 2 traces into c.flow"
    assert lines[1] == "  a.flow: begins first; the others' times are set by it"
    assert lines[2].endswith("; one clock with a.flow, exact")
    one, other, both = map(Trace, [*traces, workshop.folder / "c.flow"])
    assert told(both) == told(one) + told(other)
    assert [call.duration_ns for call in both.calls()] == [
        call.duration_ns for trace in (one, other) for call in trace.calls()
    ]
    assert [process["run"] for process in both.info["processes"]] == [1, 1, 1, 2, 2, 2]
    assert workshop.flowtrace("info", "--verify", "c.flow").out.startswith("sound: ")
    assert (workshop.folder / "c.flow").stat().st_mode & 0o777 == 0o600
    story = workshop.flowtrace("show", "c.flow").out.splitlines()
    host = os.uname().nodename
    assert story[0].startswith("2 runs · ")
    assert story[2] == f"run 1 · a.flow · app.py on {host} · 3 processes"
    assert f"run 2 · b.flow · app.py on {host} · 3 processes" in story
    info = workshop.flowtrace("info", "c.flow").out
    assert f"runs          1  a.flow, app.py on {host}; the others' times are set by it\n" in info
    assert f"              2  b.flow, app.py on {host}; one clock with a.flow, exact\n" in info


def test_times_of_one_host_are_those_of_its_clock(workshop: Workshop, traces: tuple[Path, Path]) -> None:
    starts = [path.read_bytes()[40:48] for path in traces]
    apart = int.from_bytes(starts[1], "little") - int.from_bytes(starts[0], "little")
    for names in ("a.flow", "b.flow"), ("b.flow", "a.flow"):  # whichever is named first
        merge(workshop, *names, "-o", "c.flow")
        both = Trace(workshop.folder / "c.flow")
        runs = [1, 2] if names[0] == "a.flow" else [2, 1]
        early, late = (first_start(both, run) for run in runs)
        alone = [min(call.start_ns for call in Trace(path).calls()) for path in traces]
        assert late - early == apart + alone[1] - alone[0]


def test_wall_clocks_and_an_offset(workshop: Workshop, traces: tuple[Path, Path]) -> None:
    on_another_host(traces[1])
    done = merge(workshop, "a.flow", "b.flow", "-o", "c.flow")
    assert "by the wall clocks, as exact as these agree" in done.out
    before = first_start(Trace(workshop.folder / "c.flow"), 2)
    done = merge(workshop, "a.flow", "b.flow", "-o", "c.flow", "--offset", "b.flow=+90.5s")
    assert "; moved by +90.5 s (--offset)" in done.out
    assert first_start(Trace(workshop.folder / "c.flow"), 2) == before + 90_500_000_000
    merge(workshop, "a.flow", "b.flow", "-o", "c.flow", "--offset=b.flow=-1h")
    both = Trace(workshop.folder / "c.flow")
    start = min(call.start_ns for call in Trace(traces[0]).calls())
    assert first_start(both, 1) == 3600 * SECOND - (before - start) + first_start(both, 2)
    assert both.info["start_unix_ns"] < Trace(traces[0]).info["start_unix_ns"] - 3000 * SECOND


def test_one_that_was_killed_and_one_that_is_damaged(workshop: Workshop) -> None:
    workshop.record("import os, signal\ndef f(): os.kill(os.getpid(), signal.SIGKILL)\nf()", "-o", "a.flow", status=-9)
    workshop.record("def g(n): return n\nfor n in range(9000): g(n)", "-o", "b.flow")
    path = workshop.folder / "b.flow"
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 2 * 65536)
    done = merge(workshop, "a.flow", "b.flow", "-o", "c.flow", status=1)
    assert "    the file is cut off: 131,072 bytes are missing at its end" in done.out.splitlines()
    both = Trace(workshop.folder / "c.flow")
    assert len(list(both.calls(function="g"))) == len(list(Trace(path).calls(function="g"))) > 0
    assert [call.outcome for call in both.calls(function="f")] == ["running"]
    assert workshop.flowtrace("info", "--verify", "c.flow").out.startswith("sound: ")
    story = workshop.flowtrace("show", "c.flow").out
    assert f"killed by {signal.Signals(9).name}" in story
    assert "Recovered: its end was cut off" in story


def test_bounded_and_without_times(workshop: Workshop) -> None:
    workshop.record("def f(n): return n\nfor n in range(200_000): f(n)", "-o", "a.flow", "--last", "1M")
    workshop.record("def g(n): return n\ng(1)", "-o", "b.flow", "--no-time")
    done = merge(workshop, "a.flow", "b.flow", "-o", "c.flow")
    assert "; without times (--no-time)" in done.out
    both = Trace(workshop.folder / "c.flow")
    assert len(both) == len(Trace(workshop.folder / "a.flow")) + 2
    assert "had been let go by --last 1M" in " ".join(workshop.flowtrace("show", "c.flow").out.split())
    workshop.record("def g(n): return n\ng(1)", "-o", "d.flow", "--no-time")
    merge(workshop, "b.flow", "d.flow", "-o", "e.flow")
    assert not Trace(workshop.folder / "e.flow").info["time"]


def test_three_in_two_steps(workshop: Workshop, traces: tuple[Path, Path]) -> None:
    workshop.record("def last(): pass\nlast()", "-o", "z.flow")
    merge(workshop, "a.flow", "b.flow", "-o", "c.flow")
    merge(workshop, "c.flow", "z.flow", "-o", "d.flow")
    assert told(Trace(workshop.folder / "d.flow")) == [*told(Trace(workshop.folder / "c.flow")), "last"]
    story = workshop.flowtrace("show", "d.flow").out
    assert [line.split(" · ")[1] for line in story.splitlines() if line.startswith("run ")] == [
        "a.flow",
        "b.flow",
        "z.flow",
    ]


def test_bad_usage(workshop: Workshop, traces: tuple[Path, Path]) -> None:
    before = [path.read_bytes() for path in traces]
    workshop.write("text.txt", "mine\n")
    (workshop.folder / "copy.flow").write_bytes(before[0])
    for words, message in [
        ([], "two traces or more"),
        (["a.flow", "-o", "c.flow"], "two traces or more"),
        (["a.flow", "b.flow"], "a name for the new one"),
        (["a.flow", "x.flow", "-o", "c.flow"], "no file x.flow"),
        (["a.flow", "b.flow", "-o", "b.flow"], "b.flow is read and stays as it is"),
        (["a.flow", "copy.flow", "-o", "c.flow"], "a.flow and copy.flow are of the same run"),
        (["a.flow", "a.flow", "-o", "c.flow"], "are of the same run"),
        (["a.flow", "text.txt", "-o", "c.flow"], "text.txt: "),
        (["a.flow", "b.flow", "-o", "text.txt"], "is no trace"),
        (["a.flow", "b.flow", "-o", "c.flow", "--offset", "1s"], "needs one of the files and a time"),
        (["a.flow", "b.flow", "-o", "c.flow", "--offset", "x.flow=1s"], "needs one of the files and a time"),
        (["a.flow", "b.flow", "-o", "c.flow", "--offset", "b.flow=soon"], "'soon' is no time"),
        (["a.flow", "b.flow", "-o", "c.flow", "--all"], "no option --all"),
    ]:
        done = workshop.flowtrace("merge", *words)
        assert done.status == 2, words
        assert message in done.err
    assert [path.read_bytes() for path in traces] == before
    assert not (workshop.folder / "c.flow").exists()
    assert not [path for path in workshop.folder.iterdir() if path.suffix == ".tmp"]
