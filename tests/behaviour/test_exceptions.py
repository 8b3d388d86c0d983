"""Exceptions as journeys: where raised, what they were, what they left, where they were caught."""

from __future__ import annotations

import pytest
from conftest import Run, Workshop

from flowtrace._core import ExceptionInfo


def story(workshop: Workshop, *options: str) -> str:
    """What is told of the trace, without its header."""
    done = workshop.flowtrace("show", "--no-time", "--width", "150", *options)
    assert done.status == 0, done.err
    return done.out.split("\n", 2)[2]


def header(workshop: Workshop) -> str:
    return workshop.flowtrace("show", "--no-time", "--width", "150").out.split("\n", 1)[0]


def line_of(run: Run, text: str) -> int:
    """The number of the one line of app.py that holds `text`."""
    lines = (run.trace_path.parent / "app.py").read_text().splitlines()
    (found,) = [number for number, line in enumerate(lines, 1) if text in line]
    return found


def of_type(run: Run, name: str) -> ExceptionInfo:
    (only,) = [exception for exception in run.trace.exceptions if exception.type == name]
    return only


def left(exception: ExceptionInfo) -> list[str]:
    return [call.function.qualname for call in exception.path]


# --- what it was -----------------------------------------------------------------


def test_messages_are_read_without_user_code(workshop: Workshop) -> None:
    run = workshop.record("""
        def no_file(): open("/nowhere/at/all")
        def renamed(): __import__("os").rename("/nowhere/a", "/nowhere/b")
        def keyed(): {}["a"]
        def syntax(): compile("a b", "x", "exec")
        def decoded(): b"\\xff".decode()
        def stopped(): raise StopIteration(5)
        def refuse(self): raise SystemError("user code ran")
        class Own(Exception):
            __str__ = __repr__ = __getattribute__ = refuse
        def own(): raise Own("text", 1)
        for f in no_file, renamed, keyed, syntax, decoded, stopped, own:
            try: f()
            except Exception: pass
        """)
    told = {left(exception)[0]: (exception.type, exception.message) for exception in run.trace.exceptions}
    assert told == {
        "no_file": ("FileNotFoundError", "(2, 'No such file or directory')"),
        "renamed": ("FileNotFoundError", "(2, 'No such file or directory')"),
        "keyed": ("KeyError", "a"),
        "syntax": ("SyntaxError", told["syntax"][1]),
        "decoded": ("UnicodeDecodeError", r"('utf-8', b'\xff', 0, 1, 'invalid start byte')"),
        "stopped": ("StopIteration", "5"),
        "own": ("Own", "('text', 1)"),
    }
    assert told["syntax"][1].startswith("('invalid syntax', ('x', 1, 3, ")
    assert run.calls("refuse") == []
    files = {left(exception)[0]: exception.files for exception in run.trace.exceptions if exception.files}
    assert files == {"no_file": ["/nowhere/at/all"], "renamed": ["/nowhere/a", "/nowhere/b"]}
    assert "raised app.py:1 · file all · left no_file" in story(workshop)


def test_own_attributes_are_told(workshop: Workshop) -> None:
    run = workshop.record("""
        class Answer(Exception):
            def __init__(self, status, url, token):
                super().__init__("bad answer", url)
                self.status, self.url, self.token, self._private = status, url, token, 1
        class Bare(Exception):
            def __init__(self, *, code): self.code = code
        class Slotted(Exception):
            __slots__ = ("place",)
        def answer(): raise Answer(404, "http://x", "s3cr3t")
        def bare(): raise Bare(code=7)
        def slotted():
            error = Slotted("s"); error.place = "here"; raise error
        for f in answer, bare, slotted:
            try: f()
            except Exception: pass
        """)
    lines = [line for line in story(workshop).splitlines() if "✗" in line]
    assert [line.split("✗ ")[1] for line in lines] == [
        "Answer('bad answer', 'http://x', status=404, token=<redacted>)",
        "Bare(code=7)",
        "Slotted('s', place='here')",
    ]
    assert [exception.message for exception in run.trace.exceptions] == [
        "('bad answer', 'http://x', status=404, token=<redacted>)",
        "(code=7)",
        "s",
    ]
    assert b"s3cr3t" not in run.trace_path.read_bytes()


def test_types_of_one_name_are_told_apart(workshop: Workshop) -> None:
    workshop.write("shop.py", "class Cart:\n    class Full(Exception): pass\nclass TimeoutError(Exception): pass\n")
    run = workshop.record("""
        import shop
        class Full(Exception): pass
        class Other(Exception): pass
        def fail(error): raise error
        for error in Full("a"), shop.Cart.Full("b"), shop.TimeoutError("c"), TimeoutError("d"), Other("e"):
            try: fail(error)
            except Exception: pass
        """)
    assert [exception.qualified_type for exception in run.trace.exceptions] == [
        "__main__.Full",
        "shop.Cart.Full",
        "shop.TimeoutError",
        "TimeoutError",
        "__main__.Other",
    ]
    told = [line.split("✗ ")[1] for line in story(workshop).splitlines() if "✗" in line]
    assert told == [
        "__main__.Full('a')",
        "shop.Cart.Full('b')",
        "shop.TimeoutError('c')",
        "TimeoutError('d')",
        "Other('e')",
    ]


def test_notes(workshop: Workshop) -> None:
    run = workshop.record("""
        def fail():
            error = ValueError("n")
            error.add_note("the first"); error.add_note("password " + "x" * 1000)
            raise error
        try: fail()
        except ValueError: pass
        """)
    (exception,) = run.trace.exceptions
    assert exception.notes == ["the first", "password " + "x" * 231]
    assert "· note: the first\n" in story(workshop)


def test_strange_notes(workshop: Workshop) -> None:
    workshop.write(
        "app.py",
        """
        class Key(str):
            def __eq__(self, other): print("compared"); return False
            def __hash__(self): return hash("__notes__")
        def fail(notes):
            error = ValueError("n")
            error.__dict__[Key()] = 1
            error.__notes__ = notes
            raise error
        for notes in 5, [1, None, "text"], (), ["\\udcff"]:
            try: fail(notes)
            except ValueError: pass
        print("end")
        """,
    )
    seed = {"PYTHONHASHSEED": "1"}  # how often the dict itself compares
    run = workshop.run("app.py", environment=seed)
    assert run.outcome == workshop.python("app.py", environment=seed).outcome
    assert "compared" in run.out
    assert [len(exception.notes) for exception in run.trace.exceptions] == [0, 3, 0, 1]
    assert run.trace.exceptions[1].notes == ["", "", "text"]


# --- what came before it -----------------------------------------------------------


def test_causes_and_contexts_are_told_apart(workshop: Workshop) -> None:
    run = workshop.record("""
        def lookup(): return {}["a"]
        def chained():
            try: lookup()
            except KeyError as error: raise RuntimeError("c") from error
        def meanwhile():
            try: lookup()
            except KeyError: raise RuntimeError("m")
        def hidden():
            try: lookup()
            except KeyError: raise RuntimeError("h") from None
        def cleaning():
            try: lookup()
            finally: raise RuntimeError("f")
        def first(): raise RuntimeError("1")
        for f in chained, meanwhile, hidden, cleaning, first:
            try: f()
            except RuntimeError: pass
        """)
    lookups = [exception for exception in run.trace.exceptions if exception.type == "KeyError"]
    others = {exception.message: exception for exception in run.trace.exceptions if exception.type == "RuntimeError"}
    assert [(name, error.cause, error.cause_kind) for name, error in others.items()] == [
        ("c", "KeyError", "cause"),
        ("m", "KeyError", "context"),
        ("h", None, "suppressed"),
        ("f", "KeyError", "context"),
        ("1", None, None),
    ]
    assert [error.cause_exception for error in others.values()] == [*lookups, None]
    assert [error.caught_by for error in lookups] == [
        run.call(name) for name in ("chained", "meanwhile", "hidden", "cleaning")
    ]
    told = story(workshop)
    assert "raised app.py:4 from KeyError · left chained" in told
    assert "raised app.py:7 while handling KeyError · left meanwhile" in told
    assert "raised app.py:10 · left hidden" in told


def test_groups_with_their_leaves(workshop: Workshop) -> None:
    run = workshop.record("""
        def fail():
            inner = ExceptionGroup("in", [KeyError("b"), OSError(2, "c")])
            raise ExceptionGroup("many", [ValueError("a"), inner, EOFError()])
        def large(): raise ExceptionGroup("large", [ValueError(str(n)) for n in range(5000)])
        def shared():
            group = ExceptionGroup("0", [ValueError("v")])
            for n in range(60): group = ExceptionGroup(str(n), [group, group])
            raise group
        for f in fail, large, shared:
            try: f()
            except Exception: pass
        """)
    first, large, shared = run.trace.exceptions
    assert first.leaves == [("ValueError", "a"), ("KeyError", "b"), ("FileNotFoundError", ""), ("EOFError", "")]
    assert large.leaves == [("ValueError", str(n)) for n in range(12)]
    assert len(shared.leaves) <= 12
    told = story(workshop)
    assert "raised app.py:3 · 4 inside: ValueError('a'), KeyError('b'), FileNotFoundError, EOFError · left fail" in told
    assert "1,000 inside: ValueError('0'), ValueError('1'), ValueError('2'), ValueError('3'), …996 more" in told


def test_what_except_star_leaves_goes_on(workshop: Workshop) -> None:
    run = workshop.record("""
        def fail(): raise ExceptionGroup("g", [ValueError("a"), KeyError("b")])
        def handles():
            try: fail()
            except* ValueError: pass
        def none_fits():
            try: fail()
            except* EOFError: pass
        def both():
            try: fail()
            except* (ValueError, KeyError): pass
        for f in handles, none_fits, both:
            try: f()
            except Exception: pass
        """)
    whole, rest, unfit, all_of_it, handled = run.trace.exceptions
    assert rest.split_from == whole
    assert rest.leaves == [("KeyError", "b")]
    assert (left(whole), left(rest)) == (["fail"], ["handles"])
    assert (left(unfit), left(all_of_it), all_of_it.split_from) == (["fail"], ["none_fits"], unfit)
    assert all_of_it.leaves == [("ValueError", "a"), ("KeyError", "b")]
    assert (left(handled), handled.caught_by) == (["fail"], run.call("both"))
    assert "what except* left of ExceptionGroup · 1 inside: KeyError('b') · left handles" in story(workshop)


def test_a_task_groups_exceptions(workshop: Workshop) -> None:
    run = workshop.record("""
        import asyncio
        async def child(text): raise ValueError(text)
        async def work():
            async with asyncio.TaskGroup() as group:
                group.create_task(child("a")); group.create_task(child("b"))
        async def main():
            try: await work()
            except* ValueError: pass
        asyncio.run(main())
        """)
    group = of_type(run, "ExceptionGroup")
    assert sorted(group.leaves) == [("ValueError", "a"), ("ValueError", "b")]
    assert (left(group), group.caught_by) == (["work"], run.call("main"))
    assert group.raised_at.file.endswith("taskgroups.py")


# --- one object, one journey; and what ends it -----------------------------------------


def test_kept_and_raised_again(workshop: Workshop) -> None:
    run = workshop.record("""
        kept = None
        def fail(): raise ValueError("x")
        def keep():
            global kept
            try: fail()
            except ValueError as error: kept = error
        def again(): raise kept  # again
        def passes(): again()
        keep()
        for n in range(3):
            try: passes()
            except ValueError: pass
        """)
    (exception,) = run.trace.exceptions
    journeys = [[call.function.qualname for call in journey] for journey in exception.journeys]
    assert journeys == [["fail"], *[["again", "passes"]] * 3]
    assert left(exception) == ["fail", *["again", "passes"] * 3]
    assert [line.rstrip() for line in story(workshop).replace("×3", "").splitlines()[1:]] == [
        "├─ keep()",
        "│  └─ fail()  ✗ ValueError('x')",
        "│        raised app.py:2 · left fail · caught in keep (app.py:5)",
        "└─ passes()  ✗ ValueError",
        "   └─ again()  ✗ ValueError",
        "         raised again app.py:7 · left again, passes · caught in app.py (app.py:11)",
    ]


def test_a_jobs_exception_comes_up_where_the_result_is_asked_for(workshop: Workshop) -> None:
    run = workshop.record("""
        from concurrent.futures import ThreadPoolExecutor
        def job(): raise ValueError("in the job")
        def ask(future): return future.result()
        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(job)
            try: ask(future)
            except ValueError: pass
        """)
    (exception,) = run.trace.exceptions
    assert [[call.function.qualname for call in journey] for journey in exception.journeys] == [["job"], ["ask"]]
    told = story(workshop)
    assert "raised app.py:2 · left job · kept for who asks for the job's result" in told
    assert "raised again app.py:3 · left ask · caught in app.py (app.py:6)" in told


def test_raised_again_and_swallowed_by_a_finally(workshop: Workshop) -> None:
    run = workshop.record("""
        def fail(): raise ValueError("x")
        def bare():
            try: fail()
            except ValueError: raise
        def named():
            try: bare()
            except ValueError as error: raise error
        def finally_passes():
            try: named()
            finally: tidy()
        def tidy(): pass
        import warnings
        warnings.simplefilter("ignore")  # of 3.14's SyntaxWarning
        exec('''if 1:
            def swallows():
                try: finally_passes()
                finally: return 1
            ''')
        swallows()
        """)
    (exception,) = run.trace.exceptions
    assert left(exception) == ["fail", "bare", "named", "finally_passes"]
    assert exception.journeys == [exception.path]
    assert exception.caught_by == run.call("swallows")
    assert run.call("swallows").result.python() == 1
    assert [call.function.qualname for call in run.call("finally_passes").children] == ["named", "tidy"]


def test_swallowed_by_a_context_manager(workshop: Workshop) -> None:
    run = workshop.record("""
        import contextlib
        def fail(text): raise ValueError(text)
        class Swallows:
            def __enter__(self): return self
            def __exit__(self, *error): return True
        class Fails(Swallows):
            def __exit__(self, *error): raise KeyError("from exit")
        @contextlib.contextmanager
        def manager():
            try: yield
            except ValueError: pass
        def suppressed():
            with contextlib.suppress(ValueError): fail("a")
        def swallowed():
            with Swallows(): fail("b")
        def replaced():
            with Fails(): fail("c")
        def managed():
            with manager(): fail("d")
        suppressed(); swallowed(); managed()
        try: replaced()
        except KeyError: pass
        """)
    by = {exception.message: exception for exception in run.trace.exceptions}
    assert {text: by[text].caught_by.function.qualname for text in "abc"} == {
        "a": "suppressed",
        "b": "swallowed",
        "c": "replaced",
    }
    assert by["d"].caught_by == run.call("manager")
    assert left(by["from exit"]) == ["Fails.__exit__", "replaced"]
    assert (by["from exit"].cause, by["from exit"].cause_exception) == ("ValueError", by["c"])


def test_raised_in_every_kind_of_place(workshop: Workshop) -> None:
    workshop.write("broken.py", "raise LookupError('import')\n")
    run = workshop.record("""
        import functools, sys
        sys.unraisablehook = lambda unraisable: None
        class Meta(type):
            def __call__(cls): raise LookupError("metaclass")
        class Made(metaclass=Meta): pass
        class Thing:
            @property
            def broken(self): raise LookupError("property")
            def __del__(self): raise LookupError("finalizer")
            def __len__(self): raise LookupError("dunder")
        def wraps(function):
            @functools.wraps(function)
            def wrapper(): return function()
            return wrapper
        @wraps
        def decorated(): raise LookupError("decorated")
        def key(item): raise LookupError("callback")
        def closing():
            try: yield
            finally: raise LookupError("closing")
        def close():
            g = closing(); next(g); g.close()
        def from_class(): raise LookupError
        thing = Thing()
        attempts = [Made, lambda: thing.broken, lambda: len(thing), decorated, lambda: sorted([1], key=key), close,
                    lambda: __import__("broken"), from_class]
        for attempt in attempts:
            try: attempt()
            except LookupError: pass
        del thing
        """)
    told = {exception.message: left(exception) for exception in run.trace.exceptions if exception.type == "LookupError"}
    assert told == {
        "metaclass": ["Meta.__call__"],
        "property": ["Thing.broken", "<lambda>"],
        "dunder": ["Thing.__len__", "<lambda>"],
        "decorated": ["decorated", "wraps.<locals>.wrapper"],
        "callback": ["key", "<lambda>"],
        "closing": ["closing", "close"],
        "import": ["<module>", "<lambda>"],
        "": ["from_class"],
        "finalizer": ["Thing.__del__"],
    }


# --- what they mean ---------------------------------------------------------------


def test_ends_of_iteration_are_no_errors(workshop: Workshop) -> None:
    run = workshop.record("""
        import asyncio
        class Once:
            def __iter__(self): return self
            def __next__(self): raise StopIteration
            def __aiter__(self): return self
            async def __anext__(self): raise StopAsyncIteration
        class Done(StopIteration): pass
        class Twice(Once):
            def __next__(self): raise Done
        def leaks():
            yield 1
            next(Once())
        async def main():
            async for _ in Once(): pass
        for _ in Once(): pass
        for _ in Twice(): pass
        try: list(leaks())
        except RuntimeError: pass
        asyncio.run(main())
        """)
    assert header(workshop).endswith("1 exception, all caught")
    runtime = of_type(run, "RuntimeError")
    assert (left(runtime), runtime.cause) == (["leaks"], "StopIteration")
    assert {exception.meaning for exception in run.trace.exceptions if exception != runtime} == {"end"}
    told = story(workshop)
    assert told.count("✗") == 1
    assert told.count("(no more)") == 4


EXITS = """
    import sys, threading
    def leave(*status): sys.exit(*status)
    def in_thread(): leave("only me")
    thread = threading.Thread(target=in_thread, name="worker"); thread.start(); thread.join()
    def stays():
        try: leave(3)
        except SystemExit: pass
    stays()
    {last}
    """


@pytest.mark.parametrize(
    ("last", "status", "words"),
    [
        ("leave()", 0, "asked for exit status 0 at app.py:2"),
        ("leave(None)", 0, "asked for exit status 0 at app.py:2"),
        ("leave(7)", 7, "asked for exit status 7 at app.py:2"),
        ("leave('bad')", 1, "asked for exit status 1 and a message at app.py:2"),
        ("raise SystemExit(4)", 4, "asked for exit status 4 at app.py:9"),
    ],
)
def test_the_program_asks_to_end(workshop: Workshop, last: str, status: int, words: str) -> None:
    workshop.record(EXITS.format(last=last), status=status)
    told = story(workshop)
    assert f"{words} · left " in told
    assert told.rstrip().count("· ended the program") == 1
    assert "asked for exit status 3 at app.py:2 · left leave · caught in stays (app.py:6)" in told
    assert (
        "asked for exit status 1 and a message at app.py:2 · left leave, in_thread · ended only thread worker" in told
    )
    assert "exception" not in header(workshop)


def test_an_end_that_is_no_exception(workshop: Workshop) -> None:
    run = workshop.record("import os\ndef leave(): os._exit(5)\nleave()", status=5)
    assert run.trace.exceptions == ()
    assert header(workshop).endswith("exit status 5")


def test_ctrl_c(workshop: Workshop) -> None:
    done = workshop.record(
        """
        import os, signal, time
        def work():
            os.kill(os.getpid(), signal.SIGINT)
            while True: time.sleep(0.01)
        def main():
            try: work()
            finally: tidy()
        def tidy(): pass
        main()
        """,
        status=-2,
    )
    (exception,) = done.trace.exceptions
    assert exception.meaning == "interrupt"
    assert left(exception) == ["work", "main", "<module>"]
    assert exception.raised_at.line in {3, 4}
    assert "interrupted (Ctrl-C) at app.py:" in story(workshop)
    assert "exception" not in header(workshop)


def test_generators_that_are_closed_are_no_errors(workshop: Workshop) -> None:
    run = workshop.record("""
        class Closed(GeneratorExit): pass
        def numbers():
            try: yield 1
            finally: tidy()
        def tidy(): pass
        def main():
            g = numbers(); next(g); g.close()
            g = numbers(); next(g)
            try: g.throw(Closed())
            except Closed: pass
        main()
        """)
    assert {exception.meaning for exception in run.trace.exceptions} == {"close"}
    assert "exception" not in header(workshop)
    assert story(workshop).count("(closed)") == 2
    assert [call.outcome for call in run.calls("numbers")] == ["raised", "raised"]


def test_cancellation_is_no_error(workshop: Workshop) -> None:
    run = workshop.record("""
        import asyncio
        async def wait(): await asyncio.sleep(10)
        async def main():
            task = asyncio.create_task(wait()); await asyncio.sleep(0)
            task.cancel()
            try: await task
            except asyncio.CancelledError: pass
        asyncio.run(main())
        """)
    assert {exception.meaning for exception in run.trace.exceptions} == {"cancel"}
    assert "exception" not in header(workshop)


# --- depth, signals, other threads -----------------------------------------------------


@pytest.mark.parametrize("limit", [60, 100, 333, 1000, 5000])
def test_recursion_ends_at_the_same_depth(workshop: Workshop, limit: int) -> None:
    run = workshop.record(f"""
        import sys, functools, json
        depth = 0
        def down(n):
            global depth
            depth = n
            down(n + 1)
        class Deep:
            def __repr__(self):
                global depth
                depth += 1
                return repr([self])
        def through_c(n):
            global depth
            depth = n
            return functools.reduce(lambda a, b: through_c(n + 1), [1, 2])
        sys.setrecursionlimit({limit})
        for attempt in (lambda: down(0), lambda: repr(Deep()), lambda: through_c(0)):
            depth = 0
            try: attempt()
            except RecursionError: print(depth)
        """)
    assert workshop.python("app.py").outcome == run.outcome
    assert len(run.out.split()) == 3
    assert {exception.type for exception in run.trace.exceptions} == {"RecursionError"}


SIGNALS = """
    import signal, sys
    class Tick(Exception): pass
    def on_tick(number, frame):
        raise Tick
    def leaf(): return 1
    def gen():
        while True: yield leaf()
    def calls(n, g):
        for i in range(n):
            leaf(); next(g)
    def attempt(n):
        g = gen()
        calls(n, g)
    signal.signal(signal.SIGALRM, on_tick)
    caught = 0
    while caught < 2000:
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.00005)
            attempt(2000)
        except Tick:
            caught += 1
        else:
            pass
    signal.setitimer(signal.ITIMER_REAL, 0)
    """


def test_exceptions_of_signal_handlers_anywhere(workshop: Workshop) -> None:
    run = workshop.record(SIGNALS, "--no-values")
    parents = {"attempt": "<module>", "calls": "attempt", "gen": "calls", "on_tick": None, "leaf": None}
    for call in run.trace.calls():
        name = call.function.qualname
        if name == "leaf":
            assert call.parent.function.qualname in {"calls", "gen"}
        elif parents.get(name):
            assert call.parent.function.qualname == parents[name]
        assert call.outcome != "running"
        assert call.depth <= 6
    ticks = [exception for exception in run.trace.exceptions if exception.type == "Tick"]
    assert len(ticks) >= 2000
    for tick in ticks:
        names = left(tick)
        assert names[0] == "on_tick"
        assert tick.raised_at.function == "on_tick"


def test_an_exception_set_from_another_thread(workshop: Workshop) -> None:
    run = workshop.record(
        """
        import ctypes, threading
        class Stop(Exception): pass
        ready = threading.Event()
        def leaf(): return 1
        def work():
            ready.set()
            while True: leaf()
        def body():
            try: work()
            except Stop: pass
            leaf()
        def main():
            thread = threading.Thread(target=body, name="worker"); thread.start(); ready.wait()
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(Stop))
            thread.join()
        main()
        """,
        "--no-values",
    )
    (exception,) = run.trace.exceptions
    assert exception.type == "Stop"
    assert left(exception)[-1] == "work"
    assert exception.caught_by == run.call("body")
    assert [call.function.qualname for call in run.call("body").children] == ["work", "leaf"]


# --- tracebacks that are not as they should be --------------------------------------------


def test_tracebacks_that_the_program_edits(workshop: Workshop) -> None:
    run = workshop.record("""
        import traceback
        def fail(): raise ValueError("x")
        def cleared():
            try: fail()
            except ValueError as error:
                traceback.clear_frames(error.__traceback__)
                raise
        def removed():
            try: fail()
            except ValueError as error: raise error.with_traceback(None)
        def emptied():
            try: fail()
            except ValueError as error:
                error.__traceback__ = None
                raise
        def cut():
            try: fail()
            except ValueError as error: raise error.with_traceback(error.__traceback__.tb_next)
        for f in cleared, removed, emptied, cut:
            try: f()
            except ValueError: pass
        """)
    assert [(exception.message, exception.path[-1].function.qualname) for exception in run.trace.exceptions] == [
        ("x", "cleared"),
        ("x", "fail"),
        ("x", "removed"),
        ("x", "fail"),
        ("x", "emptied"),
        ("x", "cut"),
    ]


def test_a_very_long_traceback_takes_bounded_work(workshop: Workshop) -> None:
    run = workshop.record("""
        import sys, types
        def fail(): raise ValueError("x")
        def grown(size):
            try: fail()
            except ValueError as error:
                entry = error.__traceback__
                for n in range(size):
                    entry = types.TracebackType(entry, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
                return error.with_traceback(entry)
        def again(error): raise error
        error = grown(300_000)
        for n in range(300):
            try: again(error)
            except ValueError: pass
        error.__traceback__ = None  # or the interpreter's own walk of it ends the C stack
        """)
    exceptions = run.trace.exceptions
    assert len(run.calls("again")) == 300
    assert {exception.type for exception in exceptions} == {"ValueError"}


def test_chains_that_bite_their_tail(workshop: Workshop) -> None:
    run = workshop.record("""
        def fail(error): raise error
        first, second = ValueError("1"), KeyError("2")
        first.__cause__, second.__cause__ = second, first
        first.__context__, second.__context__ = second, first
        for error in first, second:
            try: fail(error)
            except Exception: pass
        """)
    assert [(exception.type, exception.cause) for exception in run.trace.exceptions] == [
        ("ValueError", "KeyError"),
        ("KeyError", "ValueError"),
    ]


def test_exceptions_that_play_tricks(workshop: Workshop) -> None:
    run = workshop.record("""
        def refuse(*args): print("user code ran"); raise SystemError
        class Meta(type):
            __instancecheck__ = __eq__ = __hash__ = __repr__ = refuse  # raise asks __subclasscheck__ itself
        def namespace():
            return {"__traceback__": property(refuse), "args": property(refuse), "__cause__": property(refuse),
                    "__context__": property(refuse), "__notes__": property(refuse), "__class__": property(refuse),
                    "__suppress_context__": property(refuse), "__getattribute__": refuse, "__hash__": refuse,
                    "__eq__": refuse, "__module__": 5, "exceptions": property(refuse)}
        Trick = Meta("Trick", (Exception,), namespace())
        Group = Meta("Group", (ExceptionGroup,), namespace())
        def fail(make): raise make()
        def both():
            for make in (lambda: Trick("x")), (lambda: Group("g", [ValueError("y")])):
                try: fail(make)
                except: pass
        both()
        """)
    assert run.outcome == workshop.python("app.py").outcome
    assert [exception.type for exception in run.trace.exceptions] == ["Trick", "Group"]
    assert run.trace.exceptions[1].leaves == [("ValueError", "y")]


def test_dead_exceptions_at_one_address_are_told_apart(workshop: Workshop) -> None:
    run = workshop.record("""
        def make(n):
            try: raise ValueError("same")
            except ValueError as error: return error
        def fail(n):
            if n: raise make(n)
            raise ValueError("same")
        def recurse(n):
            if n == 0: raise ValueError("same")
            try: recurse(n - 1)
            except ValueError as error: kept = error
            if n % 2: raise ValueError("same")
        addresses = set()
        for n in range(300):
            try: fail(n % 3)
            except ValueError as error: addresses.add(id(error))
        fails = len(addresses)
        for n in range(20):
            try: recurse(6)
            except ValueError: pass
        print(fails)
        """)
    assert int(run.out) < 10
    fails = [exception for exception in run.trace.exceptions if left(exception) == ["fail"]]
    assert len(fails) == 300
    recursed = [exception for exception in run.trace.exceptions if exception.path[0].function.qualname == "recurse"]
    assert all(len(exception.path) == 1 for exception in recursed)
    assert len(recursed) == 20 * 4


def test_caught_by_library_code_between_two_calls(workshop: Workshop) -> None:
    workshop.record("""
        import logging, sys
        logging.raiseExceptions = False
        class Handler(logging.Handler):
            def emit(self, record):
                try: fail()
                except ValueError: self.handleError(record)
        def fail(): raise ValueError("x")
        class Text:
            def __getattr__(self, name): raise AttributeError(name)
        def main():
            return hasattr(Text(), "absent"), [*map(str, filter(None, [1]))]
        def compares():
            import unittest
            return unittest.TestCase().assertRaises(ValueError, fail)
        main(); compares()
        """)
    told = story(workshop)
    assert "left fail · caught in compares (app.py:14) or library code it called" in told
