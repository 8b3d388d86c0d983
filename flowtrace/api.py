"""The public functions: @trace, start_tracing() and its siblings, and what reads what they recorded."""

# ruff: noqa: PLW0603 - a process has one recording and one set of settings
from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, TextIO, overload

from . import _recording, _session, _settings, _size
from ._events import CallEvent
from ._recording import _core
from ._settings import Config, config, get_config
from ._watch import Watch, code_of
from .errors import FlowTraceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from ._core import Trace
    from ._recording import Path, Patterns

__all__ = [
    "CallEvent",
    "Config",
    "active_tracing",
    "config",
    "get_config",
    "get_trace_data",
    "open",
    "print_tree",
    "start_tracing",
    "stop_tracing",
    "trace",
]

_joined = False  # start_tracing() in a program that `flowtrace run` records anyway


# --- start and stop ---------------------------------------------------------


def start_tracing(
    path: Path | None = None,
    *,
    include: Patterns = (),
    exclude: Patterns = (),
    values: bool = True,
    time: bool = True,
    boundary: bool = False,
    caught: bool = False,
    identity: bool = False,
    last: int | str | None = None,
    limit: int | str | None = None,
    value_depth: int | None = None,
    value_items: int | None = None,
    value_bytes: int | None = None,
    call_bytes: int | None = None,
    secret: Patterns | None = None,
    not_secret: Patterns | None = None,
) -> None:
    """Record all of the user's code, in all threads, until stop_tracing().

    path: the trace file, which is replaced; else a temporary one.
    include, exclude: also these modules (pkg, pkg.sub*) or files (lib/*.py) are the
        user's code, or are not; the last that fits wins.
    values, time: record arguments and results; times.
    boundary: record also what the user's code calls straight in libraries and in C, as
        calls of functions of the kind "library".
    caught: record also exceptions that are caught in the very call that raised them, and
        which handler has each.
    identity: give objects numbers (Value.identity), so that one is known again. Needs CPython 3.13,
        and that no tracemalloc is on.
    last: keep the newest part in a file of that size at most, in bytes or as "64M".
    limit: stop recording when the file has that size.
    value_depth, value_items, value_bytes, call_bytes, secret, not_secret: how much of values,
        and which not, instead of config()'s.
    Raises ValueError for one of these that can't be,
    FlowTraceError if a recording is in progress, or the file can't be written.
    In a program started by `flowtrace run` that recording goes on and is the one read.
    """
    global _joined
    given = dict(locals())
    settings = _settings.changed(get_config(), {name: given[name] for name in _settings.OF_VALUES})
    bounds = _size.bounds(last, limit)
    _session.settle()
    with _session.lock:
        refuse_second()
        if any(bounds.values()) and _core is None:
            raise FlowTraceError("last and limit need the compiled core: install a C compiler, then FlowTrace again")
        if identity:
            _refuse_identity(values)
        if _session.is_recorded_by_run():
            if path is not None:
                raise FlowTraceError(f"can't record to {path}: flowtrace run is recording; leave the path out")
            _joined = True
        elif _core is None:
            _session.start_plain(path)
        else:
            title = os.path.basename(getattr(sys, "argv", [""])[0]) or "python"
            rules = _recording.rules_of(include, exclude)
            switches = {"boundary": boundary, "caught": caught, "identity": identity}
            _session.start(
                path, title, settings, rules=rules, values=values, time=time, switches=switches, bounds=bounds
            )


def refuse_second() -> None:
    if _session.now and _session.now.watched:
        raise FlowTraceError("a call of a function with @trace is being recorded; start before it or after it")
    if _session.now or _joined:
        raise FlowTraceError("already recording; end that first: stop_tracing(), or leave the active_tracing() block")


def _refuse_identity(values: bool) -> None:
    if not values:
        raise ValueError("identity numbers what values=False leaves out; give one of them")
    if _core is None:
        raise FlowTraceError("identity needs the compiled core: install a C compiler, then FlowTrace again")
    obstacle = None if _session.is_recorded_by_run() else _core.identity_obstacle()
    if obstacle:
        raise FlowTraceError(f"no identity: {obstacle}; record without it")


def _stop() -> None:
    global _joined
    with _session.lock:
        if _joined:
            _joined = False
        elif _session.now is None or _session.now.watched:
            raise FlowTraceError("nothing to stop: call start_tracing() first")
        else:
            _session.end()


def stop_tracing() -> list[CallEvent]:
    """End what start_tracing() began; returns its events in order of time.

    Raises FlowTraceError if there is nothing to stop. A recording of many millions of
    calls makes a big list; give start_tracing() a path, and read that with open().
    """
    with _session.lock:
        _stop()
        return get_trace_data()


class active_tracing:
    """Record while a `with` block runs; the parameters and errors are start_tracing()'s."""

    def __init__(
        self,
        path: Path | None = None,
        *,
        include: Patterns = (),
        exclude: Patterns = (),
        values: bool = True,
        time: bool = True,
        boundary: bool = False,
        caught: bool = False,
        identity: bool = False,
        last: int | str | None = None,
        limit: int | str | None = None,
        value_depth: int | None = None,
        value_items: int | None = None,
        value_bytes: int | None = None,
        call_bytes: int | None = None,
        secret: Patterns | None = None,
        not_secret: Patterns | None = None,
    ) -> None:
        self._options = {name: value for name, value in locals().items() if name not in {"self", "path"}}
        self._path = path
        self._recording: object = None

    def __enter__(self) -> None:
        start_tracing(self._path, **self._options)
        self._recording = _session.now

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if _joined or (_session.now and _session.now is self._recording):  # else it was stopped within
            _stop()


# --- reading ----------------------------------------------------------------


def get_trace_data() -> list[CallEvent]:
    """Return the events of the recording in progress, or else of the last one, in order of time.

    Empty if nothing was recorded.
    """
    with _session.lock:
        recording = _session.readable()
        return recording.events() if recording else []


def print_tree(
    events: Iterable[CallEvent] | None = None,
    *,
    lines: int = 200,
    show_args: bool | None = None,
    show_result: bool | None = None,
    show_timing: bool | None = None,
    file: TextIO | None = None,
) -> None:
    """Tell the story of the recording in progress or the last one; or make a plain tree of `events`.

    lines: about how many lines the story may have; 0: all there are.
    show_args, show_result, show_timing: instead of config()'s.
    file: where to print; else config()'s output, which is stderr at first.
    Raises FlowTraceError if nothing was recorded, or the output can't be written.
    """
    given = {"show_args": show_args, "show_result": show_result, "show_timing": show_timing, "output": file}
    settings = _settings.changed(get_config(), given)
    with _session.lock:
        recording = _session.readable()
        if events is not None:
            text = _settings.plain(events, settings)
        elif recording is not None:
            text = _settings.story(recording, settings, lines)
        else:
            raise FlowTraceError("nothing was recorded yet: call start_tracing(), or a function with @trace, first")
    try:
        _settings.write(settings.output, text)
    except OSError as error:
        raise FlowTraceError(f"can't print the story: {error}") from None


def open(path: Path) -> Trace:
    """Open a trace file. Raises FlowTraceError if it is none."""
    if _core is None:
        raise FlowTraceError("reading traces needs the compiled core: install a C compiler, then FlowTrace again")
    if not os.path.exists(path):
        raise FlowTraceError(f"no file {path} in {os.getcwd()}; record one: flowtrace run -o {path} app.py")
    return _core.Trace(path)


# --- @trace -----------------------------------------------------------------


@overload
def trace[F](function: F, /) -> F: ...
@overload
def trace[F](
    *,
    show_args: bool | None = None,
    show_result: bool | None = None,
    show_timing: bool | None = None,
    exc_tb_depth: int | None = None,
    print: bool = True,
) -> Callable[[F], F]: ...
def trace(
    function: Any = None,
    /,
    *,
    show_args: bool | None = None,
    show_result: bool | None = None,
    show_timing: bool | None = None,
    exc_tb_depth: int | None = None,
    print: bool = True,
) -> Any:
    """Record the whole program while a call of the function runs, then print the story of it.

    Returns the very function, method, classmethod or staticmethod that it is given;
    it may be a generator function or async. When calls of traced functions are
    nested, or run at once, the story is told when the last of them ends, as the
    first wants it. Where something records already nothing is added or printed.

    show_args, show_result, show_timing: instead of config()'s.
    exc_tb_depth: how many of the calls that an exception left are named; instead of show_exc.
    print: False: only get_trace_data() and print_tree() tell it.
    Raises TypeError for what has no code of its own.
    """
    given = {
        "show_args": show_args,
        "show_result": show_result,
        "show_timing": show_timing,
        "show_exc": exc_tb_depth,
    }

    def decorate[F](function: F) -> F:
        code = code_of(function)
        watch = Watch(code.co_qualname, given, print)
        _recording.traced.add((code.co_filename, code.co_firstlineno, code.co_qualname))
        if _core is None:
            _recording.watch_plainly(code, watch.begin_plain)
        else:
            _core.watch(code, watch.begin, watch.end)
        return function

    return decorate if function is None else decorate(function)
