"""pytest --flowtrace: what failed tells its story, and nothing else changes."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from flowtrace._core import Call, Trace

pytest_plugins = ["pytester"]

type Tree = list[str | Tree]

SHOP = """
    class Gateway:
        def __init__(self):
            self.sent = []
        def refund(self, order, amount):
            if amount > order["paid"]:
                raise ValueError(f"can't refund {amount}")
            self.sent.append(amount)
            return len(self.sent)
    def total(lines):
        return sum([price(*line) for line in lines])
    def price(count, each):
        return count * each
    def refund(order, gateway):
        return gateway.refund(order, total(order["lines"]))
"""

ORDERS = """
    import pytest, shop
    @pytest.fixture
    def gateway():
        gateway = shop.Gateway()
        yield gateway
        shop.price(0, 0)
    @pytest.fixture
    def order():
        return {"paid": 10, "lines": [(2, 3), (1, 5)]}
    @pytest.fixture
    def broken():
        raise OSError("no disk")
    def test_total(order):
        assert shop.total(order["lines"]) == 11
    def test_refund(order, gateway, tmp_path):
        assert shop.refund(order, gateway) == 1
    class TestPrice:
        @pytest.mark.parametrize("n", [1, 2])
        def test_price(self, n):
            assert shop.price(n, 3) == 3
    def test_setup(broken): pass
    @pytest.mark.xfail
    def test_expected(): assert shop.price(1, 1) == 2
    @pytest.mark.skip
    def test_skipped(): pass
"""
OUTCOMES = {"passed": 2, "failed": 2, "errors": 1, "xfailed": 1, "skipped": 1}
HEAD = "FlowTrace: what it did"


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Only the plugins that a test names are loaded, or those that the project's own pytest.ini does."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p flowtrace.pytest_plugin -p no:cacheprovider")
    monkeypatch.setenv("TMPDIR", str(pytester.mkdir("temporary")))
    monkeypatch.setenv("COLUMNS", "110")
    pytester.makepyfile(shop=SHOP)
    return pytester


def tree(call: Call) -> Tree:
    return [call.function.qualname, *map(tree, call.children)]


def left_behind(project: pytest.Pytester) -> list[str]:
    """What isn't of the tests' own in the folder for temporary files, and any trace."""
    names = [path.name for path in (project.path / "temporary").iterdir() if not path.name.startswith("pytest-of-")]
    return names + [path.name for path in project.path.glob("*.flow")]


def stories(output: str) -> list[list[str]]:
    """The lines of each story, without its heading."""
    found: list[list[str]] = []
    inside = False
    for line in output.splitlines():
        if HEAD in line and line.startswith("-"):
            found.append([])
            inside = True
        elif inside:
            found[-1].append(line)
            inside = not line.startswith("More: ")
    return found


def flowtrace(project: pytest.Pytester, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flowtrace", *words], cwd=project.path, capture_output=True, text=True, timeout=60
    )


def needs(name: str) -> str:
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    return name


# --- what is told ------------------------------------------------------------------


def test_a_failed_test_tells_its_story(project: pytest.Pytester) -> None:
    project.makepyfile(test_orders=ORDERS)
    result = project.runpytest_subprocess("--flowtrace")
    result.assert_outcomes(**OUTCOMES)
    told = {story[-1].rpartition("::")[2].strip("'"): story for story in stories(result.stdout.str())}
    assert list(told) == ["test_setup", "test_refund", "test_price[2]"]
    assert all(len(story) <= 40 for story in told.values())
    lines = told["test_refund"]
    assert lines[0].startswith("[test_orders.py::test_refund]") and "running" not in lines[0]
    assert [line.partition("(")[0].partition("  ")[0] if "raised" not in line else line for line in lines[1:-1]] == [
        "├─ [fixture order]",
        "│", "├─ [fixture gateway]", "│", "│", "└─ test_refund", "", "", "", "",
        "            raised shop.py:6 · left Gateway.refund, refund, test_refund · caught by pytest",
    ]  # fmt: skip
    assert lines[2].strip("│ ").startswith("└─ order() → {'paid': 10, 'lines': [(2, 3), (1, 5)]}")
    assert "└─ Gateway.refund(order={" in lines[-3].replace("├", "└") and "ValueError" in lines[-3]
    assert "└─ gateway() yielded 1×" in lines[4] and "running" not in lines[4]
    assert lines[-1] == "More: flowtrace show --test test_orders.py::test_refund"
    price = told["test_price[2]"]
    assert price[-4].startswith("✗ AssertionError(") and price[-3].startswith("   raised in  TestPrice.test_price(")
    assert price[-3].rstrip().endswith(" test_orders.py:20") and price[-2] == "   caught by  pytest"
    assert "OSError('no disk')" in "\n".join(told["test_setup"])
    assert "pluggy" not in "".join(map("".join, told.values())) and "_pytest" not in "".join(price)
    result.stdout.fnmatch_lines(["flowtrace.flow has the recording. More of a test: flowtrace show --test *"])


def test_each_test_is_a_region_of_the_recording(project: pytest.Pytester) -> None:
    project.makepyfile(test_orders=ORDERS)
    project.runpytest_subprocess("--flowtrace", "--flowtrace-file", "kept.flow").assert_outcomes(**OUTCOMES)
    assert left_behind(project) == ["kept.flow"]
    trace = Trace(project.path / "kept.flow")
    tests = [call for call in trace.calls() if "::" in call.function.qualname]
    assert [call.function.qualname.partition("::")[2] for call in tests] == [
        "test_total", "test_refund", "TestPrice::test_price[1]", "TestPrice::test_price[2]", "test_setup",
        "test_expected", "test_skipped",
    ]  # fmt: skip
    refund = tests[1]
    assert tree(refund) == [
        "test_orders.py::test_refund",
        ["fixture order", ["order"]],
        ["fixture gateway", ["gateway", ["Gateway.__init__"], ["price"]]],
        ["test_refund", ["refund", ["total", ["price"], ["price"]], ["Gateway.refund"]]],
    ]
    place = refund.function
    assert (Path(place.file).name, place.module, place.line) == ("test_orders.py", "test_orders", 15)
    assert (refund.function.kind, refund.outcome, tests[4].children[0].exception.type) == (
        "region", "returned", "OSError",
    )  # fmt: skip
    whole = flowtrace(project, "show", "--test", "test_price", "kept.flow").stdout
    assert "test_price[1]" in whole and "test_price[2]" in whole and "total" not in whole
    one = flowtrace(project, "find", "--test", "test_orders.py::TestPrice::test_price[2]", "kept.flow").stdout
    assert one.count("price(") == 2 and "[1]" not in one
    assert flowtrace(project, "show", "--test", "test_*total", "kept.flow").stdout.count("total") >= 2
    wrong = flowtrace(project, "report", "--test", "test_refunds", "kept.flow")
    assert wrong.returncode and "no test matches 'test_refunds'; did you mean test_refund?" in wrong.stderr
    assert flowtrace(project, "diff", "kept.flow", "kept.flow", "--test", "test_refund").returncode == 0


def test_why_it_passed_there_and_fails_here(project: pytest.Pytester) -> None:
    project.makepyfile(test_orders=ORDERS)
    project.runpytest_subprocess("--flowtrace=all", "--flowtrace-file=a.flow", "-k", "refund").assert_outcomes(failed=1)
    project.makepyfile(shop=SHOP.replace("count * each", "count * each // 2"))
    project.runpytest_subprocess("--flowtrace=all", "--flowtrace-file=b.flow", "-k", "refund").assert_outcomes(passed=1)
    told = flowtrace(project, "diff", "a.flow", "b.flow", "--test", "test_refund")
    assert told.returncode == 1 and "price(" in told.stdout and "shop.py has changed in between." in told.stdout


def test_passing_tests_leave_nothing(project: pytest.Pytester) -> None:
    project.makepyfile(test_it="import shop\ndef test_it(): assert shop.price(2, 3) == 6")
    result = project.runpytest_subprocess("--flowtrace")
    result.assert_outcomes(passed=1)
    assert "FlowTrace" not in result.stdout.str() and left_behind(project) == []
    result = project.runpytest_subprocess("--flowtrace=all")
    assert left_behind(project) == ["flowtrace.flow"]
    result.stdout.fnmatch_lines(["flowtrace.flow has the recording. More of a test: flowtrace show --test NAME"])
    assert "price(count=2, each=3)" in flowtrace(project, "show", "--test", "test_it").stdout


def test_slow_ones(project: pytest.Pytester) -> None:
    project.makepyfile(test_it="import shop, time\ndef test_a(): shop.price(1, 2)\ndef test_b(): time.sleep(0.5)")
    result = project.runpytest_subprocess("--flowtrace=slow:0.4")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*FlowTrace: what took so long: test_it.py::test_b*", "*test_it.py::test_b*"])
    assert "::test_a" not in result.stdout.str() and left_behind(project) == ["flowtrace.flow"]
    project.runpytest_subprocess("--flowtrace=slow:60", "--flowtrace-file=none.flow")
    assert left_behind(project) == ["flowtrace.flow"]


def test_a_long_story_is_short(project: pytest.Pytester) -> None:
    functions = "\n".join(f"def f{i}(n): return n" for i in range(100))
    calls = "\n".join(f"    f{i}({i})" for i in range(100))
    project.makepyfile(test_it=f"{functions}\ndef fail(): raise KeyError('last')\ndef test_it():\n{calls}\n    fail()")
    result = project.runpytest_subprocess("--flowtrace")
    (story,) = stories(result.stdout.str())
    assert 20 <= len(story) <= 40 and "KeyError('last')" in "\n".join(story[-8:])


ENDS = """
    import pytest, shop, unittest
    def fail(why): raise OSError(why)
    @pytest.fixture(scope="session")
    def disk():
        yield shop.price(7, 7)
        fail("busy")
    @pytest.fixture(scope="module")
    def broken():
        fail("no disk")
    def test_chained(disk):
        try: fail("inner")
        except OSError as error: raise RuntimeError("outer") from error
    def test_first(broken): pass
    def test_second(broken): pass
    class TestParts(unittest.TestCase):
        def test_parts(self):
            for i in range(2):
                with self.subTest(i=i): self.assertEqual(shop.price(i, 1), 1)
    @pytest.mark.parametrize("x", [pytest.param("star", id="a*"), pytest.param("long", id="a" * 600)])
    def test_names(x): fail(x)
    def test_last(): shop.price(3, 3)
"""


def test_a_story_ends_in_what_the_failure_comes_from(project: pytest.Pytester) -> None:
    project.makepyfile(test_ends=ENDS)
    folder = project.mkpydir("sub")
    (folder / "test_ends.py").write_text("import shop\ndef test_first(): assert shop.price(8, 8) == 1")
    result = project.runpytest_subprocess("--flowtrace=failed", "test_ends.py", "sub")
    tests = ["second", "names[a*]", "first", "names[aaa", "chained", "parts"]
    told = {name: story for story in stories(result.stdout.str()) for name in tests if f"test_{name}" in story[0]}

    assert told["chained"][-7:-1] == [
        "✗ RuntimeError('outer')", told["chained"][-6], "   caught by  pytest", "   from       OSError('inner')",
        told["chained"][-3], told["chained"][-2],
    ]  # fmt: skip
    assert told["chained"][-2].split() == ["caught", "in", "test_chained(disk=49)", "test_ends.py:11"]
    assert told["second"][1:-1] == [
        "(none of your code ran in it)", "Fixture broken failed before, in test_ends.py::test_first.",
    ]  # fmt: skip
    if pytest.version_tuple >= (9,):  # reports each part by itself
        assert told["parts"][-2] == (
            "AssertionError came up at test_ends.py:18 in TestParts.test_parts; library code that it called caught it"
        )
    assert "'star'" in told["names[a*]"][1] and "'long'" in told["names[aaa"][1]
    assert told["names[a*]"][-1].endswith(" --test '/test_ends.py::test_names[a*]'")
    assert len(told["names[aaa"][-1]) < 260 and told["names[aaa"][-1].endswith("aaa*'")

    (last,) = [story for story in stories(result.stdout.str()) if any("Torn down here" in line for line in story)]
    below = last[last.index("Torn down here, set up in test_ends.py::test_chained:") :]
    assert "[fixture disk]" in below[1] and "price(count=7, each=7)" in below[3]
    assert below[-2].strip() == "raised test_ends.py:2 · left fail, disk · caught by pytest"

    firsts = [story for story in stories(result.stdout.str()) if "::test_first]" in story[0]]
    assert {story[0].split()[0] for story in firsts} == {"[test_ends.py::test_first]", "[sub/test_ends.py::test_first]"}
    assert all(sum("::test_first]" in line for line in story) == 1 for story in firsts)
    every = flowtrace(project, "show", "--test", "test_ends.py::test_first").stdout
    one = flowtrace(project, "show", "--test", "/test_ends.py::test_first").stdout
    assert "[sub/test_ends.py::test_first]" in every and "[test_ends.py::test_first]" in every
    assert "sub/" not in one and "[test_ends.py::test_first]" in one and "· caught in library code" in one


def test_what_a_story_says_that_it_lacks() -> None:
    from flowtrace import _pytest_story

    assert _pytest_story._notes("Filters leave 2 of 9 calls. Not shown: 7 calls; --lines N shows more.") == (
        "Not shown: 7 calls."
    )
    for note in (
        "Not read: 2 older calls; --newest N reads more.",
        "The first 2,302 calls were let go: --last 64M kept.",
    ):
        assert _pytest_story._notes(f"Filters leave 2 of 9 calls. {note} Part of this trace is missing: see.") == (
            "Part of this trace is missing: see. Told of the newest calls alone; older ones of this session are gone."
        )


def test_what_it_was_doing(project: pytest.Pytester) -> None:
    project.makepyfile(test_it="import shop\ndef test_it():\n    shop.price(2, 3)\n    raise KeyboardInterrupt")
    result = project.runpytest_subprocess("--flowtrace")
    assert result.ret == pytest.ExitCode.INTERRUPTED and left_behind(project) == ["flowtrace.flow"]
    result.stdout.fnmatch_lines(
        ["*FlowTrace: what it was doing: test_it.py::test_it*", "*price(count=2, each=3)*", "*came in*test_it()*"]
    )


# --- beside others -----------------------------------------------------------------


def test_with_xdist(project: pytest.Pytester) -> None:
    project.makepyfile(test_orders=ORDERS)
    result = project.runpytest_subprocess("-p", needs("xdist"), "-n2", "--flowtrace")
    result.assert_outcomes(**OUTCOMES)
    assert len(stories(result.stdout.str())) == 3 and left_behind(project) == ["flowtrace.flow"]
    trace = Trace(project.path / "flowtrace.flow")
    assert sum("::" in call.function.qualname for call in trace.calls()) == 7
    assert trace.info["lost_records"] == 0 and len(trace.info["processes"]) == 2
    assert "test_orders.py::test_refund" in flowtrace(project, "show", "--test", "test_refund").stdout
    project.makepyfile(test_orders="def test(): pass")
    project.runpytest_subprocess("-p", "xdist", "-n2", "--flowtrace", "--flowtrace-file=no.flow").assert_outcomes(
        passed=1
    )
    assert left_behind(project) == ["flowtrace.flow"]


def test_a_worker_that_crashes(project: pytest.Pytester) -> None:
    project.makepyfile(test_it="import os, shop\ndef test_it():\n    shop.price(2, 3)\n    os._exit(3)")
    result = project.runpytest_subprocess("-p", needs("xdist"), "-n1", "--flowtrace")
    result.assert_outcomes(failed=1)
    (story,) = stories(result.stdout.str())
    assert [line.split()[1] for line in story[1:3]] == ["test_it()", "price(count=2,"]
    assert "still running" in story[1] and left_behind(project) == ["flowtrace.flow"]


ASYNC = """
    import asyncio, pytest
    async def child(n):
        await asyncio.sleep(0.001)
        return n
    {mark}
    async def test_it():
        assert await asyncio.gather(child(1), child(2)) == []
"""


@pytest.mark.parametrize("plugin", ["pytest_asyncio", "anyio"])
def test_with_tasks(project: pytest.Pytester, plugin: str) -> None:
    needs(plugin)
    mark = "@pytest.mark.asyncio" if plugin == "pytest_asyncio" else "@pytest.mark.anyio"
    fixture = "" if plugin == "pytest_asyncio" else "\n    @pytest.fixture\n    def anyio_backend(): return 'asyncio'\n"
    project.makepyfile(test_it=ASYNC.format(mark=mark) + fixture)
    loaded = "pytest_asyncio.plugin" if plugin == "pytest_asyncio" else "anyio.pytest_plugin"
    result = project.runpytest_subprocess("-p", loaded, "--flowtrace", "-o", "asyncio_mode=strict")
    result.assert_outcomes(failed=1)
    trace = Trace(project.path / "flowtrace.flow")
    test, *others = [call for call in trace.calls() if call.function.qualname == "test_it"]
    assert not others and test.track.kind == "task"
    (region,) = [call for call in trace.calls() if call.function.kind == "region" and "::" in call.function.qualname]
    kept = flowtrace(project, "show", "--test", "test_it").stdout
    assert region.function.qualname in kept and kept.count("child(") == 1 and "test_it()" in kept


def test_with_coverage_and_capture(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    needs("pytest_cov")
    monkeypatch.setenv("COVERAGE_CORE", "sysmon")
    project.makepyfile(test_it="import shop\ndef test_it():\n    print('said')\n    assert shop.price(2, 3) == 5")
    result = project.runpytest_subprocess("-p", "pytest_cov", "--cov=shop", "--cov-report=term", "--flowtrace")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*Captured stdout call*", "said", f"*{HEAD}*", "*price(count=2, each=3)*"])
    assert any(line.startswith("shop.py ") and line.endswith("%") for line in result.outlines)


def test_with_pdb(project: pytest.Pytester) -> None:
    project.makepyfile(test_it="import shop\ndef test_it():\n    n = 5\n    assert shop.price(2, 3) == n")
    result = project.run(sys.executable, "-m", "pytest", "--pdb", "--flowtrace", stdin=b"p n * 11\nc\n")
    result.stdout.fnmatch_lines([f">*{HEAD}*", "*price(count=2, each=3)*", "*entering PDB*", "*55*"])
    result.assert_outcomes(failed=1)
    assert len(stories(result.stdout.str().replace(">", "-"))) == 1
    assert left_behind(project) == ["flowtrace.flow"]


def test_with_unittest_and_doctest(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_it="""
        import unittest, shop
        class TestIt(unittest.TestCase):
            def setUp(self): self.price = shop.price(1, 2)
            def test_it(self): self.assertEqual(self.price, 3)
        def documented():
            '''
            >>> documented()
            2
            '''
            return 1
        """
    )
    result = project.runpytest_subprocess("--flowtrace", "--doctest-modules", "test_it.py")
    result.assert_outcomes(failed=2)
    first, second = sorted(stories(result.stdout.str()), key=lambda story: "::TestIt::" in story[0])
    assert "documented()" in "".join(first) and "TestIt.setUp()" in second[1]


def test_within_flowtrace_run(project: pytest.Pytester) -> None:
    project.makepyfile(test_orders=ORDERS)
    done = flowtrace(project, "run", "-q", "-o", "run.flow", "-m", "pytest", "--flowtrace")
    assert done.returncode == 1 and len(stories(done.stdout)) == 3 and "has the recording" not in done.stdout
    assert left_behind(project) == ["run.flow"]
    assert "import test_orders" in flowtrace(project, "show", "run.flow").stdout


# --- what can go wrong -------------------------------------------------------------


def test_options_that_cant_be(project: pytest.Pytester) -> None:
    project.makepyfile(test_it="def test(): pass")
    (project.path / "mine.txt").write_text("my own")
    for word in "tests/", "slow:-1":
        result = project.runpytest_subprocess("--flowtrace", word)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines([f"*'{word}' is none of failed, all or slow:SECONDS; before a path write*"])
    for name, why in ("mine.txt", "is no trace"), ("no/such/it.flow", "there is no folder"):
        result = project.runpytest_subprocess("--flowtrace", "--flowtrace-file", name)
        assert result.ret == pytest.ExitCode.USAGE_ERROR and why in result.stderr.str()
    project.runpytest_subprocess("--flowtrace=all", "-k", "no such")
    assert (project.path / "mine.txt").read_text() == "my own" and left_behind(project) == []


def test_what_killed_sessions_leave_is_removed_a_day_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from flowtrace import _pytest

    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    day = time.time() - _pytest.FORGOTTEN - 60
    for name, when in (
        (f"flowtrace-{ended.pid}-old", day), (f"flowtrace-{ended.pid}-new", None),
        (f"flowtrace-{os.getpid()}-old", day), ("flowtrace-mine", day), (f"{ended.pid}-old", day),
    ):  # fmt: skip
        (tmp_path / name).mkdir()
        (tmp_path / name / "tests.flow").touch()
        if when:
            os.utime(tmp_path / name, (when, when))
    _pytest._remove_forgotten()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    _pytest._remove_forgotten()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [f"{ended.pid}-old", f"flowtrace-{ended.pid}-new", f"flowtrace-{os.getpid()}-old", "flowtrace-mine"]
    )


def test_nothing_is_loaded_without_the_option(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_it="""
        import sys
        def test_it():
            assert sorted(name for name in sys.modules if name.startswith("flowtrace")) == [
                "flowtrace", "flowtrace.pytest_plugin"]
            assert not [sys.monitoring.get_tool(n) for n in range(6) if sys.monitoring.get_tool(n)]
    """
    )
    project.runpytest_subprocess().assert_outcomes(passed=1)


def test_it_is_found_by_its_entry_point(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    monkeypatch.delenv("PYTEST_ADDOPTS")
    project.runpytest_subprocess("--help").stdout.fnmatch_lines(["*--flowtrace=*WHEN*", "*--flowtrace-file=PATH*"])
