"""The recorder in C and the one in plain Python must tell the same of the same programs, event by event.

Each file in programs/ is one. The Python one runs in reference_driver.py. What
differs by design is made equal in comparison.py.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
from comparison import by_track, check_times, differences, events_of
from conftest import Run, Workshop

from flowtrace.reference import CallEvent
from flowtrace.reference import __file__ as REFERENCE

HERE = Path(__file__).parent
PROGRAMS = sorted(path.name for path in (HERE / "programs").glob("*.py"))
COMMANDS = [[name] for name in PROGRAMS] + [["-m", "shapes", "2", "3"], ["-c", "def f(n):\n  return [n]\nf(n=1)"]]
ALIKE = {"PYTHONHASHSEED": "0"}  # sets in the same order


class Recording(NamedTuple):
    run: Run
    events: list[CallEvent]
    first_calls: set[int]  # of tasks, by their number


def record_by_both(workshop: Workshop, command: list[str]) -> tuple[Recording, Recording]:
    run = workshop.run(*command, environment=ALIKE)
    compiled = Recording(run, *events_of(run.trace))
    output = workshop.folder / "events.json"
    run = workshop.python(str(HERE / "reference_driver.py"), str(output), *command, environment=ALIKE)
    events = [CallEvent(*event) for event in json.loads(output.read_text())]
    return compiled, Recording(run, events, set())


def check_same(compiled: Recording, reference: Recording) -> None:
    """What the program prints may not differ either."""
    assert compiled.run.status == reference.run.status
    assert compiled.run.stdout == reference.run.stdout
    assert compiled.events
    for track in [*by_track(compiled.events).values(), *by_track(reference.events).values()]:
        check_times(track)
    found = differences(compiled.events, reference.events, compiled.first_calls)
    assert not found, f"{len(found)} differ\n" + "\n".join(found[:40])


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0].removesuffix(".py"))
def test_same_events(workshop: Workshop, command: list[str]) -> None:
    shutil.copytree(HERE / "programs", workshop.folder, dirs_exist_ok=True)
    check_same(*record_by_both(workshop, command))


@pytest.mark.parametrize("command", [*COMMANDS[-2:], ["secrets_named.py"]], ids=lambda command: command[0])
def test_reference_alone(workshop: Workshop, command: list[str]) -> None:
    """Run as a script, reference.py adds to the program's output its tree, and no complaint."""
    shutil.copytree(HERE / "programs", workshop.folder, dirs_exist_ok=True)
    shutil.copy(REFERENCE, workshop.folder / "reference.py")
    plain, run = workshop.python(*command), workshop.python("reference.py", *command)
    assert (run.status, run.stdout) == (plain.status, plain.stdout)
    lines = run.err.splitlines()
    assert lines[0].startswith("<module>() -> None")
    assert all(re.fullmatch(r" *[\w.<>]+\(.*\)( -> | ! | \.\.\.).*", line) for line in lines), run.err
