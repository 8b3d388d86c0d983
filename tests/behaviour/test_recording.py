"""What a trace says of a program: read back through flowtrace._core.Trace."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from itertools import pairwise

import pytest
from conftest import FREE_THREADED, Run, Workshop

from flowtrace._core import Call, Trace


def texts(call: Call) -> dict[str, str]:
    return {name: value.text for name, value in call.arguments.items()}


def nest(call: Call) -> list[object]:
    """A call's name, and those of its callees in a list of their own."""
    return [call.function.qualname, *[nest(child) for child in call.children]]


def line_of(run: Run, call: Call, text: str) -> int:
    source = (run.trace_path.parent / "app.py").read_text().splitlines()
    assert call.function.file == str(run.trace_path.parent / "app.py")
    return source.index(next(line for line in source if text in line)) + 1


# --- calls -----------------------------------------------------------------


def test_calls_nest_as_they_ran(workshop: Workshop) -> None:
    run = workshop.record("""
        def c(): pass
        def b(): c(); c()
        def a(): b(); c()
        a(); c()
        """)
    (module,) = [call for call in run.calls() if call.parent is None]
    assert module.function.kind == "module"
    assert nest(module)[1:] == [["a", ["b", ["c"], ["c"]], ["c"]], ["c"]]
    assert [call.number for call in run.calls()] == list(range(1, len(run.trace) + 1))
    assert [run.trace.call(number) for number in range(1, 8)] == run.calls()
    for none in (0, 8, -1):
        with pytest.raises(IndexError, match=rf"^no call {none}: this trace has 7, numbered from 1$"):
            run.trace.call(none)
    assert [call.depth for call in run.calls()] == [0, 1, 2, 3, 3, 2, 1]
    assert all(call.outcome == "returned" for call in run.calls())
    assert all(call.track.kind == "main" for call in run.calls())


def test_times_contain_each_other(workshop: Workshop) -> None:
    run = workshop.record("def b(): return sum(range(1000))\ndef a(): return [b() for _ in range(50)]\na()")
    for call in run.calls():
        assert call.running_ns == call.duration_ns > 0
        assert call.waiting_ns == 0
        if call.parent:
            assert call.parent.start_ns <= call.start_ns
            assert call.start_ns + call.duration_ns <= call.parent.start_ns + call.parent.duration_ns
    starts = [call.start_ns for call in run.calls()]
    assert starts == sorted(starts)


def test_functions_are_told_apart(workshop: Workshop) -> None:
    run = workshop.record("""
        class Shop:
            def sell(self, item, /, price=1, *rest, tax, **more): return item
            @classmethod
            def open(cls): return cls()
            @staticmethod
            def close(): pass
            @property
            def size(self): return 3
        def outer():
            def inner(): return (lambda x: x)(1)
            return inner()
        shop = Shop.open()
        shop.sell("tea", tax=0)
        shop.size, Shop.close()
        outer()
        """)
    functions = {function.qualname: function for function in run.trace.functions}
    assert set(functions) == {
        "<module>",
        "Shop",
        "Shop.open",
        "Shop.sell",
        "Shop.size",
        "Shop.close",
        "outer",
        "outer.<locals>.inner",
        "outer.<locals>.inner.<locals>.<lambda>",
    }
    assert functions["Shop"].kind == "class"
    assert functions["<module>"].kind == "module"
    sell = functions["Shop.sell"]
    assert sorted(sell.parameters) == ["item", "more", "price", "rest", "self", "tax"]
    assert (sell.module, sell.kind, sell.line) == ("__main__", "function", 2)


def test_recursion(workshop: Workshop) -> None:
    run = workshop.record("def down(n): return 0 if n == 0 else 1 + down(n - 1)\ndown(500)")
    calls = run.calls("down")
    assert [call.arguments["n"].python() for call in calls] == list(range(500, -1, -1))
    assert [call.result.python() for call in calls] == list(range(500, -1, -1))
    assert all(child.parent == parent for parent, child in pairwise(calls))


def test_an_exhausted_stack(workshop: Workshop) -> None:
    run = workshop.record("""
        def down(): down()
        def after(): return "fine"
        try:
            down()
        except RecursionError:
            after()
        """)
    calls = run.calls("down")
    assert len(calls) > 500
    assert {call.outcome for call in calls} == {"raised"}
    assert {call.exception.type for call in calls} == {"RecursionError"}
    assert run.call("after").depth == 1


def test_bodies_of_modules_and_classes(workshop: Workshop) -> None:
    workshop.write("other.py", "def f(): return 1\nclass A:\n    x = f()\n    class B: pass\n")
    run = workshop.record("import other\nexec('def g(): pass\\ng()')")
    assert nest(run.calls()[0]) == ["<module>", ["<module>", ["A", ["f"], ["A.B"]]], ["<module>", ["g"]]]
    kinds = {call.function.qualname: call.function.kind for call in run.calls()}
    assert kinds == {"<module>": "module", "A": "class", "A.B": "class", "f": "function", "g": "function"}
    assert {call.function.module for call in run.calls()} == {"__main__", "other"}


def test_comprehensions_are_no_calls_of_their_own(workshop: Workshop) -> None:
    run = workshop.record("def f(n): return n\ndef g(): return [f(n) for n in (1, 2)]\ng()")
    assert nest(run.call("g")) == ["g", ["f"], ["f"]]


# --- values ------------------------------------------------------------------


def test_arguments_as_the_function_got_them(workshop: Workshop) -> None:
    run = workshop.record("""
        def f(a, b=2, /, c=3, *args, d, e=5, **kw): return None
        f(1, d=4)
        f(1, 20, 30, 40, 50, d="x", z=None)
        """)
    first, second = run.calls("f")
    assert texts(first) == {"a": "1", "b": "2", "c": "3", "args": "()", "d": "4", "e": "5", "kw": "{}"}
    assert texts(second) == {
        "a": "1", "b": "20", "c": "30", "args": "(40, 50)", "d": "'x'", "e": "5", "kw": "{'z': None}",
    }  # fmt: skip
    assert list(first.arguments) == list(first.function.parameters)


def test_variables_of_closures(workshop: Workshop) -> None:
    run = workshop.record("""
        def outer(held, free, *args):
            def inner(held2): return (held, held2, args)
            held = held + 1
            return inner(free)
        outer(1, [2], 3)
        """)
    assert texts(run.call("outer")) == {"held": "1", "free": "[2]", "args": "(3,)"}
    assert run.call("outer.<locals>.inner").result.text == "(2, [2], (3,))"


def test_values_are_those_of_that_moment(workshop: Workshop) -> None:
    run = workshop.record("""
        def grow(items, extra):
            items.append(extra)
            extra = None
            return items
        items = []
        grow(items, 1); grow(items, 2)
        items.clear()
        """)
    first, second = run.calls("grow")
    assert (texts(first), first.result.text) == ({"items": "[]", "extra": "1"}, "[1]")
    assert (texts(second), second.result.text) == ({"items": "[1]", "extra": "2"}, "[1, 2]")


PLAIN = [
    None, True, False, 0, -1, 127, 128, -33, 2**63, -(2**63) - 1, 2**200, 1.5, -0.0, 1e300, 1j, "", "é\u4f60\U0001f600",
    "a\nb\t'\"\\", b"", b"\x00\xff", bytearray(b"x"), [], [1, [2, [3]]], (), (1,), (1, (2,)), {}, {"a": 1, 2: [3]},
    {(1, 2): None}, set(), {1}, frozenset({2}),
]  # fmt: skip
if FREE_THREADED:  # nothing guards what it holds
    PLAIN.remove(bytearray(b"x"))


def test_plain_values_come_back(workshop: Workshop) -> None:
    run = workshop.record(f"def f(value): return value\nfor value in {PLAIN!r}: f(value)")
    calls = run.calls("f")
    for value, call in zip(PLAIN, calls, strict=True):
        assert call.result.text == call.arguments["value"].text
        found = call.arguments["value"].python()
        assert (type(found), repr(found)) == (type(value), repr(value))
        assert call.arguments["value"].text == repr(value)
        assert call.arguments["value"].type_name == type(value).__name__


def test_large_values_are_cut(workshop: Workshop) -> None:
    run = workshop.record("""
        def f(value): return None
        f("x" * 1_000_000); f(list(range(1_000_000))); f({n: n for n in range(100_000)}); f(b"y" * 1_000_000)
        deep = []
        for _ in range(1000): deep = [deep]
        f(deep)
        loop = []; loop.append(loop); f(loop)
        """)
    for call in run.calls("f"):
        text = call.arguments["value"].text
        assert len(text) < 600
        assert "…" in text or text == "[<cycle>]"
    assert run.trace_path.stat().st_size < 1_000_000


def test_limits_of_values_are_settings(workshop: Workshop) -> None:
    source = "def f(value): return None\nf([[['deep']]]); f(list(range(20))); f('x' * 100)"
    options = ["--value-depth", "2", "--value-items", "3", "--value-bytes", "60"]
    run = workshop.record(source, *options)
    assert [texts(call)["value"] for call in run.calls("f")] == ["[[[…1]]]", "[0, 1, 2, …17]", f"'{'x' * 60}…'"]


def test_objects_show_type_and_fields(workshop: Workshop) -> None:
    run = workshop.record("""
        import collections, dataclasses, enum
        @dataclasses.dataclass
        class Order:
            id: int
            items: list
        class Colour(enum.Enum):
            RED = 1
        Point = collections.namedtuple("Point", "x y")
        class Plain:
            def __init__(self): self.x = 1
        class Words(list): pass
        def f(order, colour, point, plain, words): return f
        f(Order(1, ["a"]), Colour.RED, Point(1, 2), Plain(), Words("ab"))
        """)
    call = run.call("f")
    assert {name: value.type_name for name, value in call.arguments.items()} == {
        "order": "Order", "colour": "Colour", "point": "Point", "plain": "Plain", "words": "Words",
    }  # fmt: skip
    assert call.arguments["order"].text == "Order(id=1, items=['a'])"
    assert call.arguments["colour"].text == "Colour.RED"
    assert call.arguments["point"].text == "Point(x=1, y=2)"
    assert call.arguments["words"].text == "Words(['a', 'b'])"
    assert call.result.type_name == "function"


def test_secrets_are_redacted(workshop: Workshop) -> None:
    run = workshop.record("""
        def login(user, password, api_key=None, *, auth_token="hunter1"): return {"cookie": "hunter2", "ok": True}
        def configure(settings, **more): pass
        class Account:
            def __init__(self, secret): self.client_secret = secret
        def use(account): pass
        login("me", "hunter3", api_key="hunter4")
        configure({"database": {"PASSWORD": "hunter5", "host": "db"}}, access_token="hunter6", timeout=3)
        use(Account("hunter7"))
        """)
    assert b"hunter" not in run.trace_path.read_bytes()
    login = run.call("login")
    assert login.arguments["user"].text == "'me'"
    assert "'ok': True" in login.result.text
    configure = run.call("configure")
    assert "'host': 'db'" in configure.arguments["settings"].text
    assert "'timeout': 3" in configure.arguments["more"].text


def test_an_exceptions_message_is_told_and_its_secrets_not(workshop: Workshop) -> None:
    run = workshop.record("""
        def f(password): raise ValueError("bad value", {"password": "hunter2"})
        try: f("hunter1")
        except ValueError: pass
        """)
    assert "bad value" in run.call("f").exception.message
    assert b"hunter" not in run.trace_path.read_bytes()


SPY = """
    import sys, types
    ran = []

    def spy(name):
        def method(self, *args, **kwargs):
            ran.append(name)
            raise RuntimeError(name + " was run")
        return method

    NAMES = '''__repr__ __str__ __bytes__ __format__ __hash__ __bool__ __len__ __length_hint__ __iter__ __next__
        __getitem__ __contains__ __eq__ __ne__ __lt__ __le__ __gt__ __ge__ __getattr__ __getattribute__ __setattr__
        __delattr__ __dir__ __call__ __int__ __index__ __float__ __complex__ __reduce__ __reduce_ex__ __getstate__
        __sizeof__ __copy__ __deepcopy__ __enter__ __exit__ __get__ __reversed__ __missing__ __instancecheck__
        __subclasscheck__ __fspath__ __buffer__ __array__ keys items values get name value _fields shape dtype args
        '''.split()

    class Meta(type):
        for _name in NAMES:
            if _name not in ("__getstate__", "__call__", "__setattr__", "__delattr__"):
                locals()[_name] = spy("Meta." + _name)
        for _name in ("__dict__", "__name__", "__module__", "__mro__", "__bases__", "__doc__"):
            locals()[_name] = property(spy("Meta." + _name))

    def body(base):
        def fill(namespace):
            for name in NAMES:
                if base is BaseException and name == "args":
                    continue
                namespace[name] = spy(base.__name__ + "." + name)
            namespace["__class__"] = property(spy("__class__"))
            namespace["__dict__"] = property(spy("__dict__"))
        return fill

    bases = [object, int, float, str, bytes, list, tuple, dict, set, frozenset, BaseException, types.SimpleNamespace]
    things = []
    for base in bases:
        for metaclass in (type, Meta):
            Type = types.new_class("Spy" + base.__name__, (base,), {"metaclass": metaclass}, body(base))
            things.append((base.__new__(Type), base is BaseException))
    ran.clear()

    def take(thing, *more, key=None): return thing
    def nested(data): return data
    def generate(thing):
        got = yield thing
        yield got
    def fail(thing, is_exception):
        raise thing if is_exception else ValueError(thing)

    for thing, _ in things:
        take(thing, thing, key=thing)
        nested([thing, (thing,), {1: thing}])
        generator = generate(thing)
        next(generator), generator.send(thing)
        generator = None
    for thing, is_exception in things:
        try:
            fail(thing, is_exception)
        except BaseException:
            pass
    print(ran)
    """


def test_no_code_of_the_users_is_ever_run(workshop: Workshop) -> None:
    workshop.write("app.py", SPY)
    plain, traced = workshop.python("app.py"), workshop.run("app.py")
    # Python itself asks the class of an exception that is raised.
    assert plain.out.strip() == "['Meta.__subclasscheck__']", plain.err
    assert traced.outcome == plain.outcome
    assert len(traced.calls("take")) == 24
    assert len(traced.calls("fail")) == 24


def test_the_spy_notices(workshop: Workshop) -> None:
    """The test above could not fail if nothing was listening."""
    workshop.write("app.py", SPY.replace("print(ran)", "try: repr(things[0][0])\n    except RuntimeError: print(ran)"))
    assert workshop.python("app.py").out == "['Meta.__subclasscheck__', 'object.__repr__']\n"


def test_properties_and_slots_are_not_run(workshop: Workshop) -> None:
    run = workshop.record("""
        import dataclasses
        ran = []
        class Lazy:
            def __get__(self, instance, owner): ran.append("get"); return 1
        @dataclasses.dataclass
        class Data:
            x: int
            y: int = 2
            @property
            def z(self): ran.append("z")
        class Slots:
            __slots__ = ("a",)
            lazy = Lazy()
        Data.y = property(lambda self: ran.append("y"), lambda self, value: None)
        def f(*things): return things
        f(Data(1), Slots())
        ran.clear()
        f(Data(1), Slots())
        print(ran)
        """)
    assert run.out == "[]\n"


def test_nothing_is_kept_alive(workshop: Workshop) -> None:
    workshop.write(
        "app.py",
        """
        import gc, sys, weakref
        class Thing:
            def __init__(self, name): self.name = name
        class Trouble(Exception): pass
        gc.collect(); gc.disable()
        def watch(thing, name):
            return weakref.ref(thing, lambda _: print("gone:", name))
        def take(thing, *more, **named):
            print("refs", sys.getrefcount(thing))
            return [thing]
        def give(name):
            thing = Thing(name)
            refs.append(watch(thing, name))
            return thing
        def generate(thing):
            yield thing
            print("never")
        def fail(thing):
            trouble = Trouble(thing)
            refs.append(watch(trouble, "trouble"))
            try:
                raise trouble
            finally:
                del trouble
        refs = []
        give("dropped"); print("after dropped")
        thing = give("taken"); take(thing, thing, key=thing); print("after take"); del thing; print("after del")
        generator = generate(give("generated")); next(generator); print("suspended"); del generator; print("closed")
        try:
            fail(give("failed"))
        except Trouble:
            print("caught")
        print("after except", [ref() for ref in refs])
        def local():
            def inner(): return inner.__name__
            refs.append(watch(inner, "function"))
            inner()
            inner = inner.__code__
            refs.append(watch(inner, "code"))
        local(); print("after local", gc.collect())
        source = "def made(): return 1\\nrefs.append(watch(made.__code__, 'made')); made(); del made"
        exec(compile(source, "app.py", "exec"))
        print("end")
        """,
    )
    plain, traced = workshop.python("app.py"), workshop.run("app.py")
    assert traced.outcome == plain.outcome
    assert plain.status == 0, plain.err
    assert plain.out.count("gone") >= 6


# --- exceptions ----------------------------------------------------------------


def test_an_exception_from_raise_to_catch(workshop: Workshop) -> None:
    run = workshop.record("""
        class Declined(Exception): pass
        def send(n):
            if n:
                raise Declined("card", n)
        def charge(n): return send(n)
        def process(n):
            try:
                charge(n)  # comes in here
            except Declined:
                return "failed"
        process(3); process(0)
        """)
    (exception,) = run.trace.exceptions
    first, second = run.calls("process")
    assert exception.type == "Declined"
    assert exception.message == "('card', 3)"
    assert [call.function.qualname for call in exception.path] == ["send", "charge"]
    assert exception.caught_by == first
    assert exception.caught_line == line_of(run, first, "comes in here")
    assert exception.raised_at == (first.function.file, line_of(run, first, "raise Declined"), "send")
    assert [call.outcome for call in exception.path] == ["raised", "raised"]
    assert (first.outcome, first.result.python()) == ("returned", "failed")
    assert first.exception is None
    assert [call.outcome for call in second.children] == ["returned"]
    assert exception.cause is None


def test_an_uncaught_exception(workshop: Workshop) -> None:
    run = workshop.record("def f(): raise ValueError('the end')\nf()", status=1)
    (exception,) = run.trace.exceptions
    assert exception.caught_by is None
    assert (exception.type, exception.message) == ("ValueError", "the end")
    assert [call.function.kind for call in exception.path] == ["function", "module"]


def test_chained_and_raised_again(workshop: Workshop) -> None:
    run = workshop.record("""
        def parse(): return int("x")
        def load():
            try: parse()
            except ValueError as error: raise RuntimeError("no number") from error
        def again():
            try: load()
            except RuntimeError: raise
        def main():
            try: again()
            except RuntimeError: pass
        main()
        """)
    first, second = run.trace.exceptions
    assert (first.type, first.cause, first.caught_by) == ("ValueError", None, run.call("load"))
    assert (second.type, second.cause, second.caught_by) == ("RuntimeError", "ValueError", run.call("main"))
    assert [call.function.qualname for call in first.path] == ["parse"]
    assert [call.function.qualname for call in second.path] == ["load", "again"]
    assert second.raised_at.function == "load"


def test_exceptions_that_come_from_the_library(workshop: Workshop) -> None:
    run = workshop.record("""
        import json
        def read(text):
            return json.loads(text)
        def main():
            try: read("{")
            except ValueError: pass
        main()
        """)
    (exception,) = run.trace.exceptions
    assert exception.type == "JSONDecodeError"
    assert exception.raised_at.file.endswith("json/decoder.py")
    assert [call.function.qualname for call in exception.path] == ["read"]
    assert exception.caught_by == run.call("main")


def test_many_exceptions_of_one_address_are_told_apart(workshop: Workshop) -> None:
    run = workshop.record("""
        def fail(n): raise ValueError(n)
        for n in range(100):
            try: fail(n)
            except ValueError: pass
        """)
    assert [exception.message for exception in run.trace.exceptions] == [str(n) for n in range(100)]


def test_many_exceptions_that_say_the_same_are_told_apart(workshop: Workshop) -> None:
    run = workshop.record("""
        addresses = set()
        def fail(): raise ValueError("same")
        def attempt():
            try: fail()
            except ValueError as error: addresses.add(id(error))
        for n in range(100): attempt()
        print(len(addresses))
        """)
    assert int(run.out) < 10
    assert len(run.trace.exceptions) == 100
    assert [exception.caught_by for exception in run.trace.exceptions] == run.calls("attempt")


def test_control_flow_by_exceptions(workshop: Workshop) -> None:
    run = workshop.record("""
        import sys
        def stop(): raise StopIteration
        def leave(): sys.exit(0)
        def loop():
            for n in iter(lambda: stop(), None): pass
        loop(); leave()
        """)
    assert [exception.type for exception in run.trace.exceptions] == ["StopIteration", "SystemExit"]
    assert run.call("leave").outcome == "raised"


# --- generators ------------------------------------------------------------


def test_a_generator_is_one_call_that_waits(workshop: Workshop) -> None:
    run = workshop.record("""
        def numbers(n):
            for i in range(n):
                yield half(i)
            return "done"
        def half(i): return i / 2
        def busy(): return sum(range(200_000))
        def main():
            for number in numbers(3):
                busy()
        main()
        """)
    call = run.call("numbers")
    assert (call.function.kind, call.outcome, call.result.python()) == ("generator", "returned", "done")
    assert [child.function.qualname for child in call.children] == ["half"] * 3
    assert call.parent == run.call("main")
    busy = sum(other.duration_ns for other in run.calls("busy"))
    assert call.waiting_ns >= busy
    assert call.running_ns + call.waiting_ns == call.duration_ns
    assert [child.function.qualname for child in run.call("main").children] == ["numbers"] + ["busy"] * 3


def test_generators_left_closed_and_thrown_into(workshop: Workshop) -> None:
    run = workshop.record("""
        def left(): yield 1
        def closed(): yield 1
        def thrown(): yield 1
        def caught():
            try: yield 1
            except KeyError: yield 2
        def finish():
            try: yield 1
            finally: tidy()
        def tidy(): pass
        def never(): yield 1
        kept = left(); next(kept)
        g = closed(); next(g); g.close()
        g = thrown(); next(g)
        try: g.throw(KeyError("k"))
        except KeyError: pass
        g = caught(); next(g); print(g.throw(KeyError("j"))); g.close()
        g = finish(); next(g); del g
        never()
        """)
    assert run.call("left").outcome == "abandoned"
    if (3, 13) <= sys.version_info < (3, 13, 12) or sys.version_info[:3] == (3, 14, 0):
        assert run.call("closed").outcome == "abandoned"  # gh-140373: these tell nothing of a close()
    else:
        assert run.call("closed").exception.type == "GeneratorExit"
    assert run.call("thrown").exception.message in {"'k'", "k"}
    assert run.call("finish").exception.type == "GeneratorExit"
    assert [child.function.qualname for child in run.call("finish").children] == ["tidy"]
    assert run.calls("never") == []


def test_generators_in_generators(workshop: Workshop) -> None:
    run = workshop.record("""
        def leaf(n):
            for i in range(n): yield i
        def chain():
            yield from leaf(2)
            yield from leaf(1)
            return "end"
        def squares(numbers):
            for n in numbers: yield n * n
        def main(): return list(squares(chain()))
        print(main())
        """)
    assert nest(run.call("main")) == ["main", ["squares", ["chain", ["leaf"], ["leaf"]]]]
    assert run.call("chain").result.python() == "end"


def test_two_generators_of_one_function(workshop: Workshop) -> None:
    run = workshop.record("""
        def count(name):
            for n in range(3): yield step(name, n)
        def step(name, n): return n
        for pair in zip(count("a"), count("b"), strict=True): pass
        """)
    for call in run.calls("count"):
        names = [child.arguments["name"].python() for child in call.children]
        assert names == [call.arguments["name"].python()] * 3


# --- tasks, threads, jobs, processes --------------------------------------


def tracks(trace: Trace, kind: str) -> Mapping[str, object]:
    return {track.name: track for track in trace.tracks if track.kind == kind}


def test_tasks_and_who_created_them(workshop: Workshop) -> None:
    run = workshop.record("""
        import asyncio
        async def fetch(n):
            await asyncio.sleep(0)
            return inner(n)
        def inner(n): return n * 10
        async def gather():
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(fetch(n), name=f"fetch {n}") for n in range(3)]
            return [task.result() for task in tasks]
        async def main(): return await gather()
        def start(): return asyncio.run(main())
        print(start())
        """)
    named = tracks(run.trace, "task")
    assert {"fetch 0", "fetch 1", "fetch 2"} <= set(named)
    for call in run.calls("fetch"):
        n = call.arguments["n"].python()
        assert call.track == named[f"fetch {n}"]
        assert call.track.creator == run.call("gather")
        assert call.created_by == run.call("gather")
        assert (call.outcome, call.result.python(), call.function.kind) == ("returned", n * 10, "coroutine")
        assert [child.arguments["n"].python() for child in call.children] == [n]
        assert call.waiting_ns > 0
    main = run.call("main")
    assert main.track.creator == run.call("start")
    assert [child.function.qualname for child in main.children] == ["gather"]


def test_a_cancelled_task_and_an_async_generator(workshop: Workshop) -> None:
    run = workshop.record("""
        import asyncio
        async def forever():
            await asyncio.Event().wait()
        async def ticks(n):
            for i in range(n):
                await asyncio.sleep(0)
                yield i
        async def main():
            task = asyncio.create_task(forever())
            await asyncio.sleep(0)
            task.cancel()
            try: await task
            except asyncio.CancelledError: pass
            return [tick async for tick in ticks(2)]
        asyncio.run(main())
        """)
    assert (run.call("forever").outcome, run.call("forever").exception.type) == ("raised", "CancelledError")
    assert (run.call("ticks").function.kind, run.call("ticks").outcome) == ("async generator", "returned")
    assert run.call("main").result.text == "[0, 1]"


def test_threads_and_who_created_them(workshop: Workshop) -> None:
    run = workshop.record("""
        import threading
        def work(n): return step(n)
        def step(n): return -n
        def start():
            threads = [threading.Thread(target=work, args=(n,), name=f"worker {n}") for n in range(3)]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
        start()
        """)
    named = tracks(run.trace, "thread")
    assert set(named) == {"worker 0", "worker 1", "worker 2"}
    for call in run.calls("work"):
        assert call.track == named[f"worker {call.arguments['n'].python()}"]
        assert call.parent is None
        assert call.created_by == call.track.creator == run.call("start")
        assert [child.result.python() for child in call.children] == [-call.arguments["n"].python()]


def test_threads_at_work_together_lose_nothing(workshop: Workshop) -> None:
    run = workshop.record("""
        import sys, threading
        sys.setswitchinterval(1e-5)
        def step(thread, n): return n
        def work(thread):
            for n in range(5000): step(thread, n)
        threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        """)
    for call in run.calls("work"):
        mine = call.arguments["thread"].python()
        found = [(c.arguments["thread"].python(), c.arguments["n"].python()) for c in call.children]
        assert found == [(mine, n) for n in range(5000)]


def test_jobs_of_an_executor(workshop: Workshop) -> None:
    run = workshop.record("""
        from concurrent.futures import ThreadPoolExecutor
        def job(n): return n
        def submit(pool, n): return pool.submit(job, n)
        with ThreadPoolExecutor(1) as pool:
            futures = [submit(pool, n) for n in range(3)]
        print([future.result() for future in futures])
        """)
    submitted = {call.arguments["n"].python(): call for call in run.calls("submit")}
    for call in run.calls("job"):
        assert call.track.kind == "thread"
        assert call.created_by == submitted[call.arguments["n"].python()]


@pytest.mark.filterwarnings("ignore")
def test_forked_children_are_in_the_same_file(workshop: Workshop) -> None:
    run = workshop.record("""
        import os
        def child(n): return n * 2
        def parent():
            pids = []
            for n in range(3):
                pid = os.fork()
                if pid == 0:
                    child(n)
                    os._exit(n)
                pids.append(pid)
            return [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
        print(parent())
        """)
    assert run.out == "[0, 1, 2]\n"
    processes = run.trace.info["processes"]
    assert len(processes) == 4
    calls = run.calls("child")
    assert sorted(call.arguments["n"].python() for call in calls) == [0, 1, 2]
    assert all(call.outcome == "returned" for call in calls)
    # They stand under the call that forked, which ran in another process.
    parent = run.call("parent")
    assert (parent.outcome, parent.result.text) == ("returned", "[0, 1, 2]")
    assert {call.parent for call in calls} == {parent}
    assert len({call.track.pid for call in [*calls, parent]}) == 4


def test_a_forked_child_that_ends_normally(workshop: Workshop) -> None:
    run = workshop.record("""
        import os, sys
        def work(who): return who
        pid = os.fork()
        if pid:
            os.waitpid(pid, 0)
            work("parent")
        else:
            work("child")
            sys.exit(3)
        """)
    assert sorted(call.arguments["who"].python() for call in run.calls("work")) == ["child", "parent"]
    assert [process["ended"] for process in run.trace.info["processes"]] == [True, True]


# --- scope -------------------------------------------------------------------


@pytest.fixture
def packages(workshop: Workshop) -> Workshop:
    """A program, a package beside it, and one that is installed."""
    workshop.write("pkg/__init__.py", "from .sub import deep\ndef shallow(): return deep()")
    workshop.write("pkg/sub.py", "def deep(): return 1")
    workshop.write("lib/site-packages/installed/__init__.py", "from .core import run")
    workshop.write("lib/site-packages/installed/core.py", "def run(): return helper()\ndef helper(): return 2")
    workshop.write(
        "app.py",
        """
        import sys, colorsys
        sys.path.insert(0, "lib/site-packages")
        import installed, pkg
        def main():
            colorsys.rgb_to_hsv(1, 1, 1)
            return pkg.shallow(), installed.run(), sorted([2, 1], key=lambda n: n)
        main()
        """,
    )
    return workshop


USERS = ["main", "shallow", "deep", "main.<locals>.<lambda>", "main.<locals>.<lambda>"]

SCOPES = {
    "default": ([], USERS),
    "exclude module": (["--exclude", "pkg.sub"], ["main", "shallow", *USERS[3:]]),
    "exclude package": (["--exclude", "pkg*"], ["main", *USERS[3:]]),
    "package means what is in it": (["--exclude", "pkg"], ["main", *USERS[3:]]),
    "exclude path": (["--exclude", "pkg/*.py"], ["main", *USERS[3:]]),
    "exclude file": (["--exclude", "pkg/sub.py"], ["main", "shallow", *USERS[3:]]),
    "exclude all": (["--exclude", "*"], []),
    "exclude all but": (["--exclude", "*", "--include", "pkg.sub"], ["deep"]),
    "last wins": (["--include", "pkg.sub", "--exclude", "pkg*"], ["main", *USERS[3:]]),
    "last wins again": (["--exclude", "pkg*", "--include", "pkg.sub"], ["main", "deep", *USERS[3:]]),
    "include installed": (["--include", "installed"], [*USERS[:3], "run", "helper", *USERS[3:]]),
    "include part": (["--include", "installed.core"], [*USERS[:3], "run", "helper", *USERS[3:]]),
    "include path": (["--include", "lib/site-packages/*"], [*USERS[:3], "run", "helper", *USERS[3:]]),
    "include stdlib": (["--include", "colorsys"], ["main", "rgb_to_hsv", *USERS[1:]]),
    "equals": (["--include=installed", "--exclude=pkg"], ["main", "run", "helper", *USERS[3:]]),
}


@pytest.mark.parametrize(("options", "expected"), SCOPES.values(), ids=SCOPES)
def test_include_and_exclude(packages: Workshop, options: list[str], expected: list[str]) -> None:
    done = packages.run(*options, "app.py")
    assert (done.status, done.stderr) == (0, b"")
    assert done.names() == expected


def test_the_standard_library_and_its_generated_code_are_out_of_scope(workshop: Workshop) -> None:
    run = workshop.record("""
        import collections, contextlib, dataclasses, enum, functools, json, logging, re, threading
        @dataclasses.dataclass(order=True)
        class Point: x: int
        Pair = collections.namedtuple("Pair", "a b")
        @contextlib.contextmanager
        def manager(): yield 1
        @functools.lru_cache
        def cached(n): return n
        def main():
            Point(1) < Point(2); repr(Point(1)); Pair(1, 2)
            with manager(): json.dumps([1])
            cached(1); cached(1)
            re.compile("a+b").match("aab")
            logging.getLogger("x").debug("y")
        main()
        """)
    functions = {function.qualname for function in run.trace.functions}
    assert functions <= {"<module>", "main", "manager", "cached", "Point", "Point.__annotate__"}
    assert len(run.calls("cached")) == 1


# --- options of the recorder --------------------------------------------------


def test_no_values(workshop: Workshop) -> None:
    run = workshop.record("def f(a, *b): return 'secret'\nf(1, 'private')", "--no-values")
    call = run.call("f")
    assert not any(value.text.strip("?…") for value in call.arguments.values())
    assert call.result is None
    assert call.outcome == "returned"
    assert run.trace.info["values"] is False
    data = run.trace_path.read_bytes()
    assert b"secret" not in data
    assert b"private" not in data


def test_no_time(workshop: Workshop) -> None:
    run = workshop.record("def f(a): return a\nfor n in range(100): f(n)", "--no-time")
    assert run.trace.info["time"] is False
    assert {call.start_ns for call in run.calls()} == {call.duration_ns for call in run.calls()} == {0}
    again = workshop.record("def f(a): return a\nfor n in range(100): f(n)", "--no-time")
    assert [call.arguments["a"].text for call in again.calls("f")] == [str(n) for n in range(100)]


def test_info_of_the_run(workshop: Workshop) -> None:
    run = workshop.record("def f(): pass\nf()")
    info = run.trace.info
    (process,) = info["processes"]
    assert process["program"] == "app.py"
    assert process["command"] == "app.py"
    assert process["folder"] == str(workshop.folder)
    assert process["python"] == sys.version.split()[0]
    assert (process["ended"], process["wait_status"], process["lost"]) == (True, 0, None)
    assert (info["calls"], info["lost_records"], info["damaged_chunks"]) == (2, 0, 0)


# --- what a program may do to the recorder --------------------------------


def test_a_program_that_closes_every_file(workshop: Workshop) -> None:
    """As daemons do. What is recorded after it counts as well."""
    run = workshop.record("""
        import os
        def step(n): return n
        def close(): os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        for n in range(10): step(n)
        close()
        for n in range(10, 20_000): step(n)
        """)
    assert [call.arguments["n"].python() for call in run.calls("step")] == list(range(20_000))
    assert run.trace.info["processes"][0]["lost"] is None
    assert run.trace.info["processes"][0]["ended"]


def test_few_files_allowed(workshop: Workshop) -> None:
    def limit() -> None:
        import resource

        resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))

    workshop.write(
        "app.py",
        """
        def f(): return sum(1 for _ in open_all())
        def open_all():
            files = []
            try:
                while True: files.append(open("app.py"))
            except OSError as error: print(error.errno)
            return files
        print(f())
        """,
    )
    plain, traced = workshop.python("app.py", preexec_fn=limit), workshop.run("app.py", preexec_fn=limit)
    assert (traced.status, traced.err, plain.status) == (0, "", 0)
    assert abs(int(plain.out.split()[1]) - int(traced.out.split()[1])) <= 1
    assert traced.call("open_all").outcome == "returned"


def test_a_full_disk_leaves_the_program_alone(workshop: Workshop) -> None:
    def limit() -> None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    workshop.write("app.py", "def f(n): return [n] * 5\nfor n in range(200_000): f(n)\nprint('done')")
    done = workshop.run("app.py", preexec_fn=limit)
    assert (done.status, done.stdout) == (0, b"done\n")
    kept = [call.arguments["n"].python() for call in done.calls("f")]
    assert 1000 < len(kept) < 200_000
    assert kept == list(range(len(kept)))
    assert done.trace.info["processes"][0]["lost"]
    assert "recording stopped early" in workshop.flowtrace("show").out


def test_subinterpreters_and_unloaded_modules(workshop: Workshop) -> None:
    run = workshop.record("""
        import sys
        def f(): return 1
        before = f()
        for name in ("flowtrace", "flowtrace._core"):
            sys.modules.pop(name)
        import gc; gc.collect()
        def g(): return 2
        g()
        """)
    assert run.names() == ["f", "g"]


def test_a_program_that_uses_our_tool(workshop: Workshop) -> None:
    """A program that resets all of sys.monitoring turns recording off, and nothing else."""
    workshop.write(
        "app.py",
        """
        import sys
        def f(): return 1
        f()
        for tool in range(6):
            if sys.monitoring.get_tool(tool):
                sys.monitoring.set_events(tool, 0)
                sys.monitoring.free_tool_id(tool)
        def g(): return 2
        print(f(), g())
        """,
    )
    done = workshop.run("app.py")
    assert done.outcome == (0, b"1 2\n", b"")
    assert done.names() == ["f"]
