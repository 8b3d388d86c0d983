"""Options of `flowtrace show` beside those that golden tests hold: errors in them, and what only a terminal gets."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from flowtrace import _core
from flowtrace.commands import export, find, graph, query, report, show

PROGRAM = "def price(order):\n    return order * 2\n\nprice(1)\nprice('x' * 300)\n"
LINK = re.compile(rb"\033]8;;file://[^/]*(/[^\033#]*)#(\d+)\033\\.*?\033]8;;\033\\")


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(PROGRAM)
    run(tmp_path, "run", "-q", "app.py")
    return tmp_path


def run(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flowtrace", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "COLUMNS": "100", **environment},
    )


def on_terminal(folder: Path, *words: str, **environment: str) -> bytes:
    above, below = pty.openpty()
    command = [sys.executable, "-m", "flowtrace", *words]
    kept = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR"}}
    program = subprocess.Popen(
        command, cwd=folder, stdout=below, env={**kept, "COLUMNS": "100", "TERM": "xterm-256color", **environment}
    )
    os.close(below)
    output = b""
    while True:
        try:
            part = os.read(above, 65536)
        except OSError:  # Linux's way of saying that the other end is closed
            break
        if not part:
            break
        output += part
    os.close(above)
    assert program.wait(60) == 0
    return output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--call", "4711"], "no call #4711 here; the calls of this trace are #1 to #3"),
        (["--call", "0"], "no call #0 here; the calls of this trace are #1 to #3"),
        (["--call", "1", "--function", "price"], "no call #1 among those that the filters leave"),
        (
            ["--fields", "call,sefl"],
            "no field 'sefl'; did you mean self?; the fields are running, duration, waiting, self",
        ),
        (["--fields", ""], "--fields takes 1 to 16 of running, duration"),
        (["--fields", ",".join(["call"] * 17)], "--fields takes 1 to 16 of running, duration"),
        (["--values", "some"], "--values is none, short or full, not 'some'"),
        (["--errors", "--call", "1"], "--errors or --call: one at a time"),
    ],
)
def test_a_wrong_option_is_said_in_a_sentence(trace: Path, words: list[str], message: str) -> None:
    done = run(trace, "show", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_filter_keeps_the_numbers_of_calls(trace: Path) -> None:
    assert "#3 price(order='xxx" in run(trace, "show", "--call", "3", "--function", "price").stdout


def test_full_values_are_as_long_as_they_were_recorded(trace: Path) -> None:
    short = run(trace, "show").stdout
    assert max(map(len, short.splitlines())) <= 100
    wide = run(trace, "show", "--wide").stdout
    full = run(trace, "show", "--values", "full").stdout
    longest = max(re.findall("x+", full), key=len)
    assert len(longest) > 150
    assert max(map(len, wide.splitlines())) < len(longest)
    joined = "".join(line.strip() for line in run(trace, "show", "--call", "3").stdout.splitlines())
    assert longest in joined


def test_none_is_no_values(trace: Path) -> None:
    hidden = ["--no-time", "--no-values"]
    assert run(trace, "show", "--no-time", "--values", "none").stdout == run(trace, "show", *hidden).stdout


def test_names_are_links_on_a_terminal(trace: Path) -> None:
    links = LINK.findall(on_terminal(trace, "show"))
    path = os.fsencode((trace / "app.py").resolve())
    assert (path, b"1") in links
    assert b"\033]8" not in on_terminal(trace, "show", NO_COLOR="1")
    assert b"\033]8" not in on_terminal(trace, "show", TERM="dumb")
    assert b"\033]8" not in on_terminal(trace, "show", "--ascii")
    assert "\033]8" not in run(trace, "show", FORCE_COLOR="1", TERM="xterm-256color").stdout


def test_a_source_that_has_changed_is_not_quoted(trace: Path) -> None:
    assert "              def price(order):" in run(trace, "show", "--call", "2").stdout
    (trace / "app.py").write_text("# another line\n" + PROGRAM)
    told = run(trace, "show", "--call", "2").stdout
    assert "def price" not in told
    assert "the file has changed since" in told


CHAIN = """
def view(n): return n
def handle(n): return view(n)
def dispatch(n): return handle(n)
def route(n): return dispatch(n)
def application(n): return route(n)
def fail(n): return 1 // n
def worse(n): return fail(n)
def worst(n): return worse(n)
def bad(n): return worst(n)
application(7)
try: bad(0)
except ZeroDivisionError: pass
"""


def test_chains_of_single_calls_take_one_line_when_asked(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(CHAIN)
    run(tmp_path, "run", "-q", "app.py")
    plain = run(tmp_path, "show", "--no-time").stdout
    for words in (["--chains"], ["--chains", "--all"]):
        told = run(tmp_path, "show", "--no-time", *words).stdout
        assert "… 3 calls, one within the other: route, dispatch, handle\n" in told
        assert "└─ view(n=7) → 7\n" in told
        assert len(told.splitlines()) == len(plain.splitlines()) - 2
    assert "└─ worse(n=0)" in told  # the way of an exception is told call by call
    assert run(tmp_path, "show", "--no-time", "--chains", "--function", "*a*").stdout.count("… ") == 1


def test_what_is_hidden_is_said_with_what_shows_it(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("class A:\n    pass\n")
    run(tmp_path, "run", "-q", "app.py")
    assert "Not shown: 1 class body or annotation (--all).\n" in run(tmp_path, "show").stdout
    assert "class A" in run(tmp_path, "show", "--all").stdout


@pytest.mark.parametrize("verb", [export, find, graph, query, report, show], ids=lambda verb: verb.__name__)
def test_help_names_what_the_core_has(verb: object) -> None:
    assert f"{_core.NEWEST:,}" in verb.HELP  # type: ignore[attr-defined]
    if verb in {find, show}:
        (listed,) = re.findall(r"--fields LIST .*: ([\w,\s]+);", verb.HELP)  # type: ignore[attr-defined]
        assert tuple(listed.replace(",", " ").split()) == _core.FIELDS
