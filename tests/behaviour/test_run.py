"""`flowtrace run`: the program finds what python would give it, and its caller finds what the program would."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import zipapp
from pathlib import Path

import pytest
from conftest import FREE_THREADED, TIMEOUT, Workshop

OURS = {"flowtrace", "flowtrace._core"}

# What a program can ask about itself. The modules first, before the questions import more.
PROBE = """\
import sys
modules = sorted(sys.modules)
import atexit, gc, json, os, resource, signal, threading, warnings

def module_facts():
    main = sys.modules["__main__"]
    facts = {name: repr(value) for name, value in vars(main).items() if name.startswith("__")}
    facts.pop("__builtins__", None)
    # A loader's repr tells its address.
    return {name: " at ".join(text.split(" at 0x")[:1]) for name, text in facts.items()}

def function(argument):
    return [sys.getrefcount(argument), sys._getframe().f_back.f_code.co_name, sys.getsizeof(argument)]

def depth():
    frame, count = sys._getframe(), 0
    while frame:
        frame, count = frame.f_back, count + 1
    return count

facts = dict(
    main=module_facts(),
    argv=sys.argv, orig_argv=sys.orig_argv, path=sys.path, flags=repr(sys.flags), executable=sys.executable,
    warnoptions=sys.warnoptions, xoptions=sys._xoptions, filters=repr(warnings.filters), prefix=sys.prefix,
    hooks=[repr(hook) for hook in (sys.excepthook is sys.__excepthook__, sys.unraisablehook is sys.__unraisablehook__,
        sys.displayhook is sys.__displayhook__, sys.gettrace(), sys.getprofile(), sys.meta_path, len(sys.path_hooks))],
    environment=dict(os.environ), folder=os.getcwd(), parent_group=os.getpgrp() == os.getpgid(os.getppid()),
    signals=[repr(signal.getsignal(n)) for n in sorted(signal.valid_signals())],
    blocked=sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, []))),
    files=sorted(n for n in map(int, os.listdir("/dev/fd")) if n < 32), next_file=os.dup(0),
    limits=[resource.getrlimit(n) for n in (resource.RLIMIT_CORE, resource.RLIMIT_NOFILE, resource.RLIMIT_STACK)],
    umask=os.umask(0o22), threads=[thread.name for thread in threading.enumerate()],
    gc=[gc.isenabled(), gc.get_threshold(), len(gc.garbage), len(gc.callbacks)],
    interpreter=[sys.getrecursionlimit(), sys.getswitchinterval(), sys.dont_write_bytecode],
    streams=[[s.encoding, s.errors, s.line_buffering, s.isatty()] for s in (sys.stdin, sys.stdout, sys.stderr)],
    calls=[function("caf\\u00e9 %d" % len(modules[:1])), depth(), dir(__import__("builtins"))],
    modules=modules,
)
print(json.dumps(facts))
"""


def facts(text: str) -> dict[str, object]:
    return json.loads(text.splitlines()[-1])


def compare_probes(workshop: Workshop, *words: str, **settings: object) -> dict[str, object]:
    """Run PROBE, which `words` name, both ways; returns what it found."""
    plain = workshop.python(*words, **settings)
    traced = workshop.run(*words, **settings)
    assert plain.status == 0, plain.err
    assert (traced.status, traced.err) == (plain.status, plain.err)
    expected, found = facts(plain.out), facts(traced.out)
    extra = set(found.pop("modules")) - set(expected.pop("modules"))
    assert found == expected
    assert extra == OURS
    assert workshop.trace_path.exists()
    return found


PROBE_STARTS = {
    "script": ["app.py"],
    "arguments": ["app.py", "a", "--lines", "-q", "-m", "", "b c", "\u00e9", "--", "-o"],
    "in-a-folder": ["pkg/tool.py"],
    "link": ["link.py"],
    "module": ["-m", "app", "-x"],
    "package": ["-m", "pkg", "a"],
    "module-of-package": ["-m", "pkg.tool", "-m"],
    "code": ["-c", PROBE, "-c", "a"],
    "folder": ["pkg", "a"],
    "zip": ["app.pyz", "a"],
}


@pytest.fixture
def probe(workshop: Workshop) -> Workshop:
    for name in ("app.py", "pkg/__init__.py", "pkg/__main__.py", "pkg/tool.py", "elsewhere/real.py"):
        workshop.write(name, "" if name.endswith("__init__.py") else PROBE)
    (workshop.folder / "link.py").symlink_to("elsewhere/real.py")
    zipapp.create_archive(workshop.folder / "pkg", workshop.folder / "app.pyz")
    return workshop


@pytest.mark.parametrize("words", PROBE_STARTS.values(), ids=PROBE_STARTS)
def test_a_program_finds_itself_as_python_would_start_it(probe: Workshop, words: list[str]) -> None:
    compare_probes(probe, *words)
    # The functions of the program were recorded: it was not a run without the recorder.
    assert "depth" in probe_names(probe)


def probe_names(probe: Workshop) -> list[str]:
    from flowtrace._core import Trace

    return [call.function.qualname for call in Trace(probe.trace_path).calls()]


def test_an_absolute_script_elsewhere(probe: Workshop, tmp_path: Path) -> None:
    found = compare_probes(probe, str(probe.folder / "elsewhere" / "real.py"))
    assert found["path"][0] == str(probe.folder / "elsewhere")


def test_a_program_on_standard_input(probe: Workshop) -> None:
    compare_probes(probe, "-", "a", stdin=PROBE.encode())
    assert "depth" in probe_names(probe)


PYTHON_FLAGS = [
    ["-X", "dev"],
    ["-Xdev", "-X", "utf8=0"],
    ["-W", "error::UserWarning", "-Wdefault"],
    ["-O"],
    ["-OOB"],
    ["-I"],
    ["-P", "-s"],
    ["-E", "-u"],
    ["-bb", "--check-hash-based-pycs", "never"],
    ["-BXno_debug_ranges"],
]


@pytest.mark.parametrize("flags", PYTHON_FLAGS, ids=" ".join)
def test_the_options_of_python_are_passed_on(probe: Workshop, flags: list[str]) -> None:
    compare_probes(probe, "app.py", "a", flags=flags)


def test_options_in_one_word_with_m(workshop: Workshop) -> None:
    workshop.write("app.py", "import sys; print(sys.flags.isolated, sys.orig_argv[1:])")
    command = [sys.executable, "-Im", "flowtrace", "run", "-q", "app.py"]
    done = subprocess.run(command, capture_output=True, cwd=workshop.folder, env=workshop.environment, timeout=TIMEOUT)
    assert done.stdout == b"1 ['-I', 'app.py']\n", done.stderr


def test_the_installed_command(probe: Workshop) -> None:
    command = Path(sys.executable).with_name("flowtrace")
    settings = {"capture_output": True, "cwd": probe.folder, "env": probe.environment, "timeout": TIMEOUT}
    done = subprocess.run([command, "run", "-q", "app.py"], **settings)
    plain = probe.python("app.py")
    found, expected = facts(done.stdout.decode()), facts(plain.out)
    assert set(found.pop("modules")) - set(expected.pop("modules")) == OURS
    assert (found, done.stderr) == (expected, b"")


def test_environment_of_the_programs_children(workshop: Workshop) -> None:
    """Two variables more, which tell a python among them where to record; none with --no-children."""
    workshop.write("app.py", "import subprocess; print(subprocess.run(['env', '-0'], capture_output=True).stdout)")
    plain = workshop.python("app.py")
    assert workshop.run("--no-children", "app.py").outcome == plain.outcome
    before, after = (set(ast.literal_eval(run.out).split(b"\0")) for run in (plain, workshop.run("app.py")))
    assert before - after == set()
    assert {line.partition(b"=")[0] for line in after - before} == {b"FLOWTRACE_TRACE", b"FLOWTRACE_OPTIONS"}


# --- the same output and status --------------------------------------------

PROGRAMS = {
    "text": "print('caf\\u00e9'); print('to stderr', file=__import__('sys').stderr)",
    "bytes": "import sys; sys.stdout.buffer.write(bytes(range(256))); sys.stderr.buffer.write(b'\\xff\\x00\\r\\n')",
    "no newline": "print('end', end='')",
    "exit 0": "import sys; sys.exit()",
    "exit 3": "import sys; sys.exit(3)",
    "exit 256": "import sys; sys.exit(256)",
    "exit -1": "import sys; sys.exit(-1)",
    "exit text": "import sys; sys.exit('the end')",
    "exit True": "import sys; sys.exit(True)",
    "raise SystemExit": "raise SystemExit((1, 2))",
    "os._exit": "import os; print('unflushed'); os._exit(5)",
    "uncaught": """
        class Broken(Exception):
            pass
        def inner(value):
            raise Broken(value)
        def outer():
            inner(1)
        outer()
        """,
    "chained": """
        def convert(text):
            try:
                return int(text)
            except ValueError as error:
                raise RuntimeError("no number") from error
        def load():
            try:
                convert("x")
            finally:
                {}["missing"]
        load()
        """,
    "group": """
        def fail(n):
            raise ValueError(n)
        def gather():
            errors = []
            for n in range(3):
                try:
                    fail(n)
                except ValueError as error:
                    errors.append(error)
            raise ExceptionGroup("several", errors)
        gather()
        """,
    "KeyboardInterrupt": "def f():\n    raise KeyboardInterrupt\nf()",
    "notes": "def f():\n    e = ValueError('x'); e.add_note('a note'); raise e\nf()",
    "print_exc": """
        import traceback
        def f():
            try:
                1 / 0
            except ZeroDivisionError:
                traceback.print_exc()
                traceback.print_stack()
        f()
        """,
    "error in a generator": """
        def numbers():
            yield 1
            raise LookupError("dry")
        print(list(numbers()))
        """,
    "error in a task": """
        import asyncio
        async def work(n):
            await asyncio.sleep(0)
            raise ValueError(n)
        async def main():
            async with asyncio.TaskGroup() as group:
                group.create_task(work(1))
                group.create_task(work(2))
        asyncio.run(main())
        """,
    "never awaited": """
        import asyncio
        async def forgotten(): pass
        async def main():
            asyncio.get_running_loop().slow_callback_duration = 60  # it says how slow one was
            forgotten()
        asyncio.run(main(), debug=True)
        """,
    "error in a thread": """
        import threading
        def work():
            raise ValueError("in a thread")
        thread = threading.Thread(target=work)
        thread.start(); thread.join()
        """,
    "sys.exit in a thread": """
        import sys, threading
        def work():
            sys.exit(7)
        thread = threading.Thread(target=work)
        thread.start(); thread.join()
        print("still here")
        """,
    "thread at exit": """
        import threading
        go = threading.Event()
        def work():
            go.wait()
            print("after main")
        threading.Thread(target=work).start()
        def finish():
            print("main ends")
            go.set()
        finish()
        """,
    "daemon at exit": """
        import threading
        started = threading.Event()
        def work():
            started.set()
            while True:
                step()
        def step(): pass
        threading.Thread(target=work, daemon=True).start()
        started.wait()
        print("main ends")
        """,
    "atexit": """
        import atexit
        @atexit.register
        def first(): print("registered first")
        @atexit.register
        def second(): print("registered second"); raise ValueError("at exit")
        """,
    "__del__": """
        class Noisy:
            def __init__(self, name): self.name = name
            def __del__(self):
                print("del", self.name)
                if self.name == "bad": raise ValueError(self.name)
        def scope():
            a, b = Noisy("a"), Noisy("bad")
            print("leaving")
        scope()
        kept = Noisy("at the end")
        """,
    "warnings": """
        import warnings
        def old():
            warnings.warn("old() is old", DeprecationWarning, stacklevel=2)
            warnings.warn("here")
        old(); old()
        """,
    "recursion": """
        import sys
        depth = 0
        def down():
            global depth
            depth += 1
            down()
        try:
            down()
        except RecursionError as error:
            print(depth, error)
        down()
        """,
    "deep data": """
        value = []
        for _ in range(100_000):
            value = [value]
        def show(value): return value
        print(len(show(value)))
        """,
    "stack": """
        import inspect, sys
        def where():
            return [(f.function, f.lineno) for f in inspect.stack()], sys._getframe(1).f_lineno
        print(where())
        """,
    "own monitoring": """
        import sys
        seen = []
        monitoring = sys.monitoring
        def f(x): return x
        for tool in (0, 1, 2):
            monitoring.use_tool_id(tool, f"mine{tool}")
            monitoring.register_callback(tool, monitoring.events.PY_START, lambda code, at: seen.append(code.co_name))
            monitoring.set_events(tool, monitoring.events.PY_START)
        f(1); f(2)
        for tool in (0, 1, 2):
            monitoring.set_events(tool, 0)
            monitoring.free_tool_id(tool)
        print(seen)
        """,
    "own settrace": """
        import sys
        seen = []
        def tracer(frame, event, arg):
            seen.append((frame.f_code.co_name, frame.f_lineno - frame.f_code.co_firstlineno, event))
            return tracer
        def f(x):
            y = x + 1
            return y
        def g():
            yield f(1)
        sys.settrace(tracer); list(g()); sys.settrace(None)
        sys.setprofile(tracer); list(g()); sys.setprofile(None)
        print(seen)
        """,
    "collector": """
        import gc
        print(gc.collect(), [gc.get_stats()[2][key] for key in ("collections", "collected", "uncollectable")])
        """,
    "objects": """
        import gc
        class Same:
            def __eq__(self, other, *rest, key=None, **more):
                return False
        def count():
            one = Same()
            gc.collect()
            before = len(gc.get_objects())
            for _ in range(10):
                one == one
            return len(gc.get_objects()) - before
        print(count())
        """,
    "references": """
        import gc, sys, weakref
        class Thing: pass
        def use(thing, *more, **named):
            return [sys.getrefcount(thing), sys.getrefcount(more), sys.getrefcount(named)]
        def make():
            thing = Thing()
            watch = weakref.ref(thing, lambda _: print("gone"))
            print(use(thing, thing, key=thing))
            print("leaving")
            return watch
        gc.disable()
        watch = make()
        print("left", watch())
        """,
    "code objects": """
        import dis, io
        def f(a, b=1):
            return [x for x in range(a)] + [b]
        f(3)
        before = f.__code__.co_code
        f(3)
        out = io.StringIO(); dis.dis(f, file=out)
        print(before == f.__code__.co_code, hash(f.__code__) == hash(f.__code__.replace()), out.getvalue())
        """,
    "syntax error in an import": "open('other.py', 'w').write('def f(:'); import other",
    "exec and eval": """
        exec(compile("def f():\\n    raise ValueError('x')", "<made>", "exec"))
        print(eval("[n for n in (1, 2)]"))
        f()
        """,
    "set_int_max": "import sys; sys.set_int_max_str_digits(640)\ndef f(n): return n\nprint(f(10**5000) > 1)",
    "own excepthook": """
        import sys
        sys.excepthook = lambda kind, value, where: print("mine", kind, value, where.tb_next)
        def f(): raise ValueError("x")
        f()
        """,
}
if FREE_THREADED:  # there functions die by the collector alone: its first run finds FlowTrace's own as well
    PROGRAMS["collector"] = """
        import gc
        gc.collect()
        before = gc.get_stats()[2]
        for n in range(10):
            cycle = []
            cycle.append(cycle)
        del cycle
        print(gc.collect(), [gc.get_stats()[2][key] - before[key] for key in before])
        """


@pytest.mark.parametrize("source", PROGRAMS.values(), ids=PROGRAMS)
def test_output_and_status_are_the_programs_own(workshop: Workshop, source: str) -> None:
    workshop.write("app.py", source)
    plain, traced = workshop.python("app.py"), workshop.run("app.py")
    addresses = re.compile(rb"0x[0-9a-f]{6,}|Thread-\d+|pid=\d+")
    assert [addresses.sub(b"", part) for part in traced.outcome[1:]] == [
        addresses.sub(b"", part) for part in plain.outcome[1:]
    ]
    assert traced.status == plain.status
    assert traced.calls(), "nothing was recorded"


def test_development_mode_finds_nothing_to_warn_of(workshop: Workshop) -> None:
    source = "def f(x): return x\nf(1)\nopen('app.py')\nraise ValueError('x')"
    workshop.write("app.py", source)
    flags = ["-X", "dev", "-X", "tracemalloc=5", "-W", "always"]
    assert workshop.run("app.py", flags=flags).outcome == workshop.python("app.py", flags=flags).outcome


def test_standard_input_is_the_programs(workshop: Workshop) -> None:
    workshop.write("app.py", "import sys; data = sys.stdin.buffer.read(); print(len(data), sum(data))")
    data = bytes(range(256)) * 1000
    plain = workshop.python("app.py", stdin=data)
    assert workshop.run("app.py", stdin=data).outcome == plain.outcome
    assert plain.out.startswith("256000 ")


def test_without_q_the_story_follows_the_programs_errors(workshop: Workshop) -> None:
    workshop.write("app.py", "def add(a, b): return a + b\nprint(add(1, 2))\nraise ValueError('x')")
    plain = workshop.python("app.py")
    told = workshop.flowtrace("run", "app.py")
    assert (told.status, told.stdout) == (plain.status, plain.stdout)
    assert told.stderr.startswith(plain.stderr)
    story = told.stderr[len(plain.stderr) :].decode()
    assert "add(a=1, b=2) → 3" in story
    assert "ValueError" in story


@pytest.mark.parametrize("closed", [[0], [1], [2], [0, 1], [1, 2], [0, 1, 2]], ids=str)
def test_closed_standard_streams(workshop: Workshop, closed: list[int]) -> None:
    """The trace must not be opened as the program's standard output."""
    workshop.write(
        "app.py",
        """
        import os, sys
        def f(): return [stream is None for stream in (sys.stdin, sys.stdout, sys.stderr)]
        result = f()
        for number in (1, 2):
            try:
                os.write(number, b"")
                result.append("open")
            except OSError as error:
                result.append(error.errno)
        print("printed")
        open("result", "w").write(repr(result))
        """,
    )
    shell = " ".join(f"{number}>&-" for number in closed)
    results = []
    for words in (["app.py"], ["-m", "flowtrace", "run", "app.py"]):
        done = subprocess.run(
            ["/bin/sh", "-c", f'exec "$@" {shell}', "sh", sys.executable, *words],
            cwd=workshop.folder,
            env=workshop.environment,
            capture_output=True,
            timeout=TIMEOUT,
        )
        assert done.returncode == 0, done.stderr
        results.append((done.stdout, (workshop.folder / "result").read_text()))
        (workshop.folder / "result").unlink()
    assert results[1] == results[0]
    from flowtrace._core import Trace

    trace = Trace(workshop.trace_path)
    assert [call.function.qualname for call in trace.calls()][-1] == "f"
    assert trace.info["processes"][0]["ended"]


def test_a_reader_that_leaves(workshop: Workshop) -> None:
    """As in `flowtrace run app.py | head -1`."""
    workshop.write("app.py", "def f(): return 1\nf()\nwhile True: print('line', flush=True)")
    results = []
    for words in (["app.py"], ["-m", "flowtrace", "run", "-q", "app.py"]):
        process = workshop.start(*words)
        process.stdout.readline()
        process.stdout.close()
        results.append((process.stderr.read(), process.wait(TIMEOUT)))
    assert results[0] == results[1]
    assert b"BrokenPipeError" in results[1][0]


def test_no_reader_of_the_story(workshop: Workshop) -> None:
    workshop.write("app.py", "import sys\ndef f(): return 1\nf()\nsys.exit(4)")
    process = workshop.start("-m", "flowtrace", "run", "app.py")
    process.stderr.close()
    assert process.wait(TIMEOUT) == 4


# --- other ways to start ----------------------------------------------------


def test_pytest_as_a_command(workshop: Workshop) -> None:
    workshop.write("app.py", "def double(n): return 2 * n")
    workshop.write(
        "test_app.py",
        """
        from app import double
        def test_good(): assert double(2) == 4
        def test_bad(): assert double(2) == 5
        """,
    )
    pytest_command = str(Path(sys.executable).with_name("pytest"))
    plain = workshop.python(pytest_command, "-q", "-p", "no:cacheprovider")
    traced = workshop.run("pytest", "-q", "-p", "no:cacheprovider")
    time = re.compile(r"in [\d.]+s")
    assert time.sub("", traced.out) == time.sub("", plain.out)
    assert (traced.status, traced.err) == (1, plain.err)
    assert traced.names() == ["test_good", "double", "test_bad", "double"]


def test_a_command_that_is_a_link_in_path(workshop: Workshop) -> None:
    script = workshop.write("bin/greet", f"#!{sys.executable} -O\nimport sys; print(sys.argv[1:], sys.flags.optimize)")
    script.chmod(0o755)
    path = f"{script.parent}{os.pathsep}{os.environ['PATH']}"
    done = workshop.run("greet", "a", "-b", environment={"PATH": path})
    assert done.outcome == (0, b"['a', '-b'] 1\n", b"")


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(workshop: Workshop, method: str) -> None:
    workshop.write(
        "app.py",
        f"""
        import multiprocessing, sys
        print("body", __name__, [m for m in sys.modules if m.startswith("flowtrace._a")], flush=True)
        def square(n): return n * n
        if __name__ == "__main__":
            context = multiprocessing.get_context("{method}")
            with context.Pool(2) as pool:
                print(pool.map(square, range(5)), flush=True)
                pool.close()
                pool.join()
            child = context.Process(target=sys.exit, args=(9,))
            child.start()
            child.join()
            print(child.exitcode)
        """,
    )
    plain, traced = workshop.python("-W", "ignore", "app.py"), workshop.run("app.py", flags=["-W", "ignore"])
    assert sorted(traced.out.splitlines()) == sorted(plain.out.splitlines())
    assert (traced.status, traced.err) == (plain.status, plain.err)
    assert "[0, 1, 4, 9, 16]" in traced.out


def test_spawned_children_of_a_module(workshop: Workshop) -> None:
    workshop.write("pkg/__init__.py", "")
    workshop.write(
        "pkg/tool.py",
        """
        import multiprocessing, sys
        print(__name__, __spec__.name, __package__, sys.argv[1:], flush=True)
        def work(queue): queue.put(__name__)
        if __name__ == "__main__":
            context = multiprocessing.get_context("spawn")
            queue = context.SimpleQueue()
            child = context.Process(target=work, args=(queue,))
            child.start()
            print(queue.get())
            child.join()
        """,
    )
    words = ["-m", "pkg.tool", "a"]
    assert workshop.run(*words).outcome == workshop.python(*words).outcome


def test_a_program_that_replaces_itself(workshop: Workshop) -> None:
    workshop.write("app.py", "import os, sys\ndef f(): os.execv(sys.executable, ['python', '-c', 'print(5)'])\nf()")
    traced = workshop.run("app.py")
    assert traced.outcome == workshop.python("app.py").outcome
    assert traced.names() == ["f"]


def test_a_program_that_changes_folder_and_removes_it(workshop: Workshop) -> None:
    workshop.write(
        "app.py",
        """
        import os
        def go():
            os.mkdir("gone"); os.chdir("gone"); os.rmdir("../gone")
        go()
        def after(): return 1
        print(after())
        """,
    )
    done = workshop.run("app.py")
    assert done.outcome == (0, b"1\n", b"")
    assert done.names() == ["go", "after"]


def test_modules_of_the_program_named_like_the_standard_librarys(workshop: Workshop) -> None:
    """FlowTrace itself must not import them, though python -m puts this folder first."""
    for name in ("signal", "resource", "textwrap", "tempfile", "random", "shutil"):
        workshop.write(f"{name}.py", f"print('mine: {name}')")
    workshop.write("app.py", "import textwrap")
    command = Path(sys.executable).with_name("flowtrace")
    settings = {"capture_output": True, "cwd": workshop.folder, "env": workshop.environment, "timeout": TIMEOUT}
    plain = subprocess.run([sys.executable, "app.py"], **settings)
    for start in ([command], [sys.executable, "-m", "flowtrace"]):
        done = subprocess.run([*start, "run", "app.py"], **settings)
        assert (done.returncode, done.stdout) == (plain.returncode, plain.stdout), done.stderr
        assert b"textwrap" in done.stderr


# --- options ------------------------------------------------------------------

TREE = """
def leaf(n): return n
def twig(n): return leaf(n) + {extra}
def tree():
    for n in range(40):
        (twig if n % 2 else leaf)(n)
        try:
            raise_one(n)
        except ValueError: pass
def raise_one(n):
    if n % 7 == 3: raise ValueError(n)
tree()
"""


@pytest.fixture
def tree(workshop: Workshop) -> Workshop:
    workshop.write("app.py", TREE.format(extra=1))
    return workshop


def test_the_trace_goes_where_o_says(tree: Workshop) -> None:
    (tree.folder / "traces").mkdir()
    for option in (["-o", "traces/a.flow"], ["-otraces/b.flow"]):
        assert tree.flowtrace("run", "-q", *option, "app.py").outcome == (0, b"", b"")
    assert sorted(path.name for path in (tree.folder / "traces").iterdir()) == ["a.flow", "b.flow"]
    assert not tree.trace_path.exists()


def test_a_trace_is_replaced_by_the_next_run(tree: Workshop) -> None:
    first = len(tree.run("app.py").trace)
    tree.write("app.py", "def f(): pass\nf()")
    assert len(tree.run("app.py").trace) == 2 < first


def test_a_trace_is_readable_by_its_owner_alone(tree: Workshop) -> None:
    tree.run("app.py")
    assert tree.trace_path.stat().st_mode & 0o777 == 0o600


def test_show_tells_what_run_told(tree: Workshop) -> None:
    told = tree.flowtrace("run", "app.py")
    shown = tree.flowtrace("show")
    assert shown.status == 0
    assert told.err.strip() == shown.out.strip()
    assert tree.flowtrace("show", "flowtrace.flow").stdout == shown.stdout


@pytest.mark.parametrize("lines", [15, 25, 40])
def test_lines_keeps_the_story_short(tree: Workshop, lines: int) -> None:
    tree.run("app.py")
    shown = tree.flowtrace("show", "--lines", str(lines)).out.splitlines()
    everything = tree.flowtrace("show", "--all").out.splitlines()
    assert len(shown) <= lines < len(everything)
    assert shown[0] == everything[0]
    told = tree.flowtrace("run", "--lines", str(lines), "app.py").err.splitlines()
    assert len(told) <= lines + 1  # an empty line before it


def test_all_tells_every_call(tree: Workshop) -> None:
    told = tree.flowtrace("run", "--all", "--no-time", "app.py").err
    counts = [int(n) for n in re.findall(r"leaf\(.*×(\d+)", told)]
    single = [line for line in told.splitlines() if "leaf(" in line and "×" not in line]
    assert sum(counts) + len(single) == 40
    assert len(single) > 3


@pytest.mark.parametrize("width", [40, 80, 150])
def test_width_is_kept(tree: Workshop, width: int) -> None:
    tree.write("app.py", TREE.format(extra=1) + f"\ndef wide(text): return text\nwide({'é' * 300!r})")
    told = tree.flowtrace("run", "--width", str(width), "app.py").err
    for text in (
        told,
        tree.flowtrace("show", "--width", str(width)).out,
        tree.flowtrace("show", environment={"COLUMNS": str(width)}).out,
    ):
        tree_lines = text.strip().split("\n\n")[1].split("\n")
        longest = max(map(len, tree_lines))
        assert width // 2 < longest <= width


def test_width_before_columns(tree: Workshop) -> None:
    tree.run("app.py")
    narrow = tree.flowtrace("show", "--width", "60").stdout
    assert tree.flowtrace("show", "--width", "60", environment={"COLUMNS": "140"}).stdout == narrow
    wide = tree.flowtrace("show", environment={"COLUMNS": "140"}).stdout
    assert wide != narrow
    assert tree.flowtrace("show", environment={"COLUMNS": "none"}).stdout == tree.flowtrace("show").stdout


def test_ascii_is_pure(tree: Workshop) -> None:
    tree.write("größe.py", "def größe(ñ): return ñ\ngröße('é→ \\u4f60 \\U0001f600')\nprint('done')")
    told = tree.flowtrace("run", "--ascii", "größe.py")
    assert told.stderr.isascii()
    assert b"->" in told.stderr
    for verb in ("show", "info"):
        shown = tree.flowtrace(verb, "--ascii")
        assert shown.status == 0
        assert shown.stdout.isascii()
        assert not tree.flowtrace(verb).stdout.isascii()


@pytest.mark.parametrize("verb", ["show", "info", "explain"])
def test_ascii_where_the_stream_can_no_more(tree: Workshop, verb: str) -> None:
    tree.run("app.py")
    shown = tree.flowtrace(verb, environment={"PYTHONIOENCODING": "ascii"})
    assert shown.status == 0
    assert shown.stdout.isascii()


def test_colour(tree: Workshop) -> None:
    def is_coloured(**environment: str) -> bool:
        shown = tree.flowtrace("show", environment=environment)
        assert shown.status == 0
        return b"\x1b[" in shown.stdout

    tree.run("app.py")
    assert not is_coloured()
    assert is_coloured(FORCE_COLOR="1")
    assert not is_coloured(FORCE_COLOR="1", NO_COLOR="1")
    assert is_coloured(FORCE_COLOR="1", NO_COLOR="")
    plain = tree.flowtrace("show").out
    coloured = tree.flowtrace("show", environment={"FORCE_COLOR": "1"}).out
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == plain


def test_colour_on_a_terminal(tree: Workshop) -> None:
    def shown(**environment: str) -> bytes:
        leader, follower = os.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "flowtrace", "show", "--lines", "5"],
            cwd=tree.folder,
            env={**tree.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=follower,
            stderr=follower,
        )
        os.close(follower)
        data = b""
        while True:
            try:
                part = os.read(leader, 65536)
            except OSError:  # the other side is closed
                part = b""
            if not part:
                break
            data += part
        os.close(leader)
        assert process.wait(TIMEOUT) == 0, data
        return data

    tree.run("app.py")
    assert b"\x1b[" in shown()
    assert b"\x1b[" not in shown(NO_COLOR="1")
    assert b"\x1b[" not in shown(TERM="dumb")


@pytest.mark.parametrize("verb", ["run", "show", "find", "info", "explain"])
def test_help_of_each_verb_has_an_example(workshop: Workshop, verb: str) -> None:
    shown = workshop.flowtrace(verb, "--help")
    assert (shown.status, shown.stderr) == (0, b"")
    assert "Example" in shown.out
    assert f"  flowtrace {verb}" in shown.out.partition("Example")[2]
    assert workshop.flowtrace(verb, "-h").stdout == shown.stdout
    assert max(map(len, shown.out.splitlines())) <= 80


def test_help_names_each_option_that_is_taken() -> None:
    from importlib import import_module

    for verb in ("run", "show", "info", "find"):
        command = import_module(f"flowtrace.commands.{verb}")
        for option in command.OPTIONS:
            assert re.search(rf"^  {option}\b", command.HELP, re.MULTILINE), (verb, option)


def test_help_and_version(workshop: Workshop) -> None:
    shown = workshop.flowtrace("--help")
    assert shown.status == 0
    for verb in ("run", "show", "find", "info", "explain"):
        assert f"\n  {verb} " in shown.out
    assert workshop.flowtrace("-h").stdout == shown.stdout
    nothing = workshop.flowtrace()
    assert (nothing.status, nothing.stdout, nothing.stderr) == (2, b"", shown.stdout)
    version = workshop.flowtrace("--version")
    assert version.status == 0
    assert re.fullmatch(r"flowtrace \d+\.\d+\.\d+\S*\n", version.out)


def test_explain_tells_the_facts_of_this_interpreter(workshop: Workshop) -> None:
    shown = workshop.flowtrace("explain")
    assert (shown.status, shown.stderr) == (0, b"")
    assert sys.version.split()[0] in shown.out
    assert "PY_START" in shown.out
    assert str(workshop.folder) in shown.out
    assert len(shown.out.splitlines()) <= 50
    assert list(workshop.folder.iterdir()) == []


def test_info_says_what_the_trace_holds(tree: Workshop) -> None:
    traced = tree.run("app.py", "argument")
    shown = tree.flowtrace("info")
    assert shown.status == 0
    assert "app.py" in shown.out
    assert str(len(traced.trace)) in shown.out


def test_a_story_into_a_closed_pipe(tree: Workshop) -> None:
    tree.run("app.py")
    process = tree.start("-m", "flowtrace", "show", "--all")
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(TIMEOUT) == 0
