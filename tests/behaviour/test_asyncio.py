"""asyncio: who created whom, what was called back for whom, what ran in other threads; and other event loops."""

from __future__ import annotations

import sys

import pytest
from conftest import Run, Workshop, told


def unchanged(workshop: Workshop, run: Run) -> None:
    assert run.outcome == workshop.python("app.py").outcome


def track_names(run: Run, function: str) -> list[str]:
    return [call.track.name for call in run.calls(function)]


# --- tasks -----------------------------------------------------------------


def test_who_created_whom(workshop: Workshop) -> None:
    run = workshop.record("""
        import asyncio

        async def leaf(n):
            await asyncio.sleep(0)
            return n

        async def creates(): return await asyncio.create_task(leaf(1), name="created")
        async def gathers(): return await asyncio.gather(leaf(2), leaf(3))
        async def ensures(): return await asyncio.ensure_future(leaf(4))

        async def groups():
            async with asyncio.TaskGroup() as group:
                group.create_task(leaf(5))
                group.create_task(leaf(6), name="in a group")

        async def waits_for(): return await asyncio.wait_for(asyncio.create_task(leaf(7), name="for"), 60)
        async def times_out():
            async with asyncio.timeout(60):
                return await leaf(8)

        async def completes():
            return sorted([await job for job in asyncio.as_completed([leaf(9), leaf(10)])])

        async def waits(): return await asyncio.wait([asyncio.create_task(leaf(11))])
        async def shields(): return await asyncio.shield(leaf(12))

        async def main():
            for function in (creates, gathers, ensures, groups, waits_for, times_out, completes, waits, shields):
                await function()

        asyncio.run(main())
        """)
    expected = """
        Task-1: main
          creates
            created: leaf
          gathers
            Task-N: leaf
            Task-N: leaf
          ensures
            Task-N: leaf
          groups
            Task-N: leaf
            in a group: leaf
          waits_for
            for: leaf
          times_out
            leaf
          completes
            Task-N: leaf
            Task-N: leaf
          waits
            Task-N: leaf
          shields
            Task-N: leaf
        """.replace("\n        ", "\n").strip().splitlines()  # fmt: skip
    number = {line.split(": ")[0].strip() for line in told(run.trace) if ": leaf" in line} - {
        "created",
        "in a group",
        "for",
    }
    lines = told(run.trace)
    for name in number:
        lines = [line.replace(f" {name}: ", " Task-N: ") for line in lines]
    assert lines == expected
    assert len(number) == 8
    for call in run.calls("leaf"):
        assert call.track.creator in {call.created_by, run.call("main").created_by}


def test_runners_and_runs_in_threads(workshop: Workshop) -> None:
    run = workshop.record("""
        import asyncio, threading

        async def leaf(): await asyncio.sleep(0)
        async def main(): await asyncio.gather(leaf(), leaf())

        def run_twice():
            with asyncio.Runner() as runner:
                runner.run(main())
                runner.run(leaf())

        def in_thread(): asyncio.run(main())

        def starts():
            thread = threading.Thread(target=in_thread, name="looping")
            thread.start()
            thread.join()

        run_twice()
        starts()
        """)
    names = [line.replace("Task-1", "A").replace("Task-2", "B").replace("Task-3", "C") for line in told(run.trace)]
    assert names[:5] == ["run_twice", "  A: main", "    B: leaf", "    C: leaf", "  Task-4: leaf"]
    assert [line.split(": ")[-1] for line in names[5:]] == ["starts", "in_thread", "main", "leaf", "leaf"]
    assert names[5:7] == ["starts", "  looping: in_thread"]
    assert [line.count("  ") for line in names[5:]] == [0, 1, 2, 3, 3]


@pytest.mark.parametrize("eager", ["asyncio.eager_task_factory", "asyncio.create_eager_task_factory(asyncio.Task)"])
def test_eager_tasks(workshop: Workshop, eager: str) -> None:
    run = workshop.record(f"""
        import asyncio

        async def quick(n): return n
        async def slow(n):
            await asyncio.sleep(0)
            await quick(n)
            return n

        async def main():
            asyncio.get_running_loop().set_task_factory({eager})
            await asyncio.create_task(quick(1), name="quick")
            await asyncio.create_task(slow(2), name="slow")
            await quick(3)

        asyncio.run(main())
        """)
    unchanged(workshop, run)
    assert told(run.trace) == ["Task-1: main", "  quick: quick", "  slow: slow", "    quick", "  quick"]


def test_names_of_tasks(workshop: Workshop) -> None:
    run = workshop.record("""
        import asyncio
        async def early(): pass
        async def late():
            await asyncio.sleep(0)
            asyncio.current_task().set_name("named late")
            await asyncio.sleep(0)
        async def fails():
            asyncio.current_task().set_name("named, and failed")
            raise LookupError
        async def unhelpful(): await asyncio.sleep(0)
        async def main():
            task = asyncio.create_task(early())
            task.set_name("named before it ran")
            await task
            await asyncio.create_task(late())
            await asyncio.gather(asyncio.create_task(fails()), return_exceptions=True)
            await asyncio.create_task(unhelpful(), name=12)
        asyncio.run(main())
        """)
    assert told(run.trace) == [
        "Task-1: main",
        "  named before it ran: early",
        "  named late: late",
        "  named, and failed: fails",
        "  12: unhelpful",
    ]


def test_an_async_generators_values_are_unwrapped(workshop: Workshop) -> None:
    run = workshop.record("""
        import asyncio
        async def numbers():
            for n in range(2):
                await asyncio.sleep(0)
                yield {"n": n}
        async def main(): return [item async for item in numbers()]
        asyncio.run(main())
        """)
    yields = [event for event in run.trace.events() if event[0] == "yield" and event[3] == "numbers"]
    assert [event[8] for event in yields if event[8]] == ["{'n': 0}", "{'n': 1}"]
    (numbers,) = run.calls("numbers")
    assert numbers.parent == run.call("main")
    assert numbers.outcome == "returned"


def test_what_a_coroutine_waited_for(workshop: Workshop) -> None:
    run = workshop.record("""
        import asyncio, os

        async def fetch(seconds):
            await asyncio.sleep(seconds)

        async def waits(task):
            value = await task
            return value

        async def hangs():
            asyncio.get_running_loop().call_later(0.01, os._exit, 0)
            await asyncio.Event().wait()

        async def outer(): await hangs()

        async def main():
            await waits(asyncio.create_task(fetch(0.02), name="fetching"))
            await asyncio.gather(fetch(0), fetch(0.001))
            await outer()

        asyncio.run(main())
        """)
    wait = run.call("waits").longest_wait
    assert wait and wait.duration_ns <= run.call("waits").waiting_ns
    assert (wait.line, wait.type, wait.task) == (7, "Task", "fetching")
    slow, nothing, quick = (call.longest_wait for call in run.calls("fetch"))
    assert slow and quick and (slow.line, slow.type, slow.task) == (4, "Future", None)
    assert nothing and (nothing.line, nothing.type) == (4, "")
    main, hangs = run.call("main").longest_wait, run.call("hangs").longest_wait
    assert main and (main.line, main.type) == (18, "_GatheringFuture")
    assert hangs and (hangs.line, hangs.type) == (12, "Future")
    assert run.call("outer").longest_wait is None, "hangs() has told it"
    assert {event[8] for event in run.trace.events() if event[0] == "yield"} == {None}
    story = workshop.flowtrace("show", "flowtrace.flow").out
    assert "waited for task fetching" in story
    assert "still running, waits at app.py:12" in story
    assert story.count("waits at") == 1


# --- other threads ---------------------------------------------------------


def test_jobs_of_threads_come_from_who_submitted_them(workshop: Workshop) -> None:
    run = workshop.record("""
        import asyncio
        from concurrent.futures import ThreadPoolExecutor

        def work(n): return n
        async def by_thread(): return await asyncio.to_thread(work, 1)
        async def by_loop(): return await asyncio.get_running_loop().run_in_executor(None, work, 2)
        async def by_pool():
            with ThreadPoolExecutor(1, thread_name_prefix="pool") as pool:
                return await asyncio.get_running_loop().run_in_executor(pool, work, 3)

        async def main():
            await asyncio.gather(by_thread(), by_loop(), by_pool())
            await asyncio.gather(asyncio.to_thread(work, 4))

        asyncio.run(main())
        """)
    creators = [call.created_by for call in sorted(run.calls("work"), key=lambda call: call.arguments["n"].text)]
    assert [call.function.qualname if call else None for call in creators] == [
        "by_thread",
        "by_loop",
        "by_pool",
        "main",
    ]
    assert {call.track.kind for call in run.calls("work")} == {"thread"}


# --- callbacks -------------------------------------------------------------


def test_callbacks_come_from_who_asked_for_them(workshop: Workshop) -> None:
    run = workshop.record("""
        import asyncio, functools

        def note(): pass
        def tick(): note()
        class Ticker:
            def method(self): note()
            def __call__(self): note()

        async def job(): await asyncio.sleep(0)

        def asks_again(loop):
            loop.call_soon(tick)
            loop.create_task(job(), name="from a callback")

        def asks(loop):
            loop.call_soon(tick)
            loop.call_soon(Ticker().method)
            loop.call_soon(Ticker())
            loop.call_soon_threadsafe(functools.partial(tick))
            loop.call_soon(asks_again, loop)

        def asks_for_later(loop):
            loop.call_later(0.001, tick)
            loop.call_at(loop.time() + 0.002, tick)
            loop.call_soon(tick).cancel()

        async def main():
            loop = asyncio.get_running_loop()
            asks(loop)
            for _ in range(5): await asyncio.sleep(0)  # or a timer may be due among the callbacks
            asks_for_later(loop)
            done = loop.create_future()
            loop.call_later(0.003, done.set_result, None)
            await done

        def top():
            asyncio.run(main())
            tick()

        top()
        """)
    unchanged(workshop, run)
    assert told(run.trace) == [
        "top",
        "  Task-1: main",
        "    asks",
        "      callback: tick",
        "        note",
        "      callback: Ticker.method",
        "        note",
        "      callback: Ticker.__call__",
        "        note",
        "      callback: tick",
        "        note",
        "      callback: asks_again",
        "        callback: tick",
        "          note",
        "        from a callback: job",
        "    asks_for_later",
        "      callback: tick",
        "        note",
        "      callback: tick",
        "        note",
        "  tick",
        "    note",
    ]
    assert all(call.track.name == "MainThread" for call in run.calls("tick"))


def test_what_the_library_calls_after_a_callback_is_not_the_callbacks(workshop: Workshop) -> None:
    run = workshop.record("""
        import asyncio

        def tick(): pass

        class Echo(asyncio.Protocol):
            def __init__(self, done): self.done = done
            def connection_made(self, transport): self.transport = transport
            def data_received(self, data): self.done.set_result(data)

        class Ask(asyncio.Protocol):
            def connection_made(self, transport): transport.write(b"ask")

        def asks(loop): loop.call_soon(tick)

        async def main():
            loop = asyncio.get_running_loop()
            asks(loop)
            await asyncio.sleep(0)
            done = loop.create_future()
            server = await loop.create_server(lambda: Echo(done), "127.0.0.1", 0)
            transport, _ = await loop.create_connection(Ask, *server.sockets[0].getsockname())
            await done
            transport.close()
            server.close()

        asyncio.run(main())
        """)
    assert run.call("tick").created_by == run.call("asks")
    received = run.call("Echo.data_received")
    assert received.created_by != run.call("asks")
    assert run.call("Ask.connection_made").created_by != run.call("asks")


def test_readers_and_signal_handlers_are_called_again_and_again(workshop: Workshop) -> None:
    run = workshop.record("""
        import asyncio, os, signal

        def readable(fd, done):
            if os.read(fd, 1) == b"!":
                done.set_result(None)
            else:
                os.kill(os.getpid(), signal.SIGUSR1)

        def signalled(fd, rest):
            os.write(fd, rest.pop(0))

        def sets_up(loop, done):
            read, write = os.pipe()
            loop.add_reader(read, readable, read, done)
            loop.add_signal_handler(signal.SIGUSR1, signalled, write, [b".", b"!"])
            os.write(write, b".")
            return read

        async def main():
            loop = asyncio.get_running_loop()
            done = loop.create_future()
            read = sets_up(loop, done)
            await done
            loop.remove_reader(read)

        asyncio.run(main())
        """)
    sets_up = run.call("sets_up")
    assert [call.created_by for call in run.calls("readable")] == [sets_up] * 3
    assert [call.created_by for call in run.calls("signalled")] == [sets_up] * 2


def test_a_failing_callback_and_a_done_callback(workshop: Workshop) -> None:
    run = workshop.record("""
        import asyncio

        def fails(): raise LookupError("in a callback")
        def done(task): pass
        async def job(): await asyncio.sleep(0)
        def creates(): return asyncio.create_task(job(), name="job")

        async def main():
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda loop, context: None)
            loop.call_soon(fails)
            task = creates()
            task.add_done_callback(done)
            await task
            await asyncio.sleep(0)

        asyncio.run(main())
        """)
    (error,) = run.trace.exceptions
    assert error.caught_by is None
    assert [call.function.qualname for call in error.path] == ["fails"]
    assert run.call("fails").created_by == run.call("main")
    assert run.call("done").created_by == run.call("creates")
    assert "not caught: the event loop reported it" in workshop.flowtrace("show", "flowtrace.flow").out


def test_steps_of_tasks_and_callbacks_of_the_library_make_no_records(workshop: Workshop) -> None:
    run = workshop.record("""
        import asyncio
        async def job():
            for _ in range(200): await asyncio.sleep(0)
            for _ in range(20): await asyncio.sleep(0.0001)
        async def main(): await asyncio.gather(*[job() for _ in range(10)])
        asyncio.run(main())
        """)
    first = run.trace_path.read_bytes()
    assert first.count(b"job") >= 1
    assert len(run.trace) == 12
    assert [call.created_by for call in run.calls("job")] == [run.call("main")] * 10
    # Five bytes and a bit for each suspension and each resumption: a SPAWN would take ten more.
    assert used_bytes(first) < 2 * 2200 * 8 + 4096


def used_bytes(trace: bytes) -> int:
    """In chunks of events."""
    total, at = 0, 65536
    while at < len(trace):
        begins = trace[at : at + 4] == b"CHNK"
        if begins and trace[at + 4] == 1:
            total += int.from_bytes(trace[at + 76 : at + 80], "little") - 128
        at += 65536 * (int.from_bytes(trace[at + 6 : at + 8], "little") if begins else 1)
    return total


# --- other loops -----------------------------------------------------------


def test_uvloop(workshop: Workshop) -> None:
    pytest.importorskip("uvloop")
    run = workshop.record("""
        import asyncio, uvloop

        async def leaf(n):
            await asyncio.sleep(0)
            return n

        async def creates(): return await asyncio.create_task(leaf(1), name="created")
        async def ensures(): return await asyncio.ensure_future(leaf(2))
        async def groups():
            async with asyncio.TaskGroup() as group:
                group.create_task(leaf(3), name="in a group")

        async def main():
            await creates()
            await ensures()
            await groups()
            await asyncio.gather(leaf(4), leaf(5))

        uvloop.run(main())
        """)
    unchanged(workshop, run)
    creators = {call.arguments["n"].text: call.created_by for call in run.calls("leaf")}
    assert [creators[n].function.qualname for n in "123"] == ["creates", "ensures", "groups"]
    assert all(call.outcome == "returned" for call in run.calls("leaf"))
    assert {call.track.kind for call in run.calls("leaf")} == {"task"}


TRIO = """
    import trio
    def note(): pass
    async def child(n):
        note()
        await trio.sleep(0)
        note()
        return n
    async def nursery():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(child, 1)
            nursery.start_soon(child, 2)
    async def cancelled():
        with trio.move_on_after(0.001):
            await trio.sleep_forever()
    async def main():
        await child(0)
        await nursery()
        await cancelled()
        await trio.to_thread.run_sync(note)
    trio.run(main)
    """

ANYIO = """
    import anyio
    def note(): pass
    async def child(n):
        note()
        await anyio.sleep(0)
        note()
    async def nursery():
        async with anyio.create_task_group() as group:
            group.start_soon(child, 1)
            group.start_soon(child, 2)
    async def cancelled():
        with anyio.move_on_after(0.001):
            await anyio.sleep_forever()
    async def main():
        await child(0)
        await nursery()
        await cancelled()
        await anyio.to_thread.run_sync(note)
    anyio.run(main, backend="BACKEND")
    """


@pytest.mark.parametrize(
    ("library", "source"),
    [
        ("trio", TRIO),
        ("anyio", ANYIO.replace("BACKEND", "asyncio")),
        ("trio", ANYIO.replace("BACKEND", "trio")),
    ],
    ids=["trio", "anyio on asyncio", "anyio on trio"],
)
def test_other_async_libraries_nest_rightly(workshop: Workshop, library: str, source: str) -> None:
    pytest.importorskip(library)
    if "anyio" in source:
        pytest.importorskip("anyio")
    run = workshop.record(source)
    unchanged(workshop, run)
    for child in run.calls("child"):
        assert [call.function.qualname for call in child.children] == ["note", "note"]
        assert child.outcome == "returned"
    assert run.call("main").children[0] == run.calls("child")[0]
    for name in "nursery", "cancelled":
        assert run.call(name).parent == run.call("main")
        assert run.call(name).outcome == "returned"
    assert len(run.calls("note")) == 7


def test_python_without_asyncio_is_as_before(workshop: Workshop) -> None:
    run = workshop.record("import sys\ndef work(): return 'asyncio' in sys.modules\nprint(work())")
    unchanged(workshop, run)
    assert run.out == "False\n"
    assert sys.version_info >= (3, 12)
