"""Which way an object is written is remembered with its class: it is shown alike each time, until the class changes."""

from __future__ import annotations

import pytest
from conftest import Workshop

CLASSES = """
    import collections, enum
    from dataclasses import dataclass

    def show(o): return o

    class Broken(Exception):
        def __init__(self, message, code):
            super().__init__(message)
            self.code = code
    class Colour(enum.Enum):
        RED = 1
    Pair = collections.namedtuple("Pair", "left right")
    class Longer(Pair):
        pass
    class Text(str):
        pass
    class Numbers(collections.deque):
        pass
    class Root:
        pass
    class Plain(Root):
        def __init__(self, a): self.a = a
    @dataclass
    class Item:
        of: object
"""


def shown(workshop: Workshop, source: str, *options: str) -> list[str]:
    """What the calls of show() were given."""
    lines = "\n".join("    " + line for line in source.strip().splitlines())
    done = workshop.record(f"{CLASSES}\n{lines}", *options)
    assert done.trace.info["damaged_chunks"] == 0
    return [call.arguments["o"].text for call in done.calls("show")]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Broken('no', 3)", "Broken('no', code=3)"),
        ("Colour.RED", "Colour.RED"),
        ("Pair(1, 2)", "Pair(left=1, right=2)"),
        ("Longer(1, 2)", "Longer(left=1, right=2)"),
        ("Text('a')", "Text('a')"),
        ("Numbers([1, 2])", "Numbers([1, 2])"),
        ("collections.deque([1])", "deque([1])"),
        ("slice(1, 2)", "slice(1, 2)"),
        ("len", "<built-in len>"),
        ("Plain(1)", "Plain(a=1)"),
        ("Item(Item(Item(Item(1))))", "Item(of=Item(of=Item(of=Item(…))))"),
        ("Plain([Plain([Plain(1)])])", "Plain(a=[Plain])"),
        ("[[Plain(1)]]", "[[Plain]]"),
    ],
)
def test_each_time_the_same_is_shown(workshop: Workshop, value: str, expected: str) -> None:
    assert shown(workshop, f"for n in range(4): show({value})") == [expected] * 4


def test_a_class_that_changes_is_looked_at_anew(workshop: Workshop) -> None:
    source = """
p = Plain(1)
show(p); show(p)
@dataclass
class Plain(Root):
    a: int
p.__class__ = Plain
show(p); show(p)
Plain.__bases__ = (type("Other", (Root,), {}),)
del Plain.__dataclass_fields__
p.b = 2
show(p); show(p)
"""
    assert shown(workshop, source) == ["Plain(a=1)"] * 4 + ["Plain(a=1, b=2)"] * 2


def test_a_namedtuple_of_another_length_is_no_such(workshop: Workshop) -> None:
    source = "for n in (2, 3, 2): show(tuple.__new__(Pair, range(n)))"
    pair = "Pair(left=0, right=1)"
    assert shown(workshop, source) == [pair, "Pair((0, 1, 2))", pair]


def test_more_classes_than_are_remembered(workshop: Workshop) -> None:
    source = """
classes = [type(f"C{n}", (list, str, Exception, Plain)[n % 4:n % 4 + 1], {}) for n in range(400)]
for n in range(1200): show(classes[n % 400]((n,)))
"""
    forms = ["C{}([{}])", "C{}('({},)')", "C{}(({},))", "C{}(a=({},))"]
    assert shown(workshop, source) == [forms[n % 4].format(n % 400, n) for n in range(1200)]
