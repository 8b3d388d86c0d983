"""Fixtures that run a program by `flowtrace run` and by python alone, and read what it left."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
import sysconfig
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

# `python -m pytest` in the checkout finds the sources, which have no compiled core, before what is installed.
ROOT = Path(__file__).resolve().parent.parent
sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != ROOT]
if Path(getattr(sys.modules.get("flowtrace"), "__file__", None) or "/").is_relative_to(ROOT / "flowtrace"):
    for name in [name for name in sys.modules if name.partition(".")[0] == "flowtrace"]:  # of our own pytest plugin
        del sys.modules[name]

from flowtrace._core import Call, Trace  # noqa: E402

# What a shell starts in the background ignores these, and so would the programs that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # ignored below nohup

FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
TIMEOUT = 60  # seconds that a program may take before the test is given up
CHANGES_OUTPUT = ("PYTHON", "FLOWTRACE", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "LC_", "COVERAGE", "PYTEST")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--generated", type=int, default=0, help="so many programs made at random, new ones each time")


@pytest.fixture
def with_gil(workshop: Workshop) -> None:
    """For programs that import what brings the GIL back, with a warning."""
    if FREE_THREADED:
        workshop.environment["PYTHON_GIL"] = "1"


class Run:
    """A program that has ended: `status` is negative for the signal that killed it."""

    def __init__(self, done: subprocess.CompletedProcess[bytes], trace_path: Path) -> None:
        self.status = done.returncode
        self.stdout = done.stdout
        self.stderr = done.stderr
        self.trace_path = trace_path

    @property
    def outcome(self) -> tuple[int, bytes, bytes]:
        return self.status, self.stdout, self.stderr

    @property
    def out(self) -> str:
        return self.stdout.decode()

    @property
    def err(self) -> str:
        return self.stderr.decode()

    @functools.cached_property
    def trace(self) -> Trace:
        return Trace(self.trace_path)

    def calls(self, name: str | None = None) -> list[Call]:
        """Every call, or those of the functions of that qualified name."""
        return [call for call in self.trace.calls() if name in {None, call.function.qualname}]

    def call(self, name: str) -> Call:
        """The one call of that function."""
        (only,) = self.calls(name)
        return only

    def names(self) -> list[str]:
        """Qualified names in order of start, without bodies of modules."""
        return [call.function.qualname for call in self.trace.calls() if call.function.kind != "module"]


def told(trace: Trace) -> list[str]:
    """A line for each call, but bodies of modules and classes, below its caller or what created it.

    A root begins with its track's name, or "callback" where it is none of the track's own: "    Task-2: fetch".
    """
    lines = []
    below: dict[Call | None, list[Call]] = {}
    for call in trace.calls():
        below.setdefault(call.parent or call.created_by, []).append(call)

    def tell(call: Call, depth: int) -> None:
        body = call.function.kind in {"module", "class"}
        if not body:
            root = "callback" if call.created_by and call.track.kind == "main" else call.track.name
            lines.append("  " * depth + (f"{root}: " if not call.parent else "") + call.function.qualname)
        for child in below.get(call, []):
            tell(child, depth + (not body))

    for root in below.get(None, []):
        tell(root, 0)
    return lines


class Workshop:
    """A folder of its own, in which programs are written and run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.trace_path = folder / "flowtrace.flow"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(CHANGES_OUTPUT)}
        self.environment = {**kept, "LANG": "C.UTF-8", "TERM": "xterm", "HOME": str(folder)}

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"))
        return path

    def python(self, *words: str, flags: Sequence[str] = (), **settings: object) -> Run:
        """Run `python [flags] words ...`."""
        return self._run([sys.executable, *flags, *words], **settings)

    def flowtrace(self, *words: str, flags: Sequence[str] = (), **settings: object) -> Run:
        """Run `python [flags] -m flowtrace words ...`."""
        return self._run([sys.executable, *flags, "-m", "flowtrace", *words], **settings)

    def run(self, *words: str, **settings: object) -> Run:
        """Run `flowtrace run -q words ...`, which adds nothing to the program's output."""
        return self.flowtrace("run", "-q", *words, **settings)

    def record(self, source: str, *options: str, status: int = 0) -> Run:
        """Write `source` to app.py, run it with `options`, and expect its exit status."""
        self.write("app.py", source)
        done = self.run(*options, "app.py")
        assert done.status == status, done.err
        assert status or not done.stderr, done.err
        return done

    def start(self, *words: str, **settings: object) -> subprocess.Popen[bytes]:
        """Start `python words ...` in a process group of its own, with pipes; ended with the test."""
        options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **settings}
        process = subprocess.Popen(
            [sys.executable, *words], cwd=self.folder, env=self.environment, start_new_session=True, **options
        )
        self.started.append(process)
        return process

    started: list[subprocess.Popen[bytes]]

    def _run(
        self,
        command: list[str],
        *,
        stdin: bytes = b"",
        environment: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        **settings: object,
    ) -> Run:
        done = subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            cwd=cwd or self.folder,
            env={**self.environment, **(environment or {})},
            timeout=TIMEOUT,
            **settings,
        )
        return Run(done, self.trace_path)


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    folder = tmp_path / "work"
    folder.mkdir()
    workshop = Workshop(folder)
    workshop.started = []
    yield workshop
    for process in workshop.started:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.communicate(timeout=TIMEOUT)


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the trace of a source, recorded once a session: not to be written to."""
    made: dict[str, Path] = {}

    def record(source: str) -> Path:
        if source not in made:
            workshop = Workshop(tmp_path_factory.mktemp("recorded"))
            workshop.write("app.py", source)
            workshop.run("app.py")
            made[source] = workshop.trace_path
        return made[source]

    return record


@pytest.fixture(scope="session")
def everything(recorded: Callable[[str], Path]) -> Path:
    """Return the trace of a program that does a bit of everything."""
    return recorded((ROOT / "tests/export/programs/everything.py").read_text())


@pytest.fixture(scope="session")
def hostile(recorded: Callable[[str], Path]) -> Path:
    """Return a trace whose names and values mean something to other formats."""
    return recorded((ROOT / "tests/export/programs/hostile.py").read_text())
