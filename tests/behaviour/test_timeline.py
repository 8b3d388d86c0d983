"""flowtrace show --timeline: real programs as lanes, and what it says where it can draw none."""

from __future__ import annotations

import re

import pytest
from conftest import Workshop

STARVING = """
    import asyncio, time

    def work(until):
        while time.perf_counter() < until: pass

    async def hog():
        work(time.perf_counter() + 0.2)

    async def starved():
        await asyncio.sleep(0)
        return 1

    async def main():
        await asyncio.gather(*[asyncio.create_task(task, name=name) for name, task in
                               {"hog": hog(), "late": starved()}.items()])

    asyncio.run(main())
    """


def lanes(text: bytes) -> dict[str, str]:
    """Return the bars by the names of their lanes."""
    found = re.findall(r"^(main thread|[⇢⇉] \S.*?) +([─▄█·✗⊘ \w.]*?)  +\S+ \S+$", text.decode(), re.MULTILINE)
    return {name: bar for name, bar in found if name.strip()}


def test_a_task_that_keeps_the_others_from_running_is_seen(workshop: Workshop) -> None:
    workshop.record(STARVING)
    bars = lanes(workshop.flowtrace("show", "--timeline", "--width", "120").stdout)
    assert set(bars) >= {"main thread", "⇢ Task-1", "⇢ hog", "⇢ late"}
    assert re.search(r"█work█{10}", bars["⇢ hog"])
    assert re.match(r"·{10,}[▄█]", bars["⇢ late"])
    assert re.search(r"─{10}", bars["⇢ Task-1"])
    assert re.search(r"─{10}", bars["main thread"])


def test_a_part_of_the_time_takes_all_the_room(workshop: Workshop) -> None:
    workshop.record(STARVING)
    whole = workshop.flowtrace("show", "--timeline", "--function", "work").stdout.decode()
    assert set(lanes(whole.encode())) == {"⇢ hog"}
    begin = re.search(r"^ *([\d.]+) ms", whole, re.MULTILINE)
    assert begin
    first = float(begin[1])
    part = workshop.flowtrace("show", "--timeline", "--between", f"{first}ms..{first + 1}ms").stdout.decode()
    assert re.search(r"^⇢ hog +█work█+ +1\.00 ms$", part, re.MULTILINE), part


@pytest.mark.parametrize("flags", [["--timeline", "--width", "1"], ["--timeline", "--width", "1", "--all"]])
def test_a_terminal_that_is_too_narrow_is_told(workshop: Workshop, flags: list[str]) -> None:
    workshop.record("def f(): pass\nf()")
    done = workshop.flowtrace("show", *flags)
    assert (done.status, done.stdout) == (2, b"")
    assert done.stderr == b"flowtrace: a timeline needs 17 columns, not 1; --width N writes to more than there are\n"


def test_a_trace_without_times_has_none(workshop: Workshop) -> None:
    workshop.record("def f(): pass\nf()", "--no-time")
    done = workshop.flowtrace("show", "--timeline")
    assert (done.status, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"flowtrace: a timeline needs times, and this trace was recorded with --no-time;")
    assert done.stderr.count(b"\n") == 1


def test_no_time_and_a_timeline_are_too_much(workshop: Workshop) -> None:
    workshop.record("def f(): pass\nf()")
    done = workshop.flowtrace("show", "--timeline", "--no-time")
    assert done.status == 2
    assert done.stderr == b"flowtrace: --timeline is about times; give one of --timeline and --no-time\n"
