"""flowtrace export dot: who calls whom, as graphviz reads it."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

SHOP = """
import threading
import prices

class Cart:
    def add(self, n):
        return prices.price(n)

def main():
    cart = Cart()
    for i in range(3):
        cart.add(i)
    thread = threading.Thread(target=cart.add, args=(5,), name="adder")
    thread.start()
    thread.join()
    try:
        prices.price(-1)
    except ValueError:
        pass

main()
"""
PRICES = "def price(n):\n    if n < 0:\n        raise ValueError(n)\n    return n * 2\n"

NODES = """\
  subgraph cluster_0 {
    labelloc=t;
    label="app.py";
    f0 [label="app.py\\n1 call", fillcolor="0.09 0.14 1.00"];
    f3 [label="main\\n1 call", fillcolor="0.09 0.14 1.00"];
    f4 [label="Cart.add\\n4 calls", fillcolor="0.09 0.44 1.00"];
  }
  subgraph cluster_1 {
    labelloc=t;
    label="prices";
    f1 [label="import prices\\n1 call", fillcolor="0.09 0.14 1.00"];
    f5 [label="price\\n5 calls · 1 raised", fillcolor="0.09 0.54 1.00", color="#c62828", penwidth=2];
  }
"""

EDGES = """\
  f0 -> f1 [label=""];
  f0 -> f3 [label=""];
  f3 -> f4 [label="×3"];
  f4 -> f5 [label="×4"];
  f3 -> f4 [label="thread ×1", style=dashed];
  f3 -> f5 [label=""];
}
"""

# A quoted string, as the language of graphviz has it.
STRING = r'"(?:[^"\\\n]|\\.)*"'
VALUE = rf"(?:{STRING}|[\w.]+)"
ATTRIBUTES = rf"\[\w+={VALUE}(?:, \w+={VALUE})*\]"
LINE = re.compile(
    rf"digraph {STRING} \{{|  (?:graph|node|edge) {ATTRIBUTES};|  subgraph cluster_\d+ \{{| +label={STRING};"
    rf"| +labelloc=t;|    f\d+ {ATTRIBUTES};|  f\d+ -> f\d+ {ATTRIBUTES};| *\}}"
)


def dot(workshop, trace, *words: str) -> str:
    done = workshop.flowtrace("export", "dot", "-o", "-", *words, str(trace))
    assert done.status == 0, done.err
    return done.stdout.decode()


def check(text: str) -> None:
    for line in text.splitlines():
        assert LINE.fullmatch(line), line
    assert text.count("{") - text.count("}") == 0 or '"' in text


def test_nodes_and_edges(workshop) -> None:
    workshop.write("prices.py", PRICES)
    workshop.record(SHOP, "--no-time")
    text = dot(workshop, workshop.trace_path)
    check(text)
    text = re.sub(r', tooltip="[^"]*"', "", text)
    nodes, edges = text[text.index("  subgraph") :].split("  f0 -> ", 1)
    assert nodes == NODES
    assert sorted(f"  f0 -> {edges}".splitlines(keepends=True)) == sorted(EDGES.splitlines(keepends=True))


def test_everything_has_times_and_waits(workshop, everything) -> None:
    text = dot(workshop, everything)
    check(text)
    assert re.search(r'label="fetch\\n2 calls · \d+(\.\d+)? µs \+ \d+(\.\d+)? ms wait"', text)
    assert re.search(r'tooltip=".*/app.py:12"', text)
    assert re.search(r'label="task ×2", style=dashed', text)
    assert re.search(r'label="process ×1", style=dashed', text)


def test_hostile_names_stay_in_their_quotes(workshop, hostile) -> None:
    text = dot(workshop, hostile)
    check(text)
    assert "&amp;" in text
    assert '\\"quoted\\"' in text


def test_the_smallest_functions_are_left_out_and_counted(workshop) -> None:
    workshop.record(
        "\n".join(f"def f{i}(): pass" for i in range(9)) + "\nfor i in range(9):\n  for _ in range(i + 1): "
        "globals()[f'f{i}']()",
        "--no-time",
    )
    text = dot(workshop, workshop.trace_path, "--lines", "4")
    check(text)
    assert 'label="6 functions are left out that were called least";' in text
    assert len(re.findall(r"^    f\d+ \[", text, re.MULTILINE)) == 4
    assert "f8\\n9 calls" in text


def test_a_call_that_has_not_ended_is_dashed(workshop) -> None:
    workshop.write("app.py", "import os\ndef f():\n    os._exit(0)\nf()\n")
    workshop.run("app.py")
    text = dot(workshop, workshop.trace_path)
    check(text)
    assert re.search(r'label="f\\n1 call · .* · 1 not ended".*style="rounded,filled,dashed"', text)


@pytest.mark.skipif(not shutil.which("dot"), reason="graphviz is not there; make interop installs it")
def test_graphviz_draws_it(workshop, everything, hostile) -> None:
    for trace in (everything, hostile):
        done = subprocess.run(["dot", "-Tsvg"], input=dot(workshop, trace).encode(), capture_output=True, timeout=60)
        assert done.returncode == 0
        assert b"<svg" in done.stdout
        assert b"Warning" not in done.stderr
