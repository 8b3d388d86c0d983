"""What a user may write, for mypy --strict: every public name, each with the type it should have."""

import io
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import assert_type

import flowtrace
from flowtrace import (
    Call,
    CallEvent,
    Config,
    Diff,
    ExceptionInfo,
    FlowTraceError,
    Function,
    Location,
    Trace,
    Track,
    Value,
    active_tracing,
    config,
    diff,
    get_config,
    get_trace_data,
    note,
    print_tree,
    region,
    start_tracing,
    stop_tracing,
    trace,
)


def with_parts(rows: list[str]) -> int:
    with region("clean", rows=len(rows)) as part:
        assert_type(part, region)
        assert_type(note("no header", file="a.csv"), None)
        return len(rows)


@trace
def bare(number: int, *, word: str = "") -> list[str]:
    return [word] * number


@trace(show_args=True, show_result=False, show_timing=None, exc_tb_depth=3, print=False)
def with_options(number: int) -> float:
    return number / 2


@trace
async def coroutine() -> bytes:
    return b""


@trace(print=False)
def generator() -> Iterator[int]:
    yield 1


@trace
async def async_generator() -> AsyncIterator[int]:
    yield 1


class Shop:
    @trace
    def sell(self, price: int) -> int:
        return price

    @trace
    @classmethod
    def build(cls) -> "Shop":
        return cls()

    @staticmethod
    @trace
    def rate(country: str) -> float:
        return len(country)


assert_type(bare(1, word="x"), list[str])
assert_type(with_options(1), float)
assert_type(generator(), Iterator[int])
assert_type(async_generator(), AsyncIterator[int])
assert_type(Shop().sell(1), int)
assert_type(Shop.build(), Shop)
assert_type(Shop.rate("nl"), float)


async def use() -> None:
    assert_type(await coroutine(), bytes)


def record() -> None:
    start_tracing()
    start_tracing("a.flow", include="pkg", exclude=["pkg.sub*", "lib/*.py"], values=False, time=False)
    assert_type(stop_tracing(), list[CallEvent])
    with active_tracing(Path("a.flow"), include=("pkg",)):
        pass
    with active_tracing() as nothing:
        assert_type(nothing, None)
    print_tree()
    print_tree(get_trace_data(), lines=0, show_args=False, show_result=True, show_timing=False, file=sys.stdout)


def compare(a: Trace) -> None:
    found = diff(a, Path("b.flow"), values=False, ignore=["log*"], lines=0)
    assert_type(found, Diff)
    assert_type(found.same, bool)
    assert_type(a.call(1)._repr_html_(), str)


def settings() -> None:
    config(show_args=True, show_result=False, show_timing=True, show_exc=3, inline_return=False, output=io.StringIO())
    config(output="story.txt")
    now = get_config()
    assert_type(now, Config)
    assert_type(now.show_args, bool)
    assert_type(now.show_exc, bool | int)


def events() -> None:
    for event in get_trace_data():
        assert_type(event.kind, str)
        assert_type(event.id, int)
        assert_type(event.parent_id, int | None)
        assert_type(event.function + event.module + event.file, str)
        assert_type(event.line, int)
        assert_type(event.arguments, dict[str, str])
        assert_type(event.result, str | None)
        assert_type(event.exception, str | None)
        assert_type(event.start_ns, int)
        assert_type(event.duration_ns, int | None)
        assert_type(event.depth, int)
        assert_type(event.track, str)


def read(path: Path) -> int:
    try:
        recorded = flowtrace.open(path)
    except FlowTraceError as error:
        print(error)
        return 2
    assert_type(recorded, Trace)
    assert_type(len(recorded), int)
    assert_type(recorded.info["processes"][0]["pid"], int)
    for call in recorded.calls(function="parse_*", module="app", outcome="raised", min_duration_ns=1_000):
        one_call(call)
    for track in recorded.tracks:
        assert_type(track, Track)
        assert_type(track.name, str)
        assert_type(track.creator, Call | None)
        assert_type(next(recorded.calls(track=track)), Call)
    for function in recorded.functions:
        assert_type(function, Function)
        assert_type(function.parameters, tuple[str, ...])
        assert_type({function: list(recorded.calls(function=function))}, dict[Function, list[Call]])
    for exception in recorded.exceptions:
        assert_type(exception, ExceptionInfo)
        assert_type(exception.raised_at, Location)
        assert_type(exception.raised_at.line, int)
        assert_type(exception.caught_by, Call | None)
        assert_type(exception.path, list[Call])
    assert_type(list(recorded.calls(under=recorded.call(1))), list[Call])
    return 0


def one_call(call: Call) -> None:
    assert_type(call.function.qualname, str)
    assert_type(call.number + call.start_ns + call.duration_ns + call.running_ns + call.waiting_ns, int)
    assert_type(call.parent, Call | None)
    assert_type(call.children, list[Call])
    assert_type(call.result, Value | None)
    for name, value in call.arguments.items():
        assert_type(name, str)
        assert_type(value.type_name + value.text, str)
        print(value.python())
    if call.exception is not None:
        assert_type(call.exception.message, str)
