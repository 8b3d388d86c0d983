"""Traces of earlier versions stay readable for ever: their calls are compared with what was read of them then.

A fixture is never recorded again. A new version of the format gets one of its own:

    flowtrace run -q --caught --boundary --identity -o v1.2.flow tests/fixtures/everything.py
    python tests/format/test_fixtures.py v1.2.flow >tests/fixtures/v1.2.txt; xz v1.2.flow
"""

from __future__ import annotations

import lzma
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowtrace import Trace, _core

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"


def lines(trace: Trace) -> Iterator[str]:
    for call in trace.calls():
        above = call.parent or call.created_by
        arguments = ", ".join(f"{name}={value}" for name, value in call.arguments.items())
        place = f"{call.number} in {above.number if above else None} of {call.track.kind} {call.track.name}"
        error = call.exception
        end = f"{error.type} {error.message!r} {error.notes}" if error else call.result
        yield f"{place}: {call.function.qualname}({arguments}) {call.outcome} {end} {call.start_ns}+{call.duration_ns}"
    for process in trace.info["processes"]:
        yield f"process {process['pid']} {process['end']}"


@pytest.mark.parametrize("name", sorted(path.name for path in FIXTURES.glob("*.flow.xz")))
def test_it_reads_as_it_did(tmp_path: Path, name: str) -> None:
    path = tmp_path / "fixture.flow"
    path.write_bytes(lzma.decompress((FIXTURES / name).read_bytes()))
    text = (FIXTURES / name.replace(".flow.xz", ".txt")).read_text(encoding="utf-8")
    assert list(lines(Trace(path))) == text.splitlines()
    assert _core.show(path, lines=0).count(b"\n") > 20
    assert b"damage        none" in _core.info(path)


if __name__ == "__main__":
    print("\n".join(lines(Trace(sys.argv[1]))))
