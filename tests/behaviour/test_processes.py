"""Processes that a program starts: all in its trace, each under the call that started it."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path

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


# --- each child under the call that started it ----------------------------------


CHILD = "import sys\ndef child(): pass\nchild()\nsys.exit(3)\n"

STARTS = {
    "subprocess.run": "subprocess.run([sys.executable, 'child.py'])",
    "check_output": "subprocess.Popen([sys.executable, 'child.py'], stdout=subprocess.PIPE).communicate()",
    "shell": "subprocess.run(f'{sys.executable} child.py', shell=True)",
    "a shell that goes on": "subprocess.run(f'true; {sys.executable} child.py; true', shell=True)",
    "-m": "subprocess.run([sys.executable, '-m', 'child'])",
    "a script of its own": "subprocess.run(['./script'])",
    "new session, files closed": "subprocess.run([sys.executable, 'child.py'], start_new_session=True, close_fds=True)",
    "files left open": "subprocess.run([sys.executable, 'child.py'], close_fds=False)",
    "a function before": "subprocess.run([sys.executable, 'child.py'], preexec_fn=before)",
    "os.system": "os.system(f'{sys.executable} child.py')",
    "os.system, a shell that goes on": "os.system(f'true; {sys.executable} child.py; true')",
    "os.popen": "os.popen(f'{sys.executable} child.py').close()",
    "os.spawnv": "os.spawnv(os.P_WAIT, sys.executable, [sys.executable, 'child.py'])",
    "os.spawnlp": "os.waitpid(os.spawnlp(os.P_NOWAIT, sys.executable, sys.executable, 'child.py'), 0)",
    "os.posix_spawn": "os.waitpid(os.posix_spawn(sys.executable, [sys.executable, 'child.py'], environment), 0)",
    "fork and exec": "os.fork() and os.wait() or os.execv(sys.executable, [sys.executable, 'child.py'])",
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("where", ["main", "thread"])
@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_a_python_started_anew(workshop: Workshop, start: str, where: str) -> None:
    workshop.write("child.py", CHILD)
    workshop.write("script", f"#!{sys.executable}\n{CHILD}").chmod(0o755)
    call = "starts()" if where == "main" else "in_a_thread()"
    run = workshop.record(f"""
        import os, pathlib, subprocess, sys, threading, warnings
        warnings.simplefilter("ignore")
        own = pathlib.Path("/proc/self/environ").read_text()
        environment = dict(pair.split("=", 1) for pair in own.split("\\0") if pair)
        def before(): pass
        def starts(): {start}
        def in_a_thread():
            thread = threading.Thread(target=starts)
            thread.start()
            while thread.is_alive(): thread.join(1)
        {call}
        """)
    if "close_fds=False" in start and "start_new_session" not in start and sys.version_info < (3, 13):
        assert parents(run, "<module>") == [""]  # 3.12 hands on os.environ there, not what the system has
        return
    assert parents(run, "<module>") == ["", "starts"]
    assert len(run.calls("child")) == 1
    assert pids(run, "child").isdisjoint(pids(run, "starts"))


@pytest.mark.parametrize("shell", [False, True])
def test_a_python_started_by_asyncio(workshop: Workshop, shell: bool) -> None:
    workshop.write("child.py", CHILD)
    start = "shell(f'true; {sys.executable} child.py')" if shell else "exec(sys.executable, 'child.py')"
    run = workshop.record(f"""
        import asyncio, sys
        async def starts():
            process = await asyncio.create_subprocess_{start}
            return await process.wait()
        async def other(): await asyncio.sleep(0)
        async def main(): await asyncio.gather(starts(), other())
        asyncio.run(main())
        """)
    assert parents(run, "<module>") == ["", "starts"]
    assert run.call("starts").result.python() == 3


def test_an_environment_of_its_own(workshop: Workshop) -> None:
    """os.environ lacks our two variables, so a child that gets a copy of it is not recorded."""
    workshop.write("child.py", "def child(n): pass\nimport sys\nchild(int(sys.argv[1]))\n")
    run = workshop.record("""
        import os, pathlib, subprocess, sys
        def starts(n, environment): subprocess.run([sys.executable, "child.py", str(n)], env=environment, check=True)
        os.environ["MORE"] = "1"
        starts(1, None)
        starts(2, dict(os.environ))
        starts(3, {})
        own = pathlib.Path("/proc/self/environ").read_text()
        starts(4, dict(pair.split("=", 1) for pair in own.split("\\0") if pair))
        """)
    assert sorted(call.arguments["n"].python() for call in run.calls("child")) == [1, 4]


def test_the_right_call_among_many(workshop: Workshop) -> None:
    """Calls before and after the one that starts a child without waiting, each gone when it is up."""
    workshop.write("child.py", "def child(): pass\nchild()\n")
    run = workshop.record("""
        import os, pathlib, sys
        own = pathlib.Path("/proc/self/environ").read_text()
        environment = dict(pair.split("=", 1) for pair in own.split("\\0") if pair)
        def step(n): return n
        def waits(pid): os.waitpid(pid, 0)
        def starts(): return os.posix_spawn(sys.executable, [sys.executable, "child.py"], environment)
        def main():
            for n in range(1000): step(n)
            pid = starts()
            for n in range(1000): step(n)
            end = os.times().elapsed + 0.05
            while os.times().elapsed < end: pass
            waits(pid)
        main()
        """)
    assert parents(run, "<module>") == ["", "main"]


@pytest.mark.filterwarnings("ignore")
def test_forks_of_forks_and_of_threads(workshop: Workshop) -> None:
    run = workshop.record("""
        import os, threading, warnings
        warnings.simplefilter("ignore")
        def forks(name, then):
            pid = os.fork()
            if pid == 0:
                then(name)
                os._exit(0)
            os.waitpid(pid, 0)
        def leaf(name): pass
        def middle(name): forks("inner", leaf)
        forks("outer", middle)
        thread = threading.Thread(target=forks, args=("of a thread", leaf))
        thread.start()
        thread.join()
        """)
    assert parents(run, "leaf") == ["forks", "forks"]
    assert parents(run, "middle") == ["forks"]
    assert [call.arguments["name"].python() for call in run.calls("leaf")] == ["inner", "of a thread"]
    inner, outer = run.calls("leaf")[0].parent, run.calls("middle")[0].parent
    assert inner.arguments["name"].python() == "inner"
    assert outer.arguments["name"].python() == "outer"
    assert inner.parent == run.call("middle")
    assert len(pids(run, "leaf") | pids(run, "middle") | pids(run, "forks")) == 4


@pytest.mark.filterwarnings("ignore")
def test_a_daemon(workshop: Workshop) -> None:
    """Forked twice, its parents dead; it outlives the program that started it."""
    workshop.write("child.py", "import os\ndef child(): os.write(1, b'up')\nchild()\n")
    run = workshop.record("""
        import os, sys, warnings
        warnings.simplefilter("ignore")
        def daemonize():
            if os.fork(): return False
            os.setsid()
            if os.fork(): os._exit(0)
            return True
        def serve(gate):
            os.read(gate, 1)
            work()
            os.execv(sys.executable, [sys.executable, "child.py"])
        def work(): pass
        def main():
            gate, opens = os.pipe()
            if daemonize():
                os.close(opens)
                serve(gate)
            os.close(gate)
        main()
        """)
    assert run.out == "up"
    assert parents(run, "serve") == ["main"]
    assert parents(run, "work") == ["serve"]
    assert parents(run, "<module>") == ["", "serve"]
    assert pids(run, "child") == pids(run, "serve")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("opens", [False, True], ids=["closed", "taken"])
def test_a_daemon_that_closes_all_descriptors(workshop: Workshop, opens: bool) -> None:
    """As daemons are made, by hand or by a library: ours is among them, and may be a file of theirs afterwards."""
    run = workshop.record(f"""
        import os, resource, warnings
        warnings.simplefilter("ignore")
        folder = os.getcwd()
        def work(n): return [n] * 9
        def many(first):
            for n in range(first, first + 6000): work(n)
        def ours():
            all = os.listdir("/proc/self/fd")
            return [int(n) for n in all if os.path.realpath(f"/proc/self/fd/{{n}}").endswith(".flow")]
        def detach():
            os.setsid()
            if os.fork(): os._exit(0)
            os.chdir("/")
            os.umask(0o77)
            os.closerange(0, min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 1 << 20))
            null = os.open(os.devnull, os.O_RDWR)
            for number in (1, 2): os.dup2(null, number)
        def serve():
            taken = ours()
            detach()
            many(100_000)
            file = os.open(f"{{folder}}/file", os.O_CREAT | os.O_WRONLY)
            for number in taken if {opens} else []: os.dup2(file, number)
            many(200_000)
            os.write(file, b"its own")
            os.close(os.open(f"{{folder}}/over", os.O_WRONLY))
        def main():
            many(0)
            os.mkfifo("over")
            if not os.fork():
                serve()
                os._exit(0)
            os.wait()
            with open("over") as file: file.read()
        main()
        """)
    numbers = [call.arguments["n"].python() for call in run.calls("work")]
    assert sorted(numbers) == [n + first for first in (0, 100_000, 200_000) for n in range(6000)]
    assert parents(run, "serve") == ["main"]
    assert (workshop.folder / "file").read_bytes() == b"its own"
    assert [process["lost"] for process in run.trace.info["processes"]] == [None] * len(run.trace.info["processes"])


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_pools_and_managers(workshop: Workshop, method: str) -> None:
    run = workshop.record(
        f"""
        import multiprocessing, multiprocessing.managers, warnings
        warnings.simplefilter("ignore")
        def work(n): return n + 1
        class Till:
            def add(self, n): return n
        class Manager(multiprocessing.managers.BaseManager): pass
        Manager.register("Till", Till)
        def pools(context):
            with context.Pool(2, maxtasksperchild=1) as pool:
                return pool.map(work, range(3), chunksize=1)
        def manages(context):
            with Manager(ctx=context) as manager:
                return manager.Till().add(7)
        if __name__ == "__main__":
            context = multiprocessing.get_context("{method}")
            pools(context)
            manages(context)
        """
    )
    assert run.call("pools").result.python() == [1, 2, 3]
    assert run.call("manages").result.python() == 7
    assert parents(run, "work") == ["pools"] * 3
    assert parents(run, "Till.add") == ["manages"]


def test_an_executor_that_replaces_its_workers(workshop: Workshop) -> None:
    run = workshop.record("""
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor
        def work(n): return n
        def fills():
            context = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(1, mp_context=context, max_tasks_per_child=1) as pool:
                return list(pool.map(work, range(3)))
        if __name__ == "__main__": fills()
        """)
    assert sorted(call.arguments["n"].python() for call in run.calls("work")) == [0, 1, 2]
    assert len(pids(run, "work")) == 3


# --- how they ended ---------------------------------------------------------------


def test_how_processes_ended(workshop: Workshop) -> None:
    run = workshop.record("""
        import asyncio, multiprocessing, os, signal, subprocess, sys
        def work(how):
            if how == "kill": os.kill(os.getpid(), signal.SIGKILL)
            if how == "exit": sys.exit(5)
            if how == "leave": os._exit(6)
            if how == "raise": raise ValueError
        def starts(method, how):
            process = multiprocessing.get_context(method).Process(target=work, args=(how,))
            process.start()
            process.join()
            return process.exitcode
        def runs(how): return subprocess.run([sys.executable, "-c", how]).returncode
        async def awaits(): return await (await asyncio.create_subprocess_exec(sys.executable, "-c", "exit(8)")).wait()
        def forks(how):
            if pid := os.fork(): return os.waitpid(pid, 0)[0]
            work(how)
        if __name__ == "__main__":
            sys.stderr = open(os.devnull, "w")
            os.dup2(sys.stderr.fileno(), 2)
            for method in ("fork", "spawn", "forkserver"):
                for how in ("kill", "exit", "leave", "raise", ""):
                    starts(method, how)
            runs("exit(7)"); runs("import os; os.kill(os.getpid(), 15)")
            asyncio.run(awaits())
            forks("leave")
        """)
    by_pid = {process["pid"]: process["wait_status"] for process in run.trace.info["processes"]}
    for call in run.calls("work"):
        how, status = call.arguments["how"].python(), by_pid[call.track.pid]
        if call.parent and call.parent.function.qualname == "forks":
            assert status is None
        else:
            assert status == {"kill": 9, "exit": 5 << 8, "leave": 6 << 8, "raise": 1 << 8, "": 0}[how], how
    told = workshop.flowtrace("info").out
    (forked,) = [call.track.pid for call in run.calls("work") if call.parent in run.calls("forks")]
    assert f"{forked}  ended without a word (os._exit, a signal)\n" in told
    ends = {process["pid"]: process["end"] for process in run.trace.info["processes"]}
    assert ends[forked] == "gone"
    for text in ("killed by SIGTERM (15)", "exit status 7", "exit status 8"):
        assert told.count(text) == 1, told
    assert "still running" not in told


def test_a_process_that_executes_another_program(workshop: Workshop) -> None:
    workshop.write("next.py", "import sys\nsys.exit(4)")
    run = workshop.record("import os, sys\nos.execv(sys.executable, [sys.executable, 'next.py'])", status=4)
    told = workshop.flowtrace("info").out.partition("processes")[2].splitlines()
    assert told[0].endswith("executed another program in its place")
    assert told[1].endswith("exit status 4")
    assert [process["end"] for process in run.trace.info["processes"]] == ["replaced", "exited"]
    assert parents(run, "<module>") == ["", "<module>"]


def test_a_child_that_outlives_the_program(workshop: Workshop) -> None:
    workshop.write("child.py", "import os\ndef waits(): os.read(0, 1)\ndef after(): pass\nwaits(); after()\n")
    workshop.write(
        "app.py",
        """
        import subprocess, sys
        def starts():
            process = subprocess.Popen([sys.executable, "child.py"], stdin=int(sys.argv[1]), stdout=-3, stderr=-3)
            process.returncode = 0  # so that it is not asked for
        starts()
        """,
    )
    gate, opens = os.pipe()
    try:
        run = workshop.run("app.py", str(gate), pass_fds=[gate])
        assert "still running, or ended without a word" in workshop.flowtrace("info").out or run.calls("waits") == []
    finally:
        os.write(opens, b"x")
        os.close(gate)
        os.close(opens)


def test_nothing_of_ours_starts_unless_it_is_asked_for(workshop: Workshop) -> None:
    """A line in flowtrace.pth looks at the environment; a .start file would import pkgutil in every python."""
    run = workshop.python("-X", "importtime", "-c", "import sys; print('flowtrace' in sys.modules)")
    assert run.out == "False\n"
    assert "flowtrace" not in run.err
    assert "pkgutil" not in run.err
    assert not list(Path(sysconfig.get_path("purelib")).glob("flowtrace*.start"))


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


def test_every_option_by_a_variable(workshop: Workshop) -> None:
    workshop.write("pkg.py", "def excluded(): pass")
    workshop.write(
        "app.py",
        "import subprocess, sys, pkg\ndef f(a): pass\nf([[['x' * 50]]]); pkg.excluded()\n"
        "subprocess.run([sys.executable, '-c', 'def child(): pass\\nchild()'])\n",
    )
    words = (
        "-o named.flow --exclude pkg --value-depth 2 --value-items 4 --value-bytes 20 --no-time --no-children -q --all"
    )
    run = workshop.python("app.py", environment={"FLOWTRACE": "1", "FLOWTRACE_OPTIONS": words})
    assert (run.status, run.err) == (0, "")
    trace = Trace(workshop.folder / "named.flow")
    names = [call.function.qualname for call in trace.calls() if call.function.kind == "function"]
    assert names == ["f"]
    assert trace.info["time"] is False
    (call,) = trace.calls(function="f")
    assert call.arguments["a"].text == "[[[…1]]]"


@pytest.mark.parametrize(
    ("options", "message"),
    [("--value-depth", "needs a value"), ("--value-depth x", "whole number"), ("--value-depth 99", "from 0 to"),
     ("app.py", ""), ("-- --wrong", "")],
)  # fmt: skip
def test_options_by_a_variable_that_are_wrong(workshop: Workshop, options: str, message: str) -> None:
    """What `flowtrace run` would take for a program is none here."""
    workshop.write("app.py", STARTED)
    run = workshop.python("app.py", environment={"FLOWTRACE": "1", "FLOWTRACE_OPTIONS": options})
    assert run.status == 0
    assert run.out.startswith("[] ['app.py']")
    if message:
        assert run.err.startswith("flowtrace: this run is not recorded: ")
        assert message in run.err
        assert run.err.count("\n") == 1
    else:
        assert run.err == ""
