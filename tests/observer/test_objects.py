"""No method of the program's objects is ever called, no property read, no metaclass asked.

programs/spies.py passes objects that notice everything through all places that a recorder looks at.
"""

from __future__ import annotations

from pathlib import Path

import proof
import pytest
from conftest import Workshop

SPIES = (Path(__file__).parent / "programs" / "spies.py").read_text()

LOOK = """
for value in (*rest, *sys._getframe(1).f_locals.values()):
    try: {}
    except Exception: pass"""
BAD = {
    what: proof.recorder(LOOK.format(what))
    for what in (
        "repr(value)",
        "str(value)",
        "bool(value)",
        "hash(value)",
        "len(value)",
        "list(value)",
        "value == None",
        "value.shape",
        "value.__dict__",
        "isinstance(value, int)",
        "type(value).__name__",
        "callable(value) and value()",
    )
}


def test_objects_are_not_asked(workshop: Workshop) -> None:
    traced = proof.same(workshop, SPIES, "count", bad=BAD)
    texts = {value.text for call in traced.calls("function") for value in call.arguments.values()}
    assert len(texts) > 50, "the objects were recorded"


def test_objects_that_raise_are_not_asked(workshop: Workshop) -> None:
    proof.same(workshop, SPIES, "raise", bad={"repr(value)": BAD["repr(value)"]})


@pytest.mark.parametrize("option", ["--no-values", "--value-depth 15 --value-items 100"])
def test_whatever_is_recorded(workshop: Workshop, option: str) -> None:
    proof.same(workshop, SPIES, "count", bad={}, options=[*proof.EVERYTHING, *option.split()], harmless=False)
