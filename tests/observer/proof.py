"""What all proofs share: a program is run by python alone, under FlowTrace, and beside recorders in Python.

The program prints what it has noticed. Alone and under FlowTrace (everything in scope, values on) it must end
the same way and print the same. So it must beside a recorder in Python that does nothing, which shows that the
program notices what recorders do and not that one is there. Beside each deliberately bad recorder it must print
something else: else the proof would prove nothing.
"""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Mapping, Sequence

import pytest
from conftest import Run, Workshop

EVERYTHING = ("--include", "*")
PLACE = "RECORDER = None"

RECORDER = """
def RECORDER():
    import sys
    monitoring, mask = sys.monitoring, 0
    {before}
    def see(code, offset, *rest):
{body}
    monitoring.use_tool_id(5, "recorder")
    for name in ("PY_START", "PY_RETURN", "PY_YIELD", "PY_RESUME", "PY_THROW", "PY_UNWIND"):
        event = getattr(monitoring.events, name)
        monitoring.register_callback(5, event, see)
        mask |= event
    monitoring.set_events(5, mask)
RECORDER()
RECORDER = None
"""


def recorder(body: str, before: str = "pass") -> str:
    """A line of Python that starts a tool whose callbacks run `body`."""
    body = textwrap.indent(textwrap.dedent(body).strip("\n"), " " * 8)
    source = RECORDER.replace("{before}", before).replace("{body}", body)
    return f"exec({source!r})"


HARMLESS = recorder("pass")


def program(workshop: Workshop, source: str, instead: str = PLACE) -> None:
    text = textwrap.dedent(source).strip("\n")
    assert PLACE in text, "the program lacks the line that a recorder takes the place of"
    (workshop.folder / "app.py").write_text(text.replace(PLACE, instead) + "\n", encoding="utf-8")


def beside(workshop: Workshop, source: str, line: str, *words: str, **settings: object) -> Run:
    """Run the program beside a recorder in Python."""
    program(workshop, source, line)
    return workshop.python("app.py", *words, **settings)


def compare(plain: Run, other: Run, what: str) -> None:
    """Fail and show the lines that differ, unless both ended the same way and said the same."""
    if plain.outcome == other.outcome:
        return
    lines = [[f"status {run.status}", *run.out.splitlines(), *run.err.splitlines()] for run in (plain, other)]
    pytest.fail("\n".join(difflib.unified_diff(*lines, "alone", what, n=0, lineterm="")), pytrace=False)


def same(
    workshop: Workshop,
    source: str,
    *words: str,
    bad: Mapping[str, str],
    options: Sequence[str] = EVERYTHING,
    harmless: bool = True,
    **settings: object,
) -> Run:
    """Run it in all the ways and compare. Returns the traced run.

    bad: recorders, each of which must be noticed, by what they do wrong.
    options: of flowtrace run.
    harmless: also a recorder in Python that does nothing must not be noticed.
    """
    program(workshop, source)
    flags = settings.pop("flags", ())
    plain = workshop.python("app.py", *words, flags=flags, **settings)
    traced = workshop.flowtrace("run", "-q", *options, "app.py", *words, flags=flags, **settings)
    compare(plain, traced, "under FlowTrace")
    assert plain.stdout, "it noticed nothing at all"
    info = traced.trace.info
    assert not any(process["lost"] for process in info["processes"])
    assert info["calls"] > 0
    assert info["damaged_chunks"] == 0
    if harmless:
        compare(plain, beside(workshop, source, HARMLESS, *words, flags=flags, **settings), "beside a harmless tool")
    for wrong, line in bad.items():
        assert beside(workshop, source, line, *words, flags=flags, **settings).outcome != plain.outcome, wrong
    return traced
