"""Dictionaries with keys that are no str, and hash as a name that the recorder looks for: it asks none what it is."""

from __future__ import annotations

import textwrap

import pytest
from conftest import Workshop

KEYS = """
import dataclasses, enum, functools, io, sys, threading

asked = []
armed = False
end = ()

class Key(str):
    __hash__ = str.__hash__
    def __eq__(self, other):
        if armed: asked.append(str.__str__(self))
        return str.__eq__(self, other)

def odd(name, **others):
    # A dictionary in which a search for the name comes upon the odd key first.
    return {Key(name): None, **others}

def take(it): pass
"""

PROGRAMS = {
    "the slots of a class": """
        objects = [type("Slotted", (), odd("__slots__", __slots__=("a", "b")))()]
        objects[0].a = objects[0].b = 1
        """,
    "what a dataclass holds": """
        @dataclasses.dataclass
        class Point:
            x: int
            y: int
        objects = [Point(1, 2), Point(1, 2)]
        objects[0].__dict__.clear()
        objects[0].__dict__.update(odd("x", y=2))
        objects[1].__dict__[Key("y")] = 3
        """,
    "the class of a dataclass": """
        class Base: pass
        OddBase = type("OddBase", (), odd("x"))
        @dataclasses.dataclass
        class Point(OddBase):
            x: int
        objects = [Point(1)]
        """,
    "a thread": """
        class Worker(threading.Thread):
            def run(self): take(self)
        worker = Worker()
        name = worker.__dict__.pop("_name")
        worker.__dict__[Key("_name")] = name
        objects = [worker]
        end = worker.start, worker.join
        """,
    "a member of an enum": """
        class Colour(enum.Enum):
            RED = 1
        Colour.RED.__dict__[Key("_name_")] = 1
        del Colour.RED.__dict__["_name_"]
        objects = [Colour.RED]
        """,
    "a file": """
        file = io.FileIO(0, closefd=False)
        del file.__dict__["name"]
        file.__dict__[Key("name")] = 1
        objects = [file]
        """,
    "a partial function": """
        partial = functools.partial(take, 1)
        partial.__dict__[Key("func")] = 1
        objects = [partial]
        """,
    "a module": """
        exec("def take_there(it): return it", scope := odd("__name__") | odd("__file__"))
        scope["take_there"](1)
        objects = []
        """,
}

END = """
armed = True
for it in objects:
    take(it)
for do in end:
    do()
armed = False
print(asked)
"""


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_no_key_is_asked(workshop: Workshop, program: str) -> None:
    run = workshop.record(KEYS + textwrap.dedent(program) + END)
    assert run.out == workshop.python("app.py").out
    assert run.calls("take") or run.calls("take_there")
