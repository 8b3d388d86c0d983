"""--identity: an object has a number, the same as long as it lives."""

from __future__ import annotations

import sys
import textwrap

import pytest
from conftest import FREE_THREADED, Run, Workshop

from flowtrace._core import Call, Value

has_numbers = pytest.mark.skipif(sys.version_info < (3, 13) or FREE_THREADED, reason="no numbers")


def values(call: Call) -> list[Value]:
    return list(call.arguments.values())


def texts(run: Run, name: str = "show") -> list[str]:
    """The last argument of each call of that function."""
    return [values(call)[-1].text for call in run.calls(name)]


def identities(run: Run, name: str = "show") -> list[int | None]:
    return [values(call)[-1].identity for call in run.calls(name)]


def no_identity(run: Run) -> list[str | None]:
    return [process.get("no_identity") for process in run.trace.info["processes"]]


CLASSES = """
    import enum, fractions, pathlib
    from collections import namedtuple
    from dataclasses import dataclass

    def show(o): return o

    class Order:
        def __init__(self, total=0): self.total = total
        def pay(self, by): return self
    class Empty: pass
    class Slots:
        __slots__ = ("a",)
    @dataclass
    class Item:
        name: str
    class Names(list): pass
    class Settings(dict): pass
    class Failure(Exception): pass
    class Color(enum.Enum):
        RED = 1
        def same(self): return self
    class Number(int):
        def same(self): return self
    class Text(str): pass
    class Pair(tuple): pass
    class Fixed(frozenset): pass
    class Ratio(float): pass
    Point = namedtuple("Point", "x")
"""


@has_numbers
class TestNumbers:
    def record(self, workshop: Workshop, source: str, *options: str) -> Run:
        workshop.write("classes.py", CLASSES)
        lines = "\n".join(line.removeprefix("        ") for line in source.splitlines())
        done = workshop.record("from classes import *\n" + lines, "--identity", *options)
        assert no_identity(done)[0] is None
        return done

    def test_the_same_object_has_the_same_number(self, workshop: Workshop) -> None:
        done = self.record(workshop, "a, b = Order(1), Order(2)\nshow(a); show(b); a.total = 3; show(a); show(b)")
        assert texts(done) == ["Order#1(total=1)", "Order#2(total=2)", "Order#1(total=3)", "Order#2(total=2)"]
        assert identities(done) == [1, 2, 1, 2]

    def test_self_and_results(self, workshop: Workshop) -> None:
        done = self.record(workshop, "a, b = Order(), Order()\nb.pay('x'); a.pay(b)")
        assert [values(call)[0].text for call in done.calls("Order.__init__")] == ["Order#1", "Order#2"]
        assert [call.result.text for call in done.calls("Order.pay")] == ["Order#2(total=0)", "Order#1(total=0)"]
        assert [call.result.identity for call in done.calls("Order.pay")] == [2, 1]

    def test_story(self, workshop: Workshop) -> None:
        self.record(workshop, "a, b = Order(), Order()\nb.pay('x'); show(0); a.pay(b)")
        story = workshop.flowtrace("show", str(workshop.trace_path)).out
        assert "Order.__init__(self=Order#1 … Order#2, total=0)" in story
        assert "Order.pay(self=Order#2, by='x') → Order#2(total=0)" in story
        assert "Order.pay(self=Order#1, by=Order#2(total=0)) → Order#1(total=0)" in story

    def test_each_name_counts_for_itself(self, workshop: Workshop) -> None:
        done = self.record(workshop, "for o in Order(), Item('x'), Order(), Item('y'): show(o)")
        assert texts(done) == ["Order#1(total=0)", "Item#1(name='x')", "Order#2(total=0)", "Item#2(name='y')"]

    def test_types_of_one_name_count_together(self, workshop: Workshop) -> None:
        source = """
        def make():
            class Order: pass
            return Order
        kept = [Order(), make()(), make()(), Order()]
        for o in kept * 2: show(o)"""
        assert identities(self.record(workshop, source)) == [1, 3, 4, 2] * 2

    def test_a_class_that_changes_its_name(self, workshop: Workshop) -> None:
        source = "a, b = Order(), Empty()\nshow(a); show(b); a.__class__ = Empty; show(a); show(a); show(b)"
        done = self.record(workshop, source)
        assert texts(done) == ["Order#1(total=0)", "Empty#1", "Empty#2(total=0)", "Empty#2(total=0)", "Empty#1"]

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            ("Empty()", "Empty#1"),
            ("Slots()", "Slots#1"),
            ("Names([1])", "Names#1([1])"),
            ("Settings(a=1)", "Settings#1({'a': 1})"),
            ("Failure('x')", "Failure#1('x')"),
            ("[Empty(), {'k': Empty()}, (Empty(),)]", "[Empty#1, {'k': Empty#2}, (Empty#3,)]"),
            ("Item(Item('x'))", "Item#1(name=Item#2(name='x'))"),
            ("Color.RED", "Color.RED"),
            ("Number(1)", "Number(1)"),
            ("Text('x')", "Text('x')"),
            ("Pair([1])", "Pair((1,))"),
            ("Fixed()", "Fixed(frozenset())"),
            ("Ratio(1)", "Ratio(1.0)"),
            ("Point(1)", "Point(x=1)"),
            ("pathlib.PurePosixPath('a')", "PurePosixPath('a')"),
            ("fractions.Fraction(1, 2)", "Fraction(1, 2)"),
            ("Order", "<class Order>"),
            ("object()", "object"),
            ("ValueError(1)", "ValueError(1)"),
            ("1", "1"),
            ("[[], {}]", "[[], {}]"),
        ],
    )
    def test_what_has_a_number(self, workshop: Workshop, value: str, text: str) -> None:
        assert texts(self.record(workshop, f"show({value})")) == [text]

    def test_what_has_none_as_self(self, workshop: Workshop) -> None:
        done = self.record(workshop, "Color.RED.same(); Number(1).same()")
        selves = [values(done.call(name))[0] for name in ("Color.same", "Number.same")]
        assert [(value.text, value.identity) for value in selves] == [("Color", None), ("Number", None)]

    def test_cycle(self, workshop: Workshop) -> None:
        source = "a = Order(); a.total = a; show(a)\nb = Names(); b.append(b); show(b)\nc = []; c.append(c); show(c)"
        assert texts(self.record(workshop, source)) == ["Order#1(total=Order#1)", "Names#1([Names#1])", "[<cycle>]"]

    def test_an_address_used_again(self, workshop: Workshop) -> None:
        source = """
        def see(o, n): return n
        def again(kind):
            for _ in range(100):
                o = kind(); see(o, id(o)); see(o, id(o)); del o
        again(Order); again(Names); again(Failure); again(Slots)"""
        calls = self.record(workshop, source).calls("see")
        for name in "Order", "Names", "Failure", "Slots":
            seen = [(values(c)[0].identity, c.result.python()) for c in calls if values(c)[0].type_name == name]
            assert [number for number, _ in seen] == [n for n in range(1, 101) for _ in range(2)]
            assert all(seen[i][1] == seen[i + 1][1] for i in range(0, 200, 2))
            assert len({where for _, where in seen}) < 50  # so that they were used again

    def test_another_type_at_the_address(self, workshop: Workshop) -> None:
        source = """
        class A:
            __slots__ = ("a", "b")
        class B:
            __slots__ = ("a", "b")
        def make(kind, others, where):
            # used again once nothing else of this size is free that was let go later
            for _ in range(100000):
                others.append(new := kind())
                if id(new) == where:
                    return others.pop()
            raise AssertionError("nothing was made at that address again")
        a = A(); where = id(a); show(a); del a
        b = make(B, [], where); show(b); del b
        c = make(A, [], where); show(c)"""
        assert texts(self.record(workshop, source)) == ["A#1", "B#1", "A#2"]

    def test_del_sees_the_same_number(self, workshop: Workshop) -> None:
        source = """
        class Dying:
            def __del__(self): show(self)
        a, b = Dying(), Dying()
        show(b); show(a)
        del a, b
        show(Dying())"""
        assert identities(self.record(workshop, source)) == [1, 2, 2, 1, 3, 3]

    def test_dropped_by_the_collector(self, workshop: Workshop) -> None:
        source = """
        import gc
        for i in range(200):
            a = Order(); a.total = a; show(a)
            if i % 50 == 49: del a; gc.collect()"""
        assert identities(self.record(workshop, source)) == list(range(1, 201))

    def test_many_live_and_die(self, workshop: Workshop) -> None:
        source = """
        import random
        turn, kept, known = random.Random(7), {}, {}
        def see(o, n): return n
        for step in range(20000):
            n = turn.randrange(500)
            if n in kept and turn.random() < 0.3: del kept[n]
            else: see(kept.setdefault(n, Empty()), id(kept[n]))"""
        done = self.record(workshop, source)
        given: dict[int, int] = {}
        last = 0
        for call in done.calls("see"):
            number, where = values(call)[0].identity, call.result.python()
            if given.get(where) != number:
                assert number == last + 1
                given[where], last = number, number
        assert 3000 < last < 10000

    def test_more_names_than_there_is_room_for(self, workshop: Workshop) -> None:
        source = """
        most = 1 << 15
        first = Order()
        for n in range(most):
            name = f"T{n}"
            kept = type(name, (), {})()
            if n > most - 3: show(kept)
            else: first.pay(kept)
        show(first)"""
        workshop.write("classes.py", CLASSES)
        done = workshop.record("from classes import *\n" + textwrap.dedent(source), "--identity")
        assert texts(done) == [f"T{(1 << 15) - 2}#1", f"T{(1 << 15) - 1}", "Order#1(total=0)"]
        (told,) = no_identity(done)
        assert told == "so many objects had numbers at once that new ones got none"
        assert told in " ".join(workshop.flowtrace("show").out.split())

    def test_another_interpreter_has_none(self, workshop: Workshop) -> None:
        source = """
        import _interpreters
        order = Order(); show(order)
        inner = _interpreters.create()
        _interpreters.exec(inner, "from classes import *; show(Order())")
        _interpreters.destroy(inner)
        show(order)"""
        workshop.write("classes.py", CLASSES)
        done = workshop.record("from classes import *\n" + textwrap.dedent(source), "--identity")
        assert identities(done) == [1, 1, None] or identities(done) == [1, None, 1]
        assert no_identity(done) == [None, "objects are numbered in one interpreter of a process only"]

    def test_generators_and_coroutines(self, workshop: Workshop) -> None:
        source = """
        import asyncio
        a, b = Order(), Order()
        def each():
            yield b
            yield a
        async def main(o): return o
        for o in each(): show(o)
        asyncio.run(main(a))"""
        done = self.record(workshop, source)
        assert identities(done) == [2, 1]
        events = [event for event in done.trace.events() if event[0] == "yield" and "each" in event]
        assert len(events) == 2
        assert "Order#2(total=0)" in str(events[0])
        assert "Order#1(total=0)" in str(events[1])
        assert done.call("main").result.identity == 1

    def test_secrets_stay_secret(self, workshop: Workshop) -> None:
        source = """
        def login(password, session, o): return o
        login(Text('hunter2'), Order(), Names(['Bearer hunter2hunter2hunter2']))
        login(Names(['hunter2']), 1, Item(1))"""
        done = self.record(workshop, source)
        first, second = [[value.text for value in values(call)] for call in done.calls("login")]
        assert first[:2] == ["<redacted>", "Order#1"]
        assert first[2].startswith("Names#1(")
        assert second == ["<redacted>", "<redacted>", "Item#1(name=1)"]
        assert b"hunter2" not in done.trace_path.read_bytes()

    def test_nothing_is_numbered_unasked(self, workshop: Workshop) -> None:
        workshop.write("classes.py", CLASSES)
        done = workshop.record("from classes import *\na = Order(); show(a); a.pay(1)")
        assert texts(done) == ["Order(total=0)"]
        assert identities(done) == [None]

    def test_forked_child_goes_on(self, workshop: Workshop) -> None:
        source = """
        import os
        a = Order(); show(a)
        if not os.fork(): show(a); show(Order()); os._exit(0)
        os.wait(); show(a); b = Order(); show(b)"""
        done = self.record(workshop, source)
        pids = [process["pid"] for process in done.trace.info["processes"]]
        here, child = [[values(c)[0].identity for c in done.calls("show") if c.track.pid == pid] for pid in pids]
        assert (here, child) == ([1, 1, 2], [1, 2])

    def test_children_count_for_themselves(self, workshop: Workshop) -> None:
        workshop.write("child.py", "from classes import *\nshow(Order())\n")
        source = "import subprocess, sys\nshow(Order()); subprocess.run([sys.executable, 'child.py'], check=True)"
        assert identities(self.record(workshop, source)) == [1, 1]

    def test_threads(self, workshop: Workshop) -> None:
        source = """
        import threading
        kept = [Empty() for _ in range(50)]
        def work():
            for o in kept: see(o, id(o)); show(Empty())
        def see(o, n): return n
        threads = [threading.Thread(target=work) for _ in range(4)]
        [t.start() for t in threads]; [t.join() for t in threads]"""
        done = self.record(workshop, source)
        pairs = {(call.result.python(), values(call)[0].identity) for call in done.calls("see")}
        assert len(pairs) == len({number for _, number in pairs}) == 50
        numbers = identities(done)
        assert len(set(numbers)) == len(numbers) == 200

    def test_other_interpreters_make_and_drop_objects(self, workshop: Workshop) -> None:
        source = """
        try: import _interpreters
        except ImportError: import _xxsubinterpreters as _interpreters
        import threading
        code = "for _ in range(30000):\\n    class A: pass\\n    [A() for _ in range(3)]"
        def other():
            made = _interpreters.create()
            _interpreters.run_string(made, code)
            _interpreters.destroy(made)
        threads = [threading.Thread(target=other) for _ in range(2)]
        [t.start() for t in threads]
        kept = [Empty() for _ in range(100)]
        while any(t.is_alive() for t in threads):
            for o in kept: see(o, id(o))
            show(Order())
        def nothing(): pass"""
        source = source.replace("def other", "def see(o, n): return n\n        def other")
        done = self.record(workshop, source)
        pairs = {(call.result.python(), values(call)[0].identity) for call in done.calls("see")}
        assert len(pairs) == 100
        assert identities(done) == list(range(1, len(done.calls("show")) + 1))


# --- other tools --------------------------------------------------------------------


@has_numbers
class TestTracemalloc:
    SOURCE = """
        import tracemalloc
        class Order: pass
        def show(o): pass
        a = Order(); show(a)
        tracemalloc.start()
        kept = [bytearray(1000) for _ in range(10)]
        show(a); show(Order())
        print(tracemalloc.get_traced_memory()[0] > 10_000, len(tracemalloc.take_snapshot().traces) > 10)
        {stop}
        show(a)
        """

    @pytest.mark.parametrize("stop", ["", "tracemalloc.stop()"])
    def test_begun_in_between(self, workshop: Workshop, stop: str) -> None:
        done = workshop.record(self.SOURCE.replace("{stop}", stop), "--identity")
        assert done.out == "True True\n"
        assert texts(done) == ["Order#1", "Order", "Order", "Order"]
        assert no_identity(done) == ["another tool began to listen to the making of objects, as tracemalloc does"]
        story = workshop.flowtrace("show", str(workshop.trace_path)).out
        assert "Numbers of objects (#1) are not given throughout: another tool began to listen" in " ".join(
            story.split()
        )

    def test_begun_and_ended_between_two_calls(self, workshop: Workshop) -> None:
        source = """
        import tracemalloc
        class Order: pass
        def show(o): pass
        a = Order(); show(a)
        tracemalloc.start(); tracemalloc.stop()
        show(a)
        """
        assert texts(workshop.record(source, "--identity")) == ["Order#1", "Order"]

    def test_it_stays_on_when_the_recording_ends(self, workshop: Workshop) -> None:
        source = """
        import flowtrace, sys, tracemalloc
        with flowtrace.active_tracing("flowtrace.flow", identity=True):
            tracemalloc.start()
        kept = [bytearray(1000) for _ in range(10)]
        print(tracemalloc.get_traced_memory()[0] > 10_000)
        tracemalloc.stop()
        if sys.version_info >= (3, 13, 1):
            with flowtrace.active_tracing("flowtrace.flow", identity=True):
                print("again")
        else: print("again")  # there it goes on listening
        """
        workshop.write("app.py", source)
        done = workshop.python("app.py")
        assert (done.status, done.out) == (0, "True\nagain\n"), done.err

    @pytest.mark.parametrize("flags", [["-X", "tracemalloc"]])
    def test_on_before(self, workshop: Workshop, flags: list[str]) -> None:
        workshop.write("app.py", "print(1)")
        done = workshop.flowtrace("run", "--identity", "app.py", flags=flags)
        assert (done.status, done.out) == (2, "")
        assert "--identity: another tool listens to the making of objects, as tracemalloc does" in done.err
        assert not workshop.trace_path.exists()

    def test_on_before_by_the_environment(self, workshop: Workshop) -> None:
        workshop.write("app.py", "print(1)")
        done = workshop.flowtrace("run", "--identity", "app.py", environment={"PYTHONTRACEMALLOC": "1"})
        assert (done.status, done.out) == (2, "")
        assert "tracemalloc" in done.err

    def test_on_before_in_a_child(self, workshop: Workshop) -> None:
        workshop.write("child.py", "class Order: pass\ndef show(o): pass\nshow(Order())\n")
        source = """
        import subprocess, sys
        class Order: pass
        def show(o): pass
        show(Order())
        subprocess.run([sys.executable, '-X', 'tracemalloc', 'child.py'], check=True)
        """
        done = workshop.record(source, "--identity")
        assert texts(done) == ["Order#1", "Order"]
        assert no_identity(done) == [None, "another tool listens to the making of objects, as tracemalloc does"]

    def test_on_before_start_tracing(self, workshop: Workshop) -> None:
        source = """
        import flowtrace, tracemalloc
        tracemalloc.start()
        try: flowtrace.start_tracing("here.flow", identity=True)
        except flowtrace.FlowTraceError as error: print(error)
        flowtrace.start_tracing("here.flow"); flowtrace.stop_tracing()
        """
        workshop.write("app.py", source)
        done = workshop.python("app.py")
        assert done.status == 0, done.err
        assert done.out.startswith("no identity: another tool listens to the making of objects, as tracemalloc")


# --- asked for where it can't be ------------------------------------------------------


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="has numbers")
def test_python_that_is_too_old(workshop: Workshop) -> None:
    workshop.write("app.py", "print(1)")
    done = workshop.flowtrace("run", "--identity", "app.py")
    assert (done.status, done.out) == (2, "")
    assert "--identity: this python doesn't tell when an object ends; CPython does since 3.13" in done.err
    workshop.write("app.py", "import flowtrace\nflowtrace.start_tracing('x.flow', identity=True)")
    done = workshop.python("app.py")
    assert done.status == 1
    assert "FlowTraceError: no identity: this python doesn't tell when an object ends" in done.err


def test_with_no_values(workshop: Workshop) -> None:
    workshop.write("app.py", "print(1)")
    done = workshop.flowtrace("run", "--identity", "--no-values", "app.py")
    assert (done.status, done.out) == (2, "")
    assert "--identity numbers what --no-values leaves out; give one of them" in done.err
    workshop.write("app.py", "import flowtrace\nflowtrace.start_tracing(identity=True, values=False)")
    assert "ValueError: identity numbers what values=False leaves out" in workshop.python("app.py").err


@has_numbers
def test_start_tracing(workshop: Workshop) -> None:
    source = """
        import flowtrace
        class Order: pass
        def show(o): pass
        kept = Order()
        for on in True, False, True:
            flowtrace.start_tracing(f"{on}.flow", identity=on)
            show(Order()); show(kept); show(kept)
            print([event.arguments["o"] for event in flowtrace.stop_tracing() if event.kind == "call"])
        """
    workshop.write("app.py", source)
    done = workshop.python("app.py")
    numbered = "['Order#1', 'Order#2', 'Order#2']\n"
    assert (done.status, done.out) == (0, numbered + "['Order', 'Order', 'Order']\n" + numbered), done.err
