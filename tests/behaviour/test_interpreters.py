"""Sub-interpreters: each has a recorder of its own."""

from __future__ import annotations

from collections import Counter

import pytest
from conftest import Run, Workshop

MACHINERY = """
try:
    import _interpreters
    def create(kind): return _interpreters.create(kind)
    def run(interpreter, script):
        failure = _interpreters.exec(interpreter, script)
        assert failure is None, failure
except ImportError:  # 3.12
    import _xxsubinterpreters as _interpreters
    def create(kind): return _interpreters.create(isolated=kind == "isolated")
    run = _interpreters.run_string
destroy = _interpreters.destroy

RECORDS = '''
import flowtrace
def inner(n): return n + 1
def outer(n): return inner(n) * 2
with flowtrace.active_tracing():
    outer(3)
events = [(event.kind, event.function, event.result) for event in flowtrace.get_trace_data()]
assert events == [("call", "outer", None), ("call", "inner", None), ("return", "inner", "4"), ("return", "outer", "8")], events
'''
"""  # noqa: E501


def python(workshop: Workshop, source: str) -> Run:
    workshop.write("machinery.py", MACHINERY)
    workshop.write("app.py", source)
    done = workshop.python("app.py")
    assert done.outcome[::2] == (0, b""), done.err
    return done


@pytest.mark.parametrize("kind", ["isolated", "legacy"])
def test_an_interpreter_records_itself(workshop: Workshop, kind: str) -> None:
    """Its own GIL or the main one's: its recording and the main interpreter's don't meet."""
    python(
        workshop,
        f"""
        import flowtrace
        from machinery import RECORDS, create, destroy, run
        def ours(): return 1
        flowtrace.start_tracing()
        ours()
        interpreter = create("{kind}")
        for _ in range(3):
            run(interpreter, RECORDS)
        ours()
        destroy(interpreter)
        ours()
        flowtrace.stop_tracing()
        calls = [event.function for event in flowtrace.get_trace_data() if event.kind == "call"]
        assert [name for name in calls if name == "ours"] == ["ours"] * 3, calls
        assert not {{"inner", "outer"}} & set(calls), calls
        """,
    )


@pytest.mark.parametrize("kind", ["isolated", "legacy"])
def test_interpreters_that_come_and_go_leave_nothing(workshop: Workshop, kind: str) -> None:
    """What CPython itself loses with each is measured in the same process: we add nothing that grows."""
    done = python(
        workshop,
        f"""
        import os, sys
        from machinery import create, destroy, run
        IMPORTS = "import flowtrace._core"
        RECORDS = '''
        from flowtrace import _core
        def f(n): return n
        _core.record_start("here.flow", values=True, time=True, roots=["/"], library=[], rules=[], info={{}}, settings={{}}, secrets=[])
        f(f)
        _core.record_stop()
        assert sum(call.function.qualname == "f" for call in _core.Trace("here.flow").calls()) == 1
        '''.replace(chr(10) + " " * 8, chr(10))
        def memory():
            with open("/proc/self/statm") as file:
                return int(file.read().split()[1]) * 4  # KiB
        def lost(script, count):
            before = memory(), len(os.listdir("/proc/self/fd"))
            for _ in range(count):
                interpreter = create("{kind}")
                run(interpreter, script)
                destroy(interpreter)
            assert len(os.listdir("/proc/self/fd")) == before[1]
            return (memory() - before[0]) / count
        for script in IMPORTS, RECORDS:
            lost(script, 10)
        print(lost(IMPORTS, 60), lost(RECORDS, 60))
        """,  # noqa: E501
    )
    imports, records = map(float, done.out.split())
    assert records - imports < max(100, imports / 10), "KiB for each interpreter"  # without a GIL CPython loses 3,000


def test_interpreters_end_while_threads_record(workshop: Workshop) -> None:
    """Each of the threads runs interpreters that record, and is recorded itself."""
    python(
        workshop,
        """
        import threading
        import flowtrace
        from machinery import RECORDS, create, destroy, run
        def step(n): return n
        def work(kind):
            for n in range(6):
                interpreter = create(kind)
                for i in range(50):
                    step(i)
                run(interpreter, RECORDS)
                destroy(interpreter)
                step(n)
        kinds = ["isolated", "isolated", "legacy", "legacy"]
        flowtrace.start_tracing()
        threads = [threading.Thread(target=work, args=(kind,)) for kind in kinds]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        flowtrace.stop_tracing()
        events = flowtrace.get_trace_data()
        steps = [event for event in events if event.function == "step"]
        assert len(steps) == 2 * 4 * 6 * 51, len(steps)
        names = {event.id: event.function for event in events}
        assert {names[event.parent_id] for event in steps} == {"work"}
        """,
    )


def test_fork_after_interpreters(workshop: Workshop) -> None:
    """CPython doesn't survive a fork while they live."""
    python(
        workshop,
        """
        import os
        import flowtrace
        from machinery import RECORDS, create, destroy, run
        def child(n): return n
        flowtrace.start_tracing(path="main.flow")
        for kind in "isolated", "legacy":
            interpreter = create(kind)
            run(interpreter, RECORDS)
            destroy(interpreter)
        pid = os.fork()
        child(1)
        if not pid: os._exit(0)
        os.waitpid(pid, 0)
        flowtrace.stop_tracing()
        calls = [call for call in flowtrace.open("main.flow").calls() if call.function.qualname == "child"]
        assert {call.track.pid for call in calls} == {os.getpid(), pid}
        """,
    )


def test_a_forked_child_that_starts_anew_is_one_process(workshop: Workshop) -> None:
    """The recorder had stopped before the fork."""
    python(
        workshop,
        """
        import os
        import flowtrace
        def f(): return 1
        with flowtrace.active_tracing(): f()
        pid = os.fork()
        if not pid:
            flowtrace.start_tracing(path="child.flow")
            f()
            flowtrace.stop_tracing()
            os._exit(0)
        os.waitpid(pid, 0)
        trace = flowtrace.open("child.flow")
        assert [call.function.qualname for call in trace.calls()] == ["f"]
        assert [process["pid"] for process in trace.info["processes"]] == [pid], trace.info
        """,
    )


def test_functions_are_handed_to_interpreters(workshop: Workshop) -> None:
    """3.14 hands over no code in which a tool keeps something."""
    pytest.importorskip("concurrent.interpreters")
    source = """
        import os
        from concurrent import interpreters
        def script(): print("there", flush=True)
        def add(a, b): return a + b
        interpreter = interpreters.create()
        for _ in range(2):
            interpreter.exec(script)
            print(interpreter.call(add, 1, 2), flush=True)
            script()
            add(3, 4)
        interpreter.close()
        """
    workshop.write("app.py", source)
    plain = workshop.python("app.py")
    assert plain.out == "there\n3\nthere\n" * 2
    run = workshop.record(source)
    assert run.out == plain.out
    assert Counter(run.names()) == {"script": 4, "add": 4}
