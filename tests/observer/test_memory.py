"""The recorder's own memory is bounded: what is made and dropped again and again leaves nothing behind.

Anonymous memory is measured after one, two and three times the same work. The last third must add nothing.
MILLION=1 in the environment does it with a million functions in all.
"""

from __future__ import annotations

import os

import proof
import pytest
from conftest import Workshop

ENOUGH = 1 << 20  # bytes; the smallest leak that is looked for adds more
FUNCTIONS = 333_334 if os.environ.get("MILLION") else 100_000

PROGRAM = """
RECORDER = None
import gc, sys, types
{work}
def anonymous():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("RssAnon")) * 1024
sizes = []
for third in range(3):
    work({count})
    gc.collect()
    sizes.append(anonymous())
print(sizes[2] - sizes[1])
"""

WORK = {
    "functions": (
        FUNCTIONS,
        """
def template(a): return a
def work(n):
    code, last = template.__code__, None
    for i in range(n):
        last = types.FunctionType(code.replace(co_firstlineno=i % 1000 + 1), globals())
        last(i)
""",
    ),
    "generators that are dropped": (
        60_000,
        """
def generator(n): yield n
def work(n):
    kept = []
    for i in range(n):
        g = generator(i)
        next(g)
        kept.append(g)
        if len(kept) > 50: kept.clear()
""",
    ),
    "functions that are generators, and dropped": (
        30_000,
        """
def template(a): yield a
def work(n):
    code = template.__code__
    for i in range(n):
        next(types.FunctionType(code.replace(co_firstlineno=i % 1000 + 1), globals())(i))
""",
    ),
    "tasks": (
        15_000,
        """
import asyncio
async def task(n): await asyncio.sleep(0)
async def several(n):
    for i in range(n // 10):
        await asyncio.gather(*(asyncio.create_task(task(i)) for _ in range(10)))
def work(n): asyncio.run(several(n))
""",
    ),
    "threads": (
        200,
        """
import threading
def task(n): return n
def work(n):
    for i in range(n):
        thread = threading.Thread(target=task, args=(i,))
        thread.start()
        thread.join()
""",
    ),
    "exceptions and classes": (
        15_000,
        """
def raises(n):
    raise type("Error", (ValueError,), {"text": "x"})(n)
def work(n):
    for i in range(n):
        try: raises(i)
        except ValueError: pass
""",
    ),
    "texts, keys and objects": (
        30_000,
        """
class Thing: pass
def takes(thing, text, table): return text
def work(n):
    for i in range(n):
        thing = Thing()
        thing.__dict__[f"name {i}"] = i
        takes(thing, f"text {i}", {f"key {i}": i})
""",
    ),
}


def growth(workshop: Workshop, kind: str, line: str = proof.PLACE, *, traced: bool = False) -> int:
    count, work = WORK[kind]
    proof.program(workshop, PROGRAM.format(work=work, count=count), line)
    done = workshop.run("app.py") if traced else workshop.python("app.py")
    assert (done.status, done.err) == (0, "")
    if traced:
        assert not workshop.flowtrace("info").err
        os.unlink(workshop.trace_path)
    return int(done.out)


@pytest.mark.parametrize("kind", WORK)
def test_memory_does_not_grow(workshop: Workshop, kind: str) -> None:
    assert growth(workshop, kind, traced=True) < ENOUGH


def test_a_recorder_that_keeps_a_number_of_each_function_is_noticed(workshop: Workshop) -> None:
    keeps = proof.recorder("kept.setdefault(code.co_firstlineno, []).append(None)", before="kept = {}")
    assert growth(workshop, "functions", keeps) > ENOUGH
