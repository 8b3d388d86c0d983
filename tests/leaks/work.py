"""Programs that make events of every kind; leaks.py runs each again and again. None leaves anything behind itself."""

from __future__ import annotations

import asyncio
import collections
import concurrent.futures
import contextlib
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import importlib.util
import pathlib
import re
import threading
import types
import uuid
from collections.abc import AsyncIterator, Callable, Iterator

WORK: dict[str, Callable[[], object]] = {}


def work(function: Callable[[], object]) -> Callable[[], object]:
    WORK[function.__name__] = function
    return function


# --- calls --------------------------------------------------------------------


class Meta(type):
    def __call__(cls, *args: object) -> object:
        return super().__call__(*args)


class Shape(metaclass=Meta):
    def __new__(cls, *args: object) -> Shape:
        return super().__new__(cls)

    def __init__(self, side: int) -> None:
        self.side = side

    @property
    def area(self) -> int:
        return self.side * self.side

    @classmethod
    def unit(cls) -> Shape:
        return cls(1)

    @staticmethod
    def name() -> str:
        return "shape"

    def __lt__(self, other: Shape) -> bool:
        return self.side < other.side


def plain(a: int, /, b: int = 2, *rest: int, key: str = "k", **more: object) -> tuple[object, ...]:
    return a, b, rest, key, more


@work
def calls() -> object:
    cell = 3

    def closure(x: int) -> int:
        return x + cell

    @functools.wraps(closure)
    def wrapper(*args: int) -> int:
        return closure(*args)

    class Local:
        field = 1

    shapes = sorted([Shape(3), Shape.unit(), Shape(2)])
    several = [plain(1), plain(1, 2, 3, 4, key="x", other=Local), wrapper(4), Shape.name(), shapes[0].area]
    return several, sorted("ab", key=lambda n: (n, cell)), sum(n for n in range(4)), cell, Local.field


def deeper(n: int) -> int:
    return 0 if n == 0 else 1 + deeper(n - 1)


@work
def recursion() -> object:
    return deeper(200)


@work
def executed() -> object:
    """Code that is made and dies."""
    names: dict[str, object] = {"__name__": "__main__"}
    exec("def f(x):\n    def g(): return x\n    return g()\nclass C:\n    def m(self): return f(self)\nC().m()", names)  # noqa: S102
    copy = types.FunctionType(plain.__code__.replace(co_name="renamed", co_qualname="renamed"), {}, "renamed", (2,))
    copy.__kwdefaults__ = {"key": "k"}
    return eval("[f(n) for n in range(3)]", names), copy(1)


# --- exceptions ---------------------------------------------------------------


def fail(error: BaseException, depth: int = 3) -> None:
    if depth:
        fail(error, depth - 1)
    raise error


class Ours(Exception):
    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


@work
def exceptions() -> object:
    for error in (Ours(1, "x"), KeyError("k"), OSError(2, "no"), ExceptionGroup("all", [ValueError(1), Ours(2, "y")])):
        try:
            fail(error)
        except Exception:
            pass
    with contextlib.suppress(ValueError):
        try:
            fail(TypeError("first"))
        except TypeError as first:
            raise ValueError("second") from first
    try:
        try:
            deeper(-1)
        finally:
            plain(1)
    except RecursionError:
        pass
    for quits in (SystemExit(3), KeyboardInterrupt(), GeneratorExit()):
        try:
            fail(quits)
        except BaseException:
            pass
    try:
        [].index(plain(1))  # raised in C
    except ValueError:
        return None


# --- generators ---------------------------------------------------------------


def numbers(n: int) -> Iterator[int]:
    try:
        for i in range(n):
            try:
                yield i
            except KeyError:
                yield -1
    finally:
        plain(n)


def delegating(n: int) -> Iterator[int]:
    yield from numbers(n)
    return 5


@contextlib.contextmanager
def managed(value: object) -> Iterator[object]:
    yield value


@work
def generators() -> object:
    whole = list(delegating(3))
    left, closed, thrown, unstarted = delegating(3), numbers(2), delegating(2), numbers(1)
    next(left), next(closed), next(thrown)
    del left, unstarted
    closed.close()
    thrown.throw(KeyError("k"))
    with contextlib.suppress(OSError):
        thrown.throw(OSError("o"))
    with managed(plain) as value:
        pass
    with contextlib.suppress(RuntimeError), managed(1):
        raise RuntimeError
    return whole, value


# --- asyncio ------------------------------------------------------------------


async def ticks(n: int) -> AsyncIterator[int]:
    for i in range(n):
        await asyncio.sleep(0)
        yield i


async def add(a: int, b: int) -> int:
    await asyncio.sleep(0)
    return a + b


async def wait_forever() -> None:
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0)


async def program() -> object:
    task = asyncio.create_task(wait_forever(), name="waits")
    asyncio.get_running_loop().call_soon(plain, 1)
    got = await asyncio.gather(add(1, 2), add(3, 4), asyncio.to_thread(plain, 1))
    async with asyncio.TaskGroup() as group:
        group.create_task(add(5, 6))
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(wait_forever(), 0)
    opened = ticks(5)
    await anext(opened)
    await opened.aclose()
    return got, [tick async for tick in ticks(3)]


@work
def tasks() -> object:
    return asyncio.run(program())


# --- threads ------------------------------------------------------------------


@work
def threads() -> object:
    several = [threading.Thread(target=deeper, args=(5,), name=f"t{i}") for i in range(4)]
    for thread in several:
        thread.start()
    for thread in several:
        thread.join()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return list(pool.map(deeper, range(4))), pool.submit(plain, 1).result()


if importlib.util.find_spec("greenlet"):

    @work
    def greenlets() -> object:
        from greenlet import greenlet

        def ping(n: int) -> int:
            return sum(other.switch(i) for i in range(n))

        def pong(value: int) -> int:
            while True:
                value = one.switch(deeper(value))

        one, other = greenlet(ping), greenlet(pong)
        return one.switch(3), other.dead


# --- values -------------------------------------------------------------------


class Color(enum.Enum):
    RED = 1


class Access(enum.Flag):
    READ = 1
    WRITE = 2


@dataclasses.dataclass
class Order:
    number: int
    items: list[str]
    password: str = "secret"


@dataclasses.dataclass(slots=True)
class Slotted:
    value: object


Point = collections.namedtuple("Point", "x y")


class Bag:
    def __init__(self, **fields: object) -> None:
        self.first = 1
        self.second = fields


class MyList(list[int]):
    pass


class MyInt(int):
    pass


class Hostile:
    def __repr__(self) -> str:
        raise AssertionError

    def __getattr__(self, name: str) -> object:
        raise AttributeError(name)


def take(*values: object, **named: object) -> object:
    return values or named


def cyclic() -> list[object]:
    cycle: list[object] = [1]
    cycle.append(cycle)
    return cycle


def any_coroutine() -> object:
    coroutine = add(1, 2)
    take(coroutine)
    coroutine.close()
    return None


@work
def values() -> object:
    take(0, -1, 10**6, 1 << 62, -(1 << 200), 1 << 5000, 1.5, float("nan"), 2j, True, None, ..., NotImplemented)
    take("text", "é" * 50, "日本語" * 100, b"bytes" * 100, bytearray(b"ab"), memoryview(b"abc"), range(3), slice(1, 2))
    take([1, [2, [3, [4, [5]]]]], (1,), {1, 2}, frozenset({3}), {"a": {"b": {"c": {}}}}, cyclic(), [0] * 1000)
    take({}.keys(), {1: 2}.items(), collections.deque([1]), collections.defaultdict(list, a=[1]))
    take(collections.OrderedDict(a=1), collections.Counter("aab"), collections.ChainMap({"a": 1}))
    take(datetime.datetime(2024, 1, 2, 3, tzinfo=datetime.UTC), datetime.date(2024, 1, 2), datetime.time(1))
    take(datetime.timedelta(days=1), decimal.Decimal("1.5"), fractions.Fraction(1, 3), uuid.UUID(int=5))
    take(pathlib.Path("/tmp/x"), pathlib.PurePath("a"), re.compile("a+"), re.match("a", "a"), int, Order, take)
    take(Shape(1).__lt__, [].append, len, re, numbers(2), asyncio, threading.Lock(), threading.RLock(), object())
    take(Color.RED, Access.READ | Access.WRITE, Order(1, ["a"]), Slotted(Slotted(1)), Point(1, 2), Bag(a=1))
    take(
        MyList([1]),
        MyInt(5),
        Hostile(),
        ValueError("v"),
        functools.partial(take, 1),
        iter([]),
        zip([1], [2], strict=True),
    )
    take(password="hunter2", token="t", headers={"Authorization": "Bearer abcdefghijklmnop"}, key="AKIA" + "A" * 16)
    return any_coroutine()
