"""The recorder in C and the one in plain Python tell the same of the programs that other tests run.

They are found by gathered.py; one that the reference can't tell alike is named there with the reason.
"""

from __future__ import annotations

import shutil
from collections import Counter

import pytest
from conftest import ROOT, Workshop
from gathered import TESTS, behaviour, golden
from test_differential import check_same, record_by_both

from flowtrace.reference import CallEvent

PROGRAMS = behaviour()
BY_CHANCE = {"crawler", "pipeline"}  # the network decides on the order, or which worker is free
EXAMPLES = sorted(path.parent.name for path in ROOT.glob("examples/*/app.py"))


@pytest.mark.parametrize("name", PROGRAMS)
def test_behaviour(workshop: Workshop, name: str) -> None:
    workshop.write("app.py", PROGRAMS[name])
    check_same(*record_by_both(workshop, ["app.py"]))


@pytest.mark.parametrize("name", golden())
def test_golden(workshop: Workshop, name: str) -> None:
    for path in (TESTS / "golden").glob("*.py"):
        shutil.copy(path, workshop.folder)
    check_same(*record_by_both(workshop, [name]))


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples(workshop: Workshop, name: str) -> None:
    shutil.copytree(ROOT / "examples" / name, workshop.folder / name)
    compiled, reference = record_by_both(workshop, [f"{name}/app.py"])
    if name in BY_CHANCE:
        assert calls_and_ends(compiled.events) == calls_and_ends(reference.events)
    else:
        check_same(compiled, reference)


def calls_and_ends(events: list[CallEvent]) -> Counter[tuple[str, str]]:
    return Counter((event.kind, event.function) for event in events if event.kind == "call" or event.duration_ns)
