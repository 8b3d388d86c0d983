"""Run one test module of CPython's own suite and write the outcome of each test.

    python outcomes.py FILE test.test_enum

FILE gets a line of JSON for each test as it ends: [id, outcome, last line of the report]. It is opened and closed
each time: what was written stays if the interpreter dies, and no file is open while a test counts files.
"""

from __future__ import annotations

import faulthandler
import importlib
import json
import os
import random
import sys
import unittest
import warnings
from types import ModuleType, TracebackType

from test import support

type Report = tuple[type[BaseException], BaseException, TracebackType]

# Tests may replace these.
append_to, dump, close = os.open, json.dumps, os.close
write = os.write


class Outcomes(unittest.TestResult):
    """Writes an outcome per test; a subtest that fails makes its test fail."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path
        self.process = os.getpid()

    def note(self, test: unittest.TestCase, outcome: str, detail: str = "") -> None:
        if os.getpid() != self.process:
            return  # a test has forked, and its child goes on with the suite
        line = dump([test.id(), outcome, detail.strip()[-2000:]]) + "\n"
        file = append_to(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            write(file, line.encode("ascii", "backslashreplace"))
        finally:
            close(file)

    def addSuccess(self, test: unittest.TestCase) -> None:
        super().addSuccess(test)
        self.note(test, "passed")

    def addFailure(self, test: unittest.TestCase, err: Report) -> None:
        super().addFailure(test, err)
        self.note(test, "failed", self.failures[-1][1])

    def addError(self, test: unittest.TestCase, err: Report) -> None:
        super().addError(test, err)
        self.note(test, "error", self.errors[-1][1])

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        super().addSkip(test, reason)
        self.note(test, "skipped", reason)

    def addExpectedFailure(self, test: unittest.TestCase, err: Report) -> None:
        super().addExpectedFailure(test, err)
        self.note(test, "failed as expected")

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:
        super().addUnexpectedSuccess(test)
        self.note(test, "passed unexpectedly")

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: Report | None) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            failed = issubclass(err[0], test.failureException)
            self.note(test, "failed" if failed else "error", (self.failures if failed else self.errors)[-1][1])


def share_monitoring(tests: ModuleType) -> None:
    """test_monitoring wants all six tools idle, and FlowTrace's is not: ask it of those three that it uses, not 4."""
    tests.TEST_TOOL3 = 1
    tools = (tests.TEST_TOOL, tests.TEST_TOOL2, tests.TEST_TOOL3)
    bits = sum(1 << tool for tool in tools)
    all_events = sys.monitoring._all_events
    sys.monitoring._all_events = lambda: {name: of & bits for name, of in all_events().items() if of & bits}

    def set_up(test: unittest.TestCase) -> None:
        for tool in tools:
            test.assertEqual(sys.monitoring.get_events(tool), 0)
            sys.monitoring.use_tool_id(tool, f"test {tool}")

    def tear_down(test: unittest.TestCase) -> None:
        for tool in tools:
            test.assertEqual(sys.monitoring.get_events(tool), 0)
            sys.monitoring.free_tool_id(tool)

    tests.MonitoringTestBase.setUp = set_up
    tests.MonitoringTestBase.tearDown = tear_down


def main(path: str, name: str) -> None:
    """Set up what regrtest sets up, with no resource (network, much memory, much time) allowed."""
    sys.argv[1:] = []
    faulthandler.enable()
    support.verbose = False
    support.use_resources = {} if sys.version_info >= (3, 15) else ()
    support.record_original_stdout(sys.stdout)
    random.seed(1)
    warnings.simplefilter("default")
    result = Outcomes(path)
    result.buffer = True
    try:
        module = importlib.import_module(name)
    except unittest.SkipTest as skipped:
        print("skipped:", skipped)
        return
    if name == "test.test_monitoring":
        share_monitoring(module)
    tests = unittest.defaultTestLoader.loadTestsFromModule(module)
    tests.run(result)
    print("ran", result.testsRun)


if __name__ == "__main__":
    main(*sys.argv[1:])
