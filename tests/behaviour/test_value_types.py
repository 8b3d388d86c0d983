"""Values of every type that is told more of than its name: the text that a person reads, the same on every version."""

from __future__ import annotations

import pytest
from conftest import FREE_THREADED, Run, Workshop


def with_gil(text: str, without: str) -> str:
    """Without a GIL nothing guards what a bytearray or array holds, nor the order of an OrderedDict."""
    return without if FREE_THREADED else text


def texts(run: Run, function: str = "show") -> list[str]:
    return [call.arguments["value"].text for call in run.calls(function)]


def pairs(workshop: Workshop, imports: str, table: dict[str, str]) -> None:
    """Record each expression of the table, and compare with the text beside it."""
    lines = "".join(f"show({expression})\n" for expression in table)
    run = workshop.record(f"{imports}\ndef show(value): pass\n{lines}")
    assert dict(zip(table, texts(run), strict=True)) == table


def test_numbers_and_texts(workshop: Workshop) -> None:
    pairs(
        workshop,
        "import math",
        {
            "-10**50": "-" + "1" + "0" * 50,
            "10**400": "<int of 1329 bits>",
            "1 << 1_000_000": "<int of 1000001 bits>",
            "math.nan": "nan",
            "-math.inf": "-inf",
            "-0.0": "-0.0",
            "complex(-0.0, math.nan)": "(-0+nanj)",
            "'\\ud800x'": "'\\ud800x'",
            "'😀'": "'😀'",
            "'a\\0b'": "'a\\x00b'",
            "...": "Ellipsis",
            "NotImplemented": "NotImplemented",
            "bytes(1 << 30)": "b'" + "\\x00" * 160 + "…'",
            "bytearray(1 << 30)": with_gil("bytearray(b'" + "\\x00" * 160 + "…')", "bytearray"),
            "'é' * (1 << 25)": "'" + "é" * 80 + "…'",
        },
    )


def test_subclasses_show_their_name_and_what_is_in_them(workshop: Workshop) -> None:
    bases = {
        "int": ("5", "5"),
        "str": ("'s'", "'s'"),
        "float": ("1.5", "1.5"),
        "complex": ("1j", "1j"),
        "bytes": ("b'x'", "b'x'"),
        "bytearray": ("b'x'", with_gil("bytearray(b'x')", "My5")),
        "list": ("[1]", "[1]"),
        "tuple": ("(1, 2)", "(1, 2)"),
        "set": ("{1}", "{1}"),
        "frozenset": ("{1}", "frozenset({1})"),
        "dict": ("{'a': 1}", "{'a': 1}"),
        "collections.deque": ("[1], 3", "[1], 3"),
        "collections.defaultdict": ("int, {'a': 1}", "<class int>, {'a': 1}"),
        "collections.OrderedDict": ("{'a': 1}", "{'a': 1}"),
        "collections.Counter": ("'aab'", "{'a': 2, 'b': 1}"),
        "datetime.datetime": ("2024, 1, 2, tzinfo=datetime.timezone.utc", "2024-01-02 00:00:00+00:00"),
        "datetime.date": ("2024, 1, 2", "2024-01-02"),
        "datetime.time": ("1, 2", "01:02:00"),
        "datetime.timedelta": ("3", "timedelta(3 days, 0:00:00)"),
        "decimal.Decimal": ("'2.5'", "'2.5'"),
        "fractions.Fraction": ("1, 3", "1, 3"),
        "uuid.UUID": ("int=5", "'00000000-0000-0000-0000-000000000005'"),
        "pathlib.PurePosixPath": ("'/q'", "'/q'"),
        "array.array": ("'i', [1]", with_gil("'i', [1]", "")),
        "io.StringIO": ("'abc'", "StringIO(at 0)"),
        "types.SimpleNamespace": ("a=1", "a=1"),
    }
    imports = ", ".join(sorted({base.split(".")[0] for base in bases if "." in base}))
    source = f"import {imports}\ndef show(value): pass\n"
    for number, (base, (given, _)) in enumerate(bases.items()):
        source += f"class My{number}({base}): pass\nshow(My{number}({given}))\n"
    expected = [f"My{number}({told})" if told else f"My{number}" for number, (_, told) in enumerate(bases.values())]
    assert texts(workshop.record(source)) == expected


def test_what_subclasses_override_is_never_run(workshop: Workshop) -> None:
    run = workshop.record("""
        import array, collections, datetime, decimal, fractions, io, pathlib, queue, threading, types, uuid
        import concurrent.futures
        ran = []
        def spy(name):
            def method(self, *args, **kwargs):
                ran.append(name)
                raise RuntimeError(name)
            return method
        NAMES = '''__repr__ __str__ __iter__ __len__ __getitem__ __eq__ __hash__ __sizeof__ __getinitargs__ __reduce__
            __index__ __int__ __float__ __bool__ maxlen default_factory as_tuple tzinfo year utcoffset typecode key
            numerator _numerator int hex _raw_paths parts closed tell __fspath__ shape dtype maps data get_name done
            cancelled _state qsize locked __get__ __args__ __origin__'''.split()
        made = [
            (collections.deque, ([1], 3)), (collections.defaultdict, (int,)), (collections.OrderedDict, ({"a": 1},)),
            (datetime.datetime, (2024, 1, 2)), (datetime.date, (2024, 1, 2)), (datetime.timedelta, (1,)),
            (datetime.time, (1,)), (decimal.Decimal, ("1",)), (fractions.Fraction, (1, 3)), (uuid.UUID, ("0" * 32,)),
            (pathlib.PurePosixPath, ("/q",)), (array.array, ("i", [1])), (io.StringIO, ("a",)), (io.BytesIO, (b"a",)),
            (types.SimpleNamespace, ()), (concurrent.futures.Future, ()), (collections.UserDict, ()),
            (collections.ChainMap, ({},)), (queue.Queue, ()), (threading.Event, ()), (types.GenericAlias, (list, int)),
            (queue.SimpleQueue, ()),
        ]
        def show(value): pass
        class Zone(datetime.tzinfo):
            utcoffset = tzname = dst = __repr__ = spy("Zone")
        things = [datetime.datetime(2024, 1, 2, tzinfo=Zone())]
        for base, given in made:
            Type = type("Spy" + base.__name__, (base,), {})
            things.append(Type(*given))
            for name in NAMES:
                setattr(Type, name, property(spy(name)) if name[0] != "_" else spy(name))
        ran.clear()
        for thing in things: show(thing)
        print(ran)
        """)
    assert run.out == "[]\n"
    assert texts(run)[:8] == [
        "2024-01-02 00:00:00 Zone",
        "Spydeque([1], 3)",
        "Spydefaultdict(<class int>, {})",
        "SpyOrderedDict({'a': 1})",
        "Spydatetime(2024-01-02 00:00:00)",
        "Spydate(2024-01-02)",
        "Spytimedelta(timedelta(1 days, 0:00:00))",
        "Spytime(01:00:00)",
    ]


def test_containers(workshop: Workshop) -> None:
    pairs(
        workshop,
        "import array, types\nfrom collections import *\nordered = OrderedDict(a=1, b=2); ordered.move_to_end('a')\n"
        "odd = OrderedDict({(1, 2): 3})",
        {
            "deque([1], 3)": "deque([1], 3)",
            "deque([1])": "deque([1])",
            "defaultdict(list, a=1)": "defaultdict(<class list>, {'a': 1})",
            "defaultdict(None)": "defaultdict(None, {})",
            "ordered": with_gil("OrderedDict({'b': 2, 'a': 1})", "OrderedDict({'a': 1, 'b': 2})"),
            "ordered.keys()": "odict_keys(['a', 'b'])",
            "odd": "OrderedDict({(1, 2): 3})",
            "Counter('aab')": "Counter({'a': 2, 'b': 1})",
            "ChainMap({'a': 1}, {'token': 2})": "ChainMap({'a': 1}, {'token': <redacted>})",
            "types.MappingProxyType({'a': 1})": "mappingproxy({'a': 1})",
            "UserDict(a=1)": "UserDict({'a': 1})",
            "UserList([1])": "UserList([1])",
            "UserString('a')": "UserString('a')",
            "types.SimpleNamespace(a=1, _b=2, secret=3)": "SimpleNamespace(a=1, _b=2, secret=<redacted>)",
            "array.array('i', [1, 2])": with_gil("array('i', [1, 2])", "array"),
            "array.array('d', range(100))": with_gil(
                "array('d', [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, …92])", "array"
            ),
            "memoryview(b'abc')": "memoryview(3 bytes)",
        },
    )


def test_times(workshop: Workshop) -> None:
    pytest.importorskip("zoneinfo").ZoneInfo("Europe/Paris")
    pairs(
        workshop,
        "from datetime import *\nfrom zoneinfo import ZoneInfo",
        {
            "datetime(2024, 1, 2, 3, 4, 5, 678)": "2024-01-02 03:04:05.000678",
            "datetime(2024, 1, 2, tzinfo=timezone.utc)": "2024-01-02 00:00:00+00:00",
            "datetime(2024, 1, 2, tzinfo=timezone(-timedelta(hours=5, minutes=30)))": "2024-01-02 00:00:00-05:30",
            "datetime(2024, 1, 2, tzinfo=timezone(timedelta(seconds=61)))": "2024-01-02 00:00:00+00:01:01",
            "datetime(2024, 7, 2, tzinfo=ZoneInfo('Europe/Paris'))": "2024-07-02 00:00:00 Europe/Paris",
            "date(2024, 1, 2)": "2024-01-02",
            "time(1, 2, 3, 4)": "01:02:03.000004",
            "time(1, 2, tzinfo=timezone.utc)": "01:02:00+00:00",
            "timedelta(days=-1, seconds=5, microseconds=3)": "timedelta(-1 days, 0:00:05.000003)",
            "timezone.utc": "timezone.utc",
            "timezone(timedelta(hours=5), 'X')": "timezone(timedelta(0 days, 5:00:00), 'X')",
            "ZoneInfo('Europe/Paris')": "ZoneInfo('Europe/Paris')",
        },
    )


def test_exact_numbers_and_paths(workshop: Workshop) -> None:
    pairs(
        workshop,
        "from decimal import *\nfrom fractions import *\nfrom pathlib import *\nimport os",
        {
            "Decimal('-1.50')": "Decimal('-1.50')",
            "Decimal('0.' + '0' * 60 + '1')": "Decimal('0." + "0" * 60 + "1')",
            "Decimal('NaN')": "Decimal('NaN')",
            "Decimal('1E+500')": "Decimal('1E+500')",
            "Decimal('1' * 200)": "Decimal(more than 100 digits)",
            "Decimal('1' * 1_000_000)": "Decimal(more than 100 digits)",
            "Fraction(1, -3)": "Fraction(-1, 3)",
            "Path('/a') / 'c' / 'd'": "PosixPath('/a/c/d')",
            "Path('/a') / '/c' / 'd'": "PosixPath('/c/d')",
            "Path()": "PosixPath('.')",
            "Path('/')": "PosixPath('/')",
            "Path('/a/b/c').parent": "PosixPath('/a/b')",
            "Path('a/')": "PosixPath('a')",
            "PurePath('é')": "PurePosixPath('é')",
            "PureWindowsPath('c:/x') / 'y'": "PureWindowsPath('c:\\\\x\\\\y')",
            "PureWindowsPath('c:/x') / 'd:/y'": "PureWindowsPath",
            "Path('sk-5ecretsecretsecretsecretsecret')": "PosixPath(<redacted>)",
        },
    )


def test_types_and_what_is_written_for_them(workshop: Workshop) -> None:
    pairs(
        workshop,
        "from typing import *\nimport collections.abc\nclass Plain: pass\nclass Box[T]: pass\ntype Alias = int",
        {
            "int": "<class int>",
            "Plain": "<class Plain>",
            "list[int]": "list[int]",
            "dict[str, list[int]]": "dict[str, list[int]]",
            "int | None": "int | None",
            "Optional[int]": "int | None",
            "Union[int, str]": "int | str",
            "Literal['a']": "Literal[…]",
            "collections.abc.Callable[[int], str]": "Callable[int, str]",
            "Dict[str, int]": "Dict[str, int]",
            "TypeVar('T')": "T",
            "Alias": "Alias",
            "Box[int]": "Box[int]",
        },
    )


def test_functions_and_methods_of_every_kind(workshop: Workshop) -> None:
    pairs(
        workshop,
        """
import functools, sys, types
class Shop:
    def sell(self): pass
    @classmethod
    def open(cls): pass
    @staticmethod
    def close(): pass
    @property
    def size(self): pass
    @functools.cached_property
    def total(self): pass
@functools.lru_cache
def cached(): pass
frame = sys._getframe()
def holder(): return lambda: frame
""",
        {
            "holder": "<function holder>",
            "lambda a: a": "<function <lambda>>",
            "Shop().sell": "<method Shop.sell>",
            "Shop.open": "<method Shop.open>",
            "Shop.close": "<function Shop.close>",
            "[].append": "<built-in append>",
            "len": "<built-in len>",
            "'a'.__add__": "<method str.__add__>",
            "int.__add__": "<method int.__add__>",
            "str.join": "<method str.join>",
            "dict.__dict__['fromkeys']": "<method dict.fromkeys>",
            "types.FunctionType.__dict__['__code__']": "<attribute function.__code__>",
            "Shop.__dict__['size']": "<property Shop.size>",
            "Shop.__dict__['total']": "<cached_property Shop.total>",
            "Shop.__dict__['close']": "<staticmethod Shop.close>",
            "Shop.__dict__['open']": "<classmethod Shop.open>",
            "cached": "<cached function cached>",
            "functools.partial(len, [])": "partial(<built-in len>, ([],))",
            "functools.partialmethod(cached)": "partialmethod(<cached function cached>)",
            "sys": "<module sys>",
            "cached.__wrapped__.__code__": "<code cached>",
            "frame": "<frame <module>>",
            "types.CellType(5)": "cell(5)",
        },
    )


def test_generators_locks_and_queues(workshop: Workshop) -> None:
    pairs(
        workshop,
        """
import concurrent.futures, queue, threading
def generate(): yield
async def coroutine(): pass
async def asynchronous(): yield
held, again = threading.Lock(), threading.RLock()
held.acquire(), again.acquire()
event = threading.Event(); event.set()
ended = threading.Thread(target=int, name="ended"); ended.start(); ended.join()
jobs = queue.Queue(); jobs.put(1)
simple = queue.SimpleQueue(); simple.put(1)
done = concurrent.futures.Future(); done.set_result(1)
coroutine = coroutine()
""",
        {
            "generate()": "generator(generate)",
            "coroutine": "coroutine(coroutine)",
            "coroutine.close()": "None",
            "asynchronous()": "async_generator(asynchronous)",
            "held": "lock(locked)",
            "threading.Lock()": "lock(unlocked)",
            "again": "RLock(locked)",
            "threading.RLock()": "RLock(unlocked)",
            "threading.Condition(held)": "Condition(lock(locked))",
            "threading.Semaphore(3)": "Semaphore(3)",
            "threading.Barrier(2)": "Barrier(2)",
            "event": "Event(set)",
            "threading.Event()": "Event(not set)",
            "threading.Thread(name='idle')": "Thread(idle, not started)",
            "threading.main_thread()": "_MainThread(MainThread, running)",
            "ended": "Thread(ended, ended)",
            "jobs": "Queue([1])",
            "queue.LifoQueue()": "LifoQueue([])",
            "simple": "SimpleQueue(1 item)",
            "done": "Future(done)",
            "concurrent.futures.Future()": "Future(pending)",
        },
    )


def test_asyncio(workshop: Workshop) -> None:
    run = workshop.record("""
        import asyncio
        def show(value): pass
        async def main():
            task = asyncio.create_task(asyncio.sleep(0), name="nap")
            show(task)
            task.cancel()
            await asyncio.wait([task])
            show(task)
            lock = asyncio.Lock()
            await lock.acquire()
            jobs = asyncio.Queue(3)
            await jobs.put("job")
            show(lock); show(jobs); show(asyncio.Event()); show(asyncio.Semaphore(2)); show(asyncio.Condition())
        asyncio.run(main())
        """)
    assert texts(run) == [
        "Task(nap, pending)",
        "Task(nap, cancelled)",
        "Lock(locked)",
        "Queue(['job'])",
        "Event(not set)",
        "Semaphore(2)",
        "Condition(Lock(unlocked))",
    ]


def test_files_references_and_the_rest(workshop: Workshop) -> None:
    run = workshop.record("""
        import contextvars, io, itertools, re, sys, tempfile, time, weakref
        class Thing: pass
        thing = Thing()
        alive, dead = weakref.ref(thing), weakref.ref(Thing())
        def show(value): pass
        closed = io.BytesIO(b"abc"); closed.close()
        text = io.StringIO(); text.write("abc")
        named = tempfile.NamedTemporaryFile(dir=".")
        show([named])
        named.close()
        iterator = iter([1, 2])
        for value in (
            alive, dead, weakref.proxy(thing), text, io.BytesIO(b"abc"), closed, sys.stdout,
            contextvars.ContextVar("who"), re.match(b"a", b"ab"), re.compile(b"a"), time.gmtime(0),
            sys.version_info[:1], iterator, enumerate([1]), map(str, [1]), itertools.count(5), object(),
        ):
            show(value)
        print(next(iterator))
        """)
    assert run.out == "1\n"
    named, *rest = texts(run)
    assert named.startswith("[_TemporaryFileWrapper('")
    assert rest == [
        "ReferenceType(Thing)",
        "ReferenceType(dead)",
        "ProxyType(Thing)",
        "StringIO(at 3)",
        "BytesIO(at 0)",
        "BytesIO(closed)",
        "TextIOWrapper('<stdout>', 'w')",
        "ContextVar('who')",
        "Match(b'a')",
        "Pattern(b'a')",
        "struct_time(tm_year=1970, tm_mon=1, tm_mday=1, tm_hour=0, tm_min=0, tm_sec=0, tm_wday=3, tm_yday=1, …)",
        "(3,)",
        "list_iterator",
        "enumerate",
        "map",
        "count",
        "object",
    ]


def test_exceptions_as_values(workshop: Workshop) -> None:
    pairs(
        workshop,
        "class Trouble(Exception): pass",
        {
            "ValueError('x', 1)": "ValueError('x', 1)",
            "Trouble('m')": "Trouble('m')",
            "KeyError('k')": "KeyError('k')",
            "StopIteration(3)": "StopIteration(3)",
            "SystemExit(2)": "SystemExit(2)",
            "UnicodeDecodeError('utf8', b'\\xff', 0, 1, 'bad')": "UnicodeDecodeError('utf8', b'\\xff', 0, 1, 'bad')",
        },
    )


# --- the user's own --------------------------------------------------------


def test_enums_and_flags(workshop: Workshop) -> None:
    pairs(
        workshop,
        """
import enum, http
class Colour(enum.Enum): RED = 1; BLUE = "b"
class May(enum.Flag): READ = 1; WRITE = 2; RUN = 4
class Bits(enum.IntFlag): R = 1; W = 2
class Number(enum.IntEnum): ONE = 1
class Word(enum.StrEnum): A = "a"
""",
        {
            "Colour.RED": "Colour.RED",
            "Colour.BLUE": "Colour.BLUE",
            "May.READ": "May.READ",
            "May.READ | May.RUN": "May.READ|RUN",
            "May(0)": "May(0)",
            "Bits.R | Bits.W": "Bits.R|W",
            "Bits(0)": "Bits(0)",
            "Bits(9)": "Bits.R|8",
            "Number.ONE": "Number.ONE",
            "Word.A": "Word.A",
            "http.HTTPStatus.OK": "HTTPStatus.OK",
            "Colour": "<class Colour>",
        },
    )


def test_dataclasses_and_named_tuples(workshop: Workshop) -> None:
    pairs(
        workshop,
        """
import dataclasses, typing
@dataclasses.dataclass
class Plain:
    x: int
    y: str = "q"
@dataclasses.dataclass(slots=True, frozen=True)
class Frozen:
    x: int
    y: str = "q"
@dataclasses.dataclass
class More(Plain):
    z: int = 3
    count: typing.ClassVar[int] = 1
    given: dataclasses.InitVar[int] = 0
    hidden: list = dataclasses.field(default_factory=list, repr=False)
    late: int = dataclasses.field(init=False)
@dataclasses.dataclass(slots=True)
class Slotted(Plain):
    z: int = 3
@dataclasses.dataclass
class Wide:
    a: int = 1; b: int = 1; c: int = 1; d: int = 1; e: int = 1; f: int = 1; g: int = 1; h: int = 1; i: int = 1
    kind: typing.ClassVar[int] = 1
class Pair(typing.NamedTuple):
    a: int
    token: str = "x"
""",
        {
            "Plain(1)": "Plain(x=1, y='q')",
            "Frozen(1)": "Frozen(x=1, y='q')",
            "More(1)": "More(x=1, y='q', z=3)",
            "Slotted(1)": "Slotted(x=1, y='q', z=3)",
            "Wide()": "Wide(a=1, b=1, c=1, d=1, e=1, f=1, g=1, h=1, …)",
            "Pair(1)": "Pair(a=1, token=<redacted>)",
        },
    )


def test_attrs(workshop: Workshop) -> None:
    pytest.importorskip("attrs")
    pairs(
        workshop,
        """
import attrs
@attrs.define
class Slotted:
    x: int
    _private: str = "s"
@attrs.define(slots=False)
class Plain:
    x: int
    _private: str = "s"
@attrs.frozen
class Frozen(Slotted):
    y: int = 2
    api_key: str = "k"
""",
        {
            "Slotted(1)": "Slotted(x=1, _private='s')",
            "Plain(1)": "Plain(x=1, _private='s')",
            "Frozen(1)": "Frozen(x=1, _private='s', y=2, api_key=<redacted>)",
        },
    )


def test_pydantic(workshop: Workshop) -> None:
    pytest.importorskip("pydantic")
    pairs(
        workshop,
        """
import pydantic
class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    a: int
    b: str = "q"
    _private: int = pydantic.PrivateAttr(default=5)
class Outer(pydantic.BaseModel):
    inner: Model
    password: str = "hunter2"
    pin: pydantic.SecretStr = pydantic.SecretStr("hunter3")
@pydantic.dataclasses.dataclass
class Data:
    x: int = 1
""",
        {
            "Model(a=1)": "Model(a=1, b='q', _private=5)",
            "Model(a=1, more=3)": "Model(a=1, b='q', more=3, _private=5)",
            "Outer(inner=Model(a=1))": (
                "Outer(inner=Model(a=1, b='q', _private=5), password=<redacted>, pin=SecretStr)"
            ),
            "Data()": "Data(x=1)",
        },
    )


# --- arrays and tables -----------------------------------------------------


def test_numpy(workshop: Workshop) -> None:
    pytest.importorskip("numpy")
    pairs(
        workshop,
        """
import numpy as np
class Mine(np.ndarray):
    @property
    def shape(self): print("run")
    dtype = shape
""",
        {
            "np.zeros((3, 4))": "ndarray(3×4 float64)",
            "np.zeros((3, 0), dtype='M8[ns]')": "ndarray(3×0 datetime64)",
            "np.array(5, dtype='i2')": "ndarray(int16)",
            "np.array(['a'])": "ndarray(1 str)",
            "np.array([1, 'a'], dtype=object)": "ndarray(2 object)",
            "np.zeros(3, dtype=[('a', 'i4')])": "ndarray(3 struct)",
            "np.zeros((1,) * 20, dtype='u1')": "ndarray(1×1×1×1×1×1×1×1×… uint8)",
            "np.zeros((2, 2)).view(Mine)": "Mine(2×2 float64)",
            "np.int64(5)": "int64(5)",
            "np.uint64(2**64 - 1)": "uint64(18446744073709551615)",
            "np.float32(1.5)": "float32(1.5)",
            "np.float64(2.5)": "float64(2.5)",
            "np.str_('x')": "str_('x')",
            "np.datetime64('2024-01-01')": "datetime64",
        },
    )


def test_pandas(workshop: Workshop) -> None:
    pytest.importorskip("pandas")
    pairs(
        workshop,
        """
import pandas as pd
frame = pd.DataFrame({"a": [1, 2], "b": [0.5, 1], "c": [1, 2]})
class Mine(pd.DataFrame): pass
""",
        {
            "frame": "DataFrame(2×3)",
            "frame['a']": "Series(2 int64)",
            "frame.index": "RangeIndex(2)",
            "pd.Index([1.5])": "Index(1 float64)",
            "pd.DataFrame()": "DataFrame(0×0)",
            "pd.DataFrame({'a': pd.Series([1], dtype='Int64')})": "DataFrame(1×1)",
            "pd.Series([1, 2], dtype='Int64')": "Series(2 IntegerArray)",
            "Mine(frame)": "Mine(2×3)",
        },
    )


# --- nothing is made, everything is bounded ---------------------------------


def test_large_values_of_every_kind_take_little_room(workshop: Workshop) -> None:
    run = workshop.record("""
        import array, collections, decimal
        def show(value): pass
        million = range(1_000_000)
        loop = []; loop.append(loop)
        knot = {}; knot["self"] = [knot]
        ring = collections.deque(); ring.append(ring)
        deep = ()
        for _ in range(100_000): deep = (deep,)
        for value in (
            list(million), tuple(million), set(million), frozenset(million), dict.fromkeys(million),
            collections.deque(million), collections.Counter(million), collections.OrderedDict.fromkeys(million),
            array.array("i", million), collections.ChainMap(*[{}] * 1000), bytes(1 << 30), "x" * (1 << 26),
            1 << (1 << 20), decimal.Decimal("1" * 100_000), loop, knot, ring, deep, [list(million)] * 10,
            {i: "y" * 1000 for i in range(100)},
        ):
            show(value)
        """)
    found = texts(run)
    assert len(found) == 20
    assert max(map(len, found)) < 5000
    assert found[14:17] == ["[<cycle>]", "{'self': [<cycle>]}", "deque([<cycle>])"]
    assert run.trace_path.stat().st_size < 400_000


def test_reading_values_makes_and_keeps_nothing(workshop: Workshop) -> None:
    """What the collector sees of an object, and how much memory it takes, is the same before and after."""
    run = workshop.record("""
        import collections, dataclasses, datetime, fractions, functools, gc, pathlib, sys, threading, types, uuid
        @dataclasses.dataclass
        class Data: x: object; y: int = 2
        @dataclasses.dataclass(slots=True)
        class Slots: x: object
        class Plain:
            def __init__(self): self.x = object()
        class Both(Plain):
            __slots__ = ("y",)
        things = [
            Data(object()), Slots(object()), Plain(), Both(), fractions.Fraction(1, 3), uuid.UUID(int=1),
            pathlib.PurePath("/a") / "b", pathlib.PureWindowsPath("a"), types.SimpleNamespace(a=1), threading.Event(),
            collections.OrderedDict(a=1), collections.defaultdict(list), collections.ChainMap({}), "é" * 100,
            datetime.datetime.now(datetime.timezone.utc), threading.Thread(), threading.Condition(),
            functools.partial(int), collections.deque([1]),
        ]
        def show(value): pass
        def state():
            return [
                (sys.getrefcount(thing), sys.getsizeof(thing), [id(held) for held in gc.get_referents(thing)])
                for thing in things
            ]
        before, after = state(), state()
        assert before == after
        for thing in things: show(thing)
        del thing
        print([type(thing).__name__ for thing, was, now in zip(things, before, state()) if was != now])
        """)
    assert run.out == "[]\n"
    assert len(texts(run)) == 19
