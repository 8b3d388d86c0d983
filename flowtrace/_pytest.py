"""What `pytest --flowtrace` does: each test is a region of one recording, and a failed one tells its story.

The recording is a file that keeps its newest part, in a temporary folder; it is moved to where people look for it
once a test has failed. With pytest-xdist the controller makes the file and all workers record to it.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any

import pytest

from . import __version__, _recording, _scope, _settings, _size
from ._pytest_story import Fixture, Place, Teller, place_of, places_in
from .errors import FlowTraceError

if TYPE_CHECKING:
    from collections.abc import Generator

    from ._core import region

STORY = "FlowTrace: what it did"
SLOW = "FlowTrace: what took so long"
INTERRUPTED = "FlowTrace: what it was doing"
LAST = "64M"  # of the recording is kept, where it need not be whole
FORGOTTEN = 24 * 60 * 60  # seconds after which what a killed session has left is removed by the next one


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
        self.ran = False
        self.interrupted = ("", "")
        self.problem = ""
        self.kept = False
        self.joined = _recording._core.recording()  # by flowtrace run
        self.path = _recording._core.record_facts()["path"] or "" if self.joined else self._create()
        self.teller = Teller(config, self.path)

    def _create(self) -> str:
        try:
            final = _recording._checked(self.final)
            if self.when != "all":
                _remove_forgotten()
                self.folder = tempfile.mkdtemp(prefix=f"flowtrace-{os.getpid()}-")
                final = os.path.join(self.folder, "tests.flow")
            workers = self.config.getoption("numprocesses", None) or 1
            last = 0 if self.when == "all" else _size.of("last", LAST) * min(int(workers), 16)
            _recording._core.create_trace(final, last=last)
        except (OSError, FlowTraceError) as error:
            self._remove()
            reason = getattr(error, "strerror", None) or error
            raise pytest.UsageError(f"--flowtrace: can't record to {self.name}: {reason}") from None
        return final

    def pytest_report_header(self) -> str | None:
        if not self.folder:
            return None
        also = " or is slow" if self.when.startswith("slow:") else ""
        return f"flowtrace: recording to {self.path}, kept as {self.name} if a test fails{also}"

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput["flowtrace"] = self.path

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.ran = True
        if report.failed and str(report.when) == "???":  # its worker, of pytest-xdist, has crashed
            report.sections.append((STORY, self.teller.story(report.nodeid)))
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
            self.interrupted = recorder.interrupted
        something = self.failed or self.slow or self.interrupted[0] or (self.when == "all" and self.ran)
        self.kept = not self.joined and bool(something)
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
        if self.when == "all" and not self.kept and not self.joined:
            try:
                os.unlink(self.path)
            except OSError:
                pass
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
        name, text = self.interrupted
        if text:
            terminalreporter.section(f"{INTERRUPTED}: {name}", sep="_")
            terminalreporter.write_line(text)
        if self.problem or self.kept:
            terminalreporter.section("FlowTrace", sep="-")
        if self.problem:
            terminalreporter.write_line(self.problem, red=True)
        elif self.kept:
            some = next(iter([*self.failed, *self.slow]), self.interrupted[0] or "NAME")
            terminalreporter.write_line(f"{self.name} has the recording. More of a test: {self.teller.more(some)}")


def _remove_forgotten() -> None:
    """Remove the folders of sessions that were killed a day ago or before."""
    try:
        entries = list(os.scandir(tempfile.gettempdir()))
    except OSError:  # it may be written to, but not listed
        return
    for entry in entries:
        process = re.match(r"flowtrace-(\d+)-", entry.name)
        try:
            if process and time.time() - entry.stat(follow_symlinks=False).st_mtime > FORGOTTEN:
                os.kill(int(process[1]), 0)
        except ProcessLookupError:
            shutil.rmtree(entry.path, ignore_errors=True)
        except OSError:  # another user's, or gone by now
            pass


# --- the recorder -----------------------------------------------------------


class Recorder:
    """Records the tests that this process runs."""

    def __init__(self, config: pytest.Config, when: str, path: str) -> None:
        self.config = config
        self.when = when
        self.path = path
        self.joined = _recording._core.recording()
        self.started = False
        self.took = 0.0
        self.teller = Teller(config, path)
        self.library = self.teller.library
        self.test = ""  # that runs
        self.interrupted = ("", "")
        self.set_up: dict[Place, Fixture] = {}
        self.broken: dict[Place, Fixture] = {}

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
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any]:
        self.took = 0.0
        self.test = item.nodeid
        with _region(item.nodeid, item.path, item.location[1], getattr(item, "module", None)):
            outcome = yield
            if outcome.excinfo and issubclass(outcome.excinfo[0], KeyboardInterrupt):
                self.interrupted = item.nodeid, self.teller.story(item.nodeid, outcome.excinfo[1])

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
        known = self.broken if outcome.excinfo else self.set_up
        known[place_of(code)] = Fixture(fixturedef.argname, self.test)

    # --- stories

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any]:
        outcome = yield
        report = outcome.get_result()
        self.took += report.duration
        if report.failed:
            report.sections.append((STORY, self._story_of_failure(item.nodeid, call)))
        elif report.when == "teardown" and self.took > _seconds(self.when):
            report.sections.append((SLOW, self.teller.story(item.nodeid)))

    def _story_of_failure(self, test: str, call: pytest.CallInfo[None]) -> str:
        if not call.excinfo:
            return self.teller.story(test)
        raised = call.excinfo.value
        known = {"setup": self.broken, "teardown": self.set_up}.get(call.when, {})
        fixtures = [known[place] for place in places_in(raised) if place in known and known[place].test != test]
        if call.when == "setup":
            return self.teller.story(test, raised, failed_before=fixtures)
        return self.teller.story(test, raised, torn_down=fixtures)

    @pytest.hookimpl(tryfirst=True)
    def pytest_exception_interact(self, report: Any) -> None:
        """With --pdb a failure isn't reported later."""
        reporter = self.config.pluginmanager.getplugin("terminalreporter")
        text = next((text for title, text in report.sections if title == STORY), "")
        if text and reporter and self.config.getoption("usepdb"):
            reporter.ensure_newline()
            reporter.write_sep(">", STORY)
            reporter.write_line(text)


def _region(name: str, path: object, line: int | None, module: object) -> region:
    place = getattr(module, "__name__", ""), str(path), (line or 0) + 1
    return _recording._core._region_at(name, place)
