"""Debuggers, profilers, coverage and other tools of sys.monitoring see what they would see without FlowTrace."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import proof
import pytest
from conftest import Run, Workshop

PROGRAM = (Path(__file__).parent / "programs" / "branches.py").read_text()
# They stop one line late in set_trace() beside any tool that listens to PY_START or PY_RETURN, an idle one too.
STOPS_LATE = sys.version_info[:2] == (3, 13)


# --- coverage ---------------------------------------------------------------------


def covered(workshop: Workshop, run: Run) -> object:
    assert run.status == 0, run.err
    done = workshop.python("-m", "coverage", "json", "-q", "-o", "-")
    assert done.status == 0, done.err
    report = json.loads(done.out)["files"]["app.py"]
    return report["executed_lines"], report.get("executed_branches"), report.get("missing_branches"), run.out, run.err


@pytest.mark.parametrize("how", ["ctrace --branch", "sysmon --branch", "sysmon"])
def test_coverage(workshop: Workshop, how: str) -> None:
    core, *branch = how.split()
    pytest.importorskip("coverage.tracer" if core == "ctrace" else "coverage")
    settings = {"environment": {"COVERAGE_CORE": core}}
    words = ["-m", "coverage", "run", "--include", "app.py", *branch, "app.py"]
    proof.program(workshop, PROGRAM)
    alone = covered(workshop, workshop.python(*words, **settings))
    traced = workshop.run(*proof.EVERYTHING, *words, **settings)
    assert covered(workshop, traced) == alone
    assert len(traced.calls("f")) == 9
    deaf = (
        "import sys; sys.settrace(None); m = sys.monitoring; [m.get_tool(n) and m.set_events(n, 0) for n in range(6)]"
    )
    proof.program(workshop, PROGRAM, deaf)
    assert covered(workshop, workshop.python(*words, **settings)) != alone


# --- debuggers --------------------------------------------------------------------

COMMANDS = b"""break f
continue
where
args
next
step
step
up
p n
down
return
tbreak never
condition 1 n == 7
continue
display n
next
until
retval
longlist
clear 1
continue
quit
"""


def test_pdb(workshop: Workshop) -> None:
    proof.program(workshop, PROGRAM)
    alone = workshop.python("-m", "pdb", "app.py", stdin=COMMANDS)
    traced = workshop.run(*proof.EVERYTHING, "-m", "pdb", "app.py", stdin=COMMANDS)
    assert alone.out.count("(Pdb)") > 15
    proof.compare(alone, traced, "under FlowTrace")
    assert traced.calls("f")
    bad = "import sys; sys.settrace(None); sys.monitoring.get_tool(0) and sys.monitoring.free_tool_id(0)"
    proof.program(workshop, PROGRAM, bad)
    assert workshop.python("-m", "pdb", "app.py", stdin=COMMANDS).out != alone.out


def test_breakpoint(workshop: Workshop) -> None:
    source = """
        RECORDER = None
        def f(n):
            breakpoint()
            return g(n) + 1
        def g(n):
            x = [n] * 2
            return len(x)
        print(f(1), f(2))
        """
    commands = b"where\nstep\nstep\nwhere\nargs\nnext\np x\nreturn\nnext\ncontinue\nwhere\nnext\np n\ncontinue\n"
    proof.program(workshop, source, proof.HARMLESS if STOPS_LATE else proof.PLACE)
    alone = workshop.python("app.py", stdin=commands)
    proof.program(workshop, source)
    traced = workshop.run(*proof.EVERYTHING, "app.py", stdin=commands)
    assert (traced.out, traced.status, traced.err) == (alone.out, alone.status, alone.err)
    proof.program(workshop, source, "import pdb; pdb.Pdb.do_step = pdb.Pdb.do_s = pdb.Pdb.do_continue")
    assert workshop.python("app.py", stdin=commands).out != alone.out


@pytest.mark.skipif(sys.version_info < (3, 14), reason="pdb's backend of sys.monitoring came with 3.14")
def test_pdb_that_is_a_tool_itself(workshop: Workshop) -> None:
    source = """
        RECORDER = None
        import bdb, pdb, sys
        pdb.set_default_backend("monitoring")
        def f(n):
            x = n + 1
            return x
        debugger = pdb.Pdb(backend="monitoring")
        debugger.set_trace()
        f(1)
        f(2)
        print("end", [sys.monitoring.get_tool(n) for n in range(3)])
        """
    commands = b"next\nstep\nstep\np n\nreturn\nnext\nbreak f\ncontinue\nargs\ncontinue\n"
    proof.same(
        workshop, source, stdin=commands, bad={"takes its id": "import sys; sys.monitoring.use_tool_id(0, 'bad')"}
    )


def test_debugpy(workshop: Workshop) -> None:
    if importlib.util.find_spec("debugpy") is None:
        pytest.skip("wants debugpy")
    source = """
        import debugpy, sys
        def f(n): return [n]
        for n in range(30): f(n)
        debugpy.listen(("127.0.0.1", 0), in_process_debug_adapter=True)
        def g(n): return f(n)
        for n in range(30): g(n)
        print(debugpy.is_client_connected(), sum(g(n)[0] for n in range(9)), sys.gettrace() is None)
        """
    workshop.write("app.py", source)
    flags = ["-X", "frozen_modules=off"]
    alone = workshop.python("app.py", flags=flags)
    traced = workshop.flowtrace("run", "-q", "app.py", flags=flags)
    proof.compare(alone, traced, "under FlowTrace")
    assert len(traced.calls("f")) == 69


# --- profilers and trace functions -------------------------------------------------


def test_profilers(workshop: Workshop) -> None:
    source = """
        import sys
        def run(profiler, stats):
            code = open("branches.py").read()
            profiler.runctx(compile(code, "branches.py", "exec"), {"__name__": "app"}, {})
            print(stats(profiler))
        import cProfile, profile
        def label(code): return code if isinstance(code, str) else (code.co_qualname, code.co_firstlineno)
        RECORDER = None
        def by_c(profiler):
            return sorted((str(label(e.code)), e.callcount, e.reccallcount, sorted((str(label(c.code)), c.callcount)
                          for c in e.calls or ())) for e in profiler.getstats() if "at 0x" not in str(label(e.code)))
        def by_python(profiler):
            profiler.create_stats()
            return sorted((str(name), calls[:2]) for name, calls in profiler.stats.items()
                          if " at 0x" not in str(name))
        for n in range(2):
            run(cProfile.Profile(), by_c)
            run(profile.Profile(), by_python)
        """
    workshop.write("branches.py", PROGRAM)
    bad = {
        "stops the profiler": proof.recorder(
            "sys.setprofile(None); sys.monitoring.get_tool(2) and sys.monitoring.set_events(2, 0)"
        )
    }
    proof.same(workshop, source, bad=bad, harmless=False)


def test_trace_and_profile_functions(workshop: Workshop) -> None:
    """Without f_trace_opcodes before 3.13: 3.12.1 crashes with them beside any tool, an idle one too."""
    source = """
        RECORDER = None
        import sys, threading
        events = []
        def see(frame, event, argument):
            if frame.f_code.co_filename == "branches.py":
                frame.f_trace_opcodes = sys.version_info >= (3, 13) and len(events) % 7 == 0
                events.append((event, frame.f_code.co_name, frame.f_lineno, type(argument).__name__))
            return see
        code = compile(open("branches.py").read(), "branches.py", "exec")
        def run(): exec(code, {"__name__": "app"})
        for setter in (sys.settrace, sys.setprofile):
            setter(see); run(); setter(None)
            print(len(events), events)
            events.clear()
        for setter in (threading.settrace, threading.setprofile):
            setter(see)
            thread = threading.Thread(target=run); thread.start(); thread.join()
            setter(None)
            print(len(events), events)
            events.clear()
        """
    workshop.write("branches.py", PROGRAM)
    bad = {"stops them": proof.recorder("sys.settrace(None), sys.setprofile(None)")}
    proof.same(workshop, source, bad=bad)


# --- other tools of sys.monitoring -------------------------------------------------

TOOLS = """
    RECORDER = None
    import sys
    monitoring = sys.monitoring
    names = "PY_START PY_RETURN PY_YIELD PY_RESUME PY_THROW PY_UNWIND RAISE CALL LINE".split()
    heard = {}
    class Mine(Exception): pass
    def make(tool, answer):
        def see(event):
            def callback(code, *rest):
                if code.co_filename != "branches.py": return
                heard[tool].append((event, code.co_name, rest[0]))
                return answer(event, code)
            return callback
        monitoring.use_tool_id(tool, f"tool {tool}")
        heard[tool] = []
        mask = 0
        for name in names:
            monitoring.register_callback(tool, getattr(monitoring.events, name), see(name))
            mask |= getattr(monitoring.events, name)
        monitoring.set_events(tool, mask)
    def nothing(event, code): pass
    def disable(event, code): return monitoring.DISABLE if event in {"PY_START", "LINE", "CALL", "PY_RETURN"} else None
    def fails(event, code):
        if event == "PY_START" and code.co_name == "never": raise Mine
    def restarts(event, code):
        if event == "PY_START": monitoring.restart_events()
    code = compile(open("branches.py").read(), "branches.py", "exec")
    def run():
        try: exec(code, {"__name__": "app"})
        except Mine: print("Mine")
    for tools in ({0: disable}, {1: nothing, 2: disable}, {3: restarts, 0: disable}, {3: fails, 0: nothing},
                  {5: fails, 1: nothing}, {5: disable, 2: restarts}):
        for tool, answer in tools.items():
            if tool == 5 and monitoring.get_tool(5): monitoring.free_tool_id(5)
            make(tool, answer)
        run(); run()
        for tool in tools:
            events = heard[tool]
            print(tool, monitoring.get_tool(tool), len(events), hash(str(events)), events[:40])
            monitoring.set_events(tool, 0)
            for name in names: monitoring.register_callback(tool, getattr(monitoring.events, name), None)
            monitoring.free_tool_id(tool)
        monitoring.restart_events()
    """


def test_other_tools(workshop: Workshop) -> None:
    """One that disables, one that restarts, one that raises before FlowTrace hears of the call."""
    workshop.write("branches.py", PROGRAM)
    bad = {
        "restarts all events": proof.recorder("monitoring.restart_events()")
        .replace("use_tool_id(5", "use_tool_id(4")
        .replace("back(5", "back(4")
        .replace("events(5", "events(4"),
        "turns others off": proof.recorder(
            "for tool in range(3): monitoring.get_tool(tool) and monitoring.set_events(tool, 0)"
        ),
    }
    traced = proof.same(workshop, TOOLS, bad=bad, environment={"PYTHONHASHSEED": "0"})
    assert len(traced.calls("f")) >= 90


@pytest.mark.parametrize("held", [[4], [4, 3], [0, 1, 2, 3, 4]], ids=str)
def test_ids_that_are_held_already(workshop: Workshop, held: list[int]) -> None:
    """The first that is free is taken; the others go on hearing."""
    workshop.write(
        "app.py",
        f"""
        import sys, flowtrace
        seen = []
        def f(): return 1
        for tool in {held}:
            sys.monitoring.use_tool_id(tool, "early")
            event = sys.monitoring.events.PY_START
            see = lambda code, *_, tool=tool: code is f.__code__ and seen.append(tool)
            sys.monitoring.register_callback(tool, event, see)
            sys.monitoring.set_events(tool, event)
        flowtrace.start_tracing()
        f(); f()
        flowtrace.stop_tracing()
        f()
        kinds = [event.kind for event in flowtrace.get_trace_data()]
        print(seen, [sys.monitoring.get_tool(tool) for tool in {held}], kinds)
        """,
    )
    run = workshop.python("app.py")
    assert run.status == 0, run.err
    seen = sorted(held, reverse=True) * 3
    assert run.out.startswith(f"{seen} {['early'] * len(held)} [")
    assert run.out.count("return") == 2
