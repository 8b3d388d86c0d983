"""What `pytest --flowtrace` does: each test is a region of one recording, and a failed one tells its story.

The recording is a file that keeps its newest part, in a temporary folder; it is moved to where people look for it
once a test has failed. With pytest-xdist the controller makes the file and all workers record to it.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
import tempfile
from typing import TYPE_CHECKING, Any

import pytest

from . import __version__, _recording, _scope, _settings, _size, _terminal
from .errors import FlowTraceError

if TYPE_CHECKING:
    from collections.abc import Generator

    from ._core import region

STORY = "FlowTrace: what it did"
SLOW = "FlowTrace: what took so long"
LINES = 40  # of a story, all told
NEWEST = 1_000_000  # calls that are read for one
TOLD = 50  # failed tests in one process: each takes a moment
LAST = "64M"  # of the recording is kept, where it need not be whole


def register(config: pytest.Config, when: str) -> None:
    core = _recording._core
    if core is None:
        raise pytest.UsageError(
            "--flowtrace needs FlowTrace's compiled core: install a C compiler, then FlowTrace again"
        )
    worker = getattr(config, "workerinput", None)
    if worker is None:
        keeper = Keeper(config, when)
        config.pluginmanager.register(keeper, "flowtrace-keeper")
        config.pluginmanager.register(Recorder(config, when, keeper.path), "flowtrace-recorder")
    elif "flowtrace" in worker:
        config.pluginmanager.register(Recorder(config, when, worker["flowtrace"]), "flowtrace-recorder")


def _seconds(when: str) -> float:
    return float(when.partition(":")[2]) if when.startswith("slow:") else float("inf")


def _more(config: pytest.Config, test: str) -> str:
    """The command that tells more of it."""
    name = config.getoption("flowtrace_file")
    file = "" if name == "flowtrace.flow" else f" {shlex.quote(name)}"
    return f"flowtrace show --test {shlex.quote(test)}{file}"


# --- the file ---------------------------------------------------------------


class Keeper:
    """The one file of a session, which the controller or the only process has."""

    def __init__(self, config: pytest.Config, when: str) -> None:
        self.config = config
        self.when = when
        self.name: str = config.getoption("flowtrace_file")
        self.final = os.path.join(str(config.invocation_params.dir), self.name)
        self.folder = ""
        self.failed: dict[str, None] = {}
        self.slow: dict[str, str] = {}
        self.took: dict[str, float] = {}
        self.problem = ""
        self.kept = False
        self.joined = _recording._core.recording()  # by flowtrace run
        self.path = _recording._core.record_facts()["path"] or "" if self.joined else self._create()

    def _create(self) -> str:
        try:
            final = _recording._checked(self.final)
            if self.when != "all":
                self.folder = tempfile.mkdtemp(prefix="flowtrace-")
                final = os.path.join(self.folder, "tests.flow")
            workers = self.config.getoption("numprocesses", None) or 1
            last = 0 if self.when == "all" else _size.of("last", LAST) * min(int(workers), 16)
            _recording._core.create_trace(final, last=last)
        except (OSError, FlowTraceError) as error:
            self._remove()
            reason = getattr(error, "strerror", None) or error
            raise pytest.UsageError(f"--flowtrace: can't record to {self.name}: {reason}") from None
        return final

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput["flowtrace"] = self.path

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.took[report.nodeid] = self.took.get(report.nodeid, 0.0) + report.duration
        if report.failed:
            self.failed[report.nodeid] = None
        if report.when != "teardown":
            return
        if self.took.pop(report.nodeid) > _seconds(self.when):
            self.slow[report.nodeid] = next((text for title, text in report.sections if title == SLOW), "")

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """The workers have ended by now; the recorder of this process is stopped here, if there is one."""
        recorder = self.config.pluginmanager.getplugin("flowtrace-recorder")
        if isinstance(recorder, Recorder):
            recorder.stop()
        self.kept = not self.joined and bool(self.failed or self.slow or self.when == "all")
        if not self.kept:
            self._remove()
            return
        try:
            if self.folder:
                shutil.move(self.path, self.final)
            _recording._core.hash_sources(self.final)
        except (OSError, FlowTraceError) as error:
            self.problem = f"the recording can't be kept as {self.name}: {error}; name another by --flowtrace-file"
        self._remove()

    def _remove(self) -> None:
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = ""

    def pytest_unconfigure(self) -> None:
        self._remove()

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        for name, text in self.slow.items():
            if text:
                terminalreporter.section(f"{SLOW}: {name}", sep="_")
                terminalreporter.write_line(text)
        if self.problem or self.kept:
            terminalreporter.section("FlowTrace", sep="-")
        if self.problem:
            terminalreporter.write_line(self.problem, red=True)
        elif self.kept:
            some = next(iter([*self.failed, *self.slow]), "NAME")
            terminalreporter.write_line(f"{self.name} has the recording. More of a test: {_more(self.config, some)}")


# --- the recorder -----------------------------------------------------------


class Recorder:
    """Records the tests that this process runs."""

    def __init__(self, config: pytest.Config, when: str, path: str) -> None:
        self.config = config
        self.when = when
        self.path = path
        self.joined = _recording._core.recording()
        self.started = False
        self.told = 0
        self.took = 0.0
        self.library = _scope.library()

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtestloop(self) -> Generator[None]:
        self.start()
        yield

    def start(self) -> None:
        if self.joined or self.started or self.config.pluginmanager.hasplugin("dsession"):  # the workers do
            return
        settings = _settings.get_config()
        folders = [os.getcwd(), str(self.config.rootpath), str(self.config.invocation_params.dir)]
        roots = [folder for folder in folders if not _scope.is_library(folder, self.library)]
        try:
            _recording._core.record_join(
                self.path,
                roots=list(dict.fromkeys(_scope.roots_of(*roots) + _scope.roots_elsewhere())),
                library=self.library,
                rules=[],
                info={"program": self._title(), "part": "yes", "flowtrace": __version__},
                settings=_settings.limits(settings),
                secrets=_settings.secrets(settings),
            )
        except (OSError, RuntimeError, ValueError) as error:
            raise pytest.UsageError(f"--flowtrace: can't record: {error}") from None
        self.started = True

    def _title(self) -> str:
        worker = getattr(self.config, "workerinput", None)
        return "pytest" if worker is None else f"pytest {worker['workerid']}"

    def stop(self) -> None:
        if self.started:
            self.started = False
            _recording._core.record_stop()

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        self.stop()

    # --- regions

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None]:
        self.took = 0.0
        with _region(item.nodeid, item.path, item.location[1], getattr(item, "module", None)):
            yield

    @pytest.hookimpl(hookwrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, Any]:
        code = getattr(fixturedef.func, "__code__", None)
        if code is None or _scope.is_library(os.path.dirname(code.co_filename), self.library):
            yield
            return
        module = sys.modules.get(getattr(fixturedef.func, "__module__", ""))
        part = _region(f"fixture {fixturedef.argname}", code.co_filename, code.co_firstlineno - 1, module)
        part.__enter__()
        outcome = yield
        part.__exit__(*(outcome.excinfo or (None, None, None)))

    # --- stories

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any]:
        outcome = yield
        report = outcome.get_result()
        self.took += report.duration
        if report.failed:
            raised = call.excinfo.typename if call.excinfo else ""
            report.sections.append((STORY, self.story(item.nodeid, raised)))
        elif report.when == "teardown" and self.took > _seconds(self.when):
            report.sections.append((SLOW, self.story(item.nodeid)))

    def story(self, test: str, raised: str = "") -> str:
        """Return what the test did until now, in LINES lines at most; the way of what was raised comes last."""
        self.told += 1
        more = _more(self.config, test)
        if self.told > TOLD:
            return f"(many tests have their story here already; see {more})"
        try:
            lines = self._lines(test, raised)
        except FlowTraceError as error:
            return f"(its story can't be told: {error})"
        return "\n".join([*lines, f"More: {more}"])

    def _lines(self, test: str, raised: str) -> list[str]:
        way = self._way(test, raised)
        room = LINES - 1 - len(way)
        lines: list[str] = []
        for wanted in (room, 20, 10, 4):  # about so many
            lines = self._show(test, wanted)
            if len(lines) <= room:
                break
        told = bool(lines) and lines[-1].lstrip("│| ").startswith(
            ("raised ", "left ", "caught ", "kept ", "not caught")
        )
        return lines[:room] if told else lines[:room] + way

    def _show(self, test: str, lines: int, view: str = "tree") -> list[str]:
        """Return the lines of a view without its head, and without how many calls a filter has left."""
        stream = sys.__stdout__
        ascii = _terminal.needs_ascii(stream)
        text = _recording._core.show(
            self.path,
            lines=lines,
            width=max(80, min(_terminal.columns(stream), 160)),
            ascii=ascii,
            newest=NEWEST,
            filters=[("--test", test)],
            view=view,
        ).decode()
        shown = text.strip("\n").splitlines()
        shown = shown[shown.index("") + 1 :] if "" in shown else shown
        shown = [re.sub(r"^Filters leave [^.]+\. ?", "", line) for line in shown]
        running = "  ... still running" if ascii else "  … still running"
        if shown and running in shown[0]:  # the test itself is about to end
            shown[0] = shown[0].replace(running, " " * len(running)).rstrip()
        while shown and not shown[-1]:
            shown.pop()
        return shown

    def _way(self, test: str, raised: str) -> list[str]:
        """Return the way that the exception of this type went last, as show --errors has it."""
        if not raised:
            return []
        ways: list[list[str]] = []
        for line in self._show(test, 0, "errors"):
            if line.lstrip("✗! ").startswith(raised) and not line.startswith("  "):
                ways.append([line])
            elif ways and line.startswith("  "):
                ways[-1].append(line)
            elif ways:
                ways[-1].append("")
        last = "\n".join(ways[-1]).partition("\n\n")[0].split("\n") if ways else []
        return ["", *last[:12]] if last else []


def _region(name: str, path: object, line: int | None, module: object) -> region:
    place = getattr(module, "__name__", ""), str(path), (line or 0) + 1
    return _recording._core._region_at(name, place)
