"""Processes that a program starts: all in its trace, each under the call that started it."""

from __future__ import annotations

import pytest
from conftest import Run, Workshop

from flowtrace._core import Trace


def parents(run: Run, name: str) -> list[str]:
    """Qualified names of the calls that each call of `name` stands under, in order."""
    calls = [call.parent or call.created_by for call in run.calls(name)]
    return [call.function.qualname if call else "" for call in calls]


def pids(run: Run, name: str) -> set[int]:
    return {call.track.pid for call in run.calls(name)}


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(workshop: Workshop, method: str) -> None:
    run = workshop.record(f"""
        import multiprocessing
        def work(n): return n * 2
        def starts():
            process = multiprocessing.get_context("{method}").Process(target=work, args=(21,))
            process.start()
            process.join()
        if __name__ == "__main__":
            starts()
        """)
    assert run.call("work").result.python() == 42
    assert parents(run, "work") == ["starts"]
    assert pids(run, "work").isdisjoint(pids(run, "starts"))
    names = {function.qualname for function in run.trace.functions}
    assert names <= {"<module>", "work", "starts"}
    assert all(call.function.file.endswith("app.py") for call in run.calls("<module>"))


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_pool(workshop: Workshop, method: str) -> None:
    run = workshop.record(f"""
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor
        def work(n): return -n
        def fills():
            with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("{method}")) as pool:
                return list(pool.map(work, range(4)))
        if __name__ == "__main__":
            fills()
        """)
    assert run.call("fills").result.python() == [0, -1, -2, -3]
    assert parents(run, "work") == ["fills"] * 4
    assert pids(run, "work").isdisjoint(pids(run, "fills"))


def test_subprocesses_of_subprocesses(workshop: Workshop) -> None:
    workshop.write(
        "child.py",
        """
        import subprocess, sys
        def middle(): subprocess.run([sys.executable, "grandchild.py"], check=True)
        middle()
        """,
    )
    workshop.write("grandchild.py", "def last(): return 'end'\nlast()")
    run = workshop.record("""
        import subprocess, sys
        def first(): return subprocess.run([sys.executable, "child.py"], check=True).returncode
        first()
        """)
    assert parents(run, "<module>") == ["", "first", "middle"]
    assert run.call("last").result.python() == "end"
    assert len(pids(run, "<module>")) == 3
    commands = [process["command"] for process in run.trace.info["processes"]]
    assert commands == ["app.py", "child.py", "grandchild.py"]


def test_a_subprocess_started_in_a_task(workshop: Workshop) -> None:
    workshop.write("child.py", "def work(): pass\nwork()")
    run = workshop.record("""
        import asyncio, sys
        async def starts():
            process = await asyncio.create_subprocess_exec(sys.executable, "child.py")
            return await process.wait()
        asyncio.run(starts())
        """)
    assert run.call("starts").result.python() == 0
    assert parents(run, "<module>")[1:] == ["starts"]


def test_a_python_that_is_executed_in_place(workshop: Workshop) -> None:
    workshop.write("next.py", "def after(): pass\nafter()")
    run = workshop.record("""
        import os, sys
        def leaves(): os.execv(sys.executable, [sys.executable, "next.py"])
        leaves()
        """)
    assert run.call("leaves").outcome == "running"
    assert run.call("after").outcome == "returned"
    assert pids(run, "after") == pids(run, "leaves")


def test_the_story_of_children(workshop: Workshop) -> None:
    workshop.write(
        "app.py",
        """
        import multiprocessing
        def work(n): return n
        def starts():
            process = multiprocessing.get_context("spawn").Process(target=work, args=(7,))
            process.start()
            process.join()
        if __name__ == "__main__":
            starts()
        """,
    )
    told = workshop.flowtrace("run", "--no-time", "app.py").err
    assert "· 2 processes" in told
    assert "multiprocessing" not in told
    lines = [line for line in told.splitlines() if "work(n=7)" in line]
    assert len(lines) == 1
    assert lines[0].startswith("   └─ ⇉ process ")


def test_no_children(workshop: Workshop) -> None:
    run = workshop.record(
        """
        import multiprocessing, subprocess, sys
        def work(): pass
        if __name__ == "__main__":
            process = multiprocessing.get_context("spawn").Process(target=work)
            process.start()
            process.join()
            subprocess.run([sys.executable, "-c", "def f(): pass\\nf()"], check=True)
        """,
        "--no-children",
    )
    assert run.names() == []
    assert len(run.trace.info["processes"]) == 1


def test_children_see_nothing_of_it(workshop: Workshop) -> None:
    """Modules, arguments and the environment of a child, as it sees them itself."""
    workshop.write(
        "child.py",
        """
        import os, sys
        print(sys.argv, sys.orig_argv[1:], sorted(os.environ))
        print([name for name in sys.modules if not name.startswith("flowtrace")])
        """,
    )
    workshop.write(
        "app.py", "import subprocess, sys; sys.exit(subprocess.run([sys.executable, 'child.py', 'x']).returncode)"
    )
    assert workshop.run("app.py").outcome == workshop.python("app.py").outcome


def test_sub_interpreters_are_left_alone(workshop: Workshop) -> None:
    workshop.write(
        "app.py",
        """
        try:
            import _interpreters as interpreters
        except ImportError:  # 3.12
            import _xxsubinterpreters as interpreters
        def runs():
            for _ in range(3):
                interpreter = interpreters.create()
                script = "import os, sys; print([n for n in [*sys.modules, *os.environ] if 'flow' in n.lower()])"
                interpreters.run_string(interpreter, script)
                interpreters.destroy(interpreter)
        runs()
        """,
    )
    plain, traced = workshop.python("app.py"), workshop.run("app.py")
    assert traced.outcome == plain.outcome
    assert plain.out == "[]\n" * 3
    assert traced.call("runs").outcome == "returned"
    assert len(traced.trace.info["processes"]) == 1
    assert traced.trace.info["damaged_chunks"] == 0


# --- FLOWTRACE=1 --------------------------------------------------------------

STARTED = """
import os, sys
def work(): return sorted(name for name in os.environ if name.startswith("FLOW"))
print(work(), sys.argv, [name for name in sys.modules if name.startswith("flow")])
"""


def test_a_start_by_one_variable(workshop: Workshop) -> None:
    workshop.write("app.py", STARTED)
    run = workshop.python("app.py", "x", environment={"FLOWTRACE": "1"})
    assert run.err == ""
    assert run.out == "[] ['app.py', 'x'] ['flowtrace', 'flowtrace._core']\n"
    assert run.call("work").result.python() == []
    assert run.trace.info["processes"][0]["program"] == "app.py"


def test_a_start_by_one_variable_elsewhere_with_options(workshop: Workshop) -> None:
    workshop.write("pkg/__main__.py", STARTED)
    environment = {"FLOWTRACE": "other.flow", "FLOWTRACE_OPTIONS": "--no-values --include textwrap"}
    run = workshop.python("-m", "pkg", flags=["-X", "dev"], environment=environment)
    assert run.status == 0
    assert not workshop.trace_path.exists()
    trace = Trace(workshop.folder / "other.flow")
    assert trace.info["values"] is False
    assert [call.function.qualname for call in trace.calls(function="work")] == ["work"]


def test_children_of_a_start_by_one_variable(workshop: Workshop) -> None:
    workshop.write("child.py", "def last(): pass\nlast()")
    workshop.write(
        "app.py", "import subprocess, sys\ndef starts(): subprocess.run([sys.executable, 'child.py'])\nstarts()"
    )
    run = workshop.python("app.py", environment={"FLOWTRACE": "1"})
    assert parents(run, "<module>") == ["", "starts"]


@pytest.mark.parametrize("value", ["", "0"])
def test_a_variable_that_asks_for_nothing(workshop: Workshop, value: str) -> None:
    workshop.write("app.py", STARTED)
    run = workshop.python("app.py", environment={"FLOWTRACE": value})
    assert run.outcome == (0, b"['FLOWTRACE'] ['app.py'] []\n", b"")
    assert not workshop.trace_path.exists()


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"FLOWTRACE": "no/such/folder/x.flow"}, "there is no folder"),
        ({"FLOWTRACE": "app.py"}, "is no trace, so it stays"),
        ({"FLOWTRACE": "1", "FLOWTRACE_OPTIONS": "--wrong"}, "no option --wrong"),
    ],
)
def test_a_variable_that_is_wrong(workshop: Workshop, environment: dict[str, str], message: str) -> None:
    """The program runs on; one line says that it was not recorded, and why."""
    workshop.write("app.py", STARTED)
    run = workshop.python("app.py", environment=environment)
    assert run.status == 0
    assert run.out.startswith("[] ['app.py']")
    assert run.err.startswith("flowtrace: this run is not recorded: ")
    assert message in run.err
    assert run.err.count("\n") == 1
