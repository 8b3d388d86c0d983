"""Generators and async generators: each one call, resumed here and there, that may end in many ways."""

from __future__ import annotations

import sys

import pytest
from conftest import Workshop

from flowtrace._core import Call

type Tree = list[str | Tree]

# gh-140373: a generator that is suspended outside any try tells nothing of its death.
DIES_SILENTLY = (3, 13) <= sys.version_info < (3, 13, 12) or sys.version_info[:3] == (3, 14, 0)


def tree(call: Call) -> Tree:
    return [call.function.qualname, *map(tree, call.children)]


def drivers(call: Call) -> list[str]:
    return [driver.function.qualname for driver in call.drivers]


def end(call: Call) -> str:
    return call.exception.type if call.exception else call.outcome


def how(call: Call) -> str:
    """Its only argument; one that was thrown into before it began has told of none."""
    value = call.arguments.get("how")
    return value.python() if value else "throw unstarted"


def closed(call: Call) -> bool:
    """Was it closed, or dropped, as far as this python tells?"""
    return end(call) == ("abandoned" if DIES_SILENTLY else "GeneratorExit")


# --- who resumes it ----------------------------------------------------------------


def test_a_generator_that_is_passed_around(workshop: Workshop) -> None:
    run = workshop.record("""
        def numbers(n):
            for i in range(n):
                yield half(i)
            return "done"
        def half(i): return i / 2
        def first(generator): return next(generator)
        def rest(generator): return list(generator)
        def unused(generator): pass
        def main():
            generator = numbers(4)
            unused(generator), first(generator), first(generator), rest(generator), list(generator)
        main()
        """)
    call = run.call("numbers")
    assert tree(run.call("main")) == [
        "main", ["unused"], ["first", ["numbers", *[["half"]] * 4]], ["first"], ["rest"],
    ]  # fmt: skip
    assert (drivers(call), call.parent, end(call)) == (["first", "first", "rest"], run.calls("first")[0], "returned")
    assert call.drivers == [*run.calls("first"), run.call("rest")]
    assert run.call("main").drivers == []
    told = workshop.flowtrace("show").out
    assert "numbers(n=4) yielded 4×, also to first() and 1 more → 'done'" in told


def test_generator_expressions_passed_around(workshop: Workshop) -> None:
    run = workshop.record("""
        def f(n): return n
        def take(numbers): return next(numbers)
        def total(numbers): return sum(numbers)
        def main():
            numbers = (f(n) for n in range(3))
            return take(numbers), total(numbers)
        main()
        """)
    (call,) = [call for call in run.calls() if call.function.qualname.endswith("<genexpr>")]
    assert tree(call)[1:] == [["f"]] * 3
    assert drivers(call) == ["take", "total"]


def test_what_each_value_goes_through(workshop: Workshop) -> None:
    """In yield from each level is resumed by the one above, whoever drives the outermost."""
    run = workshop.record("""
        def leaf(): got = yield 1; log(got); yield 2; return 3
        def middle(): return (yield from leaf())
        def outer(): log((yield from middle()))
        def log(value): pass
        def start(generator): return next(generator)
        def push(generator): return generator.send("x")
        def main():
            generator = outer()
            start(generator), push(generator), list(generator)
        main()
        """)
    assert tree(run.call("start")) == ["start", ["outer", ["middle", ["leaf", ["log"]]], ["log"]]]
    assert drivers(run.call("outer")) == ["start", "push", "main"]
    assert drivers(run.call("middle")) == ["outer"]
    assert drivers(run.call("leaf")) == ["middle"]
    assert [call.arguments["value"].python() for call in run.calls("log")] == ["x", 3]


def test_what_is_thrown_through_yield_from(workshop: Workshop) -> None:
    run = workshop.record("""
        def leaf():
            try: yield 1
            except KeyError: log("caught"); yield 2
            yield 3
        def outer(): yield from leaf()
        def log(text): pass
        def throws(generator): return generator.throw(KeyError("k"))
        def main():
            generator = outer()
            next(generator), throws(generator), list(generator)
        main()
        """)
    assert tree(run.call("main")) == ["main", ["outer", ["leaf", ["log"]]], ["throws"]]
    assert drivers(run.call("leaf")) == ["outer"]
    assert [call.outcome for call in run.calls("outer") + run.calls("leaf")] == ["returned", "returned"]


def test_resumed_in_other_threads(workshop: Workshop) -> None:
    run = workshop.record("""
        import threading
        def numbers():
            for n in range(4): yield step(n)
        def step(n): return n
        def take(generator): return next(generator)
        generator = numbers()
        take(generator)
        for _ in range(2):
            thread = threading.Thread(target=take, args=(generator,))
            thread.start()
            thread.join()
        take(generator)
        """)
    call = run.call("numbers")
    assert [child.arguments["n"].python() for child in call.children] == [0, 1, 2, 3]
    assert [driver.track.kind for driver in call.drivers] == ["main", "thread", "thread", "main"]
    assert call.drivers == run.calls("take")
    assert end(call) == "abandoned"  # it outlived the recording


def test_resumed_while_it_runs(workshop: Workshop) -> None:
    """A generator that resumes itself gets a ValueError, and nothing else happens."""
    run = workshop.record("""
        def numbers():
            try: next(me)
            except ValueError as error: seen(str(error))
            yield 1
        def seen(text): pass
        me = numbers()
        print(list(me))
        """)
    assert tree(run.call("numbers")) == ["numbers", ["seen"]]
    assert run.call("seen").arguments["text"].python() == "generator already executing"
    assert drivers(run.call("numbers")) == ["<module>"]


@pytest.mark.filterwarnings("ignore")
def test_a_generator_that_a_fork_copies(workshop: Workshop) -> None:
    """Each process goes on with its own; what the child does is no part of the parent's call."""
    run = workshop.record("""
        import os, warnings
        warnings.simplefilter("ignore")
        def numbers():
            for n in range(3): yield step(n)
        def step(n): return n
        def main():
            generator = numbers()
            next(generator)
            if not os.fork():
                list(generator)
                os._exit(0)
            os.wait()
            next(generator)
        main()
        """)
    mine, childs = sorted(run.calls("numbers"), key=lambda call: call.number)
    assert [child.arguments["n"].python() for child in mine.children] == [0, 1]
    assert [child.arguments["n"].python() for child in childs.children] == [1, 2]
    assert (closed(mine), end(childs)) == (True, "returned")
    assert mine.track.pid != childs.track.pid
    assert mine.parent == childs.parent == run.call("main")


# --- how it ends -----------------------------------------------------------------


def test_ends_of_generators(workshop: Workshop) -> None:
    run = workshop.record("""
        def numbers(how):
            yield 1
        def careful(how):
            try: yield 1
            except KeyError: yield 2
            finally: tidy(how)
        def stubborn(how):
            try: yield 1
            except GeneratorExit: pass
            try: yield 2
            except GeneratorExit: return "late"
        def tidy(how): pass
        def main():
            for make in (numbers, careful):
                g = make("close"); next(g); g.close(); g.close()
                g = make("drop"); next(g); del g
                g = make("close unstarted"); g.close()
                g = make("drop unstarted"); del g
                g = make("throw"); next(g)
                try: g.throw(ValueError)
                except ValueError: pass
                g = make("throw unstarted")
                try: g.throw(ValueError)
                except ValueError: pass
                g = make("loop")
                for _ in g: break
                del g
            g = careful("caught"); next(g); g.throw(KeyError); list(g)
            g = stubborn("close"); next(g)
            try: g.close()
            except RuntimeError: tidy("ignored")
            g.close()
        main()
        """)
    ends = {how(call): call for call in run.calls("numbers")}
    assert list(ends) == ["close", "drop", "throw", "throw unstarted", "loop"]
    assert closed(ends["close"])
    assert closed(ends["drop"])
    assert closed(ends["loop"])
    assert end(ends["throw"]) == end(ends["throw unstarted"]) == "ValueError"
    careful = {how(call): call for call in run.calls("careful")}
    assert {name: end(call) for name, call in careful.items()} == {
        "close": "GeneratorExit", "drop": "GeneratorExit", "throw": "ValueError", "throw unstarted": "ValueError",
        "loop": "GeneratorExit", "caught": "returned",
    }  # fmt: skip
    for name, call in careful.items():
        assert tree(call) == (["careful"] if name == "throw unstarted" else ["careful", ["tidy"]]), name
    assert (end(run.call("stubborn")), run.call("stubborn").result.python()) == ("returned", "late")
    # What follows an end stands under main(), never under the generator that has gone.
    main = run.call("main")
    assert {call.parent for name in ("numbers", "careful", "stubborn") for call in run.calls(name)} == {main}
    assert run.calls("tidy")[-1].parent == main


def test_addresses_that_are_used_again(workshop: Workshop) -> None:
    """Frames of dead generators are reused at once; each call keeps its own arguments and callees."""
    run = workshop.record("""
        def one(n):
            step("one", n); yield n
            step("one", n); yield n
        def two(n):
            step("two", n); yield n
            step("two", n); yield n
        def step(name, n): pass
        def plain(n): return n
        frames = set()
        def main():
            for n in range(50):
                for make in (one, two, one):
                    generator = make(n)
                    next(generator)
                    frames.add(id(generator.gi_frame))
                    if n % 3: next(generator)
                    if n % 5 == 0: list(generator)
                    del generator
                    plain(n)
        main()
        print(len(frames) < 100)
        """)
    assert run.out == "True\n"
    calls = run.calls("one") + run.calls("two")
    assert len(calls) == 150
    for call in calls:
        n, name = call.arguments["n"].python(), call.function.qualname
        steps = [(child.arguments["name"].python(), child.arguments["n"].python()) for child in call.children]
        assert steps == [(name, n)] * (2 if n % 3 or n % 5 == 0 else 1)
        assert end(call) == "returned" if n % 5 == 0 else closed(call)
    assert {call.parent for call in run.calls("plain")} == {run.call("main")}


def test_a_generator_that_began_while_recording_was_off(workshop: Workshop) -> None:
    """At the address of one that was recorded, and has died since: it is another call.

    The first hundred stories have files of their own; those that follow share one.
    """
    workshop.write(
        "app.py",
        """
        import flowtrace
        def numbers(name):
            for n in range(9): yield step(name, n)
        def step(name, n): return n
        @flowtrace.trace(print=False)
        def take(generators): return [next(generator) for generator in generators]
        for _ in range(100): take([])
        old = [numbers("a") for _ in range(30)]
        take(old)
        frames = {id(generator.gi_frame) for generator in old}
        del old
        new = [numbers("b") for _ in range(30)]
        for generator in new: next(generator)
        print(not frames.isdisjoint(id(generator.gi_frame) for generator in new))
        take(new)
        calls = [event for event in flowtrace.get_trace_data() if event.kind == "call"]
        print(len(calls), sorted({(call.function, call.arguments.get("name", ""), call.depth) for call in calls}))
        """,
    )
    done = workshop.python("app.py")
    assert done.err == ""
    assert done.out == "True\n61 [('numbers', '', 1), ('step', \"'b'\", 2), ('take', '', 0)]\n"


def test_managers(workshop: Workshop) -> None:
    run = workshop.record("""
        import contextlib
        @contextlib.contextmanager
        def manager(name):
            enter(name)
            try: yield name
            except KeyError: caught(name)
            finally: leave(name)
        def enter(name): pass
        def caught(name): pass
        def leave(name): pass
        def body(error):
            if error: raise error
        @manager("decorator")
        def decorated(): body(None)
        def main():
            with manager("plain"): body(None)
            with manager("swallows"): body(KeyError())
            try:
                with manager("passes on"): body(ValueError())
            except ValueError: pass
            with contextlib.ExitStack() as stack: stack.enter_context(manager("stack")); body(None)
            decorated()
        main()
        """)
    calls = {call.arguments["name"].python(): call for call in run.calls("manager")}
    assert {name: end(call) for name, call in calls.items()} == {
        "plain": "returned", "swallows": "returned", "passes on": "ValueError", "stack": "returned",
        "decorator": "returned",
    }  # fmt: skip
    assert tree(calls["swallows"]) == ["manager", ["enter"], ["caught"], ["leave"]]
    assert all(drivers(call) == ["main"] for call in calls.values())
    assert {call.parent.function.qualname for call in run.calls("body")} == {"main", "decorated"}


# --- async generators --------------------------------------------------------------


def test_async_generators(workshop: Workshop) -> None:
    run = workshop.record("""
        import asyncio
        async def ticks(how):
            try:
                while True:
                    await asyncio.sleep(0)
                    got = yield step(how)
            except KeyError: yield "caught"
            finally:
                await asyncio.sleep(0)
                tidy(how)
        async def few(how):
            for n in range(2): yield n
        def step(how): return how
        def tidy(how): pass
        async def main():
            a = ticks("send"); await anext(a); await a.asend(1); await a.aclose()
            a = ticks("throw"); await anext(a)
            try: await a.athrow(ValueError)
            except ValueError: pass
            a = ticks("caught"); await anext(a); await a.athrow(KeyError); await a.aclose()
            [n async for n in few("loop")]
            a = few("close unstarted"); await a.aclose()
            async for n in ticks("left"): break
            for _ in range(4): await asyncio.sleep(0)
            a = ticks("kept"); await anext(a)
            return a
        kept = asyncio.run(main())
        """)
    ends = {how(call): call for call in run.calls("ticks")}
    assert {name: end(call) for name, call in ends.items()} == {
        "send": "GeneratorExit", "throw": "ValueError", "caught": "GeneratorExit", "left": "GeneratorExit",
        "kept": "GeneratorExit",
    }  # fmt: skip
    assert {name: len(call.children) for name, call in ends.items()} == {
        "send": 3, "throw": 2, "caught": 2, "left": 2, "kept": 2,
    }  # fmt: skip
    few = [(how(call), end(call)) for call in run.calls("few")]
    assert few == [("loop", "returned"), ("throw unstarted", "GeneratorExit")]  # aclose() throws even then
    assert {call.parent for call in run.calls("ticks")} == {run.call("main")}
    assert run.calls("step")[0].result.python() == "send"


def test_an_async_generator_driven_by_two_tasks(workshop: Workshop) -> None:
    run = workshop.record("""
        import asyncio
        async def numbers():
            for n in range(4):
                await asyncio.sleep(0)
                yield step(n)
        def step(n): return n
        async def one(source): return await anext(source)
        async def two(source): return await anext(source)
        async def main():
            source = numbers()
            await asyncio.create_task(one(source), name="first")
            await asyncio.create_task(two(source), name="second")
            await source.aclose()
        asyncio.run(main())
        """)
    call = run.call("numbers")
    assert [child.arguments["n"].python() for child in call.children] == [0, 1]
    assert drivers(call) == ["one", "two", *(["main"] if end(call) == "GeneratorExit" else [])]
    assert call.track.name == "first"


def test_an_async_context_manager(workshop: Workshop) -> None:
    run = workshop.record("""
        import asyncio, contextlib
        @contextlib.asynccontextmanager
        async def manager():
            await asyncio.sleep(0)
            try: yield step("in")
            finally:
                await asyncio.sleep(0)
                step("out")
        def step(text): return text
        async def main():
            async with manager() as value: step("body")
            try:
                async with manager(): raise KeyError
            except KeyError: step("after")
        asyncio.run(main())
        """)
    assert [end(call) for call in run.calls("manager")] == ["returned", "KeyError"]
    assert tree(run.call("main")) == [
        "main", ["manager", ["step"], ["step"]], ["step"], ["manager", ["step"], ["step"]], ["step"],
    ]  # fmt: skip
