"""@trace: the same function, and a story of each of its outermost calls."""

from __future__ import annotations

from conftest import Run, Workshop


def run(workshop: Workshop, source: str) -> Run:
    """Run a program to its good end. `names` there gives the functions that the last story called, in order."""
    workshop.write("helping.py", "import flowtrace\ndef double(x):\n    return 2 * x\n")
    start = "import flowtrace\nfrom flowtrace import trace\nfrom helping import double\n"
    start += "def names(): return [e.function for e in flowtrace.get_trace_data() if e.kind == 'call']\n"
    workshop.write("app.py", source)
    text = (workshop.folder / "app.py").read_text()
    (workshop.folder / "app.py").write_text(start + text)
    done = workshop.python("app.py")
    assert done.status == 0, done.err
    return done


def stories(done: Run) -> list[str]:
    """The titles of the stories on stderr."""
    return [line.partition(" · ")[0] for line in done.err.splitlines() if " · " in line and "call" in line]


# --- what it returns ------------------------------------------------------


def test_the_same_object_is_returned(workshop: Workshop) -> None:
    run(
        workshop,
        """
        import functools
        def plain(): pass
        async def coroutine(): pass
        def generator(): yield
        method = classmethod(plain)
        static = staticmethod(plain)
        cached = functools.lru_cache(plain)
        for function in (plain, coroutine, generator, method, static, cached):
            code = getattr(function, "__code__", None)
            before = dict(vars(function))
            assert trace(function) is function
            assert trace(show_args=False, show_result=True, show_timing=None, exc_tb_depth=3)(function) is function
            assert getattr(function, "__code__", None) is code
            assert vars(function) == before
        """,
    )


def test_what_has_no_code_is_refused_with_a_remedy(workshop: Workshop) -> None:
    done = run(
        workshop,
        """
        class Shop:
            @property
            def open(self): return True
        for thing in (Shop, vars(Shop)["open"], len, 3, Shop()):
            try:
                trace(thing)
            except TypeError as error:
                print(error)
        """,
    )
    a_class, a_property, *others = done.out.splitlines()
    assert "methods of Shop" in a_class
    assert "below @property" in a_property
    assert len(others) == 3
    assert all("no code" in line for line in others)


# --- stories --------------------------------------------------------------


def test_the_outermost_call_tells_one_story_of_all_that_ran(workshop: Workshop) -> None:
    done = run(
        workshop,
        """
        @trace
        def fib(n): return n if n < 2 else double(fib(n - 1) + fib(n - 2))
        def before(): pass
        before()
        fib(3)
        before()
        print(names())
        """,
    )
    assert stories(done) == ["fib()"]
    assert "fib(n=3) → 6" in done.err
    assert "double(x=3) → 6" in done.err
    assert "before" not in done.err
    assert done.out == "['fib', 'fib', 'fib', 'fib', 'double', 'fib', 'double']\n"


def test_each_outermost_call_has_a_story(workshop: Workshop) -> None:
    done = run(
        workshop,
        """
        @trace
        def one(): return two()
        @trace
        def two(): return double(1)
        one(); two(); one()
        """,
    )
    assert stories(done) == ["one()", "two()", "one()"]


def test_methods_of_all_kinds(workshop: Workshop) -> None:
    done = run(
        workshop,
        """
        class Shop:
            @trace
            def sell(self, x): return double(x)
            @trace
            @classmethod
            def build(cls, x): return double(x)
            @classmethod
            @trace
            def rebuild(cls, x): return double(x)
            @trace
            @staticmethod
            def price(x): return double(x)
            @property
            @trace
            def size(self): return double(4)
        Shop().sell(1); Shop.build(2); Shop.rebuild(3); Shop.price(4); Shop().size
        """,
    )
    assert stories(done) == ["Shop.sell()", "Shop.build()", "Shop.rebuild()", "Shop.price()", "Shop.size()"]
    assert done.err.count("─ double(") == 5


def test_generators_are_recorded_until_they_are_used_up(workshop: Workshop) -> None:
    done = run(
        workshop,
        """
        @trace
        def count(n):
            for i in range(n):
                yield double(i)
        for value in count(2):
            double(value + 100)
        double(1000)
        print(names())
        """,
    )
    assert stories(done) == ["count()"]
    assert "yielded 2" in done.err
    assert done.out == "['count', 'double', 'double', 'double', 'double']\n"


def test_an_abandoned_generator_ends_its_story(workshop: Workshop) -> None:
    done = run(
        workshop,
        """
        @trace
        def count():
            while True:
                yield double(1)
        numbers = count()
        next(numbers)
        del numbers
        double(1000)
        """,
    )
    assert stories(done) == ["count()"]
    assert "x=1000" not in done.err


def test_an_abandoned_generator_with_a_try_block_tells_its_end(workshop: Workshop) -> None:
    done = run(
        workshop,
        """
        @trace
        def count():
            yield 1
            try:
                yield 2
            finally:
                double(21)
        for number in count():
            if number == 2:
                break
        del number
        double(1000)
        """,
    )
    assert stories(done) == ["count()"]
    assert "double(x=21) → 42" in done.err
    assert "x=1000" not in done.err


def test_coroutines_at_once_are_one_story(workshop: Workshop) -> None:
    done = run(
        workshop,
        """
        import asyncio
        @trace
        async def fetch(n):
            await asyncio.sleep(0)
            return double(n)
        async def main():
            print(await asyncio.gather(fetch(1), fetch(2), fetch(3)))
        asyncio.run(main())
        """,
    )
    assert done.out == "[2, 4, 6]\n"
    assert stories(done) == ["fetch()"]
    assert "fetch(n=1 … 3) → 2 … 6" in done.err


def test_threads_are_seen_too(workshop: Workshop) -> None:
    done = run(
        workshop,
        """
        import threading
        def work(n): return double(n)
        @trace
        def main():
            threads = [threading.Thread(target=work, args=[n]) for n in (5, 6)]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
        main()
        print(sorted(names()))
        """,
    )
    assert stories(done) == ["main()"]
    assert done.out == "['double', 'double', 'main', 'work', 'work']\n"


def test_traced_calls_in_many_threads_at_once(workshop: Workshop) -> None:
    done = run(
        workshop,
        """
        import threading
        meeting = threading.Barrier(4)
        @trace(print=False)
        def work(n):
            for _ in range(200):
                double(n)
        def many(n):
            meeting.wait()
            for _ in range(50):
                work(n)
        threads = [threading.Thread(target=many, args=[n]) for n in range(4)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        double(77)
        @trace
        def after(): return double(78)
        after()
        """,
    )
    assert stories(done) == ["after()"]
    assert "double(x=78)" in done.err
    assert "x=77" not in done.err


def test_two_threads_that_begin_at_the_same_moment_share_a_story(workshop: Workshop) -> None:
    done = run(
        workshop,
        """
        import flowtrace._session, sys, threading
        meeting = threading.Barrier(2)
        @trace
        def work(n):
            meeting.wait()
            return double(n)
        def waits(thread): return sys._current_frames()[thread.ident].f_code.co_name == "begin"
        with flowtrace._session.lock:
            threads = [threading.Thread(target=work, args=[n]) for n in (5, 6)]
            for thread in threads: thread.start()
            while not all(waits(thread) for thread in threads): pass
        for thread in threads: thread.join()
        print(sorted(names()))
        """,
    )
    assert stories(done) == ["work()"]
    assert done.out == "['double', 'double', 'work', 'work']\n"


def test_a_call_that_begins_while_another_story_ends_has_its_own(workshop: Workshop) -> None:
    done = run(
        workshop,
        """
        import flowtrace._session, sys, threading
        go = threading.Event()
        @trace
        def first(): go.wait()
        @trace
        def second(): return double(8)
        def inside(thread, name):
            frame = sys._current_frames().get(thread.ident)
            while frame and frame.f_code.co_name != name: frame = frame.f_back
            return frame is not None
        one, two = threading.Thread(target=first), threading.Thread(target=second)
        one.start()
        while not names(): pass
        with flowtrace._session.lock:
            go.set()
            while not inside(one, "end"): pass
            two.start()
            while two.is_alive() and not inside(two, "begin"): pass
        one.join(); two.join()
        """,
    )
    assert sorted(stories(done)) == ["first()", "second()"]


def test_exceptions_end_a_story_and_go_on(workshop: Workshop) -> None:
    done = run(
        workshop,
        """
        @trace
        def fail(): raise ValueError("no" + str(double(1)))
        try:
            fail()
        except ValueError as error:
            assert error.__traceback__.tb_next.tb_next is None
            print(error)
        """,
    )
    assert done.out == "no2\n"
    assert stories(done) == ["fail()"]
    assert "ValueError('no2')" in done.err
    assert "ended the program" not in done.err


def test_a_wrapped_function_is_watched_itself(workshop: Workshop) -> None:
    """All functions that a decorator wraps share the wrapper's code."""
    done = run(
        workshop,
        """
        import functools
        def logged(function):
            @functools.wraps(function)
            def wrapper(*args): return function(*args)
            return wrapper
        @logged
        def other(): return double(1)
        @trace
        @logged
        def mine(): return double(2)
        other(); mine(); other()
        """,
    )
    assert stories(done) == ["mine()"]


def test_a_story_that_is_not_finished_is_told_at_the_end(workshop: Workshop) -> None:
    done = run(
        workshop,
        """
        @trace
        def count():
            while True:
                yield double(21)
        numbers = count()
        next(numbers)
        import builtins
        builtins.kept = numbers
        """,
    )
    assert stories(done) == ["count()"]
    assert "42" in done.err


# --- options --------------------------------------------------------------


def test_options_of_what_is_shown(workshop: Workshop) -> None:
    done = run(
        workshop,
        """
        def work(x): return double(x)
        f = [type(work)(work.__code__.replace(co_name=f"f{i}", co_qualname=f"f{i}"), globals()) for i in range(4)]
        trace(show_args=False)(f[0])(311)
        trace(show_result=False)(f[1])(312)
        trace(show_timing=False)(f[2])(313)
        flowtrace.config(show_args=False, show_result=False, show_timing=False)
        trace(show_args=True)(f[3])(314)
        """,
    )
    no_args, no_result, no_time, only_args = done.err.split("\n\nf")[1:]
    assert "311" not in no_args and "622" in no_args
    assert "312" in no_result and "624" not in no_result
    assert "313" in no_time and "626" in no_time and "s\n" not in no_time.partition("\nf3")[0]
    assert "314" in only_args and "628" not in only_args


def test_what_is_not_shown_is_not_recorded(workshop: Workshop) -> None:
    done = run(
        workshop,
        """
        @trace(show_args=False, show_result=False, show_timing=False, print=False)
        def f(x): return x
        f(5)
        first, last = flowtrace.get_trace_data()
        print(first.arguments, last.result, first.start_ns, last.duration_ns)
        """,
    )
    assert done.out == "{} None 0 0\n"


def test_the_depth_of_an_exceptions_way(workshop: Workshop) -> None:
    done = run(
        workshop,
        """
        def a(): raise KeyError(1)
        def b(): a()
        def c(): b()
        @trace
        def whole(): c()
        @trace(exc_tb_depth=2)
        def two(): c()
        @trace(exc_tb_depth=0)
        def none(): c()
        for function in (whole, two, none):
            try: function()
            except KeyError: pass
        """,
    )
    way = [line for line in done.err.splitlines() if "raised" in line]
    assert len(way) == 2
    assert "left a, b, c, whole" in way[0]
    assert "left a, b, …2 more" in way[1]


def test_without_printing(workshop: Workshop) -> None:
    done = run(
        workshop,
        """
        @trace(print=False)
        def quiet(x): return double(x)
        quiet(4)
        print(names())
        """,
    )
    assert done.err == ""
    assert done.out == "['quiet', 'double']\n"


def test_output_to_a_stream_and_to_a_file(workshop: Workshop) -> None:
    done = run(
        workshop,
        """
        import io
        @trace
        def f(x): return double(x)
        stream = io.StringIO()
        flowtrace.config(output=stream)
        f(1)
        assert "f(x=1) → 2" in stream.getvalue()
        flowtrace.config(output="story.txt")
        f(2); f(3)
        """,
    )
    assert done.err == ""
    story = (workshop.folder / "story.txt").read_text()
    assert "f(x=2) → 4" in story
    assert "f(x=3) → 6" in story


def test_an_output_that_fails_does_not_touch_the_program(workshop: Workshop) -> None:
    done = run(
        workshop,
        """
        @trace
        def f(x): return double(x)
        flowtrace.config(output="/nosuch/story.txt")
        print(f(1), f(2))
        """,
    )
    assert done.out == "2 4\n"
    assert done.err.count("/nosuch/story.txt") == 1


def test_ctrl_c_while_a_story_is_printed_reaches_the_program(workshop: Workshop) -> None:
    done = run(
        workshop,
        """
        class Stream:
            def write(self, text): raise KeyboardInterrupt
        @trace
        def f(x): return double(x)
        flowtrace.config(output=Stream())
        try:
            f(1)
            for _ in range(1000): pass
        except KeyboardInterrupt:
            print("interrupted")
        """,
    )
    assert done.outcome == (0, b"interrupted\n", b"")


# --- many calls -----------------------------------------------------------

MANY = 12_000  # more than the recorder turns events on and off for


def test_ten_thousands_of_calls_use_up_no_versions(workshop: Workshop) -> None:
    """Each change of the events takes one of 2^24 versions, which never come back."""
    done = run(
        workshop,
        f"""
        @trace(print=False)
        def g(x): return double(x)
        @trace(print=False)
        def f(x): return g(x)
        for i in range({MANY}):
            f(i)
        assert names() == ["f", "g", "double"], names()
        assert flowtrace.get_trace_data()[0].arguments == {{"x": "{MANY - 1}"}}
        import io, sys
        text = io.StringIO()
        flowtrace.print_tree(file=text)
        assert text.getvalue().count("\\n") == 3, text.getvalue()
        changes = []
        set_events = sys.monitoring.set_events
        sys.monitoring.set_events = lambda *given: (changes.append(given), set_events(*given))
        for i in range(1000):
            f(i)
        with flowtrace.active_tracing():
            f(1)
        print(len(changes))
        """,
    )
    assert int(done.out) == 0


def test_decorating_again_and_again(workshop: Workshop) -> None:
    done = run(
        workshop,
        """
        import sys
        def make():
            @trace(print=False)
            def inner(): return double(1)
            return inner
        make()
        changes = []
        set_local = sys.monitoring.set_local_events
        sys.monitoring.set_local_events = lambda *given: (changes.append(given), set_local(*given))
        for _ in range(1000):
            make()()
        print(len(changes), names())
        """,
    )
    assert done.out == "0 ['make.<locals>.inner', 'double']\n"


def test_no_object_is_kept(workshop: Workshop) -> None:
    run(
        workshop,
        """
        import gc, weakref
        class Thing: pass
        @trace(print=False)
        def f(thing): return [thing]
        thing = Thing()
        seen = weakref.ref(thing)
        f(thing)
        gc.disable()
        del thing
        assert seen() is None
        """,
    )


# --- beside other recordings ----------------------------------------------


def test_it_adds_nothing_to_a_recording(workshop: Workshop) -> None:
    done = run(
        workshop,
        """
        @trace
        def f(x): return double(x)
        with flowtrace.active_tracing():
            f(1)
        print(names())
        f(2)
        print(names())
        """,
    )
    assert stories(done) == ["f()"]
    assert "x=1" not in done.err
    assert done.out == "['f', 'double']\n" * 2


def test_it_adds_nothing_under_flowtrace_run(workshop: Workshop) -> None:
    workshop.write("app.py", "import flowtrace\n@flowtrace.trace\ndef f(x): return x\nf(1)\nf(2)\nprint('done')")
    done = workshop.run("app.py")
    assert done.outcome == (0, b"done\n", b"")
    assert done.names() == ["f", "f"]


def test_a_function_that_was_out_of_scope_before(workshop: Workshop) -> None:
    """Its events were turned off at its first call; @trace turns them on again."""
    done = run(
        workshop,
        """
        import textwrap
        with flowtrace.active_tracing():
            textwrap.dedent("  a")
        assert names() == []
        trace(textwrap.dedent)
        textwrap.dedent("  b")
        """,
    )
    assert stories(done) == ["dedent()"]
    assert "text='  b'" in done.err


def test_a_recording_stopped_and_begun_within_a_traced_call(workshop: Workshop) -> None:
    done = run(
        workshop,
        """
        @trace(print=False)
        def inner(x): return double(x)
        @trace(print=False)
        def outer():
            flowtrace.stop_tracing()
            inner(7)
        flowtrace.start_tracing()
        outer()
        print(names())
        inner(8)
        print(names())
        """,
    )
    assert done.out == "['inner', 'double']\n['inner', 'double']\n"


def test_forked_children_tell_no_story(workshop: Workshop) -> None:
    done = run(
        workshop,
        """
        import os
        @trace
        def main():
            pid = os.fork()
            if pid:
                os.waitpid(pid, 0)
            else:
                double(100)
            return pid
        if main() == 0:
            @trace
            def own(): return double(200)
            own()
            os._exit(0)
        flowtrace.print_tree()
        """,
    )
    assert sorted(stories(done)) == ["main()", "main()", "own()"]
    assert done.err.count("double(x=100)") == 2  # the parent tells it, twice
    assert done.err.count("double(x=200)") == 1
