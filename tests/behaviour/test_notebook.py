"""%%flowtrace in a real kernel, and in a terminal's IPython."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from html_outline import TIME, Outline

pytest.importorskip("IPython", reason="no IPython for this Python")
nbclient = pytest.importorskip("nbclient", reason="no nbclient for this Python")
pytest.importorskip("ipykernel", reason="no ipykernel for this Python")

CELLS = {
    "load": "%load_ext flowtrace",
    "define": """import beside
class Order:
    def __init__(self, number, total):
        self.number, self.total = number, total

def price(order):
    if order.number == 3:
        raise ValueError("<b>no & price")
    return order.total * 2

def shop(n):
    prices = []
    for number in range(n):
        try:
            prices.append(price(Order(number, number * 10)))
        except ValueError:
            prices.append(None)
    return prices
""",
    "story": "%%flowtrace\nx = 1\nshop(4)\nbeside.helper(x)\n'the value'",
    "here": "%%flowtrace --no-time\ndef here(): return [(lambda q: q)(i) for i in (1, 2)]\nhere();",
    "raises": "%%flowtrace\nprice(Order(3, 1))",
    "waits": """%%flowtrace --no-time
import asyncio
async def fetch(n):
    await asyncio.sleep(0)
    return n
a, b = await asyncio.gather(fetch(1), fetch(2))
await fetch(a + b)""",
    "interrupted": """%%flowtrace
import os, signal, time
def stop():
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(60)
stop()""",
    "kept": "%%flowtrace -o kept.flow -q --lines 5\nshop(2)",
    "trace": "import flowtrace\nflowtrace.open('kept.flow')",
    "library": "%%flowtrace\nprint('hello')",
    "line": "shop(1)\n%flowtrace\nshop(2);",
    "magic within": "%%time\n%%flowtrace\nshop(1);",
    "magic below": "%%flowtrace\n%%capture\nshop(1);",
    "nested": "%%flowtrace\nget_ipython().run_cell('%%flowtrace\\nshop(1)')\nshop(2);",
    "recording": "flowtrace.start_tracing()\nget_ipython().run_cell('%%flowtrace\\n1')\nflowtrace.stop_tracing();",
    "stopped": "%%flowtrace\nshop(1)\nflowtrace.stop_tracing();",
    "empty": "%%flowtrace -q\n",
    "unknown": "%%flowtrace --lnies 3\nprint('not run')",
    "words": "%%flowtrace shop(1)\nprint('not run')",
    "quote": "%%flowtrace -o 'a\nprint('not run')",
    "bad value": "%%flowtrace --value-depth 1000\nprint('not run')",
    "both": "%%flowtrace --last 1M --limit 1M\nprint('not run')",
    "folder": "%%flowtrace -o nowhere/a.flow\nprint('not run')",
    "useless": "%%flowtrace -q --include nosuch\nshop(1);",
    "secret": "%%flowtrace --secret total --no-time\nOrder(1, 77).number",
    "after": "shop(1)",
}


class Cell:
    def __init__(self, outputs: list[dict[str, Any]]) -> None:
        self.said = "".join(output["text"] for output in outputs if output["output_type"] == "stream")
        self.error = [output["ename"] for output in outputs if output["output_type"] == "error"]
        self.values = [o["data"]["text/plain"] for o in outputs if o["output_type"] == "execute_result"]
        self.kinds = [output["output_type"] for output in outputs if output["output_type"] != "stream"]
        shown = [o["data"] for o in outputs if o["output_type"] == "display_data"]
        self.html = shown[0].get("text/html") if shown else None
        self.text = without_times(shown[0]["text/plain"]) if shown else []


def without_times(text: str) -> list[str]:
    lines = text.splitlines()
    return [re.sub(rf" +(×\d+  +)?{TIME}$", "", line) for line in lines[2:]]


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Cell]]:
    """All cells of one notebook, run in one kernel."""
    import nbformat

    folder = tmp_path_factory.mktemp("notebook")
    (folder / "beside.py").write_text("def helper(n):\n    return n + 1\n")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS.values()])
    kept = os.environ.copy()
    os.environ.update(HOME=str(folder), IPYTHONDIR=str(folder / "ipython"), JUPYTER_PLATFORM_DIRS="1")
    os.environ["COLUMNS"] = "40"  # of the terminal that Jupyter was started in
    os.environ["JUPYTER_RUNTIME_DIR"] = str(folder / "runtime")
    try:
        client = nbclient.NotebookClient(
            notebook,
            timeout=60,
            allow_errors=True,
            kernel_name="python3",
            resources={"metadata": {"path": str(folder)}},
        )
        client.execute()
    finally:
        os.environ.clear()
        os.environ.update(kept)
    yield {name: Cell(cell.outputs) for name, cell in zip(CELLS, notebook.cells, strict=True)}


def test_a_cell_has_its_story_under_it(cells: dict[str, Cell]) -> None:
    cell = cells["story"]
    assert cell.values == ["'the value'"]
    assert cell.kinds == ["execute_result", "display_data"]
    assert cell.text == [
        "shop(n=4) → [0, 20, 40, None]",
        "├─ Order.__init__(number=0 … 2, total=0 … 20)",
        "├─ price(order=Order(number=0 … 2, …)) → 0 … 40",
        "├─ Order.__init__(number=3, total=30)",
        "└─ price(order=Order(number=3, total=30))  ✗ ValueError('<b>no & price')",
        "      raised In[2]:8 · left price · caught in shop (In[2]:15)",
        "helper(n=1) → 2",
    ]


def test_the_story_is_a_tree_that_opens(cells: dict[str, Cell]) -> None:
    outline = Outline(cells["story"].html or "")
    assert outline.names() <= {"style", "div", "details", "summary", "span", "b"}
    assert any(
        "price(order=Order(number=3, total=30))  ✗ ValueError('<b>no & price')" in line for line in outline.lines
    )
    assert ("details", {"open": None}) in outline.elements
    assert outline.lines[0].startswith("In[3] · 10 calls · ")


def test_code_of_a_cell_has_the_cells_name(cells: dict[str, Cell]) -> None:
    assert cells["here"].text == ["here() → [1, 2]", f"{'└─ <lambda In[4]:2>(q=1 … 2) → 1 … 2':98}×2"]


def test_a_cell_that_raises_shows_both(cells: dict[str, Cell]) -> None:
    cell = cells["raises"]
    assert cell.error == ["ValueError"] and cell.kinds == ["error", "display_data"]
    assert cell.text[1:] == [
        "price(order=Order(number=3, total=1))  ✗ ValueError('<b>no & price')",
        "   raised In[2]:8 · left price · went on to where nothing was recorded",
    ]


def test_a_cell_may_wait(cells: dict[str, Cell]) -> None:
    cell = cells["waits"]
    assert cell.values == ["3"] and not cell.error
    fetched = [line for line in cell.text if "fetch" in line]
    assert re.search(r"task .*: fetch\(n=1 … 3\) → 1 … 3 +×3", fetched[0]), fetched


def test_a_cell_can_be_interrupted(cells: dict[str, Cell]) -> None:
    cell = cells["interrupted"]
    assert cell.error == ["KeyboardInterrupt"]
    assert cell.text[0].startswith("stop()  ✗ KeyboardInterrupt")


def test_a_cell_can_be_kept_and_read(cells: dict[str, Cell]) -> None:
    assert cells["kept"].values == ["[0, 20]"] and cells["kept"].html is None
    assert cells["trace"].values[0].startswith("<Trace ")


def test_a_cell_without_calls_says_so(cells: dict[str, Cell]) -> None:
    cell = cells["library"]
    sentence = "No call of the notebook's own code was recorded. Its own are its cells, and modules beside it or in its"
    assert cell.said == "hello\n" and cell.kinds == ["display_data"]
    assert Outline(cell.html or "").lines[0].startswith(sentence)


def test_a_line_records_the_rest_of_its_cell(cells: dict[str, Cell]) -> None:
    assert cells["line"].text[0] == "shop(n=2) → [0, 20]"
    assert not any("n=1" in line for line in cells["line"].text)


def test_other_magics_go_with_it(cells: dict[str, Cell]) -> None:
    assert cells["magic within"].said.startswith("CPU times") and cells["magic within"].text[0] == "shop(n=1) → [0]"
    assert cells["magic below"].text[0] == "shop(n=1) → [0]"


def test_one_recording_at_a_time(cells: dict[str, Cell]) -> None:
    nested = cells["nested"]
    assert nested.said.strip() == ("UsageError: this cell is being recorded already; leave the second %%flowtrace out")
    assert nested.text[0] == "shop(n=2) → [0, 20]"
    assert cells["recording"].said.strip() == (
        "UsageError: already recording; end that first: stop_tracing(), or leave the active_tracing() block"
    )
    assert cells["stopped"].text[0] == "shop(n=1) → [0]"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("empty", "UsageError: %%flowtrace is a cell magic, but the cell body is empty"),
        ("unknown", "UsageError: no option --lnies here; see: flowtrace run --help"),
        ("words", "UsageError: %%flowtrace takes options alone, not 'shop(1)'; the code stands in the lines below it"),
        ("quote", "UsageError: the options of %%flowtrace can't be read: no closing quotation"),
        ("bad value", "UsageError: --value-depth: "),
        ("both", "UsageError: --last keeps the newest part and --limit the oldest; give one of them"),
        ("folder", "UsageError: can't record to nowhere/a.flow: there is no folder "),
    ],
)
def test_what_cannot_be_is_one_sentence(cells: dict[str, Cell], name: str, says: str) -> None:
    cell = cells[name]
    assert cell.said.startswith(says) and cell.said.count("\n") <= 2
    assert "not run" not in cell.said and cell.html is None


def test_options_are_those_of_run(cells: dict[str, Cell]) -> None:
    assert cells["useless"].said.startswith("flowtrace: --include nosuch matched nothing that ran; ")
    assert cells["secret"].text == ["Order.__init__(number=1, total=<redacted>)"]
    assert cells["after"].kinds == ["execute_result"]


TERMINAL = r"""
import json, sys
from IPython.terminal.interactiveshell import TerminalInteractiveShell

shell = TerminalInteractiveShell.instance()
for cell in json.load(sys.stdin):
    shell.run_cell(cell, store_history=True)
"""


def in_terminal(folder: Path, *cells: str) -> str:
    environment = {
        **os.environ,
        "HOME": str(folder),
        "IPYTHONDIR": str(folder / "ipython"),
        "NO_COLOR": "1",
        "COLUMNS": "100",
    }
    done = subprocess.run(
        [sys.executable, "-P", "-c", TERMINAL],
        input=json.dumps(cells),
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment,
        timeout=60,
    )
    return done.stdout + done.stderr


def test_a_terminal_shows_text(tmp_path: Path) -> None:
    said = in_terminal(
        tmp_path,
        "%load_ext flowtrace",
        "def g(n): return n",
        "%%flowtrace --no-time --width 60\ng(1)\ng(2)",
        "async def h(): return g(5)",
        "%%flowtrace --no-time --ascii\nawait h()",
        "%reload_ext flowtrace",
        "%%flowtrace --no-time\ng(3);",
        "%unload_ext flowtrace",
        "%%flowtrace\ng(1)",
    )
    assert "Out[3]: 2\nIn[3] · 2 calls\n\ng(n=1 … 2) → 1 … 2" in said
    assert "\n=> task Task-1: h() -> 5\n`- g(n=5) -> 5\n" in said
    assert "In[7] · 1 call\n\ng(n=3) → 3\n" in said
    assert "UsageError: Cell magic `%%flowtrace` not found" in said
