"""Where exports and answers go, and what of: what is wrong there is said in a sentence, and nothing is left half."""

from __future__ import annotations

import importlib.util
import os
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import TIMEOUT, Workshop
from forked import Ended, Forked
from readers import READERS

from flowtrace._core import Trace
from flowtrace._formats import FORMATS

ONE_FILE = [name for name, format in FORMATS.items() if not format.is_folder]
HAS_ARROW = importlib.util.find_spec("pyarrow") is not None
WEIGHED = {"folded": ["--weight", "calls"], "dot": ["--lines", "10000"]}


@pytest.fixture(scope="module")
def forked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forked]:
    folder = tmp_path_factory.mktemp("where")
    forked = Forked(folder, Workshop(folder).environment)
    yield forked
    forked.close()


@pytest.fixture
def export(forked: Forked, workshop: Workshop):
    """Return a function that exports in the workshop's folder."""

    def export(*words: object, **settings: object) -> Ended:
        return forked.run("export", *map(str, words), folder=workshop.folder, **settings)

    return export


def left(workshop: Workshop) -> list[str]:
    return sorted(os.listdir(workshop.folder))


def check_sentence(ended: Ended, *words: str) -> None:
    assert ended.status == 2, ended.err
    assert ended.err.startswith("flowtrace: ")
    assert ended.err.count("\n") == 1
    for word in words:
        assert word in ended.err


# --- where to -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMATS if HAS_ARROW else ONE_FILE)
def test_a_full_disk_leaves_what_was_there(workshop, everything, export, name) -> None:
    old = workshop.folder / "out"
    if FORMATS[name].is_folder:
        old.mkdir()
        old = old / "mine"
    old.write_text("older")
    ended = export(name, "-o", "out", everything, file_size=64)
    check_sentence(ended, "can't write out: ")
    assert FORMATS[name].is_folder or "make room or name another place" in ended.err
    assert left(workshop) == ["out"]
    assert old.read_text() == "older"
    assert not FORMATS[name].is_folder or left(Workshop(workshop.folder / "out")) == ["mine"]


@pytest.mark.parametrize("name", ONE_FILE)
def test_devices_and_pipes_are_written_to_and_stay(workshop, everything, export, name) -> None:
    assert export(name, "-o", "plain", everything).status == 0
    check_sentence(export(name, "-o", "/dev/full", everything), "/dev/full", "No space left on device", "make room")
    assert export(name, "-o", "/dev/null", everything).status == 0
    os.mkfifo(workshop.folder / "pipe")
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append((workshop.folder / "pipe").read_bytes()))
    reader.start()
    ended = export(name, "-o", "pipe", everything)
    reader.join(TIMEOUT)
    assert (ended.status, left(workshop)) == (0, ["pipe", "plain"])
    same_as(name, workshop.folder / "plain", got[0])


def same_as(name: str, plain: Path, got: bytes) -> None:
    if name != "sqlite":
        assert got == plain.read_bytes()
    else:
        assert got.startswith(b"SQLite format 3\0") and len(got) == plain.stat().st_size


@pytest.mark.parametrize("name", ["json", "sqlite"])
def test_stdout_has_a_name_too(workshop, forked, everything, export, name) -> None:
    assert export(name, "-o", "plain", everything).status == 0
    for place in ("/dev/stdout", "/dev/fd/1"):
        reader, writer = os.pipe()
        running = forked.start("export", name, "-o", place, str(everything), stdout=writer, folder=workshop.folder)
        os.close(writer)
        with open(reader, "rb") as pipe:
            same_as(name, workshop.folder / "plain", pipe.read())
        assert running.wait().status == 0
        reader, writer = os.pipe()
        os.close(reader)
        ended = export(name, "-o", place, everything, stdout=writer)  # as in | true
        os.close(writer)
        assert ended == (0, "")


@pytest.mark.parametrize("name", ONE_FILE)
def test_what_a_link_leads_to_is_written(workshop, everything, export, name) -> None:
    (workshop.folder / "place").mkdir()
    (workshop.folder / "place/old").write_text("old")
    for target in ("old", "new"):
        (workshop.folder / "link").symlink_to(f"place/{target}")
        assert export(name, "-o", "link", everything).status == 0
        assert os.readlink(workshop.folder / "link") == f"place/{target}"
        assert (workshop.folder / "place" / target).stat().st_size > 10
        (workshop.folder / "link").unlink()
    assert left(Workshop(workshop.folder / "place")) == ["new", "old"]


def test_places_where_nothing_can_be(workshop, everything, export) -> None:
    (workshop.folder / "bad").symlink_to("nowhere/out")
    (workshop.folder / "loop").symlink_to("loop")
    (workshop.folder / "file").write_text("")
    check_sentence(export("json", "-o", "", everything), "-o needs the name of a file")
    check_sentence(export("json", "-o", ".", everything), ". is a folder")
    check_sentence(export("json", "-o", "bad", everything), "there is no folder", "nowhere; make it: mkdir -p ")
    check_sentence(export("json", "-o", "loop", everything), "can't write loop: ", "name another place")
    check_sentence(export("json", "-o", "file/out", everything), "can't write file/out: ")
    check_sentence(export("json", "-o", "no\n\x1b[31m/out", everything), "can't write no\\n\\x1b[31m/out: there is no ")
    # Nothing can be made there, whoever asks for it.
    check_sentence(export("json", "-o", "/proc/out", everything), "can't write /proc/out: ", "kept, name another place")
    check_sentence(export("parquet", "-o", "/proc/out", everything), "can't write /proc/out: ")
    check_sentence(export("parquet", "-o", "file", everything), "file is there and is no folder")
    assert left(workshop) == ["bad", "file", "loop"]


@pytest.mark.parametrize("name", FORMATS)
def test_no_trace_is_written_over(workshop, everything, export, name) -> None:
    trace = workshop.folder / "run.flow"
    trace.write_bytes(everything.read_bytes())
    (workshop.folder / "link").symlink_to("run.flow")
    os.link(trace, workshop.folder / "other")
    for out in ("run.flow", "./run.flow", "link", "other"):
        check_sentence(export(name, "-o", out, trace), "is the trace and stays as it is")
    if "--before" in FORMATS[name].options:
        check_sentence(
            export(name, "--before", "run.flow", "-o", "link", everything), "run.flow is the trace and stays"
        )
    assert trace.read_bytes() == everything.read_bytes()
    assert left(workshop) == ["link", "other", "run.flow"]


# In the core, when some of it is written.
INTERRUPTED = """
import os, signal
from flowtrace import _core, _progress
_progress.is_terminal = lambda stream: True
_progress.PATIENCE = 0
def tell(self, doing, done, total):
    if doing == "writing":
        os.kill(os.getpid(), signal.SIGINT)
_progress.Progress.tell = tell
"""


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workshop = Workshop(tmp_path_factory.mktemp("big"))
    return workshop.record("def f(i):\n    pass\nfor i in range(100_000):\n    f(i)\n").trace_path


@pytest.mark.parametrize("name", ["sqlite", *(["parquet"] if HAS_ARROW else [])])
def test_control_c_while_rows_are_written(workshop, big, export, name) -> None:
    if name != "parquet":
        (workshop.folder / "out").write_text("older")
    ended = export(name, "-o", "out", big, before=INTERRUPTED)
    assert (ended.status, ended.err.strip()) == (130, "")
    if name == "parquet":
        assert left(Workshop(workshop.folder / "out")) == []
    else:
        assert left(workshop) == ["out"]
        assert (workshop.folder / "out").read_text() == "older"


# A millisecond after the file was begun: the trace alone takes far longer to read.
SOON = """
import signal
from flowtrace import _output
from flowtrace.formats import parquet
def interrupted(function):
    def begun(*arguments):
        signal.setitimer(signal.ITIMER_REAL, 0.001)
        return function(*arguments)
    return begun
signal.signal(signal.SIGALRM, signal.default_int_handler)
_output.Output._begin = interrupted(_output.Output._begin)
parquet._write_table = interrupted(parquet._write_table)
"""


@pytest.mark.parametrize("name", FORMATS if HAS_ARROW else ONE_FILE)
def test_control_c_leaves_what_was_there(workshop, big, export, name) -> None:
    if name != "parquet":
        (workshop.folder / "out").write_text("older")
    ended = export(name, "-o", "out", big, before=SOON)
    assert ended == (130, "")
    assert left(workshop) == ["out"]
    assert left(Workshop(workshop.folder / "out")) == [] if name == "parquet" else True
    assert name == "parquet" or (workshop.folder / "out").read_text() == "older"


# --- what of ------------------------------------------------------------------------------------

LIVE = """
import sys
def step(n):
    return n
print("ready", flush=True)
for line in sys.stdin:
    step(int(line))
    print("done", flush=True)
"""


@pytest.fixture
def live(workshop: Workshop) -> subprocess.Popen[bytes]:
    workshop.write("app.py", LIVE)
    program = workshop.start("-m", "flowtrace", "run", "-q", "app.py")
    assert program.stdout and program.stdout.readline() == b"ready\n"
    return program


def step(program: subprocess.Popen[bytes], n: int) -> None:
    assert program.stdin and program.stdout
    program.stdin.write(b"%d\n" % n)
    program.stdin.flush()
    assert program.stdout.readline() == b"done\n"


def test_a_trace_that_is_being_recorded_is_exported_as_far_as_it_is(workshop, live, export) -> None:
    step(live, 7)
    for name in FORMATS if HAS_ARROW else ONE_FILE:
        ended = export(name, *WEIGHED.get(name, []), "-o", f"out.{name}", workshop.trace_path)
        assert ended.status == 0, ended.err
        assert READERS[name](workshop.folder / f"out.{name}").calls in {2, None}


def test_answers_of_a_trace_that_is_being_recorded_are_of_now(workshop, live, forked) -> None:
    """Its time and size stay the same for long."""

    def count() -> str:
        reader, writer = os.pipe()
        words = ["query", "--csv", "SELECT count(*) FROM calls", str(workshop.trace_path)]
        ended = forked.run(*words, stdout=writer, folder=workshop.folder)
        os.close(writer)
        with open(reader) as told:
            text = told.read()
        assert ended == (0, "")
        return text.split()[1]

    assert count() == "1"
    for n in range(2, 5):
        step(live, n)
        status = os.stat(workshop.trace_path)
        os.utime(workshop.trace_path, ns=(status.st_atime_ns, 10**18))  # as on a disk that tells no time of maps
        assert count() == str(n)
    os.killpg(live.pid, signal.SIGKILL)
    live.wait(TIMEOUT)
    assert count() == "4"


def no_call(workshop: Workshop) -> Path:
    workshop.write("app.py", "def f(:")
    assert workshop.run("app.py").status == 1
    return workshop.trace_path


# Many chunks of few calls.
LARGE = """
def f(text):
    pass
for i in range({}):
    f(f"{{i:240}}")
"""


def newest_calls(workshop: Workshop) -> Path:
    path = workshop.record(LARGE.format(8000), "--last", "1M").trace_path
    assert 100 < len(list(Trace(path).calls())) < 8000
    return path


def cut_off(workshop: Workshop) -> Path:
    """The file ends in the midst of a chunk that others follow."""
    path = workshop.record(LARGE.format(2000)).trace_path
    os.truncate(path, 65536 * 3 + 5000)
    return path


def damaged_early(workshop: Workshop) -> Path:
    """What is left of the body of the module overlaps what its other chunks tell of it."""
    path = workshop.record("def f(i):\n    return i\nfor i in range(6000):\n    f(i)\n").trace_path
    data = bytearray(path.read_bytes())
    data[65536 * 2 + 9000 : 65536 * 2 + 9100] = b"\xff" * 100
    path.write_bytes(data)
    return path


def damaged(workshop: Workshop) -> Path:
    path = workshop.record(LARGE.format(2000)).trace_path
    data = bytearray(path.read_bytes())
    data[65536 * 5 + 9000 : 65536 * 5 + 9100] = b"\xff" * 100
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("make", [no_call, newest_calls, cut_off, damaged, damaged_early])
def test_of_an_odd_trace_all_is_written_that_it_has(workshop, forked, export, make) -> None:
    path = make(workshop)
    calls = len(list(Trace(path).calls()))
    for name in FORMATS if make == newest_calls and HAS_ARROW else ONE_FILE:
        ended = export(name, *WEIGHED.get(name, []), "-o", f"out.{name}", path)
        assert ended.status == 0, ended.err
        shown = READERS[name](workshop.folder / f"out.{name}").calls
        assert shown in {calls, None} or name in {"html", "folded", "flame"}, (name, shown, calls)
    answered = forked.run("query", "SELECT * FROM calls", path.name, folder=workshop.folder)
    assert answered == (0, "")
    connection = sqlite3.connect(f"{path}.sqlite")
    assert connection.execute("SELECT count(*) FROM call").fetchone() == (calls,)
