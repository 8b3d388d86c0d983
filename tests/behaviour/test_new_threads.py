"""Threads of _thread.start_new_thread() stand under the call that started them, where that can be known."""

from __future__ import annotations

import pytest
from conftest import Run, Workshop

WAIT = """
    import _thread, threading
    done = threading.Semaphore(0)
    def finish(): done.release()
"""


def creators(run: Run, name: str) -> list[str | None]:
    return [call.created_by.function.qualname if call.created_by else None for call in run.calls(name)]


@pytest.mark.parametrize(
    "start",
    [
        "_thread.start_new_thread(work, (1,))",
        "_thread.start_new_thread(Worker().work, (1,))",
        "_thread.start_new_thread(Worker(), (1,), {})",
    ],
)
def test_a_thread(workshop: Workshop, start: str) -> None:
    run = workshop.record(
        WAIT
        + f"""
    def work(n): finish()
    class Worker:
        def work(self, n): work(n)
        def __call__(self, n): work(n)
    def main():
        {start}
        done.acquire()
    main()
    """
    )
    roots = [call for call in run.calls() if call.track.kind == "thread" and not call.parent]
    assert [call.created_by and call.created_by.function.qualname for call in roots] == ["main"]


def test_many_of_one_call(workshop: Workshop) -> None:
    run = workshop.record(
        WAIT
        + """
    from _thread import start_new_thread as begin
    import _thread as threads
    def work(n): finish()
    def main():
        start_new_thread = threads.start_new_thread
        for n in range(20): start_new_thread(work, (n,))
        for n in range(20): done.acquire()
    main()
    def later():
        threads.start_new_thread(work, (20,))
        done.acquire()
    later()
    """
    )
    assert creators(run, "work") == ["main"] * 20 + ["later"]


def test_which_of_two_is_not_guessed(workshop: Workshop) -> None:
    """Both wait to begin, with the same function."""
    run = workshop.record(
        WAIT
        + """
    import sys
    def work(): finish()
    def first(): _thread.start_new_thread(work, ())
    def second(): _thread.start_new_thread(work, ())
    sys.setswitchinterval(1000)
    first(); second()
    done.acquire(); done.acquire()
    def third(): _thread.start_new_thread(work, ())
    third()
    done.acquire()
    """
    )
    assert creators(run, "work") in ([None, None, "third"], ["first", "second", "third"])


@pytest.mark.parametrize("failing", ["_thread.start_new_thread(work, 1)", "_thread.start_new_thread(work, (), 1)"])
def test_after_one_that_could_not_be_started(workshop: Workshop, failing: str) -> None:
    run = workshop.record(
        WAIT
        + f"""
    def work(): finish()
    def fails():
        try: {failing}
        except TypeError: pass
    def first(): _thread.start_new_thread(work, ()); done.acquire()
    def second(): _thread.start_new_thread(work, ()); done.acquire()
    fails()
    first()
    fails()
    second()
    """
    )
    assert creators(run, "work") == ["first", "second"]


def test_many_starts_at_once(workshop: Workshop) -> None:
    """Of one function, by threads that don't wait for each other: what is told of them is true."""
    run = workshop.record(
        WAIT
        + """
    import threading
    def work(who): finish()
    def begin(who):
        barrier.wait()
        _thread.start_new_thread(work, (who,))
        done.acquire()
    def alone(): _thread.start_new_thread(work, (-1,)); done.acquire()
    for turn in range(60):
        barrier = threading.Barrier(4)
        threads = [threading.Thread(target=begin, args=(4 * turn + n,)) for n in range(4)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
    alone()
    """
    )
    works = run.calls("work")
    told = [
        (call.created_by.arguments["who"].text, call.arguments["who"].text) for call in works[:-1] if call.created_by
    ]
    assert [by for by, _ in told] == [of for _, of in told]
    assert len(works) == 241
    assert works[-1].created_by == run.call("alone")


def test_what_cannot_be_started(workshop: Workshop) -> None:
    workshop.write(
        "app.py",
        """
        import _thread
        def main():
            for words in (), (1,), (print, 1), (print, (), 1), (len, ()):
                try: print(type(_thread.start_new_thread(*words)))
                except TypeError as error: print(error)
        main()
        """,
    )
    plain, traced = workshop.python("app.py"), workshop.run("app.py")
    assert traced.stdout == plain.stdout
