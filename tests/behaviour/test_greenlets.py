"""Each greenlet has a stack of calls of its own: greenlet, gevent, SQLAlchemy's async engine."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from conftest import Run, Workshop, told

from flowtrace._core import Trace

pytest.importorskip("greenlet")
pytestmark = pytest.mark.usefixtures("with_gil")


def unchanged(workshop: Workshop, run: Run) -> None:
    assert run.outcome == workshop.python("app.py").outcome


def test_switches_to_and_fro(workshop: Workshop) -> None:
    run = workshop.record("""
        from greenlet import getcurrent, gettrace, greenlet

        def note(text): print(text)

        def ping():
            note("ping")
            other.switch()
            note("ping again")
            return "pinged"

        def pong():
            note("pong")
            first.switch()
            note("never")

        def main():
            global first, other
            first, other = greenlet(ping), greenlet(pong)
            note(first.switch())
            note(gettrace())

        main()
        """)
    unchanged(workshop, run)
    assert told(run.trace) == [
        "main",
        "  greenlet 1: ping",
        "    note",
        "    note",
        "  greenlet 2: pong",
        "    note",
        "  note",
        "  note",
    ]
    pong, ping = run.call("pong"), run.call("ping")
    assert (pong.outcome, pong.track.kind, pong.track.name) == ("running", "greenlet", "greenlet 2")
    assert pong.created_by == pong.track.creator == run.call("main")
    assert pong.parent is None
    assert ping.result and ping.result.text == "'pinged'"


def test_exceptions_across_greenlets(workshop: Workshop) -> None:
    run = workshop.record("""
        from greenlet import getcurrent, greenlet

        def fails():
            raise LookupError("from the child")

        def catches():
            try:
                greenlet(fails).switch()
            except LookupError as error:
                print(error)

        def waits():
            getcurrent().parent.switch()

        def thrown():
            child = greenlet(waits)
            child.switch()
            try:
                child.throw(OSError("into it"))
            except OSError as error:
                print(error)

        def through():
            greenlet(catches_not).switch()

        def catches_not():
            greenlet(fails).switch()

        catches()
        thrown()
        try:
            through()
        except LookupError:
            pass
        """)
    unchanged(workshop, run)
    caught, into, passed = run.trace.exceptions
    assert caught.caught_by == run.call("catches")
    assert [call.function.qualname for call in into.path] == ["waits"]
    assert into.caught_by == run.call("thrown")
    assert passed.caught_by and passed.caught_by.function.kind == "module"
    assert [call.outcome for call in run.calls("fails")] == ["raised", "raised"]
    assert [call.created_by for call in run.calls("fails")] == [run.call("catches"), run.call("catches_not")]
    assert run.call("through").outcome == run.call("catches_not").outcome == "raised"


def test_killed_and_left_greenlets(workshop: Workshop) -> None:
    run = workshop.record("""
        from greenlet import getcurrent, greenlet

        def note(): pass

        def waits():
            try:
                getcurrent().parent.switch()
            finally:
                note()

        def ends():
            note()

        def main():
            killed = greenlet(waits)
            killed.switch()
            killed.throw()
            dropped = greenlet(waits)
            dropped.switch()
            del dropped
            greenlet(ends).switch()
            global left
            left = greenlet(waits)
            left.switch()

        main()
        """)
    unchanged(workshop, run)
    assert told(run.trace) == [
        "main",
        "  greenlet 1: waits",
        "    note",
        "  greenlet 2: waits",
        "    note",
        "  greenlet 3: ends",
        "    note",
        "  greenlet 4: waits",
    ]
    killed, dropped, left = run.calls("waits")
    assert left.outcome == "running"
    for call in killed, dropped:
        assert call.exception and call.exception.type == "GreenletExit"
    assert "(killed)" in workshop.flowtrace("show", "flowtrace.flow").out


def test_one_that_dies_unseen_is_nobodys_parent(workshop: Workshop) -> None:
    """While a trace function runs there are no events; the next greenlet gets the dead one's data stack."""
    run = workshop.record("""
        import sys
        from greenlet import getcurrent, greenlet

        def waits(): getcurrent().parent.switch()
        def note(): pass
        def work(): note()

        def tracer(frame, event, argument):
            global doomed
            doomed = None

        def main():
            global doomed
            for runs in work, waits:
                doomed = greenlet(waits)
                doomed.switch()
                sys.settrace(tracer)
                note()
                sys.settrace(None)
                greenlet(runs).switch()

        main()
        """)
    unchanged(workshop, run)
    assert [line for line in told(run.trace) if "note" not in line] == [
        "main",
        "  greenlet 1: waits",
        "  greenlet 2: work",
        "  greenlet 3: waits",
        "  greenlet 4: waits",
    ]
    assert run.call("work").outcome == "returned"


def test_short_greenlets_on_the_same_place_are_told_apart(workshop: Workshop) -> None:
    run = workshop.record("""
        from greenlet import greenlet
        def work(n): return n
        def main():
            for n in range(3000):
                greenlet(work).switch(n)
        main()
        """)
    calls = run.calls("work")
    assert [call.track.name for call in calls] == [f"greenlet {n + 1}" for n in range(3000)]
    assert {call.created_by for call in calls} == {run.call("main")}


def test_a_greenlet_that_runs_a_generator_alone(workshop: Workshop) -> None:
    run = workshop.record("""
        from greenlet import getcurrent, greenlet
        def note(): pass
        def numbers():
            yield 1
        def other():
            note()
            getcurrent().parent.switch()
            note()
            yield 2
        def main():
            print(greenlet(numbers().__next__).switch())
            waits = greenlet(other().__next__)
            waits.switch()
            note()
            print(waits.switch())
        main()
        """)
    unchanged(workshop, run)
    assert told(run.trace) == [
        "main",
        "  greenlet 1: numbers",
        "  greenlet 2: other",
        "    note",
        "    note",
        "  note",
    ]


def test_the_story_of_greenlets(workshop: Workshop) -> None:
    workshop.record(
        """
        from greenlet import getcurrent, greenlet
        def work(n):
            getcurrent().parent.switch()
            return n
        def fails():
            raise LookupError("why")
        def main():
            jobs = [greenlet(work) for _ in range(3)]
            for n, job in enumerate(jobs): job.switch(n)
            for job in jobs: job.switch()
            greenlet(fails).switch()
        main()
        """,
        "--no-time",
        status=1,
    )
    assert workshop.flowtrace("show", "flowtrace.flow").out.splitlines()[2:] == [
        "app.py  ✗ LookupError",
        "└─ main()  ✗ LookupError",
        "   ├─ ⇉ greenlet 1 … 3: work(n=0 … 2) → 0 … 2" + "×3".rjust(55),
        "   └─ ⇉ greenlet 4: fails()  ✗ LookupError('why')",
        "         raised app.py:6 · left fails, …2 more · not caught: it ended the program",
    ]


def test_greenlets_of_several_threads(workshop: Workshop) -> None:
    run = workshop.record("""
        import threading
        from greenlet import getcurrent, greenlet
        together = threading.Barrier(2)

        def step(): together.wait()

        def child():
            step()
            getcurrent().parent.switch()
            step()

        def work():
            mine = greenlet(child)
            mine.switch()
            step()
            mine.switch()

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        """)
    for work in run.calls("work"):
        assert work.track.kind == "thread"
        (child,) = [call for call in run.calls("child") if call.created_by == work]
        assert [call.function.qualname for call in child.children] == ["step", "step"]
        assert [call.function.qualname for call in work.children] == ["step"]


def lose_chunk(path: Path, sequence: int) -> Path:
    """A copy of the trace without the main thread's chunk of that number."""
    data = bytearray(path.read_bytes())
    at = 65536
    while at < len(data):
        magic, kind, units = struct.unpack_from("<4sHH", data, at)
        if magic == b"CHNK" and kind == 1 and struct.unpack_from("<II", data, at + 16) == (1, sequence):
            data[at : at + 4] = bytes(4)
        at += 65536 * (units if magic == b"CHNK" else 1)
    copy = path.with_name("lost.flow")
    copy.write_bytes(data)
    return copy


def test_what_other_greenlets_run_is_known_after_a_gap(workshop: Workshop) -> None:
    run = workshop.record("""
        from greenlet import getcurrent, greenlet
        def small(): pass
        def crowd():
            for _ in range(60_000): small()
        def late(): pass
        def child():
            getcurrent().parent.switch()
            late()
        def main():
            one, two = greenlet(child), greenlet(child)
            one.switch()
            two.switch()
            crowd()
            one.switch()
            two.switch()
            late()
        main()
        """)
    for trace in run.trace, Trace(lose_chunk(run.trace_path, 1)):
        parents = [call.parent for call in trace.calls(function="late")]
        assert [parent.function.qualname if parent else None for parent in parents] == ["child", "child", "main"]
        assert len({parent.number for parent in parents if parent}) == 3
        assert all(parent.outcome == "returned" for parent in parents if parent)


def test_a_fork_in_a_greenlet(workshop: Workshop) -> None:
    run = workshop.record("""
        import os
        from greenlet import getcurrent, greenlet
        def note(): pass
        def child():
            pid = os.fork()
            note()
            getcurrent().parent.switch(pid)
        def main():
            pid = greenlet(child).switch()
            note()
            if pid:
                os.waitpid(pid, 0)
        main()
        """)
    unchanged(workshop, run)
    notes = run.calls("note")
    assert len({call.track.pid for call in notes}) == 2
    for call in notes:
        assert call.parent and call.parent.function.qualname in {"child", "main"}
    assert sorted(call.parent.function.qualname for call in notes if call.parent) == ["child", "child", "main", "main"]


def test_gevent(workshop: Workshop) -> None:
    pytest.importorskip("gevent")
    run = workshop.record("""
        import gevent

        def note(n): pass

        def work(n):
            note(n)
            gevent.sleep(0)
            note(n)
            return n

        def fails():
            gevent.sleep(0)
            raise LookupError("kept")

        def waits():
            gevent.sleep(1000)

        def main():
            jobs = [gevent.spawn(work, n) for n in range(2)]
            gevent.joinall(jobs)
            print([job.value for job in jobs])
            endless = gevent.spawn(waits)
            gevent.sleep(0)
            endless.kill()
            gevent.get_hub().exception_stream = None
            failing = gevent.spawn(fails)
            try:
                failing.get()
            except LookupError as error:
                print(error)

        main()
        """)
    unchanged(workshop, run)
    assert told(run.trace) == [
        "main",
        "  greenlet 1: work",
        "    note",
        "    note",
        "  greenlet 2: work",
        "    note",
        "    note",
        "  greenlet 3: waits",
        "  greenlet 4: fails",
    ]
    endless = run.call("waits")
    assert endless.exception and endless.exception.type == "GreenletExit"
    assert run.call("fails").exception
    assert run.call("main").outcome == "returned"


def test_gevents_threads_are_greenlets_with_names(workshop: Workshop) -> None:
    pytest.importorskip("gevent")
    run = workshop.record("""
        from gevent import monkey
        monkey.patch_all()
        import threading, time

        def note(): pass
        def work():
            note()
            time.sleep(0)
            note()

        def begins(thread):
            thread.start()

        def main():
            threads = [threading.Thread(target=work, name=name) for name in ("first", "second")]
            for thread in threads: begins(thread)
            for thread in threads: thread.join()

        main()
        print(threading.current_thread().name)
        """)
    unchanged(workshop, run)
    assert told(run.trace) == [
        "main",
        "  begins",
        "    first: work",
        "      note",
        "      note",
        "  begins",
        "    second: work",
        "      note",
        "      note",
    ]
    assert run.call("main").track.name == "MainThread"
    assert [call.track.creator for call in run.calls("work")] == run.calls("begins")


def test_sqlalchemys_async_engine(workshop: Workshop) -> None:
    pytest.importorskip("sqlalchemy")
    pytest.importorskip("aiosqlite")
    run = workshop.record("""
        import asyncio
        from sqlalchemy import event, text
        from sqlalchemy.ext.asyncio import create_async_engine

        def note(): pass

        def hook(*args): note()

        def read(connection):
            note()
            value = connection.execute(text("select 1")).scalar()
            note()
            return value

        async def ask(engine):
            async with engine.connect() as connection:
                return await connection.run_sync(read)

        async def main():
            engine = create_async_engine("sqlite+aiosqlite://")
            event.listen(engine.sync_engine, "before_cursor_execute", hook)
            print(await ask(engine), await asyncio.gather(ask(engine), ask(engine)))
            await engine.dispose()

        asyncio.run(main())
        """)
    unchanged(workshop, run)
    for ask in run.calls("ask"):
        (read,) = [call for call in run.calls("read") if call.created_by == ask]
        assert read.track.kind == "greenlet"
        assert [call.function.qualname for call in read.children] == ["note", "hook", "note"]
        assert ask.children == []
        assert ask.outcome == "returned"
    assert len(run.calls("ask")) == 3
