"""flowtrace.region() and note(): named parts of the story, wherever they are entered and left."""

from __future__ import annotations

import re
import sys
import textwrap

import pytest
from conftest import FREE_THREADED, Run, Workshop

from flowtrace._core import Call

type Tree = list[str | Tree]

BEFORE = """
    import asyncio, contextlib, gc, sys, threading
    import flowtrace
    from flowtrace import note, region
    def work(n): return n
    def fail(n): raise ValueError(n)
"""


def tree(call: Call) -> Tree:
    return [call.function.qualname, *map(tree, call.children)]


def ends(call: Call) -> int:
    return call.start_ns + call.duration_ns


def end(call: Call) -> str:
    return call.exception.type if call.exception else call.outcome


def record(workshop: Workshop, source: str, *options: str, status: int = 0) -> Run:
    return workshop.record(textwrap.dedent(BEFORE) + textwrap.dedent(source), *options, status=status)


# --- what they say ----------------------------------------------------------------


def test_a_region_is_a_call_of_its_name(workshop: Workshop) -> None:
    run = record(
        workshop,
        """
        def main(name):
            with region("import", file=name, self=1, name={"a": [1, 2]}) as it:
                work(1)
                note("cache cold", size=3, text=name)
                note("plain")
            return repr(it)
        print(main("a.csv"))
        """,
    )
    assert run.out == "flowtrace.region('import')\n"
    assert tree(run.call("main")) == ["main", ["import", ["work"], ["cache cold"], ["plain"]]]
    call, note = run.call("import"), run.call("cache cold")
    assert {name: value.python() for name, value in call.arguments.items()} == {
        "file": "a.csv", "self": 1, "name": {"a": [1, 2]},
    }  # fmt: skip
    assert (call.function.kind, note.function.kind) == ("region", "note")
    assert (end(call), call.result, end(note)) == ("returned", None, "returned")
    assert call.function.module == "__main__" and call.function.file.endswith("app.py")
    assert {name: value.python() for name, value in note.arguments.items()} == {"size": 3, "text": "a.csv"}
    story = workshop.flowtrace("show", "--lines", "0").out
    assert "[import] (file='a.csv', self=1, name={'a': [1, 2]})" in story
    assert "note: cache cold (size=3, text='a.csv')" in story and "note: plain " in story


def test_where_it_stands(workshop: Workshop) -> None:
    workshop.write("shop/__init__.py", "")
    workshop.write(
        "shop/cart.py",
        """
        from contextlib import ExitStack
        from flowtrace import note, region
        def f():
            note("one")
            with ExitStack() as stack:
                stack.enter_context(region("two"))
        """,
    )
    run = workshop.record("import shop.cart; shop.cart.f()")
    for name, line in ("one", 4), ("two", 6):
        function = run.call(name).function
        assert (function.module, function.line, function.file.rpartition("/")[2]) == ("shop.cart", line, "cart.py")


def test_secrets_and_limits(workshop: Workshop) -> None:
    run = record(
        workshop,
        """
        with region("login", password="hunter2", card={"token": "t0k"}, text="x" * 1000):
            note("Authorization: Bearer abcdefghijklmnopqrstuvwxyz0123456789", api_key="k")
        """,
        "--value-bytes", "20",
    )  # fmt: skip
    call = run.call("login")
    assert str(call.arguments["password"]) == "<redacted>"
    assert "t0k" not in str(call.arguments["card"])
    assert len(str(call.arguments["text"])) < 60
    assert b"abcdefghijklmnopqrstuvwxyz" not in workshop.trace_path.read_bytes()
    assert not record(workshop, "with region('r', a=1): pass", "--no-values").call("r").arguments


def test_no_code_of_the_values_runs_and_they_are_let_go(workshop: Workshop) -> None:
    run = record(
        workshop,
        """
        class Loud:
            def __repr__(self): print("repr")
            __str__ = __eq__ = __hash__ = __repr__
            def __del__(self): print("gone")
        def f():
            with region("r", value=Loud()):
                print("in")
            note("n", value=Loud())
            print("out")
        f()
        """,
    )
    assert run.out.split() == ["gone", "in", "gone", "out"]
    assert workshop.python("app.py").out == run.out


def test_the_same_outcome_with_and_without(workshop: Workshop) -> None:
    source = """
        def f():
            try:
                with region("a"), region("b", n=1):
                    fail(1)
            except ValueError as error:
                print(error, sys.exc_info()[0])
            for bad in (), (1,), ("a", "b"):
                for function in region, note:
                    try: function(*bad)
                    except TypeError as error: print(error)
            try: region("x", **{1: 2})
            except TypeError: print("keywords")
            r = region("again", n=1)
            with r:
                with r: pass
            with r: note("n" * 1000, **{"a b": 1, "\\0\\ud800": 2})
            with region("\\0 \\ud800 " + "x" * 5000, **{"k" * 100: 1, **{f"k{i}": i for i in range(300)}}): pass
            class Name(str):
                def __str__(self): print("never")
            with region(Name("sub")): pass
            print(r.__exit__(None, None, None), r.__exit__(), r.__enter__() is r)
        f()
        """
    run = record(workshop, source)
    assert run.out == workshop.python("app.py").out
    assert tree(run.call("f"))[-2:] == [["sub"], ["again"]]
    assert [len(call.children) for call in run.calls("again")] == [1, 0, 1, 0]
    assert workshop.flowtrace("show", "--lines", "0").status == 0


# --- where they are entered and left ------------------------------------------------


def test_left_by_an_exception(workshop: Workshop) -> None:
    run = record(
        workshop,
        """
        def main():
            try:
                with region("outer"):
                    with region("inner"):
                        fail(1)
            except ValueError: pass
            with contextlib.suppress(KeyError):
                with region("suppressed"):
                    raise KeyError("k")
        main()
        """,
    )
    assert tree(run.call("main")) == ["main", ["outer", ["inner", ["fail"]]], ["suppressed"]]
    assert [end(run.call(name)) for name in ("outer", "inner", "fail", "suppressed")] == [
        "ValueError", "ValueError", "ValueError", "KeyError",
    ]  # fmt: skip
    first, second = run.trace.exceptions
    assert [call.function.qualname for call in first.path] == ["fail", "inner", "outer"]
    assert first.caught_by == second.caught_by == run.call("main")
    story = workshop.flowtrace("show").out
    assert re.search(r"raised app.py:5 · left fail, \[inner\], \[outer\] · caught in main \(app.py:\d+\)", story)


def test_what_a_region_of_another_file_has_caught(workshop: Workshop) -> None:
    """As pytest's tests are: the line is one of what is around, not of the file that the region names."""
    record(
        workshop,
        """
        import json
        from flowtrace._core import _region_at
        def main():
            for name, place in ("here", __file__), ("there", "/elsewhere/test_it.py"):
                try:
                    with _region_at(name, ("test_it", place, 3)):
                        try: json.loads("{}", object_hook=fail)
                        except ValueError: pass
                except ValueError: pass
        main()
        """,
    )
    story = workshop.flowtrace("show").out
    assert "caught in [here] (app.py:13) or library code it called" in story
    assert "left fail · caught in library code" in story
    assert "   caught in  library code" in workshop.flowtrace("show", "--errors", "--under", "there").out.splitlines()


def test_entered_in_one_function_and_left_in_another(workshop: Workshop) -> None:
    run = record(
        workshop,
        """
        class Case:
            def set_up(self):
                self.stack = contextlib.ExitStack()
                self.stack.enter_context(region("whole"))
                work("up")
            def test(self): work("test")
            def tear_down(self):
                work("down")
                self.stack.close()
        def main():
            case = Case()
            case.set_up()
            case.test()
            case.tear_down()
            work("after")
        main()
        """,
    )
    assert tree(run.call("main")) == [
        "main",
        ["Case.set_up", ["whole", ["work"], ["Case.test", ["work"]], ["Case.tear_down", ["work"]]]],
        ["work"],
    ]
    assert end(run.call("whole")) == "returned"
    assert ends(run.call("whole")) <= run.calls("work")[-1].start_ns
    assert run.call("whole").waiting_ns == 0


def test_left_crosswise(workshop: Workshop) -> None:
    run = record(
        workshop,
        """
        def main():
            a, b, c = region("a"), region("b"), region("c")
            a.__enter__(); work(1)
            b.__enter__(); c.__enter__(); work(2)
            a.__exit__(None, None, None); work(3)
            c.__exit__(None, None, None); work(4)
            b.__exit__(None, None, None); work(5)
        main()
        """,
    )
    assert tree(run.call("main")) == ["main", ["a", ["work"], ["b", ["c", ["work"], ["work"]], ["work"]]], ["work"]]
    a, b, c, last = run.call("a"), run.call("b"), run.call("c"), run.calls("work")
    assert ends(a) <= last[2].start_ns <= ends(c) <= last[3].start_ns <= ends(b) <= last[4].start_ns
    assert [end(call) for call in (a, b, c)] == ["returned"] * 3


def test_a_context_manager_made_of_a_generator(workshop: Workshop) -> None:
    run = record(
        workshop,
        """
        @contextlib.contextmanager
        def phase(name):
            with region(name):
                yield
        @contextlib.asynccontextmanager
        async def slow(name):
            await asyncio.sleep(0)
            with region(name):
                await asyncio.sleep(0)
                yield
                await asyncio.sleep(0)
        async def go():
            async with slow("slow"):
                work(3)
                await asyncio.sleep(0)
                work(4)
        def main():
            with phase("good"):
                work(1)
            try:
                with phase("bad"):
                    fail(2)
            except ValueError: pass
            asyncio.run(go())
        main()
        """,
    )
    assert tree(run.call("main")) == ["main", ["phase", ["good", ["work"]]], ["phase", ["bad", ["fail"]]]]
    assert tree(run.call("go")) == ["go", ["slow", ["slow", ["work"], ["work"]]]]
    assert [end(run.call(name)) for name in ("good", "bad")] == ["returned", "ValueError"]
    assert [end(call) for call in run.calls("slow")] == ["returned"] * 2
    assert "also to" not in workshop.flowtrace("show").out


def test_in_a_generator(workshop: Workshop) -> None:
    run = record(
        workshop,
        """
        def numbers(n):
            with region("numbers of", n=n):
                for i in range(n):
                    work(i)
                    yield i
            work("end")
        def main():
            a, b = numbers(2), numbers(2)
            for i, k in zip(a, b, strict=True): work(10 + i)
            it = numbers(3)
            next(it)
            it.close()
            dropped = numbers(3)
            next(dropped)
            del dropped
        main()
        """,
    )
    one = ["numbers of", ["work"], ["work"]]
    assert tree(run.call("main"))[1:3] == [["numbers", one, ["work"]], ["numbers", one, ["work"]]]
    assert [end(call) for call in run.calls("numbers of")] == ["returned"] * 2 + ["GeneratorExit"] * 2
    assert all(call.waiting_ns for call in run.calls("numbers of"))
    assert len(run.call("main").children) == 6


def test_in_tasks(workshop: Workshop) -> None:
    run = record(
        workshop,
        """
        async def step(n):
            with region("step", n=n):
                work(n)
                await asyncio.sleep(0.001)
                with region("deep", n=n):
                    await inner(n)
                work(n)
        async def inner(n):
            async def nothing(): work(("nothing", n))
            with region("inner"):
                await asyncio.gather(nothing())
                work(n)
        class Session:
            async def __aenter__(self):
                self.region = region("session")
                self.region.__enter__()
                await asyncio.sleep(0)
            async def __aexit__(self, *exc):
                await asyncio.sleep(0)
                self.region.__exit__(*exc)
        async def forgets():
            keep.append(region("forgotten"))
            keep[-1].__enter__()
            await asyncio.sleep(0)
        keep = []
        async def main():
            await asyncio.gather(step(1), step(2), forgets())
            async with Session():
                work(3)
            work(4)
        asyncio.run(main())
        """,
    )
    for n in 0, 1:
        step = run.calls("step")[2 * n]
        assert tree(step) == [
            "step", ["step", ["work"], ["deep", ["inner", ["inner", ["work"]]]], ["work"]],
        ]  # fmt: skip
        (region,) = step.children
        assert region.track == step.track and 0 < region.waiting_ns < step.duration_ns
        assert {call.track for call in region.children} == {step.track}
        assert run.calls("inner.<locals>.nothing")[n].created_by == run.calls("inner")[2 * n + 1]
    assert tree(run.call("main"))[1:] == [
        ["Session.__aenter__", ["session", ["work"], ["Session.__aexit__"]]],
        ["work"],
    ]
    assert end(run.call("forgotten")) == "abandoned"
    assert "wait" in next(line for line in workshop.flowtrace("show").out.splitlines() if "[step]" in line)


def test_a_cancelled_task(workshop: Workshop) -> None:
    run = record(
        workshop,
        """
        async def inner():
            with region("inner"):
                await asyncio.sleep(100)
        async def outer():
            with region("outer"):
                await inner()
        async def main():
            task = asyncio.create_task(outer())
            await asyncio.sleep(0)
            task.cancel()
            try: await task
            except asyncio.CancelledError: pass
            try:
                async with asyncio.timeout(0.001):
                    with region("timed"):
                        await asyncio.sleep(100)
            except TimeoutError: pass
        asyncio.run(main())
        """,
    )
    outer, inner = run.calls("outer"), run.calls("inner")
    assert [end(call) for call in outer + inner] == ["CancelledError"] * 4
    assert tree(outer[0]) == ["outer", ["outer", ["inner", ["inner"]]]]
    assert end(run.call("timed")) == "CancelledError"
    (exception,) = {inner[0].exception, *(call.exception for call in outer)}
    assert [call.function.qualname for call in exception.path] == ["inner", "inner", "outer", "outer"]


def test_left_by_another_thread(workshop: Workshop) -> None:
    run = record(
        workshop,
        """
        def main():
            r = region("handed over")
            r.__enter__()
            work(1)
            thread = threading.Thread(target=other, args=(r,))
            thread.start(); thread.join()
            work(2)
        def other(r):
            r.__exit__(None, None, None)
            with region("own"): work(3)
        main()
        work(4)
        """,
    )
    assert tree(run.call("main")) == ["main", ["handed over", ["work"], ["work"]]]
    assert end(run.call("handed over")) == "returned"
    assert tree(run.call("other")) == ["other", ["own", ["work"]]]


def test_never_left(workshop: Workshop) -> None:
    run = record(
        workshop,
        """
        def f():
            region("dropped").__enter__()
            work(1)
        def g():
            keep.append(region("kept"))
            keep[0].__enter__()
        keep = []
        def main():
            f()
            g()
            work(2)
        main()
        work(3)
        """,
    )
    body = run.calls()[0]
    assert tree(body)[1:] == [["main", ["f", ["dropped"], ["work"]], ["g", ["kept", ["work"], ["work"]]]]]
    assert (end(run.call("dropped")), end(run.call("kept"))) == ("abandoned", "abandoned")


def test_open_at_the_end(workshop: Workshop) -> None:
    run = record(
        workshop,
        """
        import os
        def main():
            with region("open"):
                work(1)
                os._exit(3)
        main()
        """,
        status=3,
    )
    assert tree(run.call("main")) == ["main", ["open", ["work"]]]
    assert end(run.call("open")) == "running"
    assert "[open]" in workshop.flowtrace("show").out


def test_while_recording_begins_and_ends(workshop: Workshop) -> None:
    workshop.write(
        "app.py",
        textwrap.dedent(BEFORE)
        + textwrap.dedent("""
        early = region("early", n=1)
        entered = region("entered before")
        entered.__enter__()
        def body():
            with region("inside"): work(1)
            entered.__exit__(None, None, None)
        flowtrace.start_tracing()
        with early: body()
        late = region("late")
        late.__enter__()
        events = flowtrace.stop_tracing()
        late.__exit__(None, None, None)
        print([(event.kind, event.function) for event in events])
        print([event.arguments for event in events if event.kind == "call"][0])
        flowtrace.start_tracing()
        late.__exit__(None, None, None)
        with region("second"): work(2)
        print([(event.kind, event.function) for event in flowtrace.stop_tracing()])
        """),
    )
    run = workshop.python("app.py")
    assert run.status == 0, run.err
    calls = [eval(line) for line in run.out.splitlines()]
    assert calls[0] == [
        ("call", "early"), ("call", "body"), ("call", "inside"), ("call", "work"),
        ("return", "work"), ("return", "inside"), ("return", "body"), ("return", "early"), ("call", "late"),
    ]  # fmt: skip
    assert calls[1] == {"n": "1"}
    assert calls[2] == [("call", "second"), ("call", "work"), ("return", "work"), ("return", "second")]


def test_a_fork_in_a_region(workshop: Workshop) -> None:
    run = record(
        workshop,
        """
        import os, warnings
        warnings.simplefilter("ignore")
        def main():
            with region("both"):
                pid = os.fork()
                work(1)
                if not pid:
                    with region("child"): work(2)
            if pid: os.waitpid(pid, 0)
        main()
        """,
    )
    assert sorted(end(call) for call in run.calls("both")) == ["returned"] * len(run.calls("both"))
    assert tree(run.call("child")) == ["child", ["work"]]


def test_many_chunks_and_names(workshop: Workshop) -> None:
    run = record(
        workshop,
        """
        def main():
            with region("outermost"):
                for i in range(5000):
                    with region(f"request {i}", i=i, text="x" * 200):
                        work(i)
        main()
        """,
    )
    (outer,) = run.call("main").children
    assert len(outer.children) == 5000
    assert [call.arguments["i"].python() for call in outer.children] == list(range(5000))
    assert {call.function.qualname for call in outer.children} == {f"request {i}" for i in range(5000)}
    assert end(outer) == "returned"


def test_greenlets(workshop: Workshop) -> None:
    pytest.importorskip("greenlet")
    if FREE_THREADED:
        workshop.environment["PYTHON_GIL"] = "1"
    run = record(
        workshop,
        """
        import greenlet
        def one():
            with region("one"):
                work(1)
                two_greenlet.switch()
                work(1)
            return "done"
        def two():
            with region("two"):
                work(2)
                one_greenlet.switch()
                work(2)
        one_greenlet, two_greenlet = greenlet.greenlet(one), greenlet.greenlet(two)
        def main():
            with region("main region"):
                one_greenlet.switch()
                work(3)
        main()
        """,
    )
    assert tree(run.calls("one")[0]) == ["one", ["one", ["work"], ["work"]]]
    assert tree(run.calls("two")[0]) == ["two", ["two", ["work"]]]
    assert tree(run.call("main region"))[-1] == ["work"]


# --- with options ------------------------------------------------------------------


@pytest.mark.parametrize("options", [["--boundary"], ["--caught"], ["--boundary", "--caught"], ["--no-time"]])
def test_with_the_recorders_options(workshop: Workshop, options: list[str]) -> None:
    run = record(
        workshop,
        """
        import json
        def main():
            with contextlib.ExitStack() as stack:
                stack.enter_context(region("a"))
                json.loads("1")
                try: fail(1)
                except ValueError: pass
                json.loads("2")
            try:
                with region("b"): json.loads("{")
            except ValueError: pass
            note("end")
        main()
        """,
        *options,
    )
    loads = [["json.loads" if "." in name else name] for name in run.names() if "loads" in name]
    assert len(loads) == (3 if "--boundary" in options else 0)
    plain = [call for call in run.call("main").children if call.function.kind != "library"]
    assert [call.function.qualname for call in plain] == ["a", "b", "end"]
    assert end(plain[1]) == "JSONDecodeError"
    inside = [call.function.qualname for call in plain[0].children if call.function.kind != "library"]
    assert inside == ["fail"]
    assert "flowtrace" not in "".join(run.names())


def test_filters_know_them(workshop: Workshop) -> None:
    record(
        workshop,
        """
        def main():
            for name in "ab":
                with region("load", file=name):
                    work(name)
                note("done", file=name)
        main()
        """,
    )
    assert workshop.flowtrace("find", "--function", "load", "--arg", "file=b").out.count("[load]") == 1
    story = workshop.flowtrace("show", "--under", "load").out
    assert "[load]" in story and "note" not in story and "work" in story
    report = workshop.flowtrace("report").out
    assert "[load]" in report and "note: done" in report
    assert "[load]" in workshop.flowtrace("graph").out


def test_without_the_core(workshop: Workshop) -> None:
    workshop.write(
        "app.py",
        """
        import sys
        sys.modules["flowtrace._core"] = None
        import flowtrace
        with flowtrace.region("a", n=1) as it: print(it)
        print(flowtrace.note("b", n=2))
        for function in flowtrace.region, flowtrace.note:
            try: function(1)
            except TypeError as error: print(error)
        @flowtrace.trace
        def f():
            with flowtrace.region("in"): return 1
        f()
        """,
    )
    run = workshop.python("app.py")
    assert run.out.splitlines() == [
        "flowtrace.region('a')", "None",
        "region() needs a name that is a str, not int", "note() needs a name that is a str, not int",
    ]  # fmt: skip


@pytest.mark.skipif(sys.version_info < (3, 13), reason="sub-interpreters have no module for themselves")
def test_in_a_subinterpreter(workshop: Workshop) -> None:
    record(
        workshop,
        """
        import _interpreters
        id = _interpreters.create()
        _interpreters.exec(id, '''if 1:
            import flowtrace
            with flowtrace.region("in there", n=1): flowtrace.note("x")
        ''')
        _interpreters.destroy(id)
        """,
    )
