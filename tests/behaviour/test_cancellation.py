"""Cancellation of tasks: who asked for it, and where it landed."""

from __future__ import annotations

import pytest
from conftest import Run, Workshop

from flowtrace._core import ExceptionInfo


def cancellation(done: Run, number: int = 0) -> ExceptionInfo:
    """Of the trace's CancelledErrors, the one of that number."""
    return [e for e in done.trace.exceptions if e.type == "CancelledError"][number]


def asker(exception: ExceptionInfo) -> tuple[str | None, int, str]:
    by = exception.cancelled_by
    return by.function.qualname if by else None, exception.cancelled_line, exception.cancelled_via


def landing(exception: ExceptionInfo) -> tuple[str | None, int]:
    call = exception.landed_in
    return call.function.qualname if call else None, exception.landed_line


def story(workshop: Workshop, *options: str) -> str:
    return workshop.flowtrace("show", *options, str(workshop.trace_path)).out


WORKER = """
import asyncio
async def worker():
    await asyncio.Event().wait()
def stop(task):
    task.cancel()
"""


# --- who asked for it -----------------------------------------------------


@pytest.mark.parametrize(
    "stopping",
    [
        "task.cancel()",
        "task.cancel('enough')",
        "task.cancel(msg='enough')",
        "task.cancel(*['enough'])",
        "cancel = task.cancel; cancel()",
        "asyncio.Task.cancel(task)",
    ],
)
def test_the_call_that_cancelled(workshop: Workshop, stopping: str) -> None:
    source = WORKER.replace("    task.cancel()", f"    {stopping}")
    source += """
async def main():
    task = asyncio.create_task(worker(), name="w")
    await asyncio.sleep(0)
    stop(task)
    await asyncio.wait([task])
asyncio.run(main())
"""
    done = workshop.record(source)
    assert asker(cancellation(done)) == ("stop", 5, "")
    assert landing(cancellation(done)) == ("worker", 3)
    assert "cancelled by stop (app.py:5) · landed in worker (app.py:3)" in story(workshop)
    assert "so task w was cancelled" in story(workshop)


def test_each_call_site_of_a_function_is_seen_and_again(workshop: Workshop) -> None:
    source = (
        WORKER
        + """
def either(task, which):
    if which:
        return task.cancel()
    len("x")
    return task.cancel()
async def main():
    for turn in range(4):
        task = asyncio.create_task(worker())
        await asyncio.sleep(0)
        either(task, turn % 2)
        await asyncio.wait([task])
asyncio.run(main())
"""
    )
    done = workshop.record(source)
    assert [asker(cancellation(done, n))[1] for n in range(4)] == [11, 9, 11, 9]
    callers = [cancellation(done, n).cancelled_by for n in range(4)]
    assert callers == done.calls("either")


def test_the_first_who_asks_counts(workshop: Workshop) -> None:
    source = (
        WORKER
        + """
def stop_again(task):
    task.cancel()
async def main():
    task = asyncio.create_task(worker())
    await asyncio.sleep(0)
    stop(task)
    stop_again(task)
    await asyncio.wait([task])
asyncio.run(main())
"""
    )
    assert asker(cancellation(workshop.record(source)))[0] == "stop"


def test_a_task_that_waits_for_another(workshop: Workshop) -> None:
    source = (
        WORKER
        + """
async def outer():
    await asyncio.create_task(worker(), name="inner")
async def main():
    task = asyncio.create_task(outer(), name="outer")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    stop(task)
    await asyncio.wait([task])
asyncio.run(main())
"""
    )
    done = workshop.record(source)
    assert asker(cancellation(done)) == ("stop", 5, "")
    assert landing(cancellation(done)) == ("worker", 3)
    assert [call.function.qualname for call in cancellation(done).path] == ["worker"]
    assert done.call("outer").exception == cancellation(done)


@pytest.mark.parametrize("stopping", ["future.cancel()", "asyncio.Future.cancel(future, 'no more')"])
def test_all_who_wait_for_a_cancelled_future(workshop: Workshop, stopping: str) -> None:
    source = """
    import asyncio
    async def waits(future):
        await future
    def stop(future):
        future.cancel()
    async def main():
        future = asyncio.get_running_loop().create_future()
        future.add_done_callback(str)
        tasks = [asyncio.create_task(waits(future), name=name) for name in "ab"]
        await asyncio.sleep(0)
        stop(future)
        await asyncio.wait(tasks)
    asyncio.run(main())
    """
    done = workshop.record(source.replace("future.cancel()", stopping))
    for number in (0, 1):
        assert asker(cancellation(done, number)) == ("stop", 5, "")
        assert landing(cancellation(done, number)) == ("waits", 3)
    assert "cancelled by stop (app.py:5) · landed in waits (app.py:3)" in story(workshop)


def test_a_future_that_nobody_waits_for(workshop: Workshop) -> None:
    source = (
        WORKER
        + """
async def main():
    future = asyncio.get_running_loop().create_future()
    stop(future)
    try:
        await future
    except asyncio.CancelledError:
        return 1
asyncio.run(main())
"""
    )
    done = workshop.record(source)
    assert done.call("main").result.text == "1"


def test_by_a_handler_of_the_loop_nobody_is_named(workshop: Workshop) -> None:
    source = (
        WORKER
        + """
async def main():
    task = asyncio.create_task(worker(), name="w")
    asyncio.get_running_loop().call_later(0, task.cancel)
    await asyncio.wait([task])
asyncio.run(main())
"""
    )
    done = workshop.record(source)
    assert asker(cancellation(done)) == (None, 0, "")
    assert landing(cancellation(done)) == ("worker", 3)


# --- asyncio, for somebody ------------------------------------------------


@pytest.mark.parametrize(
    ("body", "via"),
    [
        ("async with asyncio.timeout(0.01): await worker()", "timeout(0.01)"),
        ("async with asyncio.timeout_at(asyncio.get_running_loop().time()): await worker()", "timeout"),
        ("await asyncio.wait_for(worker(), 0.01)", "wait_for(0.01)"),
    ],
)
def test_timeouts(workshop: Workshop, body: str, via: str) -> None:
    source = (
        WORKER
        + f"""
async def main():
    try:
        {body}
    except TimeoutError:
        pass
asyncio.run(main())
"""
    )
    done = workshop.record(source)
    assert asker(cancellation(done)) == ("main", 9, via)
    assert landing(cancellation(done)) == ("worker", 3)


def test_nested_timeouts_are_told_apart(workshop: Workshop) -> None:
    source = (
        WORKER
        + """
async def main():
    try:
        async with asyncio.timeout(60):
            async with asyncio.timeout(0.01):
                async with asyncio.timeout(50):
                    await worker()
    except TimeoutError:
        pass
asyncio.run(main())
"""
    )
    assert asker(cancellation(workshop.record(source))) == ("main", 10, "timeout(0.01)")


def test_a_task_group_that_gives_up(workshop: Workshop) -> None:
    source = (
        WORKER
        + """
async def fails():
    raise LookupError
async def main():
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(worker(), name="sibling")
            group.create_task(fails())
            await asyncio.Event().wait()
    except* LookupError:
        pass
asyncio.run(main())
"""
    )
    done = workshop.record(source)
    landed = {landing(cancellation(done, n)): asker(cancellation(done, n)) for n in range(2)}
    assert landed == {("worker", 3): ("main", 11, "TaskGroup"), ("main", 14): ("main", 11, "TaskGroup")}


def test_gather_cancels_its_children(workshop: Workshop) -> None:
    source = (
        WORKER
        + """
async def main():
    both = asyncio.gather(worker(), worker())
    await asyncio.sleep(0)
    both.cancel()
    try:
        await both
    except asyncio.CancelledError:
        pass
asyncio.run(main())
"""
    )
    done = workshop.record(source)
    assert {asker(cancellation(done, n)) for n in range(2)} == {("main", 10, "gather")}


def test_what_is_left_when_asyncio_run_ends(workshop: Workshop) -> None:
    source = (
        WORKER
        + """
async def main():
    asyncio.create_task(worker(), name="left")
    await asyncio.sleep(0)
asyncio.run(main())
"""
    )
    done = workshop.record(source)
    assert asker(cancellation(done)) == ("<module>", 10, "asyncio.run")
    assert "cancelled by asyncio.run in app.py (app.py:10)" in story(workshop)


def test_ctrl_c(workshop: Workshop) -> None:
    source = (
        WORKER
        + """
import os, signal
async def main():
    asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGINT)
    await worker()
asyncio.run(main())
"""
    )
    done = workshop.run("-q", workshop.write("app.py", source).name)
    assert asker(cancellation(done)) == (None, 0, "Ctrl-C")
    assert "cancelled by Ctrl-C · landed in worker (app.py:3)" in story(workshop)


# --- where it ends --------------------------------------------------------


def test_one_that_is_swallowed_where_it_landed(workshop: Workshop) -> None:
    source = """
    import asyncio
    async def worker():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "kept"
    async def main():
        task = asyncio.create_task(worker())
        await asyncio.sleep(0)
        task.cancel()
        return await task
    asyncio.run(main())
    """
    done = workshop.record(source)
    exception = cancellation(done)
    assert asker(exception) == ("main", 10, "")
    assert landing(exception) == ("worker", 4)
    assert exception.path == []
    assert done.call("worker").outcome == "returned"
    assert "cancelled by main (app.py:10) · landed in worker (app.py:4) and was caught there" in story(workshop)


def test_one_that_waits_for_its_cleanup(workshop: Workshop) -> None:
    source = """
    import asyncio
    async def worker():
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
    async def outer():
        await worker()
    async def main():
        task = asyncio.create_task(outer())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
    asyncio.run(main())
    """
    done = workshop.record(source)
    assert len([e for e in done.trace.exceptions if e.type == "CancelledError"]) == 1
    assert landing(cancellation(done)) == ("worker", 4)
    assert [call.function.qualname for call in cancellation(done).path] == ["worker", "outer"]


def test_it_is_no_error(workshop: Workshop) -> None:
    source = (
        WORKER
        + """
async def main():
    task = asyncio.create_task(worker())
    await asyncio.sleep(0)
    stop(task)
    try:
        await task
    except asyncio.CancelledError:
        pass
asyncio.run(main())
"""
    )
    workshop.record(source)
    text = story(workshop)
    assert "exception" not in text
    assert "✗" not in text
    assert "worker()  (cancelled)" in text


def test_one_that_ends_the_program_is_an_error(workshop: Workshop) -> None:
    source = """
    import asyncio
    def main():
        raise asyncio.CancelledError
    main()
    """
    workshop.record(source, status=1)
    assert "1 exception, 1 not caught" in story(workshop)


# --- the recorder keeps away ----------------------------------------------


def test_what_only_looks_like_a_task(workshop: Workshop) -> None:
    source = """
    import asyncio, threading
    class Order:
        calls = 0
        def cancel(self, *args):
            Order.calls += 1
            return "cancelled"
        def __getattr__(self, name):
            raise SystemExit(name)
    class Mine(asyncio.Task):
        cancels = 0
        def cancel(self, msg=None):
            Mine.cancels += 1
            return super().cancel(msg)
        _fut_waiter = property(lambda self: sys.exit("read"))
    async def worker():
        await asyncio.Event().wait()
    async def main():
        asyncio.get_running_loop().set_task_factory(lambda loop, coro, **more: Mine(coro, loop=loop, **more))
        task = asyncio.create_task(worker())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
    assert Order().cancel() == "cancelled"
    timer = threading.Timer(60, print)
    timer.cancel()
    asyncio.run(main())
    print(Order.calls, Mine.cancels)
    """
    done = workshop.record(source)
    assert done.out == "1 1\n"
    assert asker(cancellation(done)) == ("Mine.cancel", 13, "")


def test_a_second_recording_sees_it_again(workshop: Workshop) -> None:
    source = (
        "import flowtrace"
        + WORKER
        + """
def once(name):
    async def main():
        task = asyncio.create_task(worker())
        await asyncio.sleep(0)
        stop(task)
        await asyncio.wait([task])
    flowtrace.start_tracing(name)
    asyncio.run(main())
    flowtrace.stop_tracing()
once("first.flow")
stop(asyncio.Future(loop=asyncio.new_event_loop()))
once("second.flow")
for name in ("first.flow", "second.flow"):
    (error,) = flowtrace.open(name).exceptions
    print(error.cancelled_by.function.qualname)
"""
    )
    workshop.write("app.py", source)
    done = workshop.python("app.py")
    assert done.out == "stop\nstop\n", done.err
