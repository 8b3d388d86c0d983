"""Objects of a class that was met before are read by its layout: they show what they hold now, as the first did."""

from __future__ import annotations

import pytest
from conftest import Run, Workshop

CLASSES = """
    import vars_of
    from dataclasses import dataclass, field

    def show(o): return o

    class Plain:
        def __init__(self, **given):
            for name, value in given.items(): setattr(self, name, value)
    class Slots:
        __slots__ = ("a", "b")
        def __init__(self, a=None, b=None):
            if a is not None: self.a = a
            if b is not None: self.b = b
    class Mixed(Slots):
        pass
    @dataclass
    class Item:
        name: str
        count: int = 0
        hidden: int = field(default=7, repr=False)
    @dataclass(slots=True)
    class Tight:
        name: str
        token: str
        count: int = 0
"""


def shown(workshop: Workshop, source: str, *options: str) -> list[str]:
    """What the calls of show() were given."""
    workshop.write("vars_of.py", "def look(o): return o.__dict__\n")
    lines = "\n".join("    " + line for line in source.strip().splitlines())
    done: Run = workshop.record(f"{CLASSES}\n{lines}", *options)
    assert done.trace.info["damaged_chunks"] == 0
    return [call.arguments["o"].text for call in done.calls("show")]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("for n in range(3): show(Plain(a=n, b='x'))", [f"Plain(a={n}, b='x')" for n in range(3)]),
        (
            "for names in ('ab', 'ab', 'ba', 'ab', 'b', 'abc'): show(Plain(**dict.fromkeys(names, 1)))",
            ["Plain(a=1, b=1)"] * 2 + ["Plain(b=1, a=1)", "Plain(a=1, b=1)", "Plain(b=1)", "Plain(a=1, b=1, c=1)"],
        ),
        (
            "p = Plain(a=1, b=2); show(p); del p.a; show(p); p.a = 3; show(p)",
            ["Plain(a=1, b=2)", "Plain(b=2)", "Plain(b=2, a=3)"],
        ),
        (
            "p = Plain(a=1); show(p); vars_of.look(p); p.a = 2; show(p); show(Plain(a=3))",
            [f"Plain(a={n})" for n in (1, 2, 3)],
        ),
        ("p = Plain(a=1); show(p); vars_of.look(p)['z'] = 5; show(p)", ["Plain(a=1)", "Plain(a=1, z=5)"]),
        ("p = Plain(a=1); show(p); p.__dict__ = {'q': 1}; show(p)", ["Plain(a=1)", "Plain(q=1)"]),
        ("p = Plain(a=1, _b=2); show(p); show(p)", ["Plain(a=1, _b=2)"] * 2),
        (
            "for n in (1, 2): show(Plain(password='secret', a=n))",
            [f"Plain(password=<redacted>, a={n})" for n in (1, 2)],
        ),
        (
            "show(Slots(1, 2)); show(Slots(3, 4)); show(Slots(5)); show(Slots(b=6))",
            ["Slots(a=1, b=2)", "Slots(a=3, b=4)", "Slots(a=5)", "Slots(b=6)"],
        ),
        ("m = Mixed(1, 2); show(m); m.c = 3; show(m); show(m)", ["Mixed(a=1, b=2)"] + ["Mixed(a=1, b=2, c=3)"] * 2),
        ("for n in range(3): show(Item('x', n))", [f"Item(name='x', count={n})" for n in range(3)]),
        ("i = Item('x'); show(i); i.more = 1; show(i); del i.count; show(i)", ["Item(name='x', count=0)"] * 3),
        (
            "for n in (1, 2): show(Tight('x', 'hush', n))",
            [f"Tight(name='x', token=<redacted>, count={n})" for n in (1, 2)],
        ),
        ("show(Plain(a=1)); Plain.__name__ = 'Renamed'; show(Plain(a=1))", ["Plain(a=1)", "Renamed(a=1)"]),
        (
            "show(Plain(a=1)); Plain.a = property(lambda s: 5); p = Plain(); vars_of.look(p)['a'] = 2; show(p)",
            ["Plain(a=1)", "Plain(a=2)"],
        ),
        (
            "show(Item('x')); Item.name = property(lambda s: 5); i = object.__new__(Item); i.count = 1; show(i)",
            ["Item(name='x', count=0)", "Item(count=1)"],
        ),
        ("p = Plain(a=1); p.b = p; show(p); show(p)", ["Plain(a=1, b=<cycle>)"] * 2),
        ("q = Plain(a=Plain(a=1, b=2)); show(q); show(q)", ["Plain(a=Plain(a=1, b=2))"] * 2),
        (
            "p = Plain(**{f'f{n}': n for n in range(20)}); show(p); show(p)",
            ["Plain(" + ", ".join(f"f{n}={n}" for n in range(8)) + ", …)"] * 2,
        ),
        ("p = Plain(é=1); show(p); show(p)", ["Plain(é=1)"] * 2),
    ],
)
def test_what_an_object_shows(workshop: Workshop, source: str, expected: list[str]) -> None:
    assert shown(workshop, source) == expected


def test_few_items(workshop: Workshop) -> None:
    assert shown(workshop, "for n in (1, 2): show(Item('x', n))", "--value-items", "1") == ["Item(name='x', …)"] * 2


def test_in_each_chunk(workshop: Workshop) -> None:
    source = "for n in range(30000): show(Item('x', n))"
    assert shown(workshop, source) == [f"Item(name='x', count={n})" for n in range(30000)]


def test_classes_without_end(workshop: Workshop) -> None:
    """A class may take the place of the one whose object holds its object."""
    source = """
outer = Item('x', None)
for n in range(300):
    inner = type(f'Inner{n}', (), {})()
    inner.n = n
    outer.name, outer.count = inner, n
    show(outer)
"""
    assert shown(workshop, source) == [f"Item(name=Inner{n}(n={n}), count={n})" for n in range(300)]


def test_with_numbers(workshop: Workshop) -> None:
    pytest.importorskip("flowtrace._core")
    from flowtrace import _core

    if why := _core.identity_obstacle():
        pytest.skip(why)
    source = "a, b = Item('x'), Item('y')\nfor o in (a, b, a): show(o)"
    assert shown(workshop, source, "--identity") == [
        "Item#1(name='x', count=0)",
        "Item#2(name='y', count=0)",
        "Item#1(name='x', count=0)",
    ]
