"""%%flowtrace in a real kernel, and in a terminal's IPython."""

from __future__ import annotations

import ast
import json
import linecache
import os
import re
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from html_outline import TIME, Outline

from flowtrace import _notebook

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
    "live": "%%flowtrace --live\nprint('not run')",
    "bare": "%%flowtrace -q --\nshop(1)",
    "value": "%%flowtrace --no-time\ny = shop(1)\ny + ['kept']",
    "values": "n = max(Out)\nprint(_, Out[n], globals()[f'_{n}'], y, In[n].splitlines()[1:])",
    "order": """%%flowtrace --no-time
import sys
from IPython.display import display
print("out")
display(shop(1)[0])
print("err", file=sys.stderr)
'value'""",
    "again": "def price(order): return -1",
    "redefined": "%%flowtrace --no-time\ndef shop(n): return [price(n)]\nshop(3);",
    "left": """%%flowtrace --no-time
async def later():
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return price(0)
task = asyncio.create_task(later())
await asyncio.sleep(0)""",
    "came": "await task",
    "threads": """%%flowtrace --no-time
import threading
ready, stop = threading.Event(), threading.Event()
def wait(n):
    ready.set()
    stop.wait()
    return price(n)
thread = threading.Thread(target=wait, args=(5,))
thread.start()
ready.wait();""",
    "joined": "stop.set()\nthread.join()",
    "timed": "%%flowtrace --no-time\n%timeit -n 2 -r 1 price(7)\n%time price(8)",
    "exit": "%%flowtrace --no-time\nprice(9)\nraise SystemExit",
    "half": "%%flowtrace --no-time\nprice(1",
    "twice": "price(1)\nfor n in 1, 2:\n    %flowtrace --no-time\n    price(n)",
    "all of it": """%%flowtrace -q -o all.flow
class Shown:
    def _repr_html_(self): return "<b>shown</b>"
display(Shown())
print("text")
%time price(1)
await asyncio.gather(later(), later())
worker = threading.Thread(target=price, args=(2,))
worker.start()
worker.join()
Shown()""",
    "whose": """{(call.function.module, call.function.qualname) for call in flowtrace.open("all.flow").calls()
 if call.function.qualname != "<module>"}""",
    "other": "%%flowtrace -q -o other.flow\nprice(3)",
    "differs": "flowtrace.diff('all.flow', 'other.flow')",
    "before many": """import os
def held(): return len(os.listdir("/proc/self/fd")), sorted(os.listdir(os.environ["TMPDIR"]))
held()""",
    "many": "for n in range(50):\n    get_ipython().run_cell(f'%%flowtrace\\nprice({n})')",
    "after many": "held()",
    "files": "sum(len(files) for folder, _, files in os.walk(os.environ['TMPDIR']) if 'flowtrace-' in folder)",
    "help": "print(get_ipython().magics_manager.magics['cell']['flowtrace'].__doc__)",
    "long": """%%flowtrace --no-time --lines 12
for n in range(40):
    exec(f'def f{n}(x): return [price(x), shop(x)]')
for n in range(40):
    globals()[f'f{n}'](n)""",
    "unload": "%%flowtrace\n%unload_ext flowtrace\nprice(1)",
    "unloaded": "%%flowtrace\nprice(1)",
    "loaded": "%load_ext flowtrace\n%load_ext flowtrace\n%reload_ext flowtrace",
    "works": "%%flowtrace --no-time\nprice(1);",
}


class Cell:
    def __init__(self, outputs: list[dict[str, Any]]) -> None:
        self.said = "".join(output["text"] for output in outputs if output["output_type"] == "stream")
        self.error = [output["ename"] for output in outputs if output["output_type"] == "error"]
        self.values = [o["data"]["text/plain"] for o in outputs if o["output_type"] == "execute_result"]
        self.kinds = [output["output_type"] for output in outputs if output["output_type"] != "stream"]
        shown = [o["data"] for o in outputs if o["output_type"] == "display_data"]
        self.html = shown[-1].get("text/html") if shown else None
        self.text = without_times(shown[-1]["text/plain"]) if shown else []
        self.told = shown[-1]["text/plain"] if shown else ""


def without_times(text: str) -> list[str]:
    lines = text.splitlines()
    return [re.sub(rf" +(×\d+  +)?{TIME}$", "", line) for line in lines[2:]]


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Cell]]:
    """All cells of one notebook, run in one kernel."""
    import nbformat

    folder = tmp_path_factory.mktemp("notebook")
    (folder / "tmp").mkdir()
    (folder / "beside.py").write_text("def helper(n):\n    return n + 1\n")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS.values()])
    kept = os.environ.copy()
    os.environ.update(HOME=str(folder), IPYTHONDIR=str(folder / "ipython"), JUPYTER_PLATFORM_DIRS="1")
    os.environ["TMPDIR"] = str(folder / "tmp")
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
    assert not list((folder / "tmp").glob("flowtrace-*")), "it has left its files"
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
        ("unknown", "UsageError: no option --lnies here; see: %%flowtrace?"),
        ("live", "UsageError: no option --live here; see: %%flowtrace?"),
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


def test_what_a_cell_leaves_is_as_without_the_magic(cells: dict[str, Cell]) -> None:
    assert cells["value"].values == ["[0, 'kept']"] and cells["value"].kinds == ["execute_result", "display_data"]
    assert cells["values"].said == "[0, 'kept'] [0, 'kept'] [0, 'kept'] [0] ['y = shop(1)', \"y + ['kept']\"]\n"
    assert cells["order"].kinds == ["display_data", "execute_result", "display_data"]
    assert cells["order"].said == "out\nerr\n" and cells["order"].text == ["shop(n=1) → [0]", *cells["order"].text[1:]]


def test_a_function_is_the_one_that_was_defined_last(cells: dict[str, Cell]) -> None:
    assert cells["redefined"].text == ["shop(n=3) → [-1]", "└─ price(order=3) → -1"]


def test_what_goes_on_behind_the_cell_is_not_said_to_have_ended(cells: dict[str, Cell]) -> None:
    assert cells["came"].values == ["-1"]
    (line,) = [line for line in cells["left"].text if "later()" in line]
    assert re.fullmatch(r"⇢ task Task-\d+: later\(\)  … still running, waits at In\[\d+\]:4", line), line
    (line,) = [line for line in cells["threads"].text if "wait(" in line]
    assert line.endswith("wait(n=5)  … still running") and not cells["joined"].kinds


def test_ipythons_own_magics_have_no_line(cells: dict[str, Cell]) -> None:
    assert cells["timed"].text == [f"{'price(order=7 … 8) → -1':98}×3"]


def test_whatever_ends_a_cell_ends_its_story(cells: dict[str, Cell]) -> None:
    assert cells["exit"].error == ["SystemExit"] and cells["exit"].text == ["price(order=9) → -1"]
    assert cells["half"].kinds == ["error"]
    assert cells["twice"].said.startswith("UsageError: this cell is being recorded already")
    assert cells["twice"].text == ["price(order=1) → -1"]


def test_the_kernels_own_functions_are_never_in_it(cells: dict[str, Cell]) -> None:
    assert ast.literal_eval(cells["whose"].values[0]) == {
        *(("__main__", name) for name in ("later", "price", "Shown._repr_html_")),
        ("__main__", "Shown"),
    }


def test_fifty_cells_leave_nothing(cells: dict[str, Cell]) -> None:
    assert cells["many"].kinds == ["execute_result", "display_data"] * 50
    before, after = (ast.literal_eval(cells[name].values[0]) for name in ("before many", "after many"))
    assert after == before
    assert int(cells["files"].values[0]) <= 1  # that of the last cell, until the next one or the end


def test_help_has_all_options_and_no_more(cells: dict[str, Cell]) -> None:
    told = re.findall(r"^  (-\S+)", cells["help"].said, re.MULTILINE)
    assert sorted(told) == sorted(_notebook.OPTIONS)
    assert "flowtrace show" not in cells["help"].said and "flowtrace.flow" not in cells["help"].said
    assert all(here in cells["help"].said for here in _notebook.SAID_HERE.values())


def test_what_is_left_out_is_said_with_what_shows_it_here(cells: dict[str, Cell]) -> None:
    last = "%%flowtrace --lines N shows more, --all everything."
    assert re.search(r"Not shown: \d+ calls; " + re.escape(last), " ".join(cells["long"].told.split()))
    assert last in Outline(cells["long"].html or "").lines[-1]


def test_it_can_be_unloaded_in_a_cell_and_loaded_again(cells: dict[str, Cell]) -> None:
    assert cells["unload"].values == ["-1"] and cells["unload"].kinds == ["execute_result"]
    assert "`%%flowtrace` not found" in cells["unloaded"].said
    assert "already loaded" in cells["loaded"].said
    assert cells["works"].kinds == ["display_data"] and cells["works"].text == ["price(order=1) → -1"]


class OldCompiler:
    """As of IPython 7: it has no names for cells."""

    def get_code_name(self, raw: str, _code: str, number: int) -> str:
        return f"/tmp/ipykernel_1/{len(raw)}.py"


def test_cells_have_names_in_ipython_7_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Colab has that."""
    history = types.SimpleNamespace(input_hist_raw=["", "a = 1", "longer = 2"])
    shell = types.SimpleNamespace(compile=OldCompiler(), history_manager=history)
    monkeypatch.setitem(linecache.cache, "<ipython-input-7-0a1b2c>", (1, None, ["x\n"], "x"))
    names = _notebook.Magic(shell).cells()
    assert names["/tmp/ipykernel_1/5.py"] == names["/tmp/ipykernel_1/6.py"] == "In[1]"
    assert names["/tmp/ipykernel_1/10.py"] == "In[2]" and names["<ipython-input-7-0a1b2c>"] == "In[7]"


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


def test_runs_of_a_kernel_are_told_by_their_cells_without_its_arguments(cells: dict[str, Cell]) -> None:
    head = re.findall(r"^[-+] .*$", cells["differs"].values[0], re.M)[:2]
    assert [re.sub(r"\d+", "N", line) for line in head] == [
        "- all.flow · In[N] · N calls",
        "+ other.flow · In[N] · N calls",
    ]
