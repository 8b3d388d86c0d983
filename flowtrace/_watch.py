"""What @trace does when a call of its function is the first to begin, and when the last has ended.

begin() and end() run inside the recorder, which lets none of what they raise reach
the program but a Ctrl-C.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from . import _session, _settings, _terminal
from ._recording import Recording, _core
from .errors import FlowTraceError

if TYPE_CHECKING:
    from types import CodeType, FrameType

STORIES_APART = 100  # of print=False; later ones share a file, at a hundredth of the cost
SHARED_FILE_MAX = 4 << 20  # bytes: to read its last story all of it is read


def code_of(function: object) -> CodeType:
    """Return the code of the innermost function: a decorator's wrapper shares its code with many."""
    if isinstance(function, type):
        raise TypeError(f"@trace is for functions: put it on the methods of {function.__name__}, not on the class")
    if isinstance(function, property):
        raise TypeError("@trace is for functions: put it below @property, not above")
    inner: Any = function
    for _ in range(100):
        outer, inner = inner, getattr(inner, "__wrapped__", getattr(inner, "__func__", inner))
        if inner is outer:
            break
    code = getattr(inner, "__code__", None)
    if code is None:
        kind = type(function).__name__
        raise TypeError(f"@trace is for functions written in Python, and this {kind} has no code to watch")
    return code  # type: ignore[no-any-return]


class Watch:
    """A function's options, and what becomes of its stories."""

    silent_stories = 0  # of all functions

    def __init__(self, name: str, given: dict[str, Any], prints: bool) -> None:
        self.title = f"{name}()"
        self.given = given
        self.prints = prints
        self.complained = False
        self.base: _settings.Config | None = None

    def settings(self) -> _settings.Config:
        base = _settings.get_config()
        if self.base is not base:  # made once: a story of print=False costs less than this
            self.base, self.merged = base, _settings.changed(base, self.given)
        return self.merged

    def begin(self) -> None:
        try:
            _session.settle()
            with _session.lock:
                if _session.now is None and not _core.recording():
                    self.start()
        except FlowTraceError as error:
            self.complain(error)

    def start(self) -> None:
        settings = self.settings()
        recorded = settings.show_args or settings.show_result, settings.show_timing
        _session.unfinished = self.end
        if not self.prints and self.can_share(recorded):
            _session.share()
        else:
            _session.start(None, self.title, settings, rules=[], values=recorded[0], time=recorded[1], watched=True)

    def can_share(self, recorded: tuple[bool, bool]) -> bool:
        """Tell whether this story, which nobody may ever read, can go into the file of the one before."""
        Watch.silent_stories += 1
        last = _session.last
        if Watch.silent_stories <= STORIES_APART or not isinstance(last, Recording):
            return False
        if Watch.silent_stories % 256 == 0 and os.stat(last.path).st_size > SHARED_FILE_MAX:
            return False
        return last.paused and last.recorded == recorded and not last.inherited

    def end(self) -> None:
        try:
            with _session.lock:
                if _core is not None and _core.recording():
                    return  # another thread's; it has told this story before it began its own
                recording = _session.end(pause=not self.prints)
                tell = self.prints and recording is not None and not recording.inherited
                text = _settings.story(recording, self.settings()) if recording and tell else ""
            if text:  # printed without the lock: the stream may have one of its own
                _settings.write(self.settings().output, text)
        except (FlowTraceError, OSError, ValueError) as error:
            self.complain(error)

    def begin_plain(self, frame: FrameType) -> None:
        """Do the same without the core."""
        if _session.now is None:
            _session.start_plain(watched=True, ended=self.end).begin(frame)

    def complain(self, error: Exception) -> None:
        if not self.complained:
            self.complained = True
            _terminal.say(f"no story of {self.title}: {error}")
