"""Values: what is told of objects of many sorts, and that telling it changes nothing and runs nothing."""

from __future__ import annotations

import pytest
from conftest import Run, Workshop


def texts(run: Run, function: str = "show") -> list[str]:
    """What the calls of a function were given."""
    return [call.arguments["value"].text for call in run.calls(function)]


# --- the user's own objects -----------------------------------------------


def test_fields_of_plain_objects(workshop: Workshop) -> None:
    run = workshop.record("""
        class Plain:
            limit = 10                      # of the class: no field
            def __init__(self):
                self.b = 1
                self.a = "two"
                self._c = None
        class Slots:
            __slots__ = ("z", "y", "unset")
            def __init__(self): self.z, self.y = 1, 2
        class Both(Slots):
            __slots__ = ("x", "__dict__")
            def __init__(self):
                super().__init__()
                self.free, self.x = 4, 3
        class Derived(Plain):
            def __init__(self):
                self.first = 0
                super().__init__()
        class Empty: pass
        def made():
            thing = Plain()
            thing.__dict__                   # from now on there is a dictionary
            return thing
        def replaced():
            thing = Plain()
            thing.__dict__ = {"only": 1, 2: 3}
            return thing
        def less():
            thing = Plain()
            del thing.b
            thing.b = 5
            thing.late = 6
            return thing
        def show(value): pass
        for thing in Plain(), Slots(), Both(), Derived(), Empty(), made(), replaced(), less(): show(thing)
        """)
    assert texts(run) == [
        "Plain(b=1, a='two', _c=None)",
        "Slots(z=1, y=2)",
        "Both(z=1, y=2, x=3, free=4)",
        "Derived(first=0, b=1, a='two', _c=None)",
        "Empty",
        "Plain(b=1, a='two', _c=None)",
        "Plain(only=1)",
        "Plain(a='two', _c=None, b=5, late=6)",
    ]


def test_many_and_deep_fields_are_bounded(workshop: Workshop) -> None:
    run = workshop.record("""
        class Box:
            def __init__(self, **fields):
                for name, value in fields.items(): setattr(self, name, value)
        def show(value): pass
        show(Box(**{f"f{i}": i for i in range(100)}))
        show(Box(a=Box(b=Box(c=Box(d=1)))))
        loop = Box(); loop.self = loop
        show(loop)
        show([Box(n=1), Box(m=[Box(x=1)])])
        """)
    assert texts(run) == [
        "Box(f0=0, f1=1, f2=2, f3=3, f4=4, f5=5, f6=6, f7=7, …)",
        "Box(a=Box(b=Box))",
        "Box(self=<cycle>)",
        "[Box(n=1), Box(m=[Box])]",
    ]


def test_objects_of_libraries_show_their_type(workshop: Workshop) -> None:
    run = workshop.record("""
        import string, threading, weakref
        class Job(threading.Thread):
            def __init__(self, order):
                super().__init__()
                self.order, self._hidden = order, 1
        def show(value): pass
        show(string.Template("$a"))
        show(weakref.WeakSet())
        show(Job(7))
        """)
    assert texts(run) == ["Template", "WeakSet", "Job(order=7)"]


def test_the_user_decides_whose_types_show_fields(workshop: Workshop) -> None:
    workshop.write("near/models.py", "class Model:\n    def __init__(self): self.x = 1\n")
    source = "from near.models import Model\ndef show(value): pass\nshow(Model())\n"
    assert texts(workshop.record(source)) == ["Model(x=1)"]
    assert texts(workshop.record(source, "--exclude", "near.models")) == ["Model"]
    source = "import queue\ndef show(value): pass\nshow(queue.Queue())\n"
    assert texts(workshop.record(source, "--include", "queue"))[0].startswith("Queue(maxsize=0, queue=")


def test_secret_fields_are_redacted(workshop: Workshop) -> None:
    run = workshop.record("""
        class Account:
            def __init__(self): self.user, self.password, self.api_key = "eve", "hunter2hunter2", None
        class Slotted:
            __slots__ = ("token", "__key")
            def __init__(self): self.token = "hunter2hunter2"
        def show(value): pass
        show(Account()); show(Slotted()); show({"deep": [Account()]})
        """)
    assert texts(run)[:2] == ["Account(user='eve', password=<redacted>, api_key=None)", "Slotted(token=<redacted>)"]
    assert b"hunter2" not in run.trace_path.read_bytes()


def test_reading_fields_runs_nothing_and_makes_nothing(workshop: Workshop) -> None:
    run = workshop.record("""
        import gc, sys
        ran = []
        class Meta(type):
            def __getattribute__(cls, name): ran.append(name); return super().__getattribute__(name)
        class Trap:
            def __get__(self, *_): ran.append("get"); return 1
            def __set__(self, *_): ran.append("set")
        class Thing(metaclass=Meta):
            trap = Trap()
            def __init__(self): self.x, self.y = 1, object()
            @property
            def p(self): ran.append("p")
            def __getattribute__(self, name): ran.append(name); return object.__getattribute__(self, name)
            def __getattr__(self, name): ran.append(name)
            __repr__ = __str__ = __eq__ = __hash__ = __dir__ = lambda *_: ran.append("dunder")
        class Simple:
            def __init__(self): self.x, self.y = 1, object()
        def take(thing): return thing
        things = Thing(), Simple()
        def state():
            return [[type.__getattribute__(type(o), "__name__") for o in gc.get_referents(thing)] +
                    [sys.getrefcount(thing), object.__sizeof__(thing)] for thing in things]
        before = state()
        ran.clear()
        for thing in things: take(thing)
        del thing
        print(ran, state() == before, any("dict" in s for s in state()))
        """)
    assert run.out == "[] True False\n"
    assert [call.arguments["thing"].text for call in run.calls("take")] == [
        "Thing(x=1, y=object)",
        "Simple(x=1, y=object)",
    ]


# --- values that look like keys -------------------------------------------

KEYS = [
    "-----BEGIN RSA PRIVATE KEY-----\nMIIE5ecretsecretsecret\n-----END RSA PRIVATE KEY-----",
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI1ZWNyZXQifQ.c2VjcmV0c2VjcmV0",
    "AKIA5ECRETSECRETSECR",
    "ghp_5ecretsecretsecretsecretsecretsecret",
    "github_pat_5ecretsecretsecretsecret",
    "Bearer 5ecret.secret-secret",
    "Authorization: Basic NWVjcmV0",
    "sk-5ecretsecretsecretsecretsecret",
    "xoxb-5ecretsecretsecret",
    "\n  -----BEGIN OPENSSH PRIVATE KEY-----\n5ecretsecret",
]
NO_KEYS = [
    "-----",
    "eyJ",
    "AKIA",
    "ghp_short",
    "Bearer of bad news",
    "Basic training for everybody",
    "skip",
    "",
    "bear",
]


@pytest.mark.parametrize("key", KEYS)
def test_values_that_look_like_keys_never_reach_the_file(workshop: Workshop, key: str) -> None:
    run = workshop.record(f"""
        from dataclasses import dataclass
        class Text(str): pass
        class Plain:
            def __init__(self, x): self.x = x
        @dataclass
        class Data:
            x: str
        def show(value, *rest, **named):
            yield value
            raise ValueError(value)
        key = {key!r}
        for value in key, [key], {{"a": key}}, {{key: 1}}, {{key}}, Text(key), key.encode(), Plain(key), Data(key):
            try:
                list(show(value, key, k=key))
            except ValueError:
                pass
        """)
    content = run.trace_path.read_bytes()
    assert key[:20].encode() not in content
    assert key.strip()[14:34].encode() not in content
    assert texts(run)[:3] == ["<redacted>", "[<redacted>]", "{'a': <redacted>}"]


def test_other_texts_are_no_keys(workshop: Workshop) -> None:
    run = workshop.record(f"""
        def show(value): pass
        for value in {NO_KEYS!r}: show(value)
        """)
    assert texts(run) == [repr(text) for text in NO_KEYS]


# --- the interpreter's and the standard library's own types ----------------


def test_types_of_the_standard_library(workshop: Workshop) -> None:
    workshop.write("file.txt", "abc")
    run = workshop.record("""
        import asyncio, re, threading
        from collections import Counter, OrderedDict, defaultdict, deque
        from datetime import datetime, timedelta, timezone
        from fractions import Fraction
        from functools import partial
        from uuid import UUID
        class Order:
            def total(self): pass
        def show(value): pass
        def generate(): yield
        async def main():
            task = asyncio.create_task(asyncio.sleep(0), name="nap")
            future = asyncio.get_running_loop().create_future()
            task.get_name = task.done = task.cancelled = lambda: print("nobody may call this")
            show(task)
            await task
            show(task)
            show(future)
            future.cancel()
            show(future)
        for value in (
            range(3), range(1, 9, 2), range(10**30), slice(1, None), slice(1, 2, 3),
            memoryview(b"abc"), memoryview(bytearray(6)).cast("B", (2, 3)),
            {"a": 1, "password": "hunter2hunter2"}.keys(), {"a": 1, "password": "hunter2hunter2"}.values(),
            {"a": 1, "password": "hunter2hunter2"}.items(),
            deque([1, [2]], 5), deque(), defaultdict(list, a=[1]), OrderedDict(a=1), Counter("aab"),
            timezone.utc, timezone(timedelta(hours=1)), Fraction(1, 3), UUID(int=255),
            re.compile("a+"), re.match("a+", "aab"), re.match(b"a", b"a"),
            Order().total, "".join, partial(show, 1), partial(show, value=2), generate(), threading.Lock(),
        ):
            show(value)
        with open("file.txt") as text, open("file.txt", "rb") as binary, open("file.txt", "rb", 0) as raw:
            show(text); show(binary); show(raw)
        asyncio.run(main())
        """)
    assert texts(run) == [
        "range(0, 3)",
        "range(1, 9, 2)",
        "range(0, 1000000000000000000000000000000)",
        "slice(1, None)",
        "slice(1, 2, 3)",
        "memoryview(3 bytes)",
        "memoryview(6 bytes, shape 2×3)",
        "dict_keys(['a', 'password'])",
        "dict_values([1, <redacted>])",
        "dict_items({'a': 1, 'password': <redacted>})",
        "deque([1, [2]], 5)",
        "deque([])",
        "defaultdict(<class list>, {'a': [1]})",
        "OrderedDict({'a': 1})",
        "Counter({'a': 2, 'b': 1})",
        "timezone.utc",
        "timezone(timedelta(0 days, 1:00:00))",
        "Fraction(1, 3)",
        "UUID('00000000-0000-0000-0000-0000000000ff')",
        "Pattern('a+')",
        "Match('aa')",
        "Match(b'a')",
        "<method Order.total>",
        "<built-in join>",
        "partial(<function show>, (1,))",
        "partial(<function show>, (), {'value': 2})",
        "generator(generate)",
        "lock(unlocked)",
        "TextIOWrapper('file.txt', 'r')",
        "BufferedReader('file.txt', 'rb')",
        "FileIO('file.txt', 'rb')",
        "Task(nap, pending)",
        "Task(nap, done)",
        "Future(pending)",
        "Future(cancelled)",
    ]
    assert run.out == ""
    assert b"hunter2" not in run.trace_path.read_bytes()
