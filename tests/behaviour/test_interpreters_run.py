"""Sub-interpreters of a program that `flowtrace run` started: what runs there stands under the call that ran it."""

from __future__ import annotations

import sys
from collections import Counter

import pytest
from conftest import FREE_THREADED, Run, Workshop

NEW = sys.version_info >= (3, 14)
KINDS = ["isolated", "legacy"]
MACHINERY = """
import threading
try:
    import _interpreters
    def create(kind): return _interpreters.create(kind)
    execute = _interpreters.exec
except ImportError:  # 3.12
    import _xxsubinterpreters as _interpreters
    def create(kind): return _interpreters.create(isolated=kind == "isolated")
    execute = _interpreters.run_string
destroy = _interpreters.destroy
"""


def record(workshop: Workshop, source: str, *options: str) -> Run:
    workshop.write("machinery.py", MACHINERY)
    workshop.write("app.py", source)
    plain, done = workshop.python("app.py"), workshop.run("--exclude", "machinery", *options, "app.py")
    assert done.outcome == plain.outcome
    assert done.status == 0, done.err
    return done


def under(done: Run) -> list[tuple[str, str]]:
    """Calls without a caller in their interpreter, and what they stand under."""
    roots = [call for call in done.calls() if not call.parent and call.created_by]
    return [(call.function.qualname, call.created_by.function.qualname) for call in roots if call.created_by]


def story(workshop: Workshop, *options: str) -> str:
    """As told; 3.14 calls a script what is a string before."""
    return workshop.flowtrace("show", *options).out.replace("<script>", "<string>")


def interpreters(done: Run) -> list[int | None]:
    return [process["interpreter"] for process in done.trace.info["processes"]]


@pytest.mark.parametrize("kind", KINDS)
def test_each_run_stands_under_its_caller(workshop: Workshop, kind: str) -> None:
    done = record(
        workshop,
        f"""
        from machinery import *
        SCRIPT = "def inner(n): return n + 1\\ndef outer(n): return inner(n) * 2\\nouter(3)"
        def first(i): execute(i, SCRIPT)
        def second(i): execute(i, "outer(4)")
        interpreter = create("{kind}")
        first(interpreter)
        second(interpreter)
        execute(interpreter, "outer(5)")
        destroy(interpreter)
        """,
    )
    assert under(done) == [("<module>", "first"), ("<module>", "second"), ("<module>", "<module>")]
    assert done.names() == ["first", *["outer", "inner"], "second", *["outer", "inner"], *["outer", "inner"]]
    assert [call.result.python() for call in done.calls("outer") if call.result] == [8, 10, 12]
    assert {call.track.pid for call in done.calls()} == {done.trace.info["processes"][0]["pid"]}
    assert interpreters(done) == [None, 1]
    assert [process["end"] for process in done.trace.info["processes"]] == ["exited", "ended"]
    told = story(workshop)
    assert "├─ first(i=" in told
    assert "│  └─ ⇉ interpreter 1: exec <string>" in told
    assert "· 1 sub-interpreter ·" in told
    assert "1 sub-interpreter\n" in workshop.flowtrace("info").out


def test_the_program_sees_itself_as_ever(workshop: Workshop) -> None:
    done = record(
        workshop,
        """
        from machinery import *
        def runs():
            for _ in range(3):
                interpreter = create("isolated")
                execute(interpreter, '''if True:
                    import os, sys
                    print([n for n in [*sys.modules, *os.environ] if "flow" in n.lower() and "flowtrace" != n[:9]])
                    print(sys.argv, os.environ.get("FLOWTRACE_TRACE"), sys.gettrace(), sys.getprofile())
                    print("atexit" in sys.modules, "threading" in sys.modules, sorted(globals()))
                ''')
                destroy(interpreter)
        runs()
        """,
    )
    assert len(under(done)) == 3


MANY = 30 if FREE_THREADED else 100  # there each takes CPython ten times as long, and 3 MB


@pytest.mark.parametrize("kind", KINDS)
def test_a_hundred_that_come_and_go(workshop: Workshop, kind: str) -> None:
    done = record(
        workshop,
        f"""
        import os
        from machinery import *
        def step(): pass
        def one():
            interpreter = create("{kind}")
            execute(interpreter, "def f(n): return n\\nfor n in range(20): f(n)")
            destroy(interpreter)
            step()
        one()
        files = len(os.listdir("/proc/self/fd"))
        for _ in range({MANY}): one()
        print(len(os.listdir("/proc/self/fd")) - files)
        """,
    )
    assert done.stdout == b"0\n"
    assert Counter(under(done)) == {("<module>", "one"): MANY + 1}
    assert Counter(done.names()) == {"one": MANY + 1, "step": MANY + 1, "f": 20 * (MANY + 1)}
    assert interpreters(done) == [None, *range(1, MANY + 2)]
    assert {process["end"] for process in done.trace.info["processes"][1:]} == {"ended"}
    assert done.trace.info["damaged_chunks"] == 0
    told = story(workshop)
    assert "one()" in told
    assert f"×{MANY + 1}" in told, "they fold though each has code of its own"
    assert f"interpreter 1 … {MANY + 1}: exec <string>" in told


def test_one_in_another(workshop: Workshop) -> None:
    """The nearest that runs user code is named."""
    done = record(
        workshop,
        """
        from machinery import *
        def main():
            outer = create("legacy")
            execute(outer, '''if True:
                from machinery import *
                def middle(): execute(inner, "def leaf(): pass\\\\nleaf()")
                inner = create("legacy")
                middle()
                destroy(inner)
            ''')
            destroy(outer)
        main()
        """,
    )
    assert under(done) == [("<module>", "main"), ("<module>", "middle")]
    assert interpreters(done) == [None, 1, 2]


def test_threads(workshop: Workshop) -> None:
    """Those that run interpreters, and those that are started in one."""
    done = record(
        workshop,
        """
        from machinery import *
        def work(kind):
            for _ in range(5):
                interpreter = create(kind)
                execute(interpreter, '''if True:
                    import threading
                    def inside(): pass
                    def start():
                        threads = [threading.Thread(target=inside) for _ in range(3)]
                        for thread in threads: thread.start()
                        for thread in threads: thread.join()
                    start()
                ''')
                destroy(interpreter)
        def main():
            threads = [threading.Thread(target=work, args=(kind,)) for kind in ["isolated", "legacy"] * 2]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
        main()
        """,
    )
    assert Counter(under(done)) == {("<module>", "work"): 20, ("work", "main"): 4, ("inside", "start"): 60}


def test_a_thread_that_runs_nothing_else(workshop: Workshop) -> None:
    """No user code in the interpreter that it came from: the call that started it tells."""
    done = record(
        workshop,
        """
        from machinery import *
        interpreter = create("isolated")
        def main():
            thread = threading.Thread(target=execute, args=(interpreter, "def f(): pass\\nf()"))
            thread.start()
            thread.join()
        main()
        destroy(interpreter)
        """,
    )
    assert under(done) == [("<module>", "main")]


def test_what_ends_in_an_exception(workshop: Workshop) -> None:
    done = record(
        workshop,
        """
        from machinery import *
        def main():
            interpreter = create("isolated")
            try:
                execute(interpreter, "def f(): 1 / 0\\nf()")
            except Exception: pass
            destroy(interpreter)
        main()
        """,
    )
    assert done.call("f").outcome == "raised"
    told = story(workshop)
    assert "left f, exec <string> · ended what ran in interpreter 1" in told
    assert "1 exception, all" in told


@pytest.mark.parametrize("kind", KINDS)
def test_the_program_ends_first(workshop: Workshop, kind: str) -> None:
    """Nothing that was recorded is lost, and the program ends as it does untraced."""
    workshop.write("machinery.py", MACHINERY)
    workshop.write(
        "app.py",
        f"""
        import os
        from machinery import *
        interpreter = create("{kind}")
        def main(): execute(interpreter, "def f(): pass\\nfor _ in range(1000): f()")
        main()
        os._exit(3)
        """,
    )
    done = workshop.run("--exclude", "machinery", "app.py")
    assert done.outcome == (3, b"", b"")
    assert len(done.calls("f")) == 1000
    assert done.trace.info["processes"][0]["end"] == "exited"
    assert "1 sub-interpreter, 1 not closed before the end" in workshop.flowtrace("info").out


def test_killed_while_one_runs(workshop: Workshop) -> None:
    workshop.write("machinery.py", MACHINERY)
    workshop.write(
        "app.py",
        """
        from machinery import *
        def main(): execute(create("isolated"), "import os\\ndef f(): os.kill(os.getpid(), 9)\\nf()")
        main()
        """,
    )
    done = workshop.run("--exclude", "machinery", "app.py")
    assert done.status == -9
    assert [call.outcome for call in done.calls("f")] == ["running"]
    assert under(done) == [("<module>", "main")]
    assert done.trace.info["processes"][0]["end"] == "killed"


def test_without_times_they_stand_alone(workshop: Workshop) -> None:
    done = record(
        workshop,
        """
        from machinery import *
        def main():
            interpreter = create("isolated")
            execute(interpreter, "def f(): pass\\nf()")
            destroy(interpreter)
        main()
        """,
        "--no-time",
    )
    assert under(done) == []
    assert done.names() == ["main", "f"]
    assert "interpreter 1: exec <string>" in story(workshop)


def test_no_children(workshop: Workshop) -> None:
    done = record(
        workshop,
        """
        from machinery import *
        interpreter = create("isolated")
        execute(interpreter, "def f(): pass\\nf()")
        destroy(interpreter)
        """,
        "--no-children",
    )
    assert not done.calls("f")
    assert interpreters(done) == [None]


def test_start_tracing_in_one_joins(workshop: Workshop) -> None:
    """As in the program itself: the recording of `flowtrace run` goes on."""
    workshop.write("machinery.py", MACHINERY)
    workshop.write(
        "app.py",
        """
        from machinery import *
        def main():
            interpreter = create("isolated")
            execute(interpreter, "import flowtrace\\ndef f(): pass\\nf()\\nwith flowtrace.active_tracing(): f()")
            destroy(interpreter)
        main()
        """,
    )
    done = workshop.run("--exclude", "machinery", "app.py")
    assert done.outcome == (0, b"", b"")
    assert len(done.calls("f")) == 2


@pytest.mark.skipif(not NEW, reason="concurrent.interpreters is new in 3.14")
def test_concurrent_interpreters(workshop: Workshop) -> None:
    done = record(
        workshop,
        """
        from concurrent import interpreters
        def double(n): return helper(n) * 2
        def helper(n): return n
        def main():
            interpreter = interpreters.create()
            print(interpreter.call(double, 3))
            interpreter.exec("def f(): pass\\nf()")
            interpreter.call_in_thread(double, 4).join()
            interpreter.close()
        if __name__ == "__main__":
            main()
        """,
    )
    assert done.stdout == b"6\n"
    ran = {call.function.qualname: call.created_by for call in done.calls() if not call.parent and call.created_by}
    assert {name: by and by.function.qualname for name, by in ran.items()}.keys() >= {"double"}
    assert {creator for _, creator in under(done)} == {"main"}
    assert [call.arguments["n"].python() for call in done.calls("double")] == [3, 4]
    assert [call.parent.function.qualname for call in done.calls("helper") if call.parent] == ["double"] * 2


@pytest.mark.skipif(not NEW, reason="InterpreterPoolExecutor is new in 3.14")
def test_pool(workshop: Workshop) -> None:
    """Each job stands under the call that submitted it."""
    done = record(
        workshop,
        """
        from concurrent.futures import InterpreterPoolExecutor
        def double(n): return n * 2
        def one(pool, n): return pool.submit(double, n)
        def fails(): raise ValueError("no")
        def bad(pool): return pool.submit(fails)
        def main():
            with InterpreterPoolExecutor(max_workers=3) as pool:
                print([future.result() for future in [one(pool, n) for n in range(30)]])
                print(type(bad(pool).exception()).__name__)
        if __name__ == "__main__":
            main()
        """,
    )
    jobs = done.calls("double")
    assert [call.created_by and call.created_by.function.qualname for call in jobs] == ["one"] * 30
    submitted = [call.created_by.arguments["n"].python() for call in jobs if call.created_by]
    assert submitted == [call.arguments["n"].python() for call in jobs]
    (failed,) = done.calls("fails")
    assert failed.created_by
    assert failed.created_by.function.qualname == "bad"
    assert "kept for who asks for the job's result" in story(workshop, "--all")
