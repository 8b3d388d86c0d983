"""The interpreter, the process and the system's libraries are in the state that they would be in."""

from __future__ import annotations

import sys
from pathlib import Path

import proof
import pytest
from conftest import Workshop

STATE = (Path(__file__).parent / "programs" / "state.py").read_text()

IN_EXCEPTIONS = "if rest and isinstance(rest[0], ValueError): "
BAD = {
    "imports a module": proof.recorder("pass", before="import decimal"),
    "has a file": proof.recorder("pass", before="sys.kept = open(__file__)"),
    "has a thread": proof.recorder(
        "pass", before="import _thread; _thread.start_new_thread(__import__('time').sleep, (60,))"
    ),
    "changes the environment": proof.recorder("pass", before="import os; os.environ['RECORDED'] = '1'"),
    "handles a signal": proof.recorder("pass", before="import signal; signal.signal(signal.SIGUSR1, print)"),
    "is called at exit": proof.recorder("pass", before="import atexit; atexit.register(print)"),
    "sets a trace function": proof.recorder("pass", before="sys.settrace(lambda *words: None)"),
    "sets a profile function": proof.recorder("pass", before="sys.setprofile(lambda *words: None)"),
    "changes a limit": proof.recorder("pass", before="sys.setrecursionlimit(2000)"),
    "changes a hook": proof.recorder(
        "pass", before="hook = sys.excepthook; sys.excepthook = lambda *words: hook(*words)"
    ),
    "replaces an exception": proof.recorder(IN_EXCEPTIONS + "raise KeyError"),
    "adds a note to an exception": proof.recorder(IN_EXCEPTIONS + "rest[0].add_note('seen')"),
    "lets a system call fail": proof.recorder("try: os.stat('/nowhere')\nexcept OSError: pass", before="import os"),
    "computes": proof.recorder("huge * 10, huge / 3", before="huge = 1e308"),
    "opens files while it records": proof.recorder("os.close(os.open('/dev/null', 0))", before="import os"),
    "draws random numbers": proof.recorder("if 'random' in sys.modules: sys.modules['random'].random()"),
    "prints": proof.recorder("sys.stdout.flush() or sys.stderr.write('.')"),
    "adds a frame": proof.recorder("pass", before="sys.modules['__main__'].sorted = lambda *a, **k: sorted(*a, **k)"),
}


def test_the_state_of_interpreter_and_process(workshop: Workshop) -> None:
    traced = proof.same(workshop, STATE, "an argument", bad=BAD, stdin=b"")
    assert traced.status == 1
    assert len(traced.out.splitlines()) > 25
    assert traced.err.endswith("ValueError: a reason\n")
    assert "<class 'ValueError'>" in traced.out


@pytest.mark.parametrize("flags", [["-W", "error"], ["-bb"], ["-X", "dev"], ["-I"], ["-O"], ["-X", "utf8=0"]], ids=str)
def test_under_options_of_python(workshop: Workshop, flags: list[str]) -> None:
    proof.same(workshop, STATE, bad={}, flags=flags, harmless=False)


def test_what_children_are_given(workshop: Workshop) -> None:
    """With --no-children the same; else there are the two variables more by which Python children join."""
    source = """
        RECORDER = None
        import os, subprocess, sys
        def run(**settings): return subprocess.run(["env"], stdout=subprocess.PIPE, **settings).stdout.splitlines()
        def descriptors():
            command = [sys.executable, "-SIc", "import os; print(os.listdir('/proc/self/fd'))"]
            return subprocess.run(command, stdout=subprocess.PIPE, close_fds=False).stdout
        variables = run()
        print([each for each in variables if b"=" in each], run(env={"ONLY": "this"}), run(env=os.environ))
        print(descriptors())
        """
    bad = {
        "leaves a file to children": proof.recorder("pass", before="import os; os.dup(2); os.set_inheritable(3, True)")
    }
    proof.same(workshop, source, bad=bad, options=[*proof.EVERYTHING, "--no-children"])


def test_few_descriptors(workshop: Workshop) -> None:
    """The lowest number stays the program's; ours lies in the upper half."""
    source = """
        RECORDER = None
        import os, resource
        def f(n): return [n]
        for n in range(3000): f(n)
        print([os.open(os.devnull, os.O_RDONLY) for _ in range(8)])
        for n in range(3000): f(n)
        """

    def limit() -> None:
        import resource

        resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))

    proof.same(workshop, source, bad={"has a file": BAD["has a file"]}, preexec_fn=limit)


def test_the_depth_of_recursion(workshop: Workshop) -> None:
    source = """
        RECORDER = None
        def depth_of(step):
            depth = 0
            def down():
                nonlocal depth
                depth += 1
                step(down)
            try: down()
            except RecursionError as error: return depth, str(error)
        def call(f): f()
        def sort(f): sorted([1], key=lambda _: f())
        def generate(f): list(f() for _ in [1])
        class Operator:
            def __init__(self, f): self.f = f
            def __add__(self, other): self.f()
        print([depth_of(step) for step in (lambda f: f(), call, sort, generate, lambda f: Operator(f) + 1)])
        """
    bad = {"uses up the stack": proof.recorder("pass", before="sys.setrecursionlimit(sys.getrecursionlimit() - 1)")}
    # There a callback that is written in Python takes one from the depth.
    harmless = not (hasattr(sys, "gettotalrefcount") and sys.version_info[:2] == (3, 13))
    proof.same(workshop, source, bad=bad, harmless=harmless)


def test_names_that_the_program_has_not_imported(workshop: Workshop) -> None:
    """What FlowTrace imports must not hide that an import is missing."""
    source = """
        RECORDER = None
        import importlib, sys
        missing = []
        for name in ("concurrent", "xml", "importlib", "os", "json", "collections", "logging", "urllib"):
            module = importlib.import_module(name)
            missing.append([name, sorted(sub for sub, value in vars(module).items() if type(value) is type(sys))])
        print(missing)
        """
    bad = {
        "imports a part of a package": proof.recorder("pass", before="import json.tool, xml.dom, importlib.metadata")
    }
    proof.same(workshop, source, bad=bad)


def test_a_signal_between_any_two_events(workshop: Workshop) -> None:
    """A handler runs at once and its exception comes up where it did."""
    source = """
        RECORDER = None
        import signal, os
        seen = []
        class Stop(Exception): pass
        def handler(number, frame):
            seen.append(number)
            if len(seen) % 3 == 0: raise Stop
        signal.signal(signal.SIGUSR1, handler)
        def f(n): return os.kill(os.getpid(), signal.SIGUSR1) or n
        def g(n):
            try: return f(n)
            except Stop: return "stopped"
        print([g(n) for n in range(60)], len(seen))
        """
    bad = {
        "swallows it": proof.recorder(
            "if rest and type(rest[0]).__name__ == 'Stop': signal.signal(10, signal.SIG_IGN)", before="import signal"
        )
    }
    proof.same(workshop, source, bad=bad)
