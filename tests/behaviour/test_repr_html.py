"""What notebooks show of a Trace, a Call, a diff."""

from __future__ import annotations

import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest
from conftest import Run, Workshop
from html_outline import TIME, Outline

import flowtrace

PROGRAM = """
import sys

class Order:
    def __init__(self, number, total):
        self.number, self.total = number, total

def price(order, rule):
    if order.number == 2:
        raise ValueError(f"<b>no</b> & {order.number}")
    return order.total + (rule == "new")

def main(rule):
    for number in range(4):
        try:
            price(Order(number, number * 10), rule)
        except ValueError:
            pass

main(sys.argv[1])
"""

SIGNS = {
    *("changed", "in another order", "only in the first run", "only in the second run"),
    *("in the first run", "in the second run"),
}

TREE = [
    "main(rule='vip')",
    "  Order.__init__(number=0 … 1, total=0 … 10)",
    "    each of the 2 calls",
    "      Order.__init__(number=0, total=0)",
    "      Order.__init__(number=1, total=10)",
    "  price(order=Order(number=0 … 1, …), rule='vip') → 0 … 10",
    "    each of the 2 calls",
    "      price(order=Order(number=0, total=0), rule='vip') → 0",
    "      price(order=Order(number=1, total=10), rule='vip') → 10",
    "  Order.__init__(number=2, total=20)",
    "  price(order=Order(number=2, total=20), rule='vip')  ✗ ValueError('<b>no</b> & 2')",
    "    raised app.py:9 · left price · caught in main (app.py:15)",
    "  Order.__init__(number=3, total=30)",
    "  price(order=Order(number=3, total=30), rule='vip') → 30",
]


@pytest.fixture
def done(workshop: Workshop) -> Run:
    workshop.write("app.py", PROGRAM)
    return workshop.run("app.py", "vip")


def words(html: str) -> list[str]:
    """Return the lines without what stands at the right."""
    outline = Outline(html)
    assert outline.names() <= {"style", "div", "details", "summary", "span", "b", "del", "ins"}
    assert outline.attributes() <= {"class", "open", "title"}
    assert {attrs["title"] for _, attrs in outline.elements if "title" in attrs} <= SIGNS
    return outline.lines


def without_times(lines: list[str]) -> list[str]:
    return [re.sub(rf" +(×\d+  )?{TIME}(  #\d+)?$", "", line) for line in lines]


def test_a_trace_is_shown_as_a_tree(done: Run) -> None:
    head, module, *tree = without_times(words(done.trace._repr_html_()))
    assert head.startswith("app.py · 10 calls · ") and "1 exception, all caught" in head
    assert module == "app.py"
    assert tree[:-1] == ["  " + line for line in TREE]
    assert tree[-1] == "Not shown: 1 class body or annotation."


def test_a_call_is_shown_with_all_in_it(done: Run) -> None:
    head, *tree = without_times(words(done.call("main")._repr_html_()))
    assert head == "#3 of app.py"
    assert tree == TREE
    last = done.calls("price")[-1]
    assert without_times(words(last._repr_html_()))[1:] == ["price(order=Order(number=3, total=30), rule='vip') → 30"]


def test_a_value_that_is_cut_is_told_in_full(workshop: Workshop) -> None:
    done = workshop.record("def f(text): return text * 2\nf('x' * 70)")
    _, line, *full = without_times(words(done.call("f")._repr_html_()))
    assert line.startswith("f(text='xxxx") and "…" in line
    assert full == [f"  text = {'x' * 70!r}", f"  result = {'x' * 140!r}"]


def test_nothing_that_was_recorded_becomes_markup(workshop: Workshop) -> None:
    done = workshop.record(
        """
        def f(**names): return names
        f(**{"</script><script>alert(1)</script>": "<img src=x onerror=alert(1)>", "n\\0ul": "\\0\\ud800"})
        exec(compile("def g(a): raise ValueError(a)", "<b onclick='x'>.py", "exec"))
        g.__code__ = g.__code__.replace(co_name="<i>", co_qualname='"><svg onload=alert(1)>')
        try:
            g("--><!--")
        except ValueError:
            pass
        """
    )
    lines = "\n".join(words(done.trace._repr_html_()))
    for text in ("</script><script>alert(1)</script>", "<img src=x onerror=", '"><svg onload=alert(1)>', "'--><!--'"):
        assert text in lines
    assert "\0" not in lines


def test_two_traces_are_compared(workshop: Workshop) -> None:
    workshop.write("app.py", PROGRAM)
    for name, rule in (("a.flow", "vip"), ("b.flow", "new"), ("c.flow", "vip")):
        workshop.run("-o", name, "app.py", rule)
    a, b, c = (workshop.folder / name for name in ("a.flow", "b.flow", "c.flow"))
    differs = flowtrace.diff(a, flowtrace.open(b))
    assert not differs.same and "price(order=Order(number=3, total=30), rule='vip')" in str(differs)
    assert repr(differs) == f"<Diff of {str(a)!r} and {str(b)!r}: they differ>"
    html = differs._repr_html_()
    assert words(html)[:10] == [
        f"- {a} · app.py vip · 11 calls+ {b} · app.py new · 11 calls"
        "The call of main got rule='new' instead of 'vip'; up to there 2 calls agree. "
        f"See call #3 of {a}, call #3 of {b}, below app.py.",
        "app.py",
        "  … 1 call alike",
        "  ~ main(rule='vip') #3",
        "    rule: 'vip' → 'new'",
        "    … 1 call alike",
        "    ~ price(order=Order(number=0, total=0), rule='vip') #5",
        "      rule: 'vip' → 'new'",
        "      result: 0 → 1",
        "    … 1 call alike",
    ]
    same = flowtrace.diff(a, c)
    assert same.same and str(same).startswith("The runs are the same: ")
    assert flowtrace.diff(a, b, ignore=["rule", "price"]).same
    assert flowtrace.diff(a, b, ignore="price", values=False).same


HOSTILE = """
import sys

def f(text): return text
def g(**names): return [f(name) for name in names]
f("<img src=x onerror=alert(1)>" * 4 + sys.argv[1])
exec(compile("def h(a): return f(a)", "<b onclick='x'>.py", "exec"))
h.__code__ = h.__code__.replace(co_name="<i>", co_qualname='"><svg onload=alert(1)>')
if sys.argv[1] == "b":
    h("--><!--</details></div></script>")
    g(**{"</script><script>alert(1)</script>": 1, "nul\\0": 1})
else:
    h("\\ud800")
"""


def test_nothing_of_what_is_compared_becomes_markup(workshop: Workshop) -> None:
    workshop.write("app.py", HOSTILE)
    for name in ("a", "b"):
        workshop.run("-o", f"<i>{name}.flow", "app.py", name)
    lines = "\n".join(words(flowtrace.diff(*(workshop.folder / f"<i>{name}.flow" for name in "ab"))._repr_html_()))
    for text in (
        "<i>a.flow",
        "onerror=alert(1)>a",
        '"><svg onload=alert(1)>',
        "--><!--</details></div>",
        "</script><scr",
    ):
        assert text in lines
    assert "\0" not in lines


@pytest.mark.parametrize(
    ("old", "new", "removed", "added"),
    [
        (
            "the order of Mia was returned in time, they say",
            "the order of Mia was refused in time, they say",
            "returned",
            "refused",
        ),
        (
            "order_number_1 is on its way to the shop",
            "order_number_11 is on its way to the shop",
            "order_number_1",
            "order_number_11",
        ),
        ("größer als das, was vorher dort gestanden hat", "größte als das, was vorher dort gestanden hat", "er", "te"),
        ("x" * 60, "y" * 60, "x" * 60, "y" * 60),
        (True, "y" * 81, None, None),
    ],
)
def test_of_long_values_the_words_that_differ_stand_out(workshop: Workshop, old, new, removed, added) -> None:
    for name, text in (("a", old), ("b", new)):
        workshop.write("app.py", f"def say(): return {text!r}\nsay()\n")
        workshop.run("-o", f"{name}.flow", "app.py")
    html = flowtrace.diff(workshop.folder / "a.flow", workshop.folder / "b.flow")._repr_html_()
    for mark, text, part in (("del", old, removed), ("ins", new, added)):
        (shown,) = re.findall(rf"<{mark}>(.*)</{mark}>", html)
        assert re.sub("</?b>", "", unescape(shown)) == repr(text)
        assert re.findall("<b>(.*)</b>", shown) == ([part] if part else [])


def test_a_difference_is_shown_as_it_was_when_it_was_made(workshop: Workshop) -> None:
    """A notebook shows it later, perhaps when the files are others."""
    workshop.write("app.py", PROGRAM)
    a, b = workshop.folder / "a.flow", workshop.folder / "b.flow"
    workshop.run("-o", "a.flow", "app.py", "vip")
    workshop.run("-o", "b.flow", "app.py", "new")
    differs = flowtrace.diff(a, b)
    workshop.run("-o", "b.flow", "app.py", "vip")
    a.unlink()
    assert any("result: 0 → 1" in line for line in words(differs._repr_html_()))


def test_a_terminal_shows_the_text_of_a_difference(workshop: Workshop) -> None:
    class Printer:
        said = ""

        def text(self, text: str) -> None:
            self.said += text

    workshop.write("app.py", PROGRAM)
    for rule in ("vip", "new"):
        workshop.run("-o", f"{rule}.flow", "app.py", rule)
    differs = flowtrace.diff(workshop.folder / "vip.flow", workshop.folder / "new.flow")
    printer = Printer()
    differs._repr_pretty_(printer, False)
    assert printer.said == str(differs).rstrip("\n")


LONG = (
    "".join(f"def f{i}(n): return n and f{(i * 7 + 1) % 60}(n - 1)\n" for i in range(60))
    + """
import sys
def main(add):
    for i in range(60):
        globals()[f"f{i * 11 % 60}"](i * 13 % 9 + add)
main(len(sys.argv) - 1)
"""
)


def test_who_reads_a_notebook_is_told_what_can_be_done_there(workshop: Workshop) -> None:
    """Not the options of a command."""
    workshop.write("app.py", LONG)
    workshop.run("-o", "a.flow", "app.py")
    workshop.run("-o", "b.flow", "app.py", "more")
    done = flowtrace.open(workshop.folder / "b.flow")
    (main,) = done.calls(function="main")
    trace, call = words(done._repr_html_())[-1], words(main._repr_html_())[-1]
    assert re.fullmatch(
        r"Not shown: \d+ calls; trace\.call\(12\) is #12 and all in it, "
        r"trace\.calls\(function='name'\) are all of a function\.",
        trace,
    )
    assert re.fullmatch(
        r"Not shown: \d+ calls; its \.children open as it does, trace\.calls\(under=call\) are all in it\.", call
    )
    differs = flowtrace.diff(workshop.folder / "a.flow", workshop.folder / "b.flow", lines=20)
    told = "flowtrace.diff(…, lines=N) shows more, lines=0 everything."
    assert words(differs._repr_html_())[-1].endswith(told) and told in " ".join(str(differs).split())
    assert len(str(differs).splitlines()) < 40 < len(words(differs._repr_html_()))  # most of them shut
    assert "--" not in words(differs._repr_html_())[-1] + trace + call


def test_what_cannot_be_compared_is_named(tmp_path: Path, done: Run) -> None:
    with pytest.raises(flowtrace.FlowTraceError, match=r"no file .*none\.flow"):
        flowtrace.diff(done.trace, tmp_path / "none.flow")
    (tmp_path / "text").write_text("no trace")
    with pytest.raises(flowtrace.FlowTraceError, match="text"):
        flowtrace.diff(done.trace, tmp_path / "text")


def test_the_names_for_notebooks_cost_nothing_where_there_is_none() -> None:
    source = "import flowtrace, sys; print('IPython' in sys.modules, 'flowtrace._notebook' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-P", "-c", source], text=True) == "False False\n"
