"""A reader in plain Python, written from docs/format.md alone, reads the same calls as the one in C.

Each program of the other tests is recorded with one set of options: which one, its place decides.
"""

from __future__ import annotations

import ast
import io
import shutil
import sys
import tokenize
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import FREE_THREADED, ROOT, Workshop

from flowtrace import FlowTraceError, Trace
from flowtrace._core import Call, Value

sys.path.insert(0, str(ROOT / "tests" / "differential"))

import gathered
import reader

OPTIONS = [["--caught"], ["--boundary"], ["--no-values"], ["--no-time"], [], ["--identity", "--caught", "--boundary"]]
LINES_MAX = 200
EMPTY = {"absent", "redacted", "truncated", "unreadable", "cycle"}
BUILTIN = {"list", "tuple", "set", "frozenset", "dict", "str", "bytes", "bytearray", "int"}


# --- the same? ---------------------------------------------------------------


def words_of(value: Any) -> Iterator[str]:
    """Names of types, and texts, that must stand in the text of a value, in this order."""
    if isinstance(value, reader.Shown):
        if isinstance(value.parts, str) and value.parts.isprintable():
            yield value.parts
        elif value.type not in {
            *EMPTY,
            "list",
            "tuple",
            "set",
            "frozenset",
            "dict",
            "str",
            "bytes",
            "bytearray",
            "int",
        }:
            yield value.type
        value = value.parts
    if isinstance(value, dict):
        value = list(value.items())
    if isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from words_of(item)


def stands_in(text: str, words: Iterable[str]) -> bool:
    at = 0
    for word in words:
        at = text.find(word, at)
        if at < 0:
            return False
    return True


def is_same(value: Any, other: Value | None) -> bool:
    if other is None:
        return value is None
    try:
        plain = other.python()
    except FlowTraceError:
        nothing = isinstance(value, reader.Shown) and value.type in EMPTY
        named = nothing or not isinstance(value, reader.Shown) or value.type == other.type_name
        return named and ("×" in other.text or stands_in(other.text, words_of(value)))
    return type(plain) is type(value) and repr(plain) == repr(value)


def by_track[T](calls: Iterable[T], key: Callable[[T], Any]) -> dict[Any, list[T]]:
    tracks: dict[Any, list[T]] = defaultdict(list)
    for call in calls:
        track = key(call)
        tracks[track.pid, track.kind, track.name].append(call)
    return tracks


def places[T](tracks: dict[Any, list[T]], key: Callable[[T], Any]) -> dict[Any, Any]:
    return {key(call): (track, number) for track, calls in tracks.items() for number, call in enumerate(calls)}


def wrong_fields(mine: Any, call: Call, parent: Any, other_parent: Any) -> Iterator[str]:
    function = call.function
    expected = (function.qualname, function.module, function.file, function.line, list(function.parameters))
    if mine.function[2:] != expected:
        yield f"function {mine.function} {expected}"
    if parent != other_parent:
        yield f"parent {parent} {other_parent}"
    if mine.outcome != call.outcome:
        yield f"outcome {mine.outcome} {call.outcome}"
    if (mine.exception and mine.exception[0]) != (call.exception and call.exception.type):
        yield f"exception {mine.exception} {call.exception}"
    if list(mine.arguments) != list(call.arguments):
        yield f"names {list(mine.arguments)} {list(call.arguments)}"
    for name, value in mine.arguments.items():
        if not is_same(value, call.arguments[name]):
            yield f"argument {name} {value} {call.arguments[name]}"
    if not is_same(mine.result, call.result) and call.result is not None:
        yield f"result {mine.result} {call.result}"
    if mine.start != call.start_ns:
        yield f"start {mine.start} {call.start_ns}"
    if mine.end is not None and call.outcome != "running" and mine.end - mine.start != call.duration_ns:
        yield f"duration {mine.end - mine.start} {call.duration_ns}"


def differences(path: Path) -> Iterator[str]:
    trace = Trace(path)
    mine = by_track(reader.read(path), lambda call: call.track)
    other = by_track(trace.calls(), lambda call: call.track)
    if mine.keys() != other.keys():
        yield f"tracks {mine.keys() ^ other.keys()}"
    place, other_place = places(mine, id), places(other, lambda call: call)
    for track in mine.keys() & other.keys():
        if len(mine[track]) != len(other[track]):
            yield f"{track} has {len(mine[track])} calls, {len(other[track])}"
        for number, (call, theirs) in enumerate(zip(mine[track], other[track], strict=False)):
            parents = place.get(id(call.parent)), other_place.get(theirs.parent)
            for what in wrong_fields(call, theirs, *parents):
                yield f"{track} {number} {theirs.function.qualname}: {what}"


def check(workshop: Workshop, *options: str) -> None:
    workshop.run(*options, "app.py")
    if "--identity" in options and not workshop.trace_path.exists():
        pytest.skip("no numbers here")
    kept = shutil.copy(workshop.trace_path, workshop.folder / "kept.flow")  # a child may be writing still
    assert not list(differences(kept))[:10]


# --- on every example ---------------------------------------------------------


def programs() -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / "tests" / "behaviour").glob("test_*.py")):
        yield from gathered.recorded(path)


BEHAVIOUR = dict(programs())
WHOLE = [path for path in sorted((ROOT / "tests" / "golden").glob("*.py")) if path.name != "test_golden.py"]
WHOLE += sorted(ROOT.glob("examples/*/app.py"))


@pytest.mark.parametrize("number, name", list(enumerate(BEHAVIOUR)), ids=str)
def test_behaviour(workshop: Workshop, number: int, name: str) -> None:
    if FREE_THREADED and "greenlet" in name:
        workshop.environment["PYTHON_GIL"] = "1"
    workshop.write("app.py", BEHAVIOUR[name])
    check(workshop, *OPTIONS[number % len(OPTIONS)])


@pytest.mark.parametrize("number, path", list(enumerate(WHOLE)), ids=lambda value: getattr(value, "stem", None))
def test_programs(workshop: Workshop, number: int, path: Path) -> None:
    shutil.copytree(path.parent, workshop.folder, dirs_exist_ok=True)
    shutil.copy(path, workshop.folder / "app.py")
    check(workshop, *OPTIONS[number % len(OPTIONS)])


@pytest.mark.parametrize("options", [*OPTIONS, ["--last", "1M"]], ids=" ".join)
def test_many_chunks(workshop: Workshop, options: list[str]) -> None:
    workshop.write(
        "app.py",
        """
        import asyncio, os, threading

        def leaf(n, text): return [n, text * (n % 7), {"n": n}, float(n), -n * 10 ** (n % 30)]

        def numbers(count):
            for n in range(count):
                leaf(n, "é")
                yield n

        def deep(n): return leaf(n, "deep") if n == 0 else deep(n - 1)

        def fails(n):
            try: raise KeyError(n)
            except KeyError as error: raise ValueError(f"no {n}") from error

        def work(count):
            for n in numbers(count):
                deep(n % 20)
                try: fails(n)
                except ValueError: pass

        async def step(n):
            await asyncio.sleep(0)
            return leaf(n, "task")

        async def main():
            for n in range(300): await asyncio.gather(step(n), step(-n))

        def child():
            work(50)
            os._exit(0)

        threads = [threading.Thread(target=work, args=(400,), name=f"thread {n}") for n in range(3)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        asyncio.run(main())
        if (pid := os.fork()) == 0: child()
        os.waitpid(pid, 0)
        unfinished = numbers(10)
        next(unfinished)
        work(10)
        """,
    )
    check(workshop, *options)
    assert workshop.trace_path.read_bytes().count(b"CHNK") > 9


def test_a_difference_is_found(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    path = workshop.record("def f(a): return [a]\nf(1)").trace_path
    assert not list(differences(path))
    monkeypatch.setitem(reader.CONTAINERS, 0xB0, tuple)
    assert len(list(differences(path))) == 1


def test_it_is_short_and_stands_alone() -> None:
    """So many lines with code on them: no blank ones, no docstrings."""
    text = Path(reader.__file__).read_text()
    lines: set[int] = set()
    code = {tokenize.NAME, tokenize.OP, tokenize.NUMBER, tokenize.STRING}
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in code and not token.string.startswith('"""'):
            lines.update(range(token.start[0], token.end[0] + 1))
    assert len(lines) <= LINES_MAX
    names = {node.module for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)}
    assert "flowtrace" not in names
