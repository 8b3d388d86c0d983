"""--last keeps the newest part in a file that never grows past its bound; --limit ends recording there."""

from __future__ import annotations

import os
import re
import signal
from collections import defaultdict

import pytest
from conftest import Run, Workshop

from flowtrace._core import Call

MEBIBYTE = 1 << 20

BUSY = """
    def leaf(number):
        return number

    def work(first, count):
        for number in range(first, first + count):
            leaf(number)
"""


def check_bound(run: Run, bound: int = MEBIBYTE) -> None:
    status = os.stat(run.trace_path)
    assert status.st_size <= bound
    assert status.st_blocks * 512 <= bound
    info = run.trace.info
    assert info["last"] == bound
    assert info["damaged_chunks"] == 0
    assert info["lost_records"] == 0


def numbers_of(calls: list[Call]) -> list[int]:
    return [int(call.arguments["number"].text) for call in calls if call.arguments]


def check_newest(calls: list[Call], last: int) -> None:
    """Those that are left are the last ones, without a hole."""
    numbers = numbers_of(calls)
    assert numbers == list(range(numbers[0], last + 1))
    assert numbers[0] > 0


def test_one_thread_keeps_its_newest_calls(workshop: Workshop) -> None:
    source = BUSY + "\n    def main():\n        work(0, 60_000)\n\n    main()\n"
    run = workshop.record(source, "--last", "1M")
    check_bound(run)
    leaves = run.calls("leaf")
    check_newest(leaves, 59_999)
    assert run.trace.info["calls_let_go"] + len(run.trace) - 60_003 in range(5)  # what ran is in both
    assert run.trace.info["calls_unplaced"] == 0
    chain = [leaves[-1].parent]
    while chain[-1].parent:
        chain.append(chain[-1].parent)
    assert [call.function.qualname for call in chain] == ["work", "main", "<module>"]
    assert all(call.outcome == "returned" for call in chain)
    assert chain[0].start_ns < leaves[-1].start_ns


def test_story_and_info_say_what_was_let_go(workshop: Workshop) -> None:
    workshop.write("app.py", BUSY + "\n    work(0, 60_000)\n")
    run = workshop.flowtrace("run", "--last", "1M", "app.py")
    gone = run.trace.info["calls_let_go"]
    assert f"The first {gone:,} calls were let go: --last 1M kept the newest." in run.err
    info = workshop.flowtrace("info").out
    assert re.search(rf"let go +{gone:,} calls, the oldest, in \d+ chunks\n", info)
    assert re.search(r"last +1M: the newest part is kept\n", info)
    assert re.search(r"recorded, in .*\n +__main__\n", info)  # found once, at the start
    assert re.search(r"damage +none\n", info)


def test_what_fits_is_complete(workshop: Workshop) -> None:
    run = workshop.record(BUSY + "\n    work(0, 1000)\n", "--last", "1M")
    assert numbers_of(run.calls("leaf")) == list(range(1000))
    assert run.trace.info["calls_let_go"] == 0
    assert "let go" not in workshop.flowtrace("show").out
    assert "let go" not in workshop.flowtrace("info").out


THREADS = (
    BUSY
    + """
    import threading

    ready = threading.Barrier(8)
    over = threading.Event()

    def idle():
        ready.wait()
        over.wait()
        leaf(-1)

    def run(name):
        ready.wait()
        work(name * 100_000, 6000)

    threads = [threading.Thread(target=run, args=[name], name=f"worker-{name}") for name in range(1, 7)]
    threads += [threading.Thread(target=idle, name="idle")]
    for thread in threads:
        thread.start()
    ready.wait()
    for thread in threads[:-1]:
        thread.join()
    over.set()
    threads[-1].join()
"""
)


def test_chunks_go_round_between_threads_but_not_an_idle_ones(workshop: Workshop) -> None:
    run = workshop.record(THREADS, "--last", "1M")
    check_bound(run)
    assert run.trace.info["calls_let_go"] > 0
    (idle,) = run.calls("idle")  # its only chunk is as old as any
    assert idle.outcome == "returned"
    assert idle.track.name == "idle"
    assert [child.function.qualname for child in idle.children] == ["leaf"]
    by_thread = defaultdict(list)
    for call in run.calls("leaf"):
        by_thread[call.track.name].append(call)
    kept = sum(len(calls) for calls in by_thread.values())
    assert 5000 < kept < 36_000
    for name, calls in by_thread.items():
        if name == "idle":
            continue
        numbers = numbers_of(calls)
        assert numbers == list(range(numbers[0], int(name[-1]) * 100_000 + 6000))


MANY = (
    BUSY
    + """
    import threading

    ready = threading.Barrier(41)
    over = threading.Event()

    def run(name):
        leaf(name)
        ready.wait()
        over.wait()
        leaf(name)

    threads = [threading.Thread(target=run, args=[name]) for name in range(40)]
    for thread in threads:
        thread.start()
    ready.wait()
    work(1000, 10_000)
    over.set()
    for thread in threads:
        thread.join()
    work(50_000, 100)
"""
)


def test_more_threads_than_there_are_chunks(workshop: Workshop) -> None:
    """Those that have a chunk keep it, those that have none are counted; the program is as ever."""
    workshop.write("app.py", MANY)
    run = workshop.flowtrace("run", "--last", "1M", "app.py")
    assert run.status == 0
    check_bound(run)
    unplaced = run.trace.info["calls_unplaced"]
    assert 20 <= unplaced <= 40 * 3
    assert re.search(rf"Not recorded: {unplaced} calls of other\s+threads: --last 1M has\s+room\s+for\s+10", run.err)
    assert re.search(
        rf"no room +{unplaced} calls of other threads: --last 1M has room for 10 at a time",
        workshop.flowtrace("info").out,
    )
    numbers = numbers_of(run.calls("leaf"))
    assert set(range(50_000, 50_100)) <= set(numbers)  # the main thread goes round in its own
    kept = [call for call in run.calls("run") if call.arguments]
    assert all(call.outcome == "returned" for call in kept)


FORKS = (
    BUSY
    + """
    import os

    def child(name):
        work(name * 100_000, 20_000)
        os._exit(0)

    def fork(name):
        pid = os.fork()
        if not pid:
            child(name)
        os.waitpid(pid, 0)

    for name in range(1, 5):
        fork(name)
    work(900_000, 500)
"""
)


def test_forked_children_that_die_leave_their_chunks(workshop: Workshop) -> None:
    run = workshop.record(FORKS, "--last", "1M")
    check_bound(run)
    assert run.trace.info["calls_let_go"] > 20_000
    numbers = numbers_of(run.calls("leaf"))
    assert set(range(900_000, 900_500)) <= set(numbers)
    assert set(range(419_500, 420_000)) <= set(numbers)
    assert not set(range(100_000, 101_000)) & set(numbers)
    assert run.trace.info["calls_unplaced"] == 0


def test_calls_from_before_a_fork_are_told_once(workshop: Workshop) -> None:
    """Though the first chunk of the child, which had them all, was let go."""
    run = workshop.record(
        BUSY
        + """
    import os

    def child():
        work(100_000, 50_000)
        os._exit(0)

    def fork():
        pid = os.fork()
        if not pid:
            child()
        os.waitpid(pid, 0)

    fork()
    """,
        "--last",
        "1M",
    )
    check_bound(run)
    assert run.trace.info["calls_let_go"] > 0
    story = workshop.flowtrace("show").out
    assert story.count(" fork(") + story.count("─ fork(") <= 2, story
    assert re.search(r"fork\(\).*\n +└─ ⇉ process \d+: child\(\)", story), story


def test_children_that_are_spawned(workshop: Workshop) -> None:
    workshop.write(
        "app.py",
        BUSY
        + """
    import multiprocessing

    if __name__ == "__main__":
        context = multiprocessing.get_context("spawn")
        for name in (1, 2):
            child = context.Process(target=work, args=[name * 100_000, 20_000])
            child.start()
            child.join()
        work(900_000, 500)
    """,
    )
    run = workshop.run("--last", "1M", "app.py")
    assert run.status == 0, run.err
    check_bound(run)
    numbers = numbers_of(run.calls("leaf"))
    assert set(range(900_000, 900_500)) <= set(numbers)
    assert set(range(219_500, 220_000)) <= set(numbers)
    assert not set(range(100_000, 101_000)) & set(numbers)


SHORT = (
    BUSY
    + """
    import os

    for name in range(1, 120):
        if not os.fork():
            leaf(name)
            os._exit(0)
        os.wait()
    leaf(0)
"""
)


def test_what_processes_say_of_themselves_is_bounded_as_well(workshop: Workshop) -> None:
    run = workshop.record(SHORT, "--last", "1M")
    check_bound(run)
    info = run.trace.info
    assert info["processes"][0]["program"] == "app.py"
    assert info["unrecorded_processes"] == 0
    assert numbers_of(run.calls("leaf"))[-2:] == [119, 0]
    assert re.search(r"of its 120 processes, all that was known of them\n", workshop.flowtrace("info").out)


def test_tasks_whose_creation_is_gone(workshop: Workshop) -> None:
    run = workshop.record(
        BUSY
        + """
    import asyncio

    async def worker(name):
        for step in range(200):
            work(name * 100_000 + step * 100, 100)
            await asyncio.sleep(0)

    async def main():
        await asyncio.gather(*(worker(name) for name in range(1, 6)))

    asyncio.run(main())
    """,
        "--last",
        "1M",
    )
    check_bound(run)
    assert run.trace.info["calls_let_go"] > 0
    numbers = numbers_of(run.calls("leaf"))
    for name in range(1, 6):
        assert set(range(name * 100_000 + 19_900, name * 100_000 + 20_000)) <= set(numbers)
    assert all(call.outcome == "returned" for call in run.calls("worker"))
    assert len(run.calls("worker")) == 5


@pytest.mark.parametrize("eager", [False, True], ids=["plain", "eager"])
def test_what_tasks_are_called_whose_beginning_is_gone(workshop: Workshop, eager: bool) -> None:
    """Each chunk says so of those that run in it."""
    run = workshop.record(
        BUSY
        + f"""
    import asyncio

    async def step(first):
        work(first, 100)
        await asyncio.sleep(0)
        work(first + 100, 1)

    async def worker(name):
        if not {eager}:  # those have no name yet
            asyncio.current_task().set_name(f"worker {{name}}")
        for n in range(200):
            await step(name * 100_000 + n * 101)

    async def main():
        if {eager}:
            asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        await asyncio.gather(*(asyncio.create_task(worker(name), name=f"worker {{name}}") for name in range(1, 6)))
        work(900_000, 1)

    asyncio.run(main())
    """,
        "--last",
        "1M",
    )
    check_bound(run)
    assert run.trace.info["calls_let_go"] > 0
    for call in run.calls("leaf"):
        if not call.arguments:  # it ran when its chunk began
            continue
        name = call.arguments["number"].python() // 100_000
        assert call.track.name == ("Task-1" if name == 9 else f"worker {name}")
        assert call.track.kind == "task"
    assert len({call.track for call in run.calls("worker")}) == 5
    assert all(call.parent is None for call in run.calls("worker"))
    told = workshop.flowtrace("info").out
    assert re.search(r"^ +task +worker 3 +[\d,]+ calls$", told, re.MULTILINE)
    assert re.search(r"^ +task +Task-1 +3 calls$", told, re.MULTILINE)


def test_greenlets_whose_beginning_is_gone(workshop: Workshop, with_gil: None) -> None:
    pytest.importorskip("gevent")
    run = workshop.record(
        """
    from gevent import monkey
    monkey.patch_all()
    import threading, time
    """
        + BUSY
        + """
    def run(name):
        for step in range(100):
            work(name * 100_000 + step * 100, 100)
            time.sleep(0)

    threads = [threading.Thread(target=run, args=[name], name=f"worker {name}") for name in range(1, 6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    """,
        "--last",
        "1M",
    )
    check_bound(run)
    assert run.trace.info["calls_let_go"] > 0
    for call in run.calls("leaf"):
        if not call.arguments:  # it ran when its chunk began
            continue
        name = call.arguments["number"].python() // 100_000
        assert (call.track.kind, call.track.name) == ("greenlet", f"worker {name}")
    assert len(run.calls("run")) == 5


@pytest.mark.parametrize("where", [1, 20_000, 60_000])
def test_killed_at_any_moment(workshop: Workshop, where: int) -> None:
    source = (
        BUSY
        + f"""
    import os, signal

    def main():
        work(0, {where})
        os.kill(os.getpid(), signal.SIGKILL)

    main()
    """
    )
    run = workshop.record(source, "--last", "1M", status=-signal.SIGKILL)
    check_bound(run)
    assert numbers_of(run.calls("leaf"))[-1] == where - 1
    (main,) = run.calls("main")
    assert main.outcome == "running"


def test_killed_children_of_many_threads(workshop: Workshop) -> None:
    """Their chunks were never sealed: who finds them recycles them."""
    run = workshop.record(
        BUSY
        + """
    import os, signal, threading

    def child(name):
        ready = threading.Barrier(4)
        def run():
            work(name * 100_000, 300)
            ready.wait()
            threading.Event().wait()
        for _ in range(3):
            threading.Thread(target=run, daemon=True).start()
        ready.wait()
        os.kill(os.getpid(), signal.SIGKILL)

    for name in range(1, 12):
        pid = os.fork()
        if not pid:
            child(name)
        os.waitpid(pid, 0)
    work(0, 100)
    """,
        "--last",
        "1M",
    )
    check_bound(run)
    assert run.trace.info["calls_unplaced"] == 0
    assert run.trace.info["unrecorded_processes"] == 0
    assert set(range(100)) <= set(numbers_of(run.calls("leaf")))


# --- --limit ----------------------------------------------------------------


def test_limit_ends_the_recording_not_the_program(workshop: Workshop) -> None:
    source = BUSY + "\n    work(0, 60_000)\n    print(leaf('done'))\n"
    workshop.write("app.py", source)
    run = workshop.flowtrace("run", "-q", "--limit", "1M", "app.py")
    assert run.outcome == (0, b"done\n", b"flowtrace: recording stopped early: the trace has reached --limit 1M\n")
    assert os.stat(run.trace_path).st_size <= MEBIBYTE
    numbers = numbers_of(run.calls("leaf"))
    assert numbers == list(range(len(numbers)))
    assert 10_000 < len(numbers) < 60_000
    (process,) = run.trace.info["processes"]
    assert process["lost"] == "the trace is as long as --limit allows"
    assert process["ended"]
    assert run.trace.info["limit"] == MEBIBYTE
    assert "recording stopped early: the trace is as long as --limit allows" in workshop.flowtrace("show").out


def test_limit_that_is_not_reached_says_nothing(workshop: Workshop) -> None:
    run = workshop.record(BUSY + "\n    work(0, 100)\n", "--limit", "4M")
    assert len(run.calls("leaf")) == 100
    assert run.trace.info["processes"][0]["lost"] is None


def test_limit_holds_for_children_too(workshop: Workshop) -> None:
    workshop.write("app.py", FORKS)
    run = workshop.flowtrace("run", "-q", "--limit", "1M", "app.py")
    assert run.status == 0
    assert os.stat(run.trace_path).st_size <= MEBIBYTE
    assert numbers_of(run.calls("leaf"))[0] == 100_000
    assert run.trace.info["damaged_chunks"] == 0


# --- sizes ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--last", "much"],
            "--last: a size is a number of bytes, or one with K, M or G behind it, as 64M, not 'much'",
        ),
        (["--last", "1.5M"], "--last: a size is a number"),
        (["--last", "-1M"], "--last: a size is a number"),
        (["--limit", "64Q"], "--limit: a size is a number"),
        (["--last="], "--last: a size is a number"),
        (["--last", "64K"], "--last: 64K is too little, 1M is the least"),
        (["--last", "65G"], "--last: 65G is too much, 64G is the most"),
        (["--last", "1M", "--limit", "1M"], "give one of them"),
    ],
)
def test_sizes_that_cannot_be(workshop: Workshop, words: list[str], message: str) -> None:
    workshop.write("app.py", "print('never')")
    run = workshop.flowtrace("run", *words, "app.py")
    assert run.status == 2
    assert run.out == ""
    assert message in run.err
    assert not run.trace_path.exists()


@pytest.mark.parametrize("size", ["2M", "2m", "2MiB", "2MB", "2048K", "2097152"])
def test_sizes_that_can(workshop: Workshop, size: str) -> None:
    run = workshop.record("print()", "--last", size)
    assert run.trace.info["last"] == 2 * MEBIBYTE


@pytest.mark.parametrize("size", ["1M", "16M", "64M", "2G", "64G"])
def test_any_bound_works(workshop: Workshop, size: str) -> None:
    run = workshop.record(BUSY + "\n    work(0, 10)\n", "--last", size)
    assert len(run.calls("leaf")) == 10
    assert run.trace.info["damaged_chunks"] == 0


def test_in_the_program(workshop: Workshop) -> None:
    workshop.write(
        "app.py",
        BUSY
        + """
    import flowtrace

    with flowtrace.active_tracing("a.flow", last="1M"):
        work(0, 60_000)
    with flowtrace.active_tracing("b.flow", limit=1 << 20):
        work(0, 60_000)
    for given in ({"last": "tiny"}, {"last": 1}, {"last": "1M", "limit": "1M"}, {"limit": True}):
        try:
            flowtrace.start_tracing(**given)
        except ValueError as error:
            print(error)
    a, b = flowtrace.open("a.flow"), flowtrace.open("b.flow")
    print(list(a.calls())[-1].arguments["number"].text)
    print(a.info["last"], a.info["calls_let_go"] > 0, b.info["limit"], b.info["processes"][0]["lost"])
    """,
    )
    run = workshop.python("app.py")
    assert run.err == ""
    assert run.out.splitlines() == [
        "a size is a number of bytes, or one with K, M or G behind it, as 64M, not 'tiny'",
        "1 is too little, 1M is the least; a thread takes 64K to 256K of it at a time",
        "last keeps the newest part and limit the oldest; give one of them",
        "a size is a number of bytes, or one with K, M or G behind it, as 64M, not True",
        "59999",
        "1048576 True 1048576 the trace is as long as --limit allows",
    ]
