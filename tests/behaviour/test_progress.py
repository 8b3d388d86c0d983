"""What takes longer than a second shows how far it is: on a terminal, on stderr, and nothing is left of it."""

from __future__ import annotations

import collections
import signal

import pytest

from flowtrace import _core, _progress

MANY = "def f(n):\n    pass\nfor i in range(100_000):\n    f(i)\n"


@pytest.fixture
def long(workshop):
    workshop.record(MANY)
    return workshop.trace_path


def test_reading_and_writing_tell_how_far_they_are(long, tmp_path) -> None:
    told: list[tuple[str, int, int]] = []
    _core.set_progress(lambda *word: told.append(word))
    try:
        rows = sum(1 for _ in _core.Tables(long).rows("call"))
    finally:
        _core.set_progress(None)
    assert rows == 100_001
    writing = [(done, total) for doing, done, total in told if doing == "writing"]
    assert writing == sorted(writing) and len(writing) > 10
    assert {total for _, total in writing} == {100_001}


def test_what_the_teller_raises_ends_the_work(long) -> None:
    def no(*_: object) -> None:
        raise ValueError("enough")

    _core.set_progress(no)
    try:
        with pytest.raises(ValueError, match="enough"):
            list(_core.Tables(long).rows("call"))
    finally:
        _core.set_progress(None)


def test_signals_are_heard_where_no_python_runs(long) -> None:
    def handle(*_: object) -> None:
        raise ZeroDivisionError

    before = signal.signal(signal.SIGPROF, handle)
    try:
        rows = _core.Tables(long).rows("call")
        signal.setitimer(signal.ITIMER_PROF, 0.001)
        with pytest.raises(ZeroDivisionError):
            collections.deque(rows, maxlen=0)
        assert next(rows)  # it has not come to its end
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def test_a_line_on_a_terminal_is_wiped_away(monkeypatch, capsys) -> None:
    monkeypatch.setattr(_progress, "is_terminal", lambda _: True)
    monkeypatch.setattr(_progress, "PATIENCE", 0)
    monkeypatch.setenv("TERM", "xterm")
    with _progress.Progress() as progress:
        progress.tell("reading", 1, 4)
        progress.tell("writing", 4, 4)
    lines = capsys.readouterr().err.split("\r")
    assert lines[1] == "reading [======                  ]  25%"
    assert lines[2] == "writing [========================] 100%"
    assert lines[-2].isspace() and lines[-1] == ""


def test_nothing_is_told_before_a_second_nor_to_a_file(monkeypatch, capsys, long) -> None:
    progress = _progress.Progress()
    progress.tell("reading", 1, 4)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(_progress, "PATIENCE", 0)
    with _progress.Progress():
        _core.show(long)
    assert capsys.readouterr().err == ""
