"""--caught: exceptions within a call, from where they are raised or come in to the handler that has them."""

from __future__ import annotations

import pytest
from conftest import Run, Workshop
from test_exceptions import header, left, story

from flowtrace._core import ExceptionInfo

PROGRAM = """
    import contextlib, json
    class Odd(Exception): pass
    def in_place(n):
        try:
            if n: raise Odd(n)
        except Odd:
            return "caught"
    def from_c():
        try:
            int("x")
        except (KeyError, ValueError):
            pass
    def from_library():
        try:
            json.loads("{")
        except ValueError:
            pass
    def callee(): raise Odd("callee")
    def handles():
        try:
            callee()
        except KeyError:
            pass
        except Odd:
            return 1
    def passes():
        try:
            callee()
        finally:
            callee.seen = 1
    def bare():
        try:
            raise Odd("bare")
        except Odd:
            raise
    def translates():
        try:
            raise Odd("first")
        except Odd as error:
            raise ValueError("second") from error
    def suppresses():
        with contextlib.suppress(Odd):
            callee()
    def nested():
        try:
            try: raise Odd("nested")
            except Odd: raise
        except Odd: pass
    def gen():
        try: yield 1
        except Odd: yield 2
    def throws():
        g = gen(); next(g); g.throw(Odd("thrown")); list(g)
    def gets(): return getattr(3, "x", None), hasattr(3, "y"), next(iter([]), None), [*iter([1])]
    in_place(0); in_place(1); from_c(); from_library(); handles()
    for f in passes, bare, translates:
        try: f()
        except Exception: pass
    suppresses(); nested(); throws(); gets()
    """


def caught(run: Run, name: str) -> list[tuple[str, int, int]]:
    """Message, line where it came up, line of the handlers, of what the last call of that name caught in place."""
    return [(error.message, error.caught_line, error.handler_line) for error in run.calls(name)[-1].caught]


def line_of(run: Run, text: str) -> int:
    return (run.trace_path.parent / "app.py").read_text().splitlines().index(text) + 1


def test_raised_and_caught_in_one_call(workshop: Workshop) -> None:
    run = workshop.record(PROGRAM, "--caught")
    assert run.calls("in_place")[0].caught == []
    assert caught(run, "in_place") == [("1", 5, 6)]
    assert [message[:7] for message, *_ in caught(run, "from_c")] == ["invalid"]
    assert caught(run, "from_c")[0][1:] == (10, 11)
    assert caught(run, "from_library")[0][1:] == (15, 16)
    assert run.call("from_library").caught[0].raised_at.function == "JSONDecoder.raw_decode"
    assert caught(run, "translates") == [("first", line_of(run, '        raise Odd("first")'), 39)]
    assert [message for message, *_ in caught(run, "nested")] == ["nested"]
    assert [message for message, *_ in caught(run, "gen")] == ["thrown"]
    for name in "passes", "bare", "handles", "suppresses", "gets", "throws", "<module>":
        assert caught(run, name) == []


def test_which_handler_has_what_came_out_of_a_call(workshop: Workshop) -> None:
    run = workshop.record(PROGRAM, "--caught")

    def way(error: ExceptionInfo) -> tuple[object, ...]:
        return left(error), error.caught_by.function.qualname, error.caught_line, error.handler_line

    ways = [way(error) for error in run.trace.exceptions if error.path]
    assert ways == [
        (["callee"], "handles", 21, 22),
        (["callee", "passes"], "<module>", 57, 58),
        (["bare"], "<module>", 57, 58),
        (["translates"], "<module>", 57, 58),
        (["callee"], "suppresses", 43, 42),
    ]
    second = run.call("translates").exception
    assert (second.cause_exception, second.cause_kind) == (run.call("translates").caught[0], "cause")
    assert not run.call("suppresses").children[0].exception.caught_below


def test_the_story_tells_it(workshop: Workshop) -> None:
    workshop.record(PROGRAM, "--caught")
    told = story(workshop)
    assert "├─ in_place(n=1) → 'caught'\n│     Odd(1) raised app.py:5 · caught here, handlers from line 6\n" in told
    assert "came in at line 15, caught here, handlers from line 16\n" in told
    assert "left callee · caught in handles (app.py:21, handlers from line 22)" in told
    assert header(workshop).endswith("11 exceptions, all caught")


def test_nothing_of_it_without_the_option(workshop: Workshop) -> None:
    run = workshop.record(PROGRAM)
    assert [call for call in run.trace.calls() if call.caught] == []
    assert {error.handler_line for error in run.trace.exceptions} == {0}
    assert "handlers from" not in story(workshop)
    assert header(workshop).endswith("5 exceptions, all caught")


def test_many_in_one_call(workshop: Workshop) -> None:
    run = workshop.record(
        """
        def loops():
            addresses = set()
            for n in range(500):
                try: raise ValueError("same")
                except ValueError as error: addresses.add(id(error))
            return len(addresses)
        print(loops())
        """,
        "--caught",
    )
    assert int(run.out) < 10
    assert len(run.call("loops").caught) == 500
    told = story(workshop)
    assert told.count("ValueError('same') raised app.py:4 · caught here, handlers from line 5") == 3
    assert "…497 more raised and caught here" in told


def test_dead_exceptions_at_one_address_are_told_apart_by_where_they_were_raised(workshop: Workshop) -> None:
    """A function that keeps at one time what it lets go at another: without --caught these might be taken for one."""
    run = workshop.record(
        """
        def f(keep):
            try: raise ValueError("same")
            except ValueError as error:
                if keep: return error
                raise
        def g(): raise f(True)
        for n in range(200):
            try: f(False)
            except ValueError: pass
            try: g()
            except ValueError: pass
        """,
        "--caught",
    )
    assert len(run.trace.exceptions) == 400
    assert [left(error) for error in run.trace.exceptions] == [["f"], ["g"]] * 200


def test_kept_raised_again_and_caught(workshop: Workshop) -> None:
    run = workshop.record(
        """
        kept = []
        def fail(): raise ValueError("x")
        def keep():
            try: fail()
            except ValueError as error: kept.append(error)
        def again():
            try: raise kept[0]
            except KeyError: pass
        def main():
            try: again()
            except ValueError: pass
        keep(); main()
        """,
        "--caught",
    )
    (error,) = run.trace.exceptions
    assert [[call.function.qualname for call in journey] for journey in error.journeys] == [["fail"], ["again"]]
    assert (error.caught_by, error.handler_line) == (run.call("main"), 11)
    told = story(workshop)
    assert "left fail · caught in keep (app.py:4, handlers from line 5)" in told
    assert "raised again app.py:7 · left again · caught in main (app.py:10, handlers from line 11)" in told


def test_groups_that_are_split(workshop: Workshop) -> None:
    run = workshop.record(
        """
        import asyncio
        def both():
            try: raise ExceptionGroup("g", [ValueError("a"), KeyError("b")])
            except* ValueError: pass
            except* KeyError: pass
        async def child(text): raise ValueError(text)
        async def main():
            try:
                async with asyncio.TaskGroup() as group: group.create_task(child("c"))
            except* ValueError: pass
        both()
        asyncio.run(main())
        """,
        "--caught",
    )
    (group,) = run.call("both").caught
    assert (group.type, group.leaves) == ("ExceptionGroup", [("ValueError", "a"), ("KeyError", "b")])
    (group,) = run.call("main").caught
    assert (group.type, group.leaves) == ("ExceptionGroup", [("ValueError", "c")])
    assert group.raised_at.file.endswith("taskgroups.py")


def test_what_a_task_raised_is_caught_where_it_is_awaited(workshop: Workshop) -> None:
    run = workshop.record(
        """
        import asyncio
        async def child(): raise ValueError("child")
        async def main():
            task = asyncio.create_task(child())
            try: await task
            except ValueError: pass
        asyncio.run(main())
        """,
        "--caught",
    )
    (error,) = [error for error in run.trace.exceptions if error.type == "ValueError"]
    assert (left(error), error.caught_by, error.handler_line) == (["child"], run.call("main"), 6)


@pytest.mark.parametrize("options", [(), ("--caught",)])
def test_the_program_is_the_same(workshop: Workshop, options: tuple[str, ...]) -> None:
    workshop.write(
        "app.py",
        """
        import sys, traceback, weakref
        class Odd(Exception): pass
        def deep(n):
            try:
                if n == 0: raise Odd("bottom")
                deep(n - 1)
            except Odd as error:
                if n % 3 == 0: raise ValueError(n) from error
                raise
            finally:
                print(n, sys.exc_info()[0])
        def refs():
            error = Odd("x")
            gone = weakref.ref(error)
            try: raise error
            except Odd: print(sys.getrefcount(error))
            del error
            print(gone())
        try: deep(7)
        except Exception: print(traceback.format_exc())
        refs()
        for _ in range(3):
            try: next(iter([]))
            except StopIteration as stop: print(repr(stop), stop.__traceback__.tb_lineno)
        raise Odd("end")
        """,
    )
    assert workshop.run(*options, "app.py").outcome == workshop.python("app.py").outcome


def test_exceptions_of_signal_handlers_with_caught(workshop: Workshop) -> None:
    run = workshop.record(
        """
        import signal
        class Tick(Exception): pass
        def on_tick(number, frame): raise Tick
        def leaf(): return 1
        def calls(n):
            for i in range(n): leaf()
        signal.signal(signal.SIGALRM, on_tick)
        caught = 0
        while caught < 500:
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.00005)
                calls(2000)
            except Tick: caught += 1
        signal.setitimer(signal.ITIMER_REAL, 0)
        """,
        "--caught",
        "--no-values",
    )
    for error in run.trace.exceptions:
        assert (error.type, left(error)[0], error.caught_by.function.kind) == ("Tick", "on_tick", "module")
    assert {call.parent.function.qualname for call in run.calls("leaf")} == {"calls"}
