"""Runs the same work in one forked child after another, each with other faults: lines "kinds first more disk" on stdin.

Prints a line of JSON for each: pid, exit status, calls that might have failed, what the work came to.
"""

import asyncio  # noqa: F401  (what the work imports is not to be imported again in each child)
import collections  # noqa: F401
import ctypes
import dataclasses  # noqa: F401
import decimal  # noqa: F401
import enum  # noqa: F401
import json
import os
import pathlib  # noqa: F401
import sys

WORK = """
import asyncio, collections, dataclasses, decimal, enum, pathlib, threading

class Color(enum.Enum):
    RED = 1

@dataclasses.dataclass
class Order:
    name: str
    amount: object

class Plain:
    def __init__(self, x): self.x, self.y = x, [x]
    def method(self, *rest, **more): return self

def plain(a, b=2, *c, d=4, **e): return (a, b, c, d, e)
def deep(n): return 0 if n == 0 else 1 + deep(n - 1)

def numbers(n):
    for i in range(n):
        yield i

def delegating(n): yield from numbers(n)

def raises(n):
    if n == 0: raise ValueError("none", n)
    raises(n - 1)

def caught():
    try: raises(5)
    except ValueError as error: return str(error)

async def inner(n):
    await asyncio.sleep(0)
    return n

async def outer():
    tasks = [asyncio.create_task(inner(i)) for i in range(3)]
    return await asyncio.gather(*tasks)

def in_thread(results): results.append(deep(3))

def values():
    big = 10 ** 50
    return [plain(v) for v in (
        big, -big, "x" * 500, "\\u00e9" * 30, b"y" * 99, [[1, [2, [3]]]], {"a": {1, 2}, "password": "p"},
        Order("tea", decimal.Decimal("1.5")), Color.RED, Plain(1), pathlib.Path("/tmp/x"), range(9), int,
        collections.deque([1, 2]), collections.Counter("abca"), slice(1, 2), numbers, 1.5, 2j, None, frozenset({1}),
    )]

def many(n):
    for i in range(n): plain("long enough to fill a chunk soon " * 3, i)

def work():
    results = [len(values()), deep(100), list(numbers(5)), list(delegating(5)), caught()]
    results.append(Plain(3).method(1, k=2).x)
    results.append(asyncio.run(outer()))
    thread = threading.Thread(target=in_thread, args=(results,))
    thread.start()
    thread.join()
    many(400)
    left = numbers(3)
    next(left)
    results.append(str(decimal.Decimal(1) / 3))
    return results

RESULT = work()
"""

preloaded = ctypes.CDLL(None)


def work() -> str:
    namespace = {"__name__": "__main__"}
    try:
        exec(compile(WORK, "<work>", "exec"), namespace)  # noqa: S102
        answer = json.dumps(namespace["RESULT"])
    except BaseException as error:
        answer = repr(error)
    seen = preloaded.fault_seen()
    preloaded.fault_arm(0, ctypes.c_long(0), ctypes.c_long(0))
    return f"{seen}\n{answer}"


def in_child(kinds: int, first: int, more: int, disk: int) -> list[object]:
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        preloaded.fault_disk(disk)
        preloaded.fault_arm(kinds, ctypes.c_long(first), ctypes.c_long(more))
        os.close(read)
        os.write(write, work().encode())
        sys.exit(3)
    os.close(write)
    with os.fdopen(read) as file:
        seen, _, answer = file.read().partition("\n")
    return [pid, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), int(seen or -1), answer]


for line in sys.stdin:
    print(json.dumps(in_child(*map(int, line.split()))), flush=True)
