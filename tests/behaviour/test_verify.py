"""flowtrace info --verify reads all of a trace and says what is damaged, where, and what is lost."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from conftest import Workshop

UNIT = 65536
PROGRAM = """
    import threading
    def work(n):
        return [n] * (n % 5)
    def loop():
        for n in range(8000): work(n)
    thread = threading.Thread(target=loop)
    thread.start()
    loop()
    thread.join()
    """


@pytest.fixture
def trace(workshop: Workshop) -> Path:
    return workshop.record(PROGRAM).trace_path


def verify(workshop: Workshop) -> tuple[int, list[str]]:
    done = workshop.flowtrace("info", "--verify")
    assert not done.stderr
    return done.status, done.out.splitlines()


def chunks(path: Path, kind: int = 1) -> list[int]:
    """Where chunks of that kind begin."""
    data = path.read_bytes()
    return [at for at in range(UNIT, len(data), UNIT) if data[at : at + 6] == b"CHNK" + struct.pack("<H", kind)]


def change(path: Path, at: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


def test_a_sound_trace(workshop: Workshop, trace: Path) -> None:
    status, (line,) = verify(workshop)
    assert status == 0
    assert line.startswith("sound: ")
    assert line.endswith(f" in {len(chunks(trace)) + len(chunks(trace, 2))} chunks")


def test_what_is_no_record(workshop: Workshop, trace: Path) -> None:
    at = chunks(trace)[1]
    (committed,) = struct.unpack_from("<I", trace.read_bytes(), at + 76)
    change(trace, at + committed - 300, b"\x0b" * 300)
    status, (line, end) = verify(workshop)
    assert status == 1
    assert line.startswith(f"byte {at:,}, chunk ")
    assert " of thread " in line
    assert " is no record. " in line
    assert line.endswith(" bytes are lost")
    assert end.startswith("damaged: ")


def test_a_wrong_length(workshop: Workshop, trace: Path) -> None:
    at = chunks(trace)[1]
    change(trace, at + 76, struct.pack("<I", 7))
    status, lines = verify(workshop)
    assert status == 1
    assert "its length is wrong, 7 bytes; nothing of it is told" in lines[0]


def test_a_missing_chunk_and_one_that_is_there_twice(workshop: Workshop, trace: Path) -> None:
    first, second = chunks(trace)[1:3]
    data = trace.read_bytes()
    change(trace, second, data[first : first + UNIT])
    status, lines = verify(workshop)
    assert status == 1
    assert lines[0] == "1 chunk is there twice: the first in the file is told"
    assert any("1 chunk before it is missing" in line for line in lines) or len(lines) == 2  # it may have been the last


def test_a_file_that_is_cut_off(workshop: Workshop, trace: Path) -> None:
    size = trace.stat().st_size
    with trace.open("r+b") as file:
        file.truncate(size - 3 * UNIT)
    status, lines = verify(workshop)
    assert status == 1
    assert lines[0] == f"the file is cut off: {3 * UNIT:,} bytes are missing at its end"


def test_what_is_no_trace(workshop: Workshop) -> None:
    workshop.write("flowtrace.flow", "text\n")
    done = workshop.flowtrace("info", "--verify")
    assert done.status not in (0, 1)
    assert "not a FlowTrace trace" in done.err
