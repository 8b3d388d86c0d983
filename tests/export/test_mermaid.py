"""flowtrace export mermaid: who asks whom, folded, and nothing that mermaid takes for its own syntax.

Whether mermaid draws it is tried by tests/interop/pictures.py.
"""

from __future__ import annotations

import re

SHOP = """
import threading

class Cart:
    def __init__(self):
        self.lines = []
    def add(self, line):
        self.lines.append(line)
        return len(self.lines)

class Till:
    def charge(self, cart):
        for line in range(3):
            cart.add(line)
        if len(cart.lines) > 3:
            raise ValueError("too many")
        return "paid"

def main():
    cart, till = Cart(), Till()
    till.charge(cart)
    try:
        till.charge(cart)
    except ValueError:
        pass
    thread = threading.Thread(target=cart.add, args=(1,), name="adder")
    thread.start()
    thread.join()

main()
"""

BY_CLASS = """\
sequenceDiagram
    accTitle: flowtrace.flow
    participant p0 as app.py
    participant p1 as Cart
    participant p2 as Till
    p0->>p1: Cart.__init__
    activate p1
    deactivate p1
    p0->>p2: Till.charge
    activate p2
    p2->>p1: Cart.add ×3
    activate p1
    deactivate p1
    p2-->>p0: 'paid'
    deactivate p2
    p0->>p2: Till.charge
    activate p2
    p2->>p1: Cart.add ×3
    activate p1
    deactivate p1
    p2--xp0: ValueError('too many')
    deactivate p2
    p0-)p1: Cart.add in thread adder
    activate p1
    deactivate p1
"""

EVERYTHING_BY_TRACK = """\
sequenceDiagram
    accTitle: flowtrace.flow
    participant p0 as app.py #91;PID#93; main thread
    participant p1 as app.py #91;PID#93; task Task#45;1
    participant p2 as app.py #91;PID#93; task Task#45;2
    participant p3 as app.py #91;PID#93; thread worker
    participant p4 as app.py #91;PID#93; main thread
    p0-)p1: gather
    activate p1
    p1-)p2: fetch ×2
    activate p2
    deactivate p2
    deactivate p1
    p0-)p3: price
    activate p3
    deactivate p3
    p0-)p4: child
    activate p4
    deactivate p4
"""


def mermaid(workshop, trace, *words: str) -> str:
    done = workshop.flowtrace("export", "mermaid", "-o", "-", *words, str(trace))
    assert done.status == 0, done.err
    return done.stdout.decode()


LINE = re.compile(
    r"""sequenceDiagram
    | \ {4}accTitle:\ .*
    | \ {4}participant\ p\d+\ as\ [^;#]*
    | \ {4}(activate|deactivate)\ p\d+
    | \ {4}p\d+(->>|-\)|-->>|--x)p\d+:\ [^;#]*
    | \ {4}note\ over\ p\d+:\ [^;#]*""",
    re.VERBOSE,
)


def check(text: str) -> None:
    """Check each line against the part of mermaid's grammar that is used, and that activations are balanced."""
    depth = 0
    for line in text.splitlines():
        without_entities = re.sub(r"#\d+;", "", line)
        assert LINE.fullmatch(without_entities), line
        assert not re.search(r": .*\b(end|as)\b", without_entities), line
        depth += line.startswith("    activate")
        depth -= line.startswith("    deactivate")
        assert depth >= 0
    assert depth == 0


def test_between_classes(workshop) -> None:
    workshop.record(SHOP)
    text = mermaid(workshop, workshop.trace_path, "--by", "class")
    check(text)
    assert text == BY_CLASS


def test_between_tracks(workshop, everything) -> None:
    text = mermaid(workshop, everything, "--by", "track")
    check(text)
    assert re.sub(r"#91;\d+#93;", "#91;PID#93;", text) == EVERYTHING_BY_TRACK


def test_a_program_of_one_module_says_so(workshop) -> None:
    workshop.record(SHOP)
    text = mermaid(workshop, workshop.trace_path)
    check(text)
    assert "    participant p0 as app.py\n    note over p0: no call goes from one to another\n" in text


def test_between_modules(workshop) -> None:
    workshop.write("prices.py", "def price(n):\n    return check(n) * 2\ndef check(n):\n    return n\n")
    workshop.record("import prices\nfor i in range(9):\n    prices.price(i)\n")
    text = mermaid(workshop, workshop.trace_path)
    check(text)
    assert "    p0->>p1: import prices\n" in text
    assert "    p0->>p1: price ×9\n" in text
    assert "check" not in text


def test_it_is_folded_until_it_fits(workshop) -> None:
    classes = "\n".join(f"class C{i}:\n    def f{i}(self):\n        return {i}" for i in range(60))
    workshop.record(classes + "\n" + "\n".join(f"C{i}().f{i}()" for i in range(60)))
    text = mermaid(workshop, workshop.trace_path, "--by", "class", "--lines", "10")
    check(text)
    assert 5 <= text.count("->>p") <= 20
    assert re.search(r"note over p0: \d+ calls are left out#44; more with #45;#45;lines\n", text)
    whole = mermaid(workshop, workshop.trace_path, "--by", "class", "--lines", "100")
    check(whole)
    assert whole.count(": C") + whole.count(": f") >= 60
    assert "as others\n" in whole


def test_a_call_that_has_not_ended_says_so(workshop) -> None:
    workshop.write("app.py", "import os\nclass A:\n    def f(self):\n        os._exit(0)\nA().f()\n")
    workshop.run("app.py")
    text = mermaid(workshop, workshop.trace_path, "--by", "class")
    check(text)
    assert "    activate p1\n    note over p1: not ended\n    deactivate p1\n" in text


def test_hostile_names_and_values_are_no_syntax(workshop, hostile) -> None:
    for by in ("module", "class", "track"):
        check(mermaid(workshop, hostile, "--by", by, "--lines", "400"))


def test_words_of_mermaid_are_told_by_numbers(workshop) -> None:
    source = """
        class A:
            def f(self):
                return "it will end as it is; %% # <br>"
        A().f()
    """
    workshop.record(source)
    text = mermaid(workshop, workshop.trace_path, "--by", "class")
    check(text)
    assert "p1-->>p0: 'it will #101;nd #97;s it is#59; #37;#37; #35; #60;br#62;'\n" in text
