"""What fails in the recorder never reaches the program: it ends as it would have, and the trace says what is missing.

faults.c, preloaded, lets the n-th allocation, reservation of disk or mapping of the recorder's fail.
"""

from __future__ import annotations

import errno
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import proof
import pytest
from conftest import FREE_THREADED, Run, Workshop

HERE = Path(__file__).resolve().parent
SOURCES = HERE.parent.parent / "src"
MEMORY, DISK, MAPPING = 1, 2, 4
FOR_EVER = 1_000_000_000

type Plan = tuple[int, int, int]  # kinds of calls that fail, the first of them, how many more after it


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc")
    if FREE_THREADED:
        pytest.skip("without a GIL Python has a memory of its own, which can't be made to fail")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("wants a C compiler and Linux")
    path = tmp_path_factory.mktemp("faults") / "faults.so"
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(path), str(HERE / "faults.c"), "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode and "__libc_malloc" in done.stderr:
        pytest.skip("wants glibc")
    assert not done.returncode, done.stderr
    return path


class Child:
    """One child of programs/faulty.py, and what the trace has of it."""

    def __init__(self, plan: Plan, told: list[object], run: Run, calls: dict[int, list[str]]) -> None:
        self.plan = plan
        self.pid, self.status, self.seen, self.answer = told
        entries = [process for process in run.trace.info["processes"] if process["pid"] == self.pid]
        self.lost = entries[0]["lost"] if entries else None
        self.calls = calls.get(self.pid, [])


def stopped(reason: str) -> str:
    """What `flowtrace run -q` says when the program has ended."""
    return f"flowtrace: recording stopped early: {reason}\n"


def run_children(workshop: Workshop, library: Path, plans: Sequence[Plan], disk: int = errno.ENOSPC) -> list[Child]:
    """The first has no faults."""
    plans = [(0, 0, 0), *plans]
    shutil.copy(HERE / "programs" / "faulty.py", workshop.folder)
    lines = "".join(" ".join(map(str, [*plan, disk])) + "\n" for plan in plans)
    done = workshop.run(
        "faulty.py", stdin=lines.encode(), environment={"LD_PRELOAD": str(library), "PYTHONMALLOC": "malloc"}
    )
    lost = [process["lost"] for process in done.trace.info["processes"] if process["lost"]]
    assert (done.status, done.err) == (0, stopped(lost[0]) if lost else "")
    calls: dict[int, list[str]] = {}
    for call in done.calls():
        calls.setdefault(call.track.pid, []).append(call.function.qualname)
    told = [json.loads(line) for line in done.out.splitlines()]
    assert len(told) == len(plans)
    return [Child(plan, words, done, calls) for plan, words in zip(plans, told, strict=True)]


def check(children: list[Child]) -> Counter[str]:
    """All did the same; where the recorder met a fault the trace says so, unless nothing is missing."""
    whole, *rest = children
    assert (whole.status, whole.lost) == (3, None)
    assert len(whole.calls) > 500
    ends: Counter[str] = Counter()
    for child in rest:
        assert (child.status, child.answer) == (whole.status, whole.answer), child.plan
        if child.lost:
            assert child.calls == whole.calls[: len(child.calls)] or is_interleaved(child.calls, whole.calls)
            ends[child.lost] += 1
        else:
            assert Counter(child.calls) == Counter(whole.calls), child.plan
            ends["whole"] += 1
    return ends


def is_interleaved(calls: list[str], whole: list[str]) -> bool:
    """Of a thread and its creator either may begin first."""
    return not Counter(calls) - Counter(whole)


def test_no_memory_once(workshop: Workshop, library: Path) -> None:
    plans = [(MEMORY, n, 0) for n in itertools.chain(range(1, 24), range(24, 200, 23), range(200, 2400, 331))]
    ends = check(run_children(workshop, library, plans))
    assert ends["out of memory"] > 10
    assert set(ends) <= {"out of memory", "whole"}


def test_no_memory_from_then_on(workshop: Workshop, library: Path) -> None:
    ends = check(run_children(workshop, library, [(MEMORY, n, FOR_EVER) for n in (1, 2, 5, 12, 40, 200, 600)]))
    assert ends["out of memory"] == 7


def test_no_disk_and_no_mapping(workshop: Workshop, library: Path) -> None:
    plans = [(kind, n, more) for kind in (DISK, MAPPING) for n in (1, 2, 3, 4) for more in (0, FOR_EVER)]
    ends = check(run_children(workshop, library, plans))
    assert ends["No space left on device"] >= 6
    assert ends["out of memory"] >= 6


@pytest.mark.parametrize("error", [errno.EDQUOT, errno.EIO, errno.EROFS, errno.EFBIG, errno.EOPNOTSUPP])
def test_other_things_that_a_disk_may_say(workshop: Workshop, library: Path, error: int) -> None:
    """A quota is used up, it breaks, it is read-only now."""
    children = run_children(workshop, library, [(DISK, n, FOR_EVER) for n in (1, 2, 3)], error)
    assert check(children)[os.strerror(error)] == 3


@pytest.mark.parametrize("plan", [(MEMORY, 1, FOR_EVER), (MEMORY, 9, 0), (DISK, 1, FOR_EVER), (MAPPING, 2, FOR_EVER)])
def test_a_fault_at_the_start(workshop: Workshop, library: Path, plan: Plan) -> None:
    """The program runs; that it isn't recorded is said in a line, or in the trace."""
    workshop.write("app.py", "def f(n): return [n]\nprint(sum(f(n)[0] for n in range(2000)))\nraise SystemExit(4)")
    script = (
        "import os, sys; from flowtrace.commands import run; from flowtrace import _options, _program\n"
        "options = _options.parse('run', run.OPTIONS, ['app.py']); program = _program.find(options.rest)\n"
        "trace = run.create_trace(options); packed = run.pack(program, [], options, launcher=os.getpid())\n"
        "os.environ.update(FLOWTRACE_TRACE=trace, FLOWTRACE_OPTIONS=packed, FAULT=sys.argv[1], LD_PRELOAD=sys.argv[2],"
        "                  PYTHONMALLOC='malloc')\n"
        "sys.exit(os.waitstatus_to_exitcode(os.spawnv(os.P_WAIT, sys.executable, [sys.executable, 'app.py']) << 8))"
    )
    done = workshop.python("-c", script, " ".join(map(str, plan)), str(library))
    assert (done.status, done.out) == (4, "1999000\n")
    if done.stderr:
        assert re.fullmatch(r"flowtrace: this run is not recorded: .+\n", done.err)
    else:
        assert done.trace.info["processes"][0]["lost"] or len(done.calls("f")) == 2000


def test_a_trace_that_somebody_else_writes_to(workshop: Workshop) -> None:
    """No length, number or offset that stands in the file is believed by the recorder."""
    source = """
        import os, sys
        def f(n): return [n]
        def scribble(byte, begin, end):
            with open("flowtrace.flow", "r+b", buffering=0) as file:
                size = os.fstat(file.fileno()).st_size
                file.seek(begin)
                file.write(bytes([byte]) * (min(end, size) - begin))
        total = 0
        for byte in (255, 0, 1, 127, 128):
            for n in range(3000): total += f(n)[0]
            scribble(byte, *map(int, sys.argv[1:]))
            for n in range(3000): total += f(n)[0]
        print(total)
        """
    workshop.write("app.py", source)
    for begin, end in ((8, 72), (72, 88), (65536, 1 << 30), (0, 1 << 30)):
        done = workshop.run("app.py", str(begin), str(end))
        assert done.out == "44985000\n"
        assert done.status == 0


def test_a_trace_that_is_moved_and_replaced(workshop: Workshop) -> None:
    run = workshop.record("""
        import os
        def f(n): return [n] * 9
        for n in range(2000): f(n)
        os.rename("flowtrace.flow", "elsewhere.flow")
        open("flowtrace.flow", "w").close()
        for n in range(6000): f(n)
        os.replace("elsewhere.flow", "flowtrace.flow")
        """)
    assert len(run.calls("f")) == 8000


def test_its_descriptor_is_closed_and_the_trace_is_gone(workshop: Workshop) -> None:
    """Neither can more be had nor is anything that was there lost: it is said in the part that there is."""
    workshop.write(
        "app.py",
        """
        import os
        def f(n): return [n] * 9
        f(0)
        os.rename("flowtrace.flow", "elsewhere.flow")
        os.closerange(3, 70000)
        for n in range(9000): f(n)
        os.rename("elsewhere.flow", "flowtrace.flow")
        """,
    )
    run = workshop.run("app.py")
    reason = "the trace was closed and is no longer at its place"
    assert (run.status, run.out, run.err) == (0, "", stopped(reason))
    assert 1000 < len(run.calls("f")) < 9001
    assert run.trace.info["processes"][0]["lost"] == reason


def test_a_limit_of_file_sizes_makes_no_signal(workshop: Workshop) -> None:
    """Growing a file past it is a SIGXFSZ, which would end this program."""
    workshop.write(
        "app.py",
        """
        import resource, signal
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 19, 1 << 19))
        def f(n): return [n] * 9
        for n in range(20_000): f(n)
        print("done")
        """,
    )
    done = workshop.run("app.py")
    assert (done.status, done.out, done.err) == (0, "done\n", stopped("File too large"))
    assert done.trace.info["processes"][0]["lost"] == "File too large"


def test_what_python_itself_lacks_memory_for(workshop: Workshop) -> None:
    """Beside faults of the program's own the recorder makes none: each MemoryError comes up where it does untraced.

    Which allocation fails depends on how many were made, and the recorder makes its own: so what counts is that the
    program always gets its MemoryError, or its result, and nothing else. Its functions have run before: 3.15 crashes
    beside any tool, an idle one too, that it has no memory to begin to report a function to.
    """
    if FREE_THREADED and sys.version_info < (3, 14):
        pytest.skip("3.13t crashes here, untraced too")
    pytest.importorskip("_testcapi")
    workshop.write(
        "app.py",
        """
        import _testcapi
        def f(a, b): return [a, {b: (a, b)}]
        def g(n):
            for i in range(n): yield f(i, "x" * i)
        seen = {list(g(3)) and None}
        for start in range(1, 120):
            _testcapi.set_nomemory(start, start + 1)
            try:
                list(g(3))
                outcome = None
            except BaseException as error:
                outcome = type(error)
            _testcapi.remove_mem_hooks()
            seen.add(outcome)
        print(sorted(str(each) for each in seen))
        """,
    )
    done = workshop.run("app.py")
    assert done.outcome == (0, b"[\"<class 'MemoryError'>\", 'None']\n", b"")


# --- recorders that take a fault badly are noticed ---------------------------------

LIMITED = """
    RECORDER = None
    import collections, resource, sys
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 19, 1 << 19))
    def f(n): return [n] * 9
    def generate(n):
        for i in range(n): yield f(i)
    def fails(n):
        try:
            if n % 3 == 0: raise ValueError(n)
        finally:
            f(n)
    seen = collections.Counter()
    for n in range(8000):
        try:
            fails(n)
            seen[len(list(generate(3)))] += 1
        except Exception as error:
            seen[type(error).__name__, sys.exc_info()[1] is error, error.__context__ is None] += 1
    print(seen, resource.getrlimit(resource.RLIMIT_FSIZE))
    raise SystemExit(4)
    """
OPENS = "import os, sys; log = os.open('log', os.O_CREAT | os.O_WRONLY)"


def writes(when_it_cannot: str, before: str = OPENS) -> str:
    """A recorder that writes down each event, until the file may not grow."""
    body = f"""
        try: os.write(log, bytes(64))
        except OSError: {when_it_cannot}
        """
    return proof.recorder(body, before=before)


GIVES_UP = writes("monitoring.set_events(5, 0)")
TAKES_IT_BADLY = {
    "lets the exception out": proof.recorder("os.write(log, bytes(64))", before=OPENS),
    "raises another": writes("raise RuntimeError('no room') from None"),
    "ends the program": writes("os._exit(1)"),
    "changes the exit status": writes("__import__('atexit').register(os._exit, 0)"),
    "says so where the program prints": writes("sys.stderr.write('no room')"),
    "is killed by the signal": writes("pass", before=OPENS + "; import signal; signal.signal(25, signal.SIG_DFL)"),
    "makes room": writes("import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))"),
}


def test_recorders_that_take_a_fault_badly_are_noticed(workshop: Workshop) -> None:
    proof.program(workshop, LIMITED)
    plain = workshop.python("app.py")
    assert plain.status == 4
    traced = workshop.run("app.py")
    assert (traced.status, traced.out, traced.err) == (plain.status, plain.out, plain.err + stopped("File too large"))
    assert traced.trace.info["processes"][0]["lost"] == "File too large"
    proof.compare(plain, proof.beside(workshop, LIMITED, GIVES_UP), "beside one that gives up")
    assert (workshop.folder / "log").stat().st_size == 1 << 19, "it has met the fault"
    for wrong, line in TAKES_IT_BADLY.items():
        (workshop.folder / "log").unlink()
        assert proof.beside(workshop, LIMITED, line).outcome != plain.outcome, wrong


# --- what a callback returns ---------------------------------------------------


def functions_of(path: Path) -> dict[str, str]:
    """The bodies of a C file's functions, by name."""
    text = path.read_text()
    return {
        found[1]: found[2] for found in re.finditer(r"^(\w+)\([^;{]*\)\n\{(.*?)^\}", text, re.MULTILINE | re.DOTALL)
    }


def test_no_callback_can_return_null_nor_disable_an_unwinding() -> None:
    """NULL would raise in the program; DISABLE from PY_UNWIND or PY_THROW does as well."""
    bodies = functions_of(SOURCES / "record" / "events.c") | functions_of(SOURCES / "record" / "calls.c")
    callbacks = {name: body for name, body in bodies.items() if name.startswith("on_")}
    assert {"on_start", "on_return", "on_yield", "on_resume", "on_throw", "on_unwind"} <= set(callbacks)
    assert {"on_call", "on_c_return"} <= set(callbacks)
    for name, body in callbacks.items():
        returned = set(re.findall(r"return ([^;]+);|(Py_RETURN_NONE);", body))
        values = {value or none for value, none in returned}
        allowed = {
            "Py_RETURN_NONE",
            "disabled(recorder)",
            "disable(recorder)",
            "disable_for_now(recorder)",
            "calls_idle(recorder)",
        }
        if name in {"on_throw", "on_unwind"}:
            allowed = {"Py_RETURN_NONE"}
        assert values <= allowed, name
    assert "return Py_NewRef(recorder->failed ? Py_None : recorder->disable);" in bodies["disabled"]
    assert "return Py_NewRef(recorder->disable ? recorder->disable : Py_None);" in bodies["disable"]
    assert "return disable(recorder);" in bodies["disable_for_now"]
    assert (
        "return recorder->file || !recorder->boundary ? Py_NewRef(Py_None) : disable_for_now(recorder);"
        in bodies["calls_idle"]
    )


def test_callbacks_take_whatever_they_are_given(workshop: Workshop) -> None:
    """register_callback() hands out the old callback: anybody can call it."""
    run = workshop.record("""
        import sys
        monitoring = sys.monitoring
        tool = next(tool for tool in range(6) if monitoring.get_tool(tool) == "flowtrace")
        def f(): return 1
        async def g(): yield 1
        error = ValueError("x")
        lots = [(), (1,), ("name", 0, error), (f, 0, error), (f.__code__, 0), (g.__code__, 4), (f.__code__, 4, error),
                (g.__code__, 4, error), (print.__class__, 4, error), (f.__code__, 4, error, 5), (None,) * 9]
        def call_all(callback, never):
            for arguments in lots:
                answer = callback(*arguments)
                assert answer is None or (answer is monitoring.DISABLE and not never), (arguments, answer)
        for name in ("PY_START", "PY_RETURN", "PY_YIELD", "PY_RESUME", "PY_THROW", "PY_UNWIND", "CALL", "RAISE"):
            event = getattr(monitoring.events, name)
            callback = monitoring.register_callback(tool, event, None)
            call_all(callback, name in {"PY_THROW", "PY_UNWIND", "RAISE"})
            monitoring.register_callback(tool, event, callback)
        f()
        """)
    assert run.calls("f")[-1].outcome == "returned"
