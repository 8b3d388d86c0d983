"""What `flowtrace export` does the same way for every format. A new one is tested here as soon as it is in FORMATS.

Where it may write to and where not: test_where_to.py. Closed pipes: tests/behaviour/test_hostile.py.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from flowtrace._formats import FORMATS

ONE_FILE = [name for name, format in FORMATS.items() if not format.is_folder]


def export(workshop, trace: Path, *words: str, **settings: object):
    return workshop.flowtrace("export", *words, str(trace), **settings)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_writes_a_file_with_its_own_ending(workshop, everything, name) -> None:
    done = export(workshop, everything, name)
    made = workshop.folder / f"flowtrace{FORMATS[name].suffix}"
    assert done.status == 0, done.err
    assert made.exists()
    assert f"wrote {made.name}: " in done.err and " calls, " in done.err
    assert not done.out
    assert os.listdir(workshop.folder) == [made.name]


@pytest.mark.parametrize("name", ONE_FILE)
def test_stdout_gets_the_same_as_a_file(workshop, everything, name) -> None:
    to_stdout = export(workshop, everything, name, "-o", "-")
    assert export(workshop, everything, name, "-o", "out").status == 0
    assert to_stdout.status == 0
    assert to_stdout.err == ""
    assert to_stdout.stdout == (workshop.folder / "out").read_bytes()


@pytest.mark.parametrize("name", FORMATS)
def test_hostile_names_and_values_are_written(workshop, hostile, name) -> None:
    done = export(workshop, hostile, name, "-o", "out")
    assert done.status == 0, done.err
    assert (workshop.folder / "out").exists()


@pytest.mark.parametrize("name", FORMATS)
def test_filters_that_leave_nothing_and_empty_traces_are_written(workshop, everything, recorded, name) -> None:
    assert export(workshop, everything, name, "--function", "price", "-o", "out").status == 0
    assert export(workshop, everything, name, "--duration", "1000s..", "-o", "nothing").status == 0
    assert export(workshop, recorded(""), name, "-o", "empty").status == 0


@pytest.mark.parametrize("name", FORMATS)
def test_a_trace_without_times_or_values_is_written(workshop, name) -> None:
    workshop.record("def f(a):\n    return a\nf(1)\n", "--no-time", "--no-values")
    assert export(workshop, workshop.trace_path, name, "-o", "out").status == 0


@pytest.mark.parametrize("name", FORMATS)
def test_calls_that_run_while_the_program_is_killed_are_written(workshop, name) -> None:
    source = "import os, signal\ndef f():\n    os.kill(os.getpid(), signal.SIGKILL)\nf()\n"
    workshop.write("app.py", source)
    workshop.run("app.py")
    assert export(workshop, workshop.trace_path, name, "-o", "out").status == 0


def test_what_is_written_is_for_its_owner_alone(workshop, everything) -> None:
    export(workshop, everything, "json", "-o", "out")
    assert stat.S_IMODE((workshop.folder / "out").stat().st_mode) == 0o600


def test_the_formats_are_listed_with_what_they_lack(workshop) -> None:
    done = workshop.flowtrace("export", "--formats")
    assert done.status == 0
    for name in FORMATS:
        assert f"{name} " in done.out
    assert done.out.count("not in it: ") == len(FORMATS)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "which format? "),
        (("jsn",), "no format 'jsn'; did you mean json?"),
        (("xyz",), "no format 'xyz'; the formats are "),
        (("json", "--traceparent", "x"), "--traceparent is not for json"),
        (("json", "-o", "/no/such/folder/out"), "there is no folder /no/such/folder"),
        (("json", "-o", "."), ". is a folder"),
        (("json", "-o", "TRACE"), "is the trace and stays as it is"),
        (("json", "missing.flow"), "no file missing.flow"),
        (("json", "--depth", "x", "TRACE"), "x"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(workshop, everything, words, sentence) -> None:
    given = [str(everything) if word == "TRACE" else word for word in words]
    if "-o" in words:
        given.append(str(everything))
    done = workshop.flowtrace("export", *given)
    assert done.status == 2
    assert sentence in done.err
    assert len(done.err.splitlines()) == 1
