"""Recording inside a program, and reading what was recorded."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, Run, Workshop

import flowtrace


def run(workshop: Workshop, source: str, *flags: str) -> Run:
    """Run a program to its good end. `names` there gives the functions of some events' calls, in order."""
    workshop.write("helping.py", "def double(x):\n    return 2 * x\n")
    start = "import flowtrace\nfrom flowtrace import *\nfrom helping import double\n"
    start += "def names(events): return [e.function for e in events if e.kind == 'call']\n"
    path = workshop.write("app.py", source)
    path.write_text(start + path.read_text())
    done = workshop.python("app.py", flags=flags)
    assert done.status == 0, done.err
    return done


WITHOUT_CORE = "import sys\nsys.modules['flowtrace._core'] = None\n"


# --- start and stop -------------------------------------------------------


def test_events_of_a_call(workshop: Workshop) -> None:
    run(
        workshop,
        """
        def add(a, *more, b=2, **named): return double(a)
        start_tracing()
        add(1, 3, c=4)
        events = stop_tracing()
        assert all(type(event) is CallEvent for event in events)
        assert [event.kind for event in events] == ["call", "call", "return", "return"]
        outer, inner, inner_end, outer_end = events
        assert outer.arguments == {"a": "1", "more": "(3,)", "b": "2", "named": "{'c': 4}"}, outer.arguments
        assert (outer.id, outer.parent_id, outer.depth, inner.id, inner.parent_id, inner.depth) == (1, None, 0, 2, 1, 1)
        assert (outer.module, inner.module) == ("__main__", "helping")
        assert (outer.file, outer.line) == (__file__, add.__code__.co_firstlineno)
        assert (inner_end.result, outer_end.result, outer.result) == ("2", "2", None)
        assert outer.exception is outer.duration_ns is None
        assert 0 < inner_end.duration_ns <= outer_end.duration_ns
        assert outer.start_ns == outer_end.start_ns <= inner.start_ns
        assert {event.track for event in events} == {"MainThread"}
        assert get_trace_data() == events
        assert CallEvent._fields == ("kind", "id", "parent_id", "function", "module", "file", "line", "arguments",
                                     "result", "exception", "start_ns", "duration_ns", "depth", "track")
        """,
    )


def test_every_kind_of_event(workshop: Workshop) -> None:
    done = run(
        workshop,
        """
        def numbers():
            try: yield 1
            except KeyError: yield 2
            raise ValueError("end")
        with active_tracing():
            n = numbers()
            next(n)
            n.throw(KeyError("k"))
            try: next(n)
            except ValueError: pass
        for e in get_trace_data():
            print(e.kind, e.result, e.exception, e.duration_ns is not None)
        """,
    )
    assert done.out.splitlines() == [
        "call None None False",
        "yield 1 None False",
        "throw None KeyError('k') False",
        "yield 2 None False",
        "resume None None False",
        "exception None ValueError('end') True",
    ]


def test_one_recording_after_another(workshop: Workshop) -> None:
    done = run(
        workshop,
        """
        def f(x): return x
        for i in range(3):
            f("before")
            start_tracing()
            f(i)
            print([(e.id, e.arguments) for e in stop_tracing() if e.kind == "call"])
        """,
    )
    assert done.out.splitlines() == [f"[(1, {{'x': '{i}'}})]" for i in range(3)]


def test_a_recording_in_progress_is_read(workshop: Workshop) -> None:
    done = run(
        workshop,
        """
        def f():
            double(1)
            print(names(get_trace_data()))
            print_tree()
        with active_tracing():
            f()
        """,
    )
    assert done.out == "['f', 'double']\n"
    assert "double(x=1) → 2" in done.err


def test_nothing_recorded(workshop: Workshop) -> None:
    done = run(
        workshop,
        """
        assert get_trace_data() == []
        for wrong in (print_tree, stop_tracing):
            try: wrong()
            except FlowTraceError as error: print(error)
        """,
    )
    assert "nothing was recorded yet: call start_tracing()" in done.out
    assert "nothing to stop: call start_tracing() first" in done.out


def test_a_second_recording_is_refused(workshop: Workshop) -> None:
    done = run(
        workshop,
        """
        def refused():
            try: start_tracing()
            except FlowTraceError as error: print(error)
            try:
                with active_tracing(): print("never")
            except FlowTraceError as error: pass
            else: print("never")
        @trace(print=False)
        def traced():
            refused()
            try: stop_tracing()
            except FlowTraceError as error: print(error)
        with active_tracing():
            refused()
            double(3)
        assert "double" in names(get_trace_data())
        traced()
        start_tracing()
        stop_tracing()
        """,
    )
    first, second, third = done.out.splitlines()
    assert first == "already recording; end that first: stop_tracing(), or leave the active_tracing() block"
    assert "@trace" in second
    assert "nothing to stop" in third


def test_the_block_ends_with_an_exception_and_may_be_stopped_within(workshop: Workshop) -> None:
    done = run(
        workshop,
        """
        try:
            with active_tracing():
                double(1)
                raise KeyError
        except KeyError:
            print(names(get_trace_data()))
        with active_tracing():
            double(1)
            stop_tracing()
            start_tracing()
        double(2)
        print(names(stop_tracing()))
        """,
    )
    assert done.out == "['double']\n['double']\n"


def test_include_exclude_values_time(workshop: Workshop) -> None:
    run(
        workshop,
        """
        import textwrap
        def f(x): return double(x)
        def events(**options):
            start_tracing(**options)
            f(1)
            textwrap.dedent("  a")
            return stop_tracing()
        assert names(events()) == ["f", "double"]
        assert names(events(exclude="helping")) == ["f"]
        assert names(events(exclude=["help*"], include=("textwrap",))) == ["f", "dedent"]
        assert names(events(exclude="./helping.py")) == ["f"]
        assert names(events()) == ["f", "double"]
        assert not any(e.arguments or e.result for e in events(values=False))
        assert any(e.arguments for e in events()) and any(e.result for e in events())
        assert not any(e.start_ns or e.duration_ns for e in events(time=False))
        """,
    )


def test_another_recording_of_the_same_code_decides_nothing_anew(workshop: Workshop) -> None:
    done = run(
        workshop,
        """
        import sys, textwrap
        def record(**options):
            with active_tracing(**options):
                double(1)
                textwrap.dedent("  a")
        record()
        restarts = []
        restart = sys.monitoring.restart_events
        sys.monitoring.restart_events = lambda: (restarts.append(1), restart())
        record()
        record()
        print(len(restarts), names(get_trace_data()))
        record(include="textwrap")
        print(len(restarts), names(get_trace_data()))
        """,
    )
    assert done.out == "0 ['double']\n1 ['double', 'dedent']\n"


# --- files ----------------------------------------------------------------


def test_a_path_is_kept_and_read_again(workshop: Workshop) -> None:
    done = run(
        workshop,
        """
        import os, pathlib
        for path in ("one.flow", pathlib.Path("two.flow"), "two.flow"):
            with active_tracing(path):
                double(5)
            print(len(flowtrace.open(path)))
        """,
    )
    assert done.out == "1\n1\n1\n"
    trace = flowtrace.open(workshop.folder / "one.flow")
    assert isinstance(trace, flowtrace.Trace)
    (call,) = trace.calls()
    assert call.arguments["x"].python() == 5
    assert (workshop.folder / "one.flow").stat().st_mode & 0o777 == 0o600


def test_paths_that_cannot_be(workshop: Workshop) -> None:
    done = run(
        workshop,
        """
        import os
        os.mkdir("folder")
        for path in ("folder", "nosuch/x.flow", "helping.py", "/dev/null", "nul\\0"):
            try: start_tracing(path)
            except FlowTraceError as error: print(error)
            else: print("never")
        start_tracing()
        double(1)
        print(names(stop_tracing()))
        """,
    )
    folder, no_folder, no_trace, device, nul, good = done.out.splitlines()
    assert "is a folder; name a file in it" in folder
    assert "there is no folder" in no_folder and "os.makedirs(" in no_folder
    assert "is no trace, so it stays as it is; name another file" in no_trace
    assert "/dev/null" in device
    assert "nul" in nul
    assert good == "['double']"
    assert "def double" in (workshop.folder / "helping.py").read_text()


def test_what_is_no_trace_is_not_opened(tmp_path: Path) -> None:
    text = tmp_path / "text.flow"
    text.write_text("no trace")
    with pytest.raises(flowtrace.FlowTraceError, match=r"no file .*nosuch.*flowtrace run -o"):
        flowtrace.open(tmp_path / "nosuch")
    with pytest.raises(flowtrace.FlowTraceError, match=r"text.flow.*not a FlowTrace trace"):
        flowtrace.open(text)
    with pytest.raises(flowtrace.FlowTraceError, match="folder"):
        flowtrace.open(tmp_path)


TEMPORARY = """
import os, tempfile
os.mkdir("tmp")
tempfile.tempdir = os.path.abspath("tmp")
def files(): return [name for _, _, names in os.walk("tmp") for name in names]
"""


def test_temporary_files_are_deleted(workshop: Workshop) -> None:
    done = run(
        workshop,
        TEMPORARY
        + """
for i in range(3):
    with active_tracing(): double(i)
    assert len(files()) == 1, files()
for i in range(3):
    trace(double)(i)
    assert len(files()) == 1, files()
start_tracing()
print("good")
""",
    )
    assert done.out == "good\n"
    assert list((workshop.folder / "tmp").iterdir()) == []


def test_a_forked_child_deletes_nothing(workshop: Workshop) -> None:
    done = run(
        workshop,
        TEMPORARY
        + """
start_tracing()
double(1)
pid = os.fork()
if not pid:
    double(2)
    assert names(stop_tracing()).count("double") == 2
    start_tracing()
    double(3)
    assert names(stop_tracing()) == ["double"]
    assert len(os.listdir("tmp")) == 2
    raise SystemExit(0)
assert os.waitpid(pid, 0)[1] == 0
assert len(files()) == 1, files()
double(4)
events = stop_tracing()
print(sorted(e.arguments["x"] for e in events if e.kind == "call" and e.function == "double"))
""",
    )
    assert done.out == "['1', '2', '4']\n"
    assert list((workshop.folder / "tmp").iterdir()) == []


# --- print_tree and config ------------------------------------------------


def test_the_story_and_its_options(workshop: Workshop) -> None:
    run(
        workshop,
        """
        import io, re
        def f(x):
            for i in range(x): globals()[f"part{i}"]()
            return "end"
        for i in range(60):
            exec(f"def part{i}(): pass")
        def told(*given, **options):
            stream = io.StringIO()
            print_tree(*given, file=stream, **options)
            return stream.getvalue()
        def has_times(text): return re.search(r"\\d [mµn]?s\\n", text) is not None
        with active_tracing(): f(60)
        assert "f(x=60) → 'end'" in told() and has_times(told())
        assert told(lines=0).count("\\n") > told(lines=10).count("\\n")
        assert "x=60" not in told(show_args=False)
        assert "'end'" not in told(show_result=False)
        assert not has_times(told(show_timing=False))
        config(show_args=False, show_result=False)
        assert "f(" in told() and "x=60" not in told() and "end" not in told()
        assert "x=60" in told(show_args=True)
        """,
    )


def test_the_plain_tree_of_events(workshop: Workshop) -> None:
    done = run(
        workshop,
        """
        import sys
        def f(x):
            try: wrong(x)
            except ValueError: return double(x)
        def wrong(x): raise ValueError(x)
        start_tracing(time=False)
        f(2)
        events = stop_tracing()
        print_tree(events, show_timing=False, file=sys.stdout)
        print_tree(events[1:3], show_timing=False, file=sys.stdout)
        config(inline_return=False, show_timing=False, show_exc=False)
        print_tree(iter(events), file=sys.stdout)
        print_tree([], file=sys.stdout)
        config(show_timing=True)
        print_tree([events[0], events[-1]._replace(duration_ns=1_230_000)], show_args=False, file=sys.stdout)
        """,
    )
    assert done.out.splitlines() == [
        "→ f(x=2) → 4",
        "  → wrong(x=2) ✗ ValueError(2)",
        "  → double(x=2) → 4",
        "→ wrong(x=2) ✗ ValueError(2)",
        "→ f(x=2)",
        "  → wrong(x=2)",
        "  ← wrong",
        "  → double(x=2)",
        "  ← double → 4",
        "← f → 4",
        "→ f()",
        "← f → 4  1.23 ms",
    ]


def test_a_narrow_encoding_gets_what_it_can_show(workshop: Workshop) -> None:
    done = run(
        workshop,
        """
        import io
        with active_tracing(): double("é")
        raw = io.BytesIO()
        stream = io.TextIOWrapper(raw, "ascii")
        print_tree(file=stream)
        print_tree(get_trace_data(), file=stream)
        print(raw.getvalue().decode("ascii").count("double(x="))
        """,
    )
    assert done.out == "2\n"


def test_an_output_that_cannot_be_written(workshop: Workshop) -> None:
    done = run(
        workshop,
        """
        config(output="/nosuch/story.txt")
        with active_tracing(): double(1)
        try: print_tree()
        except FlowTraceError as error: print(error)
        try: config(output=3)
        except TypeError as error: print(error)
        """,
    )
    assert "/nosuch/story.txt" in done.out
    assert "a text stream or a path, not int" in done.out


def test_settings_stay_as_they_are_until_set(workshop: Workshop) -> None:
    run(
        workshop,
        """
        assert get_config() == Config(True, True, True, True, True, None)
        config(show_args=False)
        config(show_exc=4)
        assert get_config() == Config(False, True, True, 4, True, None)
        config()
        config(show_args=True, output="x")
        assert get_config() == Config(True, True, True, 4, True, "x")
        """,
    )


# --- under flowtrace run --------------------------------------------------


def test_under_flowtrace_run_its_recording_is_read(workshop: Workshop) -> None:
    workshop.write(
        "app.py",
        """
        from flowtrace import *
        def f(x): return x
        f(1)
        with active_tracing():
            f(2)
        start_tracing()
        f(3)
        events = stop_tracing()
        print([e.arguments["x"] for e in events if e.kind == "call" and e.function == "f"])
        try: start_tracing("other.flow")
        except FlowTraceError as error: print(error)
        f(4)
        """,
    )
    done = workshop.run("app.py")
    assert done.status == 0, done.err
    events, refused = done.out.splitlines()
    assert events == "['1', '2', '3']"
    assert "flowtrace run is recording" in refused
    assert [call.arguments["x"].text for call in done.calls("f")] == ["1", "2", "3", "4"]


# --- without the compiled core --------------------------------------------


def test_without_the_core_all_but_files_works(workshop: Workshop) -> None:
    workshop.write(
        "app.py",
        WITHOUT_CORE
        + """
from flowtrace import CallEvent, FlowTraceError, active_tracing, get_trace_data, print_tree
from flowtrace import start_tracing, stop_tracing, trace
import flowtrace
def double(x): return 2 * x
def f(x): return double(x)
assert trace(f) is f
start_tracing()
f(1)
events = stop_tracing()
assert type(events[0]) is CallEvent and events == get_trace_data()
assert [(e.kind, e.function, e.arguments, e.result) for e in events][:2] == [
    ("call", "f", {"x": "1"}, None), ("call", "double", {"x": "1"}, None)]
print_tree(file=sys.stdout, show_timing=False)
with active_tracing(): double(5)
assert len(get_trace_data()) == 2
f(7)
f(8)
for wrong in (lambda: start_tracing("x.flow"), lambda: flowtrace.open("x.flow"), stop_tracing):
    try: wrong()
    except FlowTraceError as error: print(error)
""",
    )
    done = workshop.python("app.py")
    assert done.status == 0, done.err
    assert done.out.startswith("→ f(x=1) → 2\n  → double(x=1) → 2\n")
    assert done.out.count("compiled core") == 2
    assert done.err.count("flowtrace: no compiled core here") == 1
    assert "→ f(x=7) → 14" in done.err and "  → double(x=8) → 16" in done.err


def test_without_the_core_traced_functions_of_all_kinds(workshop: Workshop) -> None:
    workshop.write(
        "app.py",
        WITHOUT_CORE
        + """
import asyncio
from flowtrace import get_trace_data, trace
def double(x): return 2 * x
@trace
async def work(x):
    await asyncio.sleep(0)
    return double(x)
@trace
def fail(): raise ValueError("no")
@trace(print=False)
def quiet(): pass
print(asyncio.run(work(3)))
try: fail()
except ValueError: pass
quiet()
print([e.function for e in get_trace_data()])
""",
    )
    done = workshop.python("app.py")
    assert done.status == 0, done.err
    assert done.out == "6\n['quiet', 'quiet']\n"
    assert "→ work(x=3) → 6" in done.err
    assert "  → double(x=3) → 6" in done.err
    assert "→ fail() ✗ ValueError('no')" in done.err
    assert "quiet" not in done.err


# --- types ----------------------------------------------------------------


@pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="mypy is not installed")
def test_users_code_passes_strict_type_checking(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir", str(tmp_path)]
    done = subprocess.run(
        [*command, str(ROOT / "tests/typing/user.py")], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("Success"), done.stdout + done.stderr


def test_stubs_name_what_the_core_has() -> None:
    from flowtrace import _core

    tree = __import__("ast").parse((ROOT / "flowtrace/_core.pyi").read_text())
    stubbed = {node.name: node for node in tree.body if hasattr(node, "name") and not hasattr(node.name, "id")}
    numbers = {node.target.id for node in tree.body if hasattr(node, "target")}
    public = {name for name in vars(_core) if not name.startswith("__")}
    assert public <= stubbed.keys() | numbers
    for name in ("Trace", "Call", "Function", "Track", "Value", "ExceptionInfo"):
        there = {member for member in vars(getattr(_core, name)) if not member.startswith("__")}
        said = {node.name for node in stubbed[name].body if hasattr(node, "name")}
        assert there == {member for member in said if not member.startswith("__")}
