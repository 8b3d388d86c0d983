"""Each thread is a track, linked to the call that started it."""

from __future__ import annotations

import sysconfig

import pytest
from conftest import Run, Workshop, told


def creators(run: Run, function: str) -> list[str | None]:
    """The function that started each call of this one, in order of their first arguments."""

    calls = sorted(run.calls(function), key=lambda call: [value.text for value in call.arguments.values()])
    return [call.created_by.function.qualname if call.created_by else None for call in calls]


def test_threads_of_every_make(workshop: Workshop) -> None:
    run = workshop.record("""
        import threading

        def work(): pass

        class Worker(threading.Thread):
            def run(self): work()

        class Started(threading.Thread):
            def start(self):
                work()
                super().start()

        def plain(): return threading.Thread(target=work, name="plain")
        def by_subclass(): return Worker(name="subclass")
        def by_start(): return Started(target=work, name="start")
        def by_timer(): return threading.Timer(0, work)

        def main(make, name):
            thread = make()
            thread.name = name
            thread.start()
            thread.join()

        for make in plain, by_subclass, by_start, by_timer: main(make, make.__name__)
        """)
    assert told(run.trace) == [
        "main",
        "  plain",
        "  plain: work",
        "main",
        "  by_subclass",
        "  by_subclass: Worker.run",
        "    work",
        "main",
        "  by_start",
        "  Started.start",
        "    work",
        "    by_start: work",
        "main",
        "  by_timer",
        "  by_timer: work",
    ]
    for track in run.trace.tracks:
        if track.kind == "thread":
            assert track.creator and track.creator.function.qualname in {"main", "Started.start"}


def test_a_thread_of_the_low_level_module(workshop: Workshop) -> None:
    run = workshop.record("""
        import _thread, threading
        done = threading.Semaphore(0)
        def work(n):
            inner(n)
            done.release()
        def inner(n): pass
        def main():
            for n in range(3):
                _thread.start_new_thread(work, (n,))
                done.acquire()
        main()
        """)
    calls = run.calls("work")
    assert len({call.track for call in calls}) == 3
    for call in calls:
        assert call.parent is None
        assert (call.track.kind, call.outcome) == ("thread", "returned")
        assert [child.function.qualname for child in call.children] == ["inner"]


def test_jobs_of_a_pool(workshop: Workshop) -> None:
    run = workshop.record("""
        from concurrent.futures import ThreadPoolExecutor

        def begins(n): pass
        def work(n): return n
        def done(future): pass

        def maps(pool): return list(pool.map(work, [1, 2]))
        def submits(pool):
            future = pool.submit(work, 3)
            future.add_done_callback(done)
            return future.result()

        def main():
            with ThreadPoolExecutor(1, initializer=begins, initargs=(0,)) as pool:
                maps(pool)
                submits(pool)

        main()
        """)
    assert creators(run, "work") == ["maps", "maps", "submits"]
    assert creators(run, "begins") == ["maps"]
    (done,) = run.calls("done")
    assert done.track.kind in {"thread", "main"}
    assert done.outcome == "returned"
    assert all(call.track.kind == "thread" for call in run.calls("work"))


def test_daemon_threads_are_cut_off_at_the_end(workshop: Workshop) -> None:
    run = workshop.record("""
        import threading
        begun = threading.Event()
        def sleeps():
            begun.set()
            threading.Event().wait()
        def main():
            threading.Thread(target=sleeps, name="endless", daemon=True).start()
            begun.wait()
        main()
        """)
    (sleeps,) = run.calls("sleeps")
    assert (sleeps.outcome, sleeps.track.name) == ("running", "endless")
    assert sleeps.created_by == run.call("main")
    assert "still running" in workshop.flowtrace("show", "flowtrace.flow").out
    assert run.trace.info["lost_records"] == 0


FOREIGN = r"""
#include <pthread.h>
static void (*callback)(int);
static void *body(void *times) {
    for (int i = 0; i < *(int *)times; i++) callback(i);
    return 0;
}
void run(void (*function)(int), int times) {
    pthread_t thread;
    callback = function;
    pthread_create(&thread, 0, body, &times);
    pthread_join(thread, 0);
}
"""


@pytest.mark.usefixtures("with_gil")
@pytest.mark.parametrize("greenlets", [False, True])
def test_a_thread_of_cs_own_that_calls_back(workshop: Workshop, greenlets: bool) -> None:
    """Python sees it anew at each call."""
    if greenlets:
        pytest.importorskip("greenlet")
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    workshop.write("foreign.c", FOREIGN)
    command = [compiler, "-shared", "-fPIC", "-pthread", "-o", "foreign.so", "foreign.c"]
    built = workshop.python("-c", f"import subprocess; subprocess.run({command})")
    if built.err or not (workshop.folder / "foreign.so").exists():
        pytest.skip("no C compiler")
    run = workshop.record(
        ("import greenlet\n" if greenlets else "")
        + """
import ctypes
library = ctypes.CDLL("./foreign.so")
CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_int)

def inner(n): pass
def work(n): inner(n)
def main(): library.run(CALLBACK(work), 3)
main()
main()
"""
    )
    calls = run.calls("work")
    assert [call.arguments["n"].text for call in calls] == ["0", "1", "2"] * 2
    for call in calls:
        assert call.parent is None
        assert call.track.kind == "thread"
        assert call.outcome == "returned"
        assert [child.function.qualname for child in call.children] == ["inner"]
    assert len({call.track for call in calls}) == 2


def test_a_thousand_short_threads(workshop: Workshop) -> None:
    run = workshop.record("""
        import os, threading
        def work(n): return n
        def starts(n):
            thread = threading.Thread(target=work, args=(n,), name=f"number {n}")
            thread.start()
            thread.join()
        def mappings():
            with open("/proc/self/maps") as file:
                return file.read().count("flowtrace.flow")
        def main():
            for n in range(1000):
                starts(n)
                if n == 10: before = mappings()
            print(mappings() - before)
        main()
        """)
    assert int(run.out) <= 1, "the chunks of dead threads stay mapped"
    calls = run.calls("work")
    assert [call.track.name for call in calls] == [f"number {n}" for n in range(1000)]
    assert [call.created_by for call in calls] == run.calls("starts")
    assert len({call.track for call in calls}) == 1000
    used = run.trace_path.stat()
    assert used.st_blocks * 512 < 1000 * 16384, "a short thread takes more than four pages"


def test_many_threads_at_once_know_their_creators(workshop: Workshop) -> None:
    run = workshop.record("""
        import threading
        threading.stack_size(128 * 1024)
        gate = threading.Event()
        def work(n): gate.wait()
        def main(count):
            threads = [threading.Thread(target=work, args=(n,)) for n in range(count)]
            for thread in threads: thread.start()
            gate.set()
            for thread in threads: thread.join()
        main(200)
        """)
    assert {call.created_by for call in run.calls("work")} == {run.call("main")}
    assert len(run.calls("work")) == 200
