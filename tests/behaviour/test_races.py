"""Many threads at once: with a GIL, and on free-threaded builds without one."""

from __future__ import annotations

from collections import Counter

from conftest import Workshop


def test_all_calls_of_eight_threads(workshop: Workshop) -> None:
    run = workshop.record("""
        import sys, threading
        start = threading.Barrier(8)
        def leaf(n): return n
        def branch(n): return leaf(n) + leaf(n + 1)
        def work():
            start.wait()
            for n in range(500):
                branch(n)
        gil = getattr(sys, "_is_gil_enabled", bool)()
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        assert getattr(sys, "_is_gil_enabled", bool)() == gil
        """)
    assert Counter(run.names()) == {"work": 8, "branch": 4000, "leaf": 8000}
    parents = {(call.function.qualname, call.parent.function.qualname) for call in run.calls() if call.parent}
    assert parents == {("branch", "work"), ("leaf", "branch")}
    for call in run.calls("branch"):
        (n,) = (value.python() for value in call.arguments.values())
        assert call.result.python() == 2 * n + 1
    assert {call.outcome for call in run.calls()} == {"returned"}


def test_first_sight_by_many_threads_at_once(workshop: Workshop) -> None:
    """Each function is one function, whoever sees it first; and code that dies makes room."""
    run = workshop.record("""
        import threading
        barrier = threading.Barrier(4)
        functions = []
        def work():
            for n in range(12):
                if barrier.wait() == 0:
                    space = {}
                    exec(f"def made_{n}(): return {n}", space)
                    functions.append(space[f"made_{n}"])
                barrier.wait()
                functions[-1]()
                barrier.wait()
                if n % 2: functions.clear()
                barrier.wait()
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        """)
    made = Counter(call.function.qualname for call in run.calls() if call.function.qualname.startswith("made_"))
    assert made == {f"made_{n}": 4 for n in range(12)}
    assert sum(function.qualname.startswith("made_") for function in run.trace.functions) == 12


def test_values_that_others_change_meanwhile(workshop: Workshop) -> None:
    """What is recorded is something that was there: never a crash, never a foreign item."""
    run = workshop.record("""
        import collections, threading
        class Thing:
            def __init__(self): self.a = 1; self.b = [1]
        class Slotted:
            __slots__ = ("a", "b")
            def __init__(self): self.a = 1; self.b = (1,)
        numbers, table, group, queue, thing, slotted = [1], {"k": 1}, {1}, collections.deque([1]), Thing(), Slotted()
        array = bytearray(b"1")
        done = False
        def look(what): return None
        def change():
            while not done:
                for i in range(20): numbers.append([i])
                numbers.clear()
                for i in range(20): table[str(i)] = [i]
                table.clear()
                for i in range(20): group.add(str(i))
                group.clear()
                for i in range(20): queue.append([i])
                queue.clear()
                thing.a = [thing.b]; thing.b = str(len(table))
                try: del thing.c
                except AttributeError: thing.c = {}
                slotted.a = (slotted.b,) if not isinstance(slotted.b, tuple) else 1; slotted.b = [2]
        def watch():
            for _ in range(60):
                for what in (numbers, table, group, queue, thing, slotted, array): look(what)
        changers = [threading.Thread(target=change) for _ in range(2)]
        watchers = [threading.Thread(target=watch) for _ in range(4)]
        for thread in changers + watchers: thread.start()
        for thread in watchers: thread.join()
        done = True
        for thread in changers: thread.join()
        """)
    looks = run.calls("look")
    assert len(looks) == 4 * 60 * 7
    types = Counter(call.arguments["what"].type_name for call in looks)
    assert types == dict.fromkeys(("list", "dict", "set", "deque", "Thing", "Slotted", "bytearray"), 240)
    assert all(call.arguments["what"].text for call in looks)


def test_generators_that_threads_hand_on(workshop: Workshop) -> None:
    run = workshop.record("""
        import queue, threading
        def count(n):
            for i in range(n): yield i
        todo = queue.Queue()
        for _ in range(40): todo.put(count(25))
        def work():
            while True:
                try: generator = todo.get_nowait()
                except queue.Empty: return
                if next(generator, None) is not None: todo.put(generator)
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        """)
    assert len(run.calls("count")) == 40
    assert {call.outcome for call in run.calls("count")} == {"returned"}


def test_exceptions_that_cross_threads(workshop: Workshop) -> None:
    run = workshop.record("""
        import threading
        from concurrent.futures import ThreadPoolExecutor
        def fail(n): raise ValueError(n)
        def job(n): return fail(n)
        def collect(futures):
            caught = 0
            for future in futures:
                try: future.result()
                except ValueError: caught += 1
            return caught
        with ThreadPoolExecutor(8) as pool:
            assert collect([pool.submit(job, n) for n in range(200)]) == 200
        """)
    assert {call.outcome for call in run.calls("job") + run.calls("fail")} == {"raised"}
    assert len(run.calls("fail")) == 200
    assert sorted(call.exception.message for call in run.calls("fail")) == sorted(str(n) for n in range(200))


def test_started_and_stopped_while_threads_run(workshop: Workshop) -> None:
    workshop.write(
        "app.py",
        """
        import threading
        import flowtrace
        rounds = [threading.Event() for _ in range(8)]
        def leaf(n): return [n]
        def work():
            for event in rounds:
                event.wait()
                for n in range(2000): leaf(n)
        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads: thread.start()
        for event in rounds:
            event.set()
            flowtrace.start_tracing()
            for n in range(50): leaf(n)
            flowtrace.stop_tracing()
            events = flowtrace.get_trace_data()
            ours = [event for event in events if event.function == "leaf" and event.track == "MainThread"]
            assert len(ours) == 100, len(ours)
            assert {event.result for event in ours if event.kind == "return"} == {f"[{n}]" for n in range(50)}
        for thread in threads: thread.join()
        """,
    )
    assert workshop.python("app.py").outcome == (0, b"", b"")


def test_traced_functions_in_many_threads(workshop: Workshop) -> None:
    workshop.write(
        "app.py",
        """
        import threading
        import flowtrace
        @flowtrace.trace(print=False)
        def traced(n): return n
        def work():
            for n in range(60): assert traced(n) == n
        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        """,
    )
    assert workshop.python("app.py").outcome == (0, b"", b"")
