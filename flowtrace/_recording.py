"""One recording of a part of this program: in a file by the core, or in memory by reference.py."""

# ruff: noqa: PLW0603 - a process has one recording and one set of settings
from __future__ import annotations

import os
import sys
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from . import __version__, _scope, _terminal
from ._events import CallEvent
from .errors import FlowTraceError

try:
    from . import _core as _core  # noqa: PLC0414 - for other modules here
except ImportError:
    _core = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import CodeType, FrameType
    from typing import TextIO

    type Path = str | os.PathLike[str]
    type Patterns = str | Iterable[str]

traced: set[tuple[str, int, str]] = set()  # file, line and qualified name of what was given to @trace


class Recording:
    """One recording by the core, in a file."""

    def __init__(
        self, path: str, *, temporary: bool = False, watched: bool = False, recorded: tuple[bool, bool] = (True, True)
    ) -> None:
        self.path = path
        self.temporary = temporary
        self.watched = watched  # @trace began it and will end it
        self.recorded = recorded  # values? times?
        self.paused = False  # its file is still open, for another story
        self.stories = 1  # in this file, of @trace(print=False)
        self.inherited = False  # by a forked child: its parent tells the story and deletes the file

    def events(self) -> list[CallEvent]:
        """Return the events of all of it, or of its last story."""
        events = list(map(CallEvent._make, _core.Trace(self.path).events()))
        return events if self.stories == 1 else _last_story(events)

    def story(self, stream: TextIO | None, lines: int, **shown: Any) -> str | None:
        """Return the story of all of it, as suits `stream`; None if only a plain tree can tell it."""
        if self.stories > 1:
            return None
        return _core.show(
            self.path,
            lines=lines,
            width=_terminal.columns(stream),
            color=_terminal.wants_color(stream),
            ascii=_terminal.needs_ascii(stream),
            **shown,
        ).decode()

    def pause(self) -> None:
        _core.record_pause()
        self.paused = True

    def resume(self) -> None:
        _core.record_resume()
        self.paused = False
        self.stories += 1

    def stop(self) -> None:
        _core.record_stop()
        if not self.temporary and not self.inherited:
            _core.hash_sources(self.path)

    def forget(self) -> None:
        """Delete the file if it is a temporary one of this process."""
        if self.temporary and not self.inherited:
            _unlink(self.path)


def start(
    path: Path | None,
    title: str,
    *,
    rules: list[str],
    limits: dict[str, int],
    secrets: list[str],
    values: bool = True,
    time: bool = True,
    switches: dict[str, bool] | None = None,
    bounds: dict[str, int] | None = None,
    watched: bool = False,
) -> Recording:
    """Begin a recording. Raises FlowTraceError where it can't be."""
    target = _temporary() if path is None else _checked(path)
    # "part": this isn't the whole program; what leaves it may be caught outside.
    info = {"program": title, "part": "yes", "flowtrace": __version__}
    roots, library = _places()
    try:
        _core.record_start(
            target,
            values=values,
            time=time,
            roots=roots,
            library=library,
            rules=rules,
            info=info,
            settings={**limits, **(switches or {})},
            secrets=secrets,
            **(bounds or {}),
        )
    except (OSError, RuntimeError, ValueError) as error:
        import errno  # here, so that no program has it because of us

        if getattr(error, "errno", None) == errno.EBUSY:
            raise FlowTraceError(f"{target} is being recorded by another process; name another file") from None
        reason = getattr(error, "strerror", None) or error
        raise FlowTraceError(f"can't record to {target}: {reason}; name another file, or make room there") from None
    return Recording(target, temporary=path is None, watched=watched, recorded=(values, time))


def _last_story(events: list[CallEvent]) -> list[CallEvent]:
    """A story begins where a traced function is called while none is running."""
    running: set[int] = set()
    start = 0
    for i, event in enumerate(events):
        if (event.file, event.line, event.function) not in traced:
            continue
        if event.kind == "call":
            start = start if running else i
            running.add(event.id)
        elif event.duration_ns is not None:
            running.discard(event.id)
    return events[start:]


# --- what a recording is told -----------------------------------------------

_found: dict[tuple[str, int], tuple[list[str], list[str]]] = {}


def _places() -> tuple[list[str], list[str]]:
    """Return where the user's code is, and where the library's."""
    try:
        here = os.getcwd()
    except OSError:  # deleted meanwhile
        here = ""
    key = here, len(traced)
    if key not in _found:
        main = getattr(sys.modules.get("__main__"), "__file__", None)
        files = [os.path.realpath(main) if isinstance(main, str) else "", *sorted(file for file, _, _ in traced)]
        library = _scope.library()
        folders = [os.path.dirname(file) for file in files if os.path.isabs(file)]
        folders = [here, *(folder for folder in folders if not _scope.is_library(folder, library))]
        _found.clear()
        _found[key] = _scope.roots_of(*filter(None, folders)) + _scope.roots_elsewhere(), library
    return _found[key]


def rules_of(include: Patterns, exclude: Patterns) -> list[str]:
    """Turn include= and exclude= into the recorder's rules."""
    pairs = [("--include", pattern) for pattern in ([include] if isinstance(include, str) else include)]
    pairs += [("--exclude", pattern) for pattern in ([exclude] if isinstance(exclude, str) else exclude)]
    return [rule for rule, _ in _scope.rules_of(pairs)]


def _checked(path: Path) -> str:
    """Return the absolute path, if a trace may be written there."""
    from .commands.run import is_replaceable

    name = os.path.abspath(os.fspath(path))
    folder = os.path.dirname(name)
    if os.path.isdir(name):
        raise FlowTraceError(f"can't record to {path}: it is a folder; name a file in it")
    if not os.path.isdir(folder):
        raise FlowTraceError(f"can't record to {path}: there is no folder {folder}; make it: os.makedirs({folder!r})")
    if os.path.lexists(name) and not is_replaceable(name):
        raise FlowTraceError(f"{path} is there and is no trace, so it stays as it is; name another file")
    return name


# --- temporary files --------------------------------------------------------

_folder = ""
_count = 0


def _temporary() -> str:
    global _folder, _count
    if not _folder:
        import tempfile

        try:
            _folder = tempfile.mkdtemp(prefix="flowtrace-")
        except OSError as error:
            raise FlowTraceError(f"no temporary file can be made ({error}); name a file to record to") from None
    _count += 1
    return os.path.join(_folder, f"{_count}.flow")


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass


def after_fork() -> None:
    """In the child: the folder is the parent's."""
    global _folder
    _folder = ""


def remove_folder() -> None:
    if _folder:
        try:
            os.rmdir(_folder)
        except OSError:
            pass


# --- without the compiled core ----------------------------------------------


class PlainRecording:
    """One recording by reference.py, in memory."""

    temporary = False
    inherited = False
    stories = 1

    def __init__(self, *, watched: bool = False, ended: Callable[[], None] | None = None) -> None:
        """Call ended() when the first call ends."""
        from . import reference

        class Recorder(reference.Recorder):
            def tell(self, call: reference.CallEvent, kind: str, **fields: Any) -> None:
                super().tell(call, kind, **fields)
                if ended and call.id == 1 and kind in {"return", "exception"}:
                    ended()

        self.watched = watched
        self.recorded = True, True
        self.reference = reference
        roots, library = _places()
        self.recorder = Recorder(roots, library)
        self.recorder.start()

    def begin(self, frame: FrameType) -> None:
        """Take in the call that is starting just now, whose own event has passed already."""
        code, recorder = frame.f_code, self.recorder
        module = str(frame.f_globals.get("__name__", ""))
        recorder.modules[id(code)] = code, module
        where = code.co_qualname, module, code.co_filename, code.co_firstlineno
        call = self.reference.CallEvent("call", next(recorder.numbers), None, *where, {}, start_ns=perf_counter_ns())
        call = call._replace(track=recorder.thread.name)
        recorder.tell(call, "call", arguments=self.reference.arguments_text(code, frame))
        recorder.thread.stack.append(((id(frame), id(code)), call))

    def events(self) -> list[CallEvent]:
        return [CallEvent._make(event) for event in self.recorder.events]

    def story(self, stream: TextIO | None, lines: int, **shown: Any) -> str | None:
        return None

    def stop(self) -> None:
        self.recorder.stop()

    def pause(self) -> None:
        self.recorder.stop()

    def resume(self) -> None:
        """Never happens: each story is a recording of its own."""

    def forget(self) -> None:
        """Nothing to delete."""


_watched: dict[int, tuple[CodeType, Callable[[FrameType], None]]] = {}  # by id(): equal code may be of two files
_tool: list[int] = []


def watch_plainly(code: CodeType, begin: Callable[[FrameType], None]) -> None:
    """From now on call begin(its frame) when a call of `code` begins."""
    monitoring = sys.monitoring
    if not _tool:
        _tool.append(next(tool for tool in (5, 3, 4, 1, 2, 0) if monitoring.get_tool(tool) is None))
        monitoring.use_tool_id(_tool[0], "flowtrace-watch")
        monitoring.register_callback(_tool[0], monitoring.events.PY_START, _on_start)
    _watched[id(code)] = code, begin
    monitoring.set_local_events(_tool[0], code, monitoring.events.PY_START)


def _on_start(code: CodeType, _offset: int) -> None:
    _watched[id(code)][1](sys._getframe(1))
