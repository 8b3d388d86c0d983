"""Whatever a trace holds, wherever it is told and whoever reads it, each verb ends with harmless lines or one sentence.

A new verb or view is covered by a line in VERBS: its words, with TRACE where the file stands; an exporter as soon as it
is listed. What it writes is for a terminal unless DATA says how programs read it. Verbs that write no text of their own
go to stdout by "-o", "-".
"""

from __future__ import annotations

import csv
import fcntl
import json
import os
import re
import select
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import ROOT, TIMEOUT, Workshop
from forked import Forked

from flowtrace import cli
from flowtrace._formats import FORMATS

sys.path.insert(0, str(ROOT / "tests/export"))
import readers

QUESTION = "SELECT call, name, module, file, arguments, result, exception, track FROM calls WHERE depth < 100"
TRACE, OTHER = "{trace}", "{other}"
VERBS = {
    "show": ["show", TRACE],
    "show --all": ["show", "--all", TRACE],
    "show --wide": ["show", "--wide", "--values", "full", TRACE],
    "show --chains": ["show", "--chains", TRACE],
    "show --errors": ["show", "--errors", TRACE],
    "show --call": ["show", "--call", "1", TRACE],
    "show --fields": ["show", "--fields", "running,duration,waiting,self,start,thread,where,depth,call", TRACE],
    "find": ["find", "--limit", "0", TRACE],
    "find --fields": ["find", "--limit", "0", "--fields", "self,start,thread,where,depth", TRACE],
    "find --produced": ["find", "--produced", "~e", TRACE],
    "report": ["report", TRACE],
    "report --by file": ["report", "--by", "file", TRACE],
    "report --by track": ["report", "--by", "track", TRACE],
    "report --by exception": ["report", "--by", "exception", TRACE],
    "report --csv": ["report", "--csv", TRACE],
    "report --json": ["report", "--json", TRACE],
    "graph": ["graph", TRACE],
    "graph FUNC": ["graph", "*", TRACE],
    "diff": ["diff", "--all", TRACE, OTHER],
    "diff --time": ["diff", "--time", TRACE, OTHER],
    "info": ["info", TRACE],
    "info --verify": ["info", "--verify", TRACE],
    "show --timeline": ["show", "--timeline", TRACE],
    "show --by task": ["show", "--by", "task", TRACE],
    "query": ["query", QUESTION, TRACE],
    "query --csv": ["query", "--csv", QUESTION, TRACE],
    "query --json": ["query", "--json", QUESTION, TRACE],
    # A folder can't go to stdout.
    **{
        f"export {name}": ["export", name, "-o", "-", TRACE] for name, format in FORMATS.items() if not format.is_folder
    },
    "export folded --weight": ["export", "folded", "--weight", "calls", "-o", "-", TRACE],
    "export mermaid --by": ["export", "mermaid", "--by", "track", "-o", "-", TRACE],
}


def read_csv(told: Path) -> None:
    with open(told, encoding="utf-8", newline="") as lines:
        rows = list(csv.reader(lines, strict=True))
    assert {len(row) for row in rows} == {len(rows[0])}


def read_json(told: Path) -> None:
    json.loads(told.read_bytes())


DATA: dict[str, Callable[[Path], object]] = {
    "report --csv": read_csv,
    "report --json": read_json,
    "query --csv": read_csv,
    "query --json": read_json,
    **{name: readers.READERS[words[1]] for name, words in VERBS.items() if words[0] == "export"},
}
BINARY = {f"export {name}" for name, format in FORMATS.items() if format.is_binary}
TEXT = [name for name in VERBS if name not in DATA]
# No call is a sentence of its own there, and of what cannot be found there is none.
EMPTY_STATUS = {"find": {1}, "find --fields": {1}, "find --produced": {1}, "show --call": {0, 2}, "graph FUNC": {0, 2}}

NASTY = {
    "newline": "one\nINJECTED",
    "return": "\rINJECTED",
    "colour": "\x1b[31mred\x1b[0m",
    "title": "\x1b]0;owned\x07",
    "link": "\x1b]8;;http://x\x1b\\x",
    "c1": "\x9b31m\x85INJECTED",
    "bidi": "a\u202eb\u2066c\u200f",
    "joined": "👩\u200d💻\ufeff\u200b",
    "separators": "\u2028INJECTED\u2029INJECTED\xa0\u3000",
    "surrogate": "\ud83d\udc00!",
    "nul": "nul\0nul",
    "marks": "z" + "\u0301\u0489" * 200,
    "wide": "宽" * 300,
    "quotes": "'\"\\'\"",
    "percent": "%s%n{0}$(x)`x`",
    "long": "name" * 2000,
}
NAMES = f"""
import asyncio, sys, threading, types

NASTY = {NASTY!a}

def plain(*args, **kwargs):
    return args or kwargs

def fails(text, kind):
    raise kind(text)

def called(function, name):
    code = function.__code__
    file = code.co_filename.replace("app", name.replace(chr(0), ""))
    code = code.replace(co_name=name, co_qualname=name, co_filename=file)
    return types.FunctionType(code, {{**globals(), "__name__": name}})

async def work(text):
    await asyncio.sleep(0)
    return text

async def main():
    await asyncio.gather(*[asyncio.create_task(work(text), name=text) for text in NASTY.values()])

class Thing:
    pass

for what, text in NASTY.items():
    called(plain, text)(text, [text, {{text: text}}], text.encode("utf-8", "replace"), **{{text: (text,)}})
    if what not in ("surrogate", "nul"):
        thing = type(text, (Thing,), {{}})()
        thing.__dict__[text] = text
        plain(thing)
    if what not in ("surrogate", "nul"):
        try:
            called(fails, text)(text, type(text, (Exception,), {{"__module__": text}}))
        except Exception:
            pass
    try:
        fails(text, ValueError)
    except ValueError:
        pass
    thread = threading.Thread(target=plain, name=text.replace(chr(0), ""), args=(what,))
    thread.start()
    thread.join()
asyncio.run(main())
"""
SPOILT = b"MARKS_WHAT_IS_NO_TEXT_AT_ALL"
SPOIL = (b"\xff\xfe\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80\x1b[2J\x80\x9b\n\x00\xf0\x9f\x91" * 2)[: len(SPOILT)]
SOURCES = {
    "names": NAMES,
    "long values": """
def get(text, many):
    return text

get("x" * 1_000_000, ["宽" * 1_000_000] * 30)
get("\\n" * 1_000_000, {"\\x1b" * 1_000_000: b"\\0" * 1_000_000})
get("e" + "\\u0301" * 1_000_000, "/" * 1_000_000)
""",
    "no text": """
class SPOILT(Exception):
    pass

def function_SPOILT(parameter_SPOILT):
    raise SPOILT(b"SPOILT", "SPOILT")

try:
    function_SPOILT({"SPOILT": 1})
except SPOILT:
    pass
""".replace("SPOILT", SPOILT.decode()),
    "no call": "def f(:",
    "an open call": "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n",
    "a deep recursion": """
import sys
sys.setrecursionlimit(5000)
def down(n):
    return n and down(n - 1)
down(1000)
""",
}
STATUS = {"no call": 1, "an open call": -signal.SIGKILL}
OPTIONS = {"long values": ["--value-bytes", "4000", "--call-bytes", "8000"]}
OWN_FOLDER = "a folder\n\x1b[1m\u202e of its own"
WIDTHS = (1, 7, 41, 80, 1000)
NARROWEST = {"show --timeline": 17}


class Told(NamedTuple):
    status: int
    out: bytes
    err: str


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workshop = Workshop(tmp_path_factory.mktemp("hostile"))
    for name, source in SOURCES.items():
        folder = workshop.folder / OWN_FOLDER
        folder.mkdir(exist_ok=True)
        (folder / "app.py").write_text(source)
        trace = workshop.folder / f"{name}.flow"
        words = [*OPTIONS.get(name, []), "-o", str(trace), "app.py", "\n\x1b[31m\u202e", "\udcff"]
        done = workshop.run(*words, cwd=folder)
        assert done.status == STATUS.get(name, 0), done.err
        data = trace.read_bytes()
        assert name != "no text" or data.count(SPOILT) >= 4
        trace.write_bytes(data.replace(SPOILT, SPOIL))
    workshop.write("other.py", "def plain(*args, **kwargs): pass\nplain(1)")
    assert workshop.run("-o", "other.flow", "other.py").status == 0
    return workshop.folder


class Teller:
    """Runs verbs in this process: what is written is read back from files."""

    def __init__(self, traces: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.traces, self.folder, self.monkeypatch = traces, folder, monkeypatch

    def words(self, name: str, trace: str) -> list[str]:
        places = {TRACE: str(self.traces / f"{trace}.flow"), OTHER: str(self.traces / "other.flow")}
        return [places.get(word, word) for word in VERBS[name]]

    def __call__(self, name: str, trace: str, *more: str) -> Told:
        out, err = self.folder / "out", self.folder / "err"
        with (
            open(out, "w", encoding="utf-8") as stdout,
            open(err, "w", encoding="utf-8") as stderr,
            self.monkeypatch.context() as patch,
        ):
            patch.setattr(sys, "stdout", stdout)
            patch.setattr(sys, "stderr", stderr)
            status = cli.main([*self.words(name, trace), *more])
        return Told(status, out.read_bytes(), err.read_text(encoding="utf-8"))


@pytest.fixture
def tell(traces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Teller:
    for name in ("COLUMNS", "FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return Teller(traces, tmp_path, monkeypatch)


def takes(name: str, option: str) -> bool:
    """Whether the verb has this option."""
    verb = VERBS[name][0]
    return option in getattr(__import__(f"flowtrace.commands.{verb}").commands, verb).OPTIONS


def check_harmless(text: str) -> None:
    """No character that moves the cursor, changes the terminal or the order of others, or can't be written at all."""
    lines = text.split("\n")
    assert text.replace("\n", "").isprintable(), sorted({ascii(c) for c in text if not c.isprintable()})
    assert not [line for line in lines if line.startswith("INJECTED")]


def check_status(name: str, trace: str, told: Told) -> None:
    if trace in {"no call"}:
        assert told.status in EMPTY_STATUS.get(name, {0, 1} if name.startswith("diff") else {0}), told
    elif name.startswith("diff"):
        assert told.status == 1
    elif name in {"graph FUNC", "info --verify"}:
        assert told.status in {0, 1, 2}
    else:
        assert told.status in ({0, 1} if name.startswith("find") else {0}), told.err
    assert told.status != 2 or told.err.startswith("flowtrace: ")
    assert told.err.count("\n") <= 1


# --- what stands in a trace -----------------------------------------------


@pytest.mark.parametrize("name", TEXT)
def test_lines_are_harmless(tell: Teller, name: str) -> None:
    widths = [width for width in WIDTHS if width >= NARROWEST.get(name, 0)]
    for trace in SOURCES:
        for width in widths if takes(name, "--width") else WIDTHS[:1]:
            told = tell(name, trace, *(["--width", str(width)] if takes(name, "--width") else []))
            check_status(name, trace, told)
            assert told.out or told.err
            check_harmless(told.out.decode())
            check_harmless(told.err)


@pytest.mark.parametrize("name", [name for name in TEXT if takes(name, "--ascii")])
def test_ascii_is_ascii(tell: Teller, name: str) -> None:
    for trace in SOURCES:
        told = tell(name, trace, "--ascii")
        check_status(name, trace, told)
        assert told.out.isascii()
        check_harmless(told.out.decode())


@pytest.mark.parametrize("name", TEXT)
def test_colours_are_all_that_is_sent(tell: Teller, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for trace in SOURCES:
        plain = tell(name, trace)
        with monkeypatch.context() as patch:
            patch.setenv("FORCE_COLOR", "1")
            told = tell(name, trace)
        check_status(name, trace, told)
        assert re.sub(rb"\x1b\[\d+m", b"", told.out) == plain.out


@pytest.mark.parametrize("name", DATA)
def test_what_programs_read_is_well_formed(tell: Teller, name: str) -> None:
    for trace in SOURCES:
        told = tell(name, trace)
        check_status(name, trace, told)
        told.out.decode("utf-8" if name not in BINARY else "latin-1")
        DATA[name](tell.folder / "out")


@pytest.mark.parametrize("name", VERBS)
def test_where_nothing_is_left_a_sentence_says_so(tell: Teller, name: str) -> None:
    told = tell(name, "no call")
    assert told.status == 2 or told.out or told.err or name.startswith("export ")  # a file of nothing is one as well


def test_a_line_is_never_filled_without_end(tell: Teller) -> None:
    assert len(tell("show", "an open call", "--width", "1000000").out) < 100_000


# --- who reads ------------------------------------------------------------

FIRST_OF_VERBS = {words[0]: name for name, words in reversed(VERBS.items())}.values()
ENDS = [name for name in VERBS if name in {*FIRST_OF_VERBS, *DATA, "show --call", "info --verify"}]


@pytest.fixture(scope="module")
def forked(traces: Path) -> Iterator[Forked]:
    forked = Forked(traces, Workshop(traces).environment)
    yield forked
    forked.close()


def usual_status(tell: Teller, name: str) -> int:
    told = tell(name, "names")
    assert told.status in {0, 1}, told.err
    return told.status


@pytest.mark.parametrize("name", ENDS)
def test_nobody_reads_on(tell: Teller, forked: Forked, name: str) -> None:
    """As in `| head`: quiet, and the status is the usual one."""
    reader, writer = os.pipe()
    os.close(reader)
    ended = forked.run(*tell.words(name, "names"), stdout=writer)
    os.close(writer)
    assert ended == (usual_status(tell, name), "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device here that is always full")
@pytest.mark.parametrize("name", ENDS)
def test_a_full_disk(tell: Teller, forked: Forked, name: str) -> None:
    with open("/dev/full", "wb") as full:
        status, err = forked.run(*tell.words(name, "names"), stdout=full.fileno())
    assert status == 2, err
    assert err.startswith("flowtrace: ")
    assert "No space left on device" in err
    assert err.count("\n") == 1


# It says so before it writes: to a pipe that is full it comes no further.
INTERRUPTED = """
import os
write = os.write
def tell(descriptor, data):
    if descriptor != 2:
        write(3, b"x")
    return write(descriptor, data)
os.write = tell
"""


@pytest.mark.skipif(not hasattr(fcntl, "F_GETPIPE_SZ"), reason="how much a pipe holds can't be asked here")
@pytest.mark.parametrize("name", ENDS)
def test_control_c(tell: Teller, forked: Forked, name: str) -> None:
    """While it writes to somebody who doesn't read: it can't end before."""
    reader, writer = os.pipe()
    ready, told_ready = os.pipe()
    by_core = "-o" in VERBS[name] and not FORMATS[VERBS[name][1]].module
    if by_core:  # more of it than a pipe holds
        waited_for = reader
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    else:
        waited_for = ready
        os.write(writer, bytes(fcntl.fcntl(writer, fcntl.F_GETPIPE_SZ)))
    running = forked.start(*tell.words(name, "names"), stdout=writer, more=(told_ready,), before=INTERRUPTED)
    os.close(writer)
    os.close(told_ready)
    assert select.select([waited_for], [], [], TIMEOUT)[0]
    os.kill(running.pid, signal.SIGINT)
    if name == "export chrome":  # it still closes what it has opened
        with open(reader, "rb", closefd=False) as rest:
            json.loads(rest.read())
    status, err = running.wait()
    assert err == ""
    assert status in {130, -signal.SIGINT}
    os.close(reader)
    os.close(ready)


# --- what is asked --------------------------------------------------------


def options_of(verb: str) -> dict[str, str]:
    return dict(getattr(__import__(f"flowtrace.commands.{verb}").commands, verb).OPTIONS)


READERS = sorted({words[0] for words in VERBS.values()})
BAD = {
    "--depth": ("2..x", "character 4"),
    "--duration": ("1ms..5xs", "character 7"),
    "--between": ("1s..2", "character 6"),
    "--process": ("12a", "character 3"),
    "--first": ("1x", "character 2"),
    "--last": ("x", "character 1"),
    "--arg": ("=1", "character 1"),
    "--outcome": ("returnd", "did you mean returned"),
    "--function": ("宽[b", "character 2"),
    "--module": ("[b", "character 1"),
    "--file": ("a[b", "character 2"),
    "--track": ("a[b", "character 2"),
    "--raised": ("a[b", "character 2"),
    "--under": ("宽[b", "character 2"),
    "--callers-of": ("a[b", "character 2"),
    "--only": ("a[b", "character 2"),
    "--hide": ("a[b", "character 2"),
    "--ignore": ("宽[b", "character 2"),
    "--fields": ("call,sefl", "did you mean self"),
    "--values": ("some", "none, short or full"),
    "show --by": ("tsk", "creator or task"),
    "--by": ("fnction", "function, file, module"),
    "--sort": ("clals", "calls"),
    "--weight": ("x", "running, waiting or calls"),
    "--before": ("x", "no file x"),
    "--traceparent": ("x", "not for json"),
    "--to": ("x", "not for json"),
}
# Every value is one that may be.
ANY = {"--returned", "--produced", "-o", "--test"}
PAIRS = [(verb, option) for verb in READERS for option, kind in options_of(verb).items() if kind != "flag"]


@pytest.mark.parametrize(("verb", "option"), [(verb, option) for verb, option in PAIRS if option not in ANY])
def test_what_is_wrong_is_named_with_its_place(tell: Teller, verb: str, option: str) -> None:
    name = next(name for name, words in VERBS.items() if words[0] == verb)
    number = options_of(verb)[option] == "number"
    text, place = ("12x", "character 3") if number else BAD.get(f"{verb} {option}", BAD[option])
    told = tell(name, "names", f"{option}={text}")
    assert told.status == 2
    assert told.out == b""
    assert told.err.startswith("flowtrace: ")
    assert told.err.count("\n") == 1
    assert option.lstrip("-") in told.err
    assert place in told.err or " is not for " in told.err  # of an exporter's options it takes its own
    assert text.rpartition(",")[2] in told.err or "not for" in told.err
