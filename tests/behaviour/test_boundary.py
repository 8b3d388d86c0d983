"""--boundary: what the program's own code calls straight in libraries and in C, as leaves."""

from __future__ import annotations

import sys

import pytest
from conftest import Run, Workshop

from flowtrace._core import Call


def name(call: Call) -> str:
    function = call.function
    if function.kind != "library":
        return function.qualname
    return f"-> {function.module}.{function.qualname}".replace("-> .", "-> ")


def tree(done: Run) -> list[str]:
    """Calls as "depth name", without the program's module."""
    calls = [call for call in done.trace.calls() if call.function.kind not in {"module", "class"}]
    return ["  " * (call.depth - 1) + name(call) for call in calls]


def leaves(workshop: Workshop, source: str) -> list[str]:
    """Names of what main() calls."""
    body = "\n".join("    " + line for line in source.strip().splitlines())
    done = workshop.record(f"import asyncio, sys\ndef main():\n{body}\nmain()\n", "--boundary")
    return [name(call) for call in done.call("main").children]


def story(workshop: Workshop) -> str:
    return workshop.flowtrace("show", str(workshop.trace_path)).out


# --- what is a line -------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import json\njson.dumps(1)", ["-> json.dumps"]),
        ("import json\njson.dumps(obj=1)", ["-> json.dumps"]),
        ("from json import dumps as d\nd(1)", ["-> json.dumps"]),
        ("import time\ntime.sleep(0)", ["-> time.sleep"]),
        ("import os\nos.path.join('a', 'b'); os.getpid()", ["-> os.path.join", "-> os.getpid"]),
        ("import urllib.parse\nurllib.parse.quote('x')", ["-> urllib.parse.quote"]),
        ("import random\nrandom.random(); random.randint(1, 2)", ["-> random.random", "-> random.randint"]),
        ("import decimal\ndecimal.Decimal('1').sqrt()", ["-> decimal.Decimal", "-> decimal.Decimal.sqrt"]),
        ("import string\nstring.Template('x').substitute()", ["-> string.Template", "-> string.Template.substitute"]),
        ("import datetime\ndatetime.datetime.now()", ["-> datetime.datetime.now"]),
        (
            "file = open(__file__)\nfile.read()\nfile.close()",
            ["-> open", "-> _io.TextIOWrapper.read", "-> _io.TextIOWrapper.close"],
        ),
        ("print(end='')", ["-> print"]),
        ("sorted([2, 1])", ["-> sorted"]),
        ("exec('1'); eval('1')", ["-> exec", "-> eval"]),
    ],
)
def test_worth_a_line(workshop: Workshop, source: str, expected: list[str]) -> None:
    assert leaves(workshop, source) == expected


@pytest.mark.parametrize(
    "source",
    [
        "len('x'); str(1); int('1'); isinstance(1, int); 'a'.join('b'); [].append(1); {}.get(1); list(range(2))",
        "import collections\ncollections.deque().append(1); collections.Counter('a')",
        "import functools, itertools, operator, math\nfunctools.partial(len, 'x')(); math.sqrt(2)\n"
        "list(itertools.chain('a')); operator.itemgetter(0)('x')",
        "import threading\nlock = threading.Lock\nValueError('x')\nsuper(int, 1).__init__()",
    ],
)
def test_not_worth_a_line(workshop: Workshop, source: str) -> None:
    assert leaves(workshop, source) == []


def test_the_programs_own_is_no_library(workshop: Workshop) -> None:
    source = """
    import functools
    from contextlib import contextmanager
    class Order:
        def __init__(self): pass
        def __call__(self): pass
        def method(self): pass
        @staticmethod
        def static(): pass
    @functools.lru_cache
    def cached(): pass
    @functools.wraps(cached)
    def wrapper(): pass
    @contextmanager
    def manager():
        yield
    def plain(): pass
    def main():
        order = Order()
        order()
        order.method()
        bound = order.method
        bound()
        Order.static()
        cached()
        wrapper()
        functools.partial(plain)()
        (lambda: 0)()
        with manager():
            pass
    main()
    """
    done = workshop.record(source, "--boundary")
    assert not [call for call in done.trace.calls() if call.function.kind == "library"]
    assert [name(call) for call in done.call("main").children] == [
        "Order.__init__",
        "Order.__call__",
        "Order.method",
        "Order.method",
        "Order.static",
        "cached",
        "wrapper",
        "plain",
        "main.<locals>.<lambda>",
        "manager",
    ]


def test_off_unless_asked_for(workshop: Workshop) -> None:
    done = workshop.record("import json\ndef main():\n    json.dumps(1)\nmain()")
    assert done.names() == ["main"]


# --- nesting --------------------------------------------------------------


def test_the_inside_is_left_out_and_callbacks_hang_under_it(workshop: Workshop) -> None:
    source = """
    import copy, json
    class Box:
        def __deepcopy__(self, memo):
            return copy.deepcopy([self])
    def key(x):
        return json.dumps(x)
    def hook(pairs):
        return json.loads("[1, [2]]")
    def main():
        copy.deepcopy([[1], [2, [3]]])
        sorted([2, 1], key=key)
        json.loads('{"a": 1}', object_pairs_hook=hook)
        json.dumps([[1]])
    main()
    """
    done = workshop.record(source, "--boundary")
    assert tree(done) == [
        "main",
        "  -> copy.deepcopy",
        "  -> sorted",
        "    key",
        "      -> json.dumps",
        "    key",
        "      -> json.dumps",
        "  -> json.loads",
        "    hook",
        "      -> json.loads",
        "  -> json.dumps",
    ]
    assert {call.outcome for call in done.trace.calls()} == {"returned"}


def test_a_function_that_calls_itself_through_the_library(workshop: Workshop) -> None:
    source = """
    import copy
    class Box:
        def __init__(self, inner): self.inner = inner
        def __deepcopy__(self, memo):
            return Box(copy.deepcopy(self.inner, memo))
    copy.deepcopy(Box([Box([1, [2]])]))
    """
    done = workshop.record(source, "--boundary")
    assert tree(done) == [
        "Box.__init__",
        "Box.__init__",
        "-> copy.deepcopy",
        "  Box.__deepcopy__",
        "    -> copy.deepcopy",
        "      Box.__deepcopy__",
        "        -> copy.deepcopy",
        "        Box.__init__",
        "    Box.__init__",
    ]
    assert {call.outcome for call in done.trace.calls()} == {"returned"}


def test_star_arguments(workshop: Workshop) -> None:
    """3.12 makes no event for a Python function that is called so."""
    expected = ["-> os.getenv"] if sys.version_info >= (3, 13) else []
    assert leaves(workshop, "import os\nos.getenv(*['x'])") == expected
    assert leaves(workshop, "import time\ntime.sleep(*[0])") == ["-> time.sleep"]


def test_in_threads_and_processes(workshop: Workshop) -> None:
    source = """
    import json, os, threading
    def work():
        json.dumps(1)
    if (pid := os.fork()) == 0:
        work()
        os._exit(0)
    os.waitpid(pid, 0)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    """
    done = workshop.record(source, "--boundary")
    for work in done.calls("work"):
        assert [name(call) for call in work.children] == ["-> json.dumps"]
    threads = [work for work in done.calls("work") if work.track.kind == "thread"]
    assert [name(work.created_by) for work in threads if work.created_by] == ["-> threading.Thread.start"]
    assert len(done.calls("work")) == 2


# --- exceptions -----------------------------------------------------------


def test_exceptions_come_out_of_library_and_c_code(workshop: Workshop) -> None:
    source = """
    import json, os
    def python():
        json.loads("{")
    def c():
        os.stat("/no such file")
    def wrong():
        json.dumps()
    def caught():
        for _ in range(3):
            try:
                os.stat("/no such file")
            except OSError:
                pass
    for function in (python, c, wrong):
        try:
            function()
        except (ValueError, OSError, TypeError):
            pass
    caught()
    """
    done = workshop.record(source, "--boundary")
    exceptions = done.trace.exceptions
    assert [e.type for e in exceptions] == [
        "JSONDecodeError",
        "FileNotFoundError",
        "TypeError",
        *["FileNotFoundError"] * 3,
    ]
    assert [[name(call) for call in e.path] for e in exceptions] == [
        ["-> json.loads", "python"],
        ["-> os.stat", "c"],
        ["-> json.dumps", "wrong"],
        *[["-> os.stat"]] * 3,
    ]
    assert [e.caught_by for e in exceptions[3:]] == [done.call("caught")] * 3
    assert "left os.stat, c · caught in app.py (app.py:16)" in story(workshop)


def test_exceptions_of_callbacks_go_through(workshop: Workshop) -> None:
    source = """
    import copy
    class Bad:
        def __deepcopy__(self, memo):
            raise LookupError("bad")
    def key(x):
        raise KeyError(x)
    def main():
        for call in (lambda: copy.deepcopy([Bad()]), lambda: sorted([1], key=key)):
            try:
                call()
            except LookupError:
                pass
    main()
    """
    done = workshop.record(source, "--boundary")
    paths = [[name(call) for call in e.path] for e in done.trace.exceptions]
    assert paths == [
        ["Bad.__deepcopy__", "-> copy.deepcopy", "main.<locals>.<lambda>"],
        ["key", "-> sorted", "main.<locals>.<lambda>"],
    ]


def test_what_a_library_catches(workshop: Workshop) -> None:
    source = """
    import json
    class Odd:
        def __repr__(self):
            raise ValueError("odd")
    def default(o):
        try:
            raise KeyError("x")
        except KeyError:
            return 1
    import reprlib
    reprlib.repr(Odd())
    """
    done = workshop.record(source, "--boundary")
    (error,) = done.trace.exceptions
    assert error.caught_by is not None
    assert name(error.caught_by) == "-> reprlib.repr"
    assert "caught in reprlib.repr" in story(workshop)


# --- coroutines and generators --------------------------------------------


def test_library_coroutines_and_generators(workshop: Workshop) -> None:
    source = """
    import asyncio, os
    async def helper():
        await asyncio.sleep(0)
    async def main():
        await asyncio.sleep(0)
        await asyncio.wait_for(helper(), 5)
        unused = asyncio.sleep(1)
        unused.close()
    def walks():
        return len(list(os.walk(os.curdir)))
    asyncio.run(main())
    walks()
    """
    done = workshop.record(source, "--boundary")
    main = done.call("main")
    assert main.created_by is not None
    assert name(main.created_by) == "-> asyncio.run"
    assert [name(call) for call in main.children] == ["-> asyncio.sleep", "-> asyncio.wait_for"]
    assert [name(call) for call in done.call("helper").children] == ["-> asyncio.sleep"]
    assert [name(call) for call in done.call("walks").children] == ["-> os.walk"]
    assert main.children[0].waiting_ns > 0
    assert {call.outcome for call in done.trace.calls()} == {"returned"}


def test_cancellation_is_told_through_library_coroutines(workshop: Workshop) -> None:
    source = """
    import asyncio
    async def worker():
        await asyncio.sleep(60)
    async def main():
        try:
            async with asyncio.timeout(0.01):
                await worker()
        except TimeoutError:
            pass
    asyncio.run(main())
    """
    workshop.record(source, "--boundary")
    assert "cancelled by timeout(0.01) in main (app.py:6) · landed in worker (app.py:3)" in story(workshop)


# --- the story, the API ---------------------------------------------------


def test_the_story(workshop: Workshop) -> None:
    workshop.record("import json\ndef main():\n    json.dumps(1)\nmain()", "--boundary")
    assert "└─ → json.dumps(…)" in story(workshop)
    assert "`- -> json.dumps(...)" in workshop.flowtrace("show", "--ascii", str(workshop.trace_path)).out


def test_start_tracing(workshop: Workshop) -> None:
    source = """
    import flowtrace, json, time
    def work():
        return json.dumps(1)
    def names():
        return [e.function for e in flowtrace.get_trace_data() if e.kind == "call"]
    for boundary in (False, True, False, True, True):
        with flowtrace.active_tracing(boundary=boundary):
            work()
            time.sleep(0)
        print(*names())
    work()
    @flowtrace.trace(print=False)
    def traced():
        return work()
    traced()
    print(*names())
    """
    workshop.write("app.py", source)
    done = workshop.python("app.py")
    with_libraries = "work dumps sleep"
    without = "work"
    assert done.out.splitlines() == [without, with_libraries, without, with_libraries, with_libraries, "traced work"]


def test_started_in_the_middle_of_a_function(workshop: Workshop) -> None:
    source = """
    import flowtrace, json
    def main():
        flowtrace.start_tracing(boundary=True)
        json.dumps(1)
        print(*[e.function for e in flowtrace.stop_tracing() if e.kind == "call"])
    main()
    """
    workshop.write("app.py", source)
    assert workshop.python("app.py").out == "dumps\n"


def test_by_environment(workshop: Workshop) -> None:
    workshop.write("app.py", "import json\ndef main():\n    json.dumps(1)\nmain()")
    done = workshop.python("app.py", environment={"FLOWTRACE": "1", "FLOWTRACE_OPTIONS": "-q --boundary"})
    assert [name(call) for call in done.call("main").children] == ["-> json.dumps"]


# --- the recorder keeps away ----------------------------------------------


def test_no_code_of_the_callables_is_run(workshop: Workshop) -> None:
    source = """
    import json
    class Meta(type):
        def __getattribute__(cls, name):
            raise SystemExit(f"Meta {name}")
    class Odd(metaclass=Meta):
        def __getattribute__(self, name):
            raise SystemExit(f"Odd {name}")
        def __call__(self):
            return 5
    class Name(str):
        def __eq__(self, other):
            raise SystemExit("compared")
        __hash__ = str.__hash__
    globals()[Name("dumps")] = 1
    vars(json)[Name("loads2")] = 1
    def main():
        odd = Odd()
        assert odd() == 5
        json.dumps.__dict__[Name("__wrapped__")] = odd
        json.dumps(1)
        json.loads("1")
    main()
    """
    workshop.record(source, "--boundary")


def test_the_program_is_as_without(workshop: Workshop) -> None:
    source = """
    import gc, json, sys, weakref
    class Thing: pass
    def main():
        thing = Thing()
        died = weakref.ref(thing)
        json.dumps(1)
        sorted([thing], key=id)
        print(sys.getrefcount(thing))
        del thing
        print(died() is None)
        try:
            json.loads("{")
        except ValueError as error:
            print(error, sys.exc_info()[1] is error)
        print(sys.exc_info())
        json.missing("x")
    main()
    """
    workshop.write("app.py", source)
    plain = workshop.python("app.py")
    traced = workshop.run("--boundary", "app.py")
    assert traced.outcome == plain.outcome
    assert plain.status == 1
