"""The one recording at a time: `now` is in progress; `last` has ended, and is kept to be read.

A forked child inherits both, and neither prints nor deletes what is its parent's.
Functions here are called with `lock` held, but for settle().
"""

# ruff: noqa: PLW0603 - a process has one recording and one set of settings
from __future__ import annotations

import _thread
import atexit
import os
from typing import TYPE_CHECKING, Any

from . import _recording, _settings, _terminal
from ._recording import PlainRecording, Recording, _core
from .errors import FlowTraceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._recording import Path
    from ._settings import Config

lock = _thread.RLock()
now: Recording | PlainRecording | None = None
last: Recording | PlainRecording | None = None
unfinished: Callable[[], None] | None = None  # tells the story in progress, should the program end before it does
_prepared = False
_told = False


def start(
    path: Path | None,
    title: str,
    settings: Config,
    *,
    rules: list[str],
    values: bool,
    time: bool,
    switches: dict[str, bool] | None = None,
    bounds: dict[str, int] | None = None,
    secrets: list[str] | None = None,
    watched: bool = False,
) -> None:
    """Begin to record, as much of values as `settings` say. Raises FlowTraceError.

    secrets: rules for names that are to be redacted, behind those of `settings`.
    """
    global now
    _core.record_stop()  # the file that was kept open for another story
    now = _recording.start(
        path,
        title,
        rules=rules,
        limits=_settings.limits(settings),
        secrets=[*_settings.secrets(settings), *(secrets or [])],
        values=values,
        time=time,
        switches=switches,
        bounds=bounds,
        watched=watched,
    )
    _prepare()
    keep(None)


def start_plain(path: Path | None = None, **options: Any) -> PlainRecording:
    """Do the same without the core."""
    global now, _told
    if path is not None:
        raise FlowTraceError(f"can't record to {path}: there is no compiled core here; leave the path out")
    if not _told:
        _told = True
        _terminal.say("no compiled core here: recording in plain Python, slowly and in memory")
    now = recording = PlainRecording(**options)
    keep(None)
    return recording


def end(*, pause: bool = False) -> Recording | PlainRecording | None:
    """End what is in progress, and keep it; returns it."""
    global now
    recording, now = now, None
    if recording is None:
        return None
    if pause and not recording.inherited:
        recording.pause()
    else:
        recording.stop()
    keep(recording)
    return recording


def share() -> None:
    """Go on in the file of the last recording."""
    global now
    now = last
    if now:
        now.resume()


def keep(recording: Recording | PlainRecording | None) -> None:
    """Make this the one that is read; the one before is deleted, if it was temporary."""
    global last
    if last is not None and last is not recording:
        last.forget()
    last = recording


def settle() -> None:
    """Tell a story that is over but not yet told: its thread waits for us, or the recorder had to give up.

    Called without the lock, as a story is printed.
    """
    if unfinished and now and now.watched and _core is not None and not _core.recording():
        unfinished()


def is_recorded_by_run() -> bool:
    """Did `flowtrace run` start this program?"""
    return _core is not None and now is None and _core.recording()


def readable() -> Recording | PlainRecording | None:
    """Return the recording in progress, or else the last one."""
    if is_recorded_by_run():
        return Recording(_core.record_facts()["path"] or "")
    return now or last


# --- the end of the program, and its children -------------------------------


def _prepare() -> None:
    """Only after the core's first start: what is registered later runs earlier."""
    global _prepared
    if not _prepared:
        _prepared = True
        atexit.register(_at_exit)
        os.register_at_fork(after_in_child=_after_fork)


def _after_fork() -> None:
    global lock
    lock = _thread.RLock()
    for recording in (now, last):
        if recording:
            recording.inherited = True
    _recording.after_fork()


def _at_exit() -> None:
    if _core is not None:
        _core.record_stop()
    settle()
    end()
    keep(None)
    _recording.remove_folder()
