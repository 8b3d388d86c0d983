"""What is shown and where it is printed: config(), and the text of stories."""

# ruff: noqa: PLW0603 - a process has one recording and one set of settings
from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from ._events import CallEvent, Look, tree
from ._recording import _core

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ._recording import Path, Patterns, PlainRecording, Recording


DEFAULT_CALLS_NAMED = 8


class Config(NamedTuple):
    """What stories show and where they go; config() changes it and tells more."""

    show_args: bool = True
    show_result: bool = True
    show_timing: bool = True
    show_exc: bool | int = True
    inline_return: bool = True
    output: TextIO | Path | None = None
    value_depth: int = 3
    value_items: int = 8
    value_bytes: int = 160
    call_bytes: int = 4096
    secret: Patterns = ()
    not_secret: Patterns = ()


LIMITS = {"value_depth": "depth", "value_items": "items", "value_bytes": "string", "call_bytes": "call"}
OF_SETTING = {setting: name for name, setting in LIMITS.items()}
OF_VALUES = (*LIMITS, "secret", "not_secret")
_config = Config()


def config(
    *,
    show_args: bool | None = None,
    show_result: bool | None = None,
    show_timing: bool | None = None,
    show_exc: bool | int | None = None,
    inline_return: bool | None = None,
    output: TextIO | Path | None = None,
    value_depth: int | None = None,
    value_items: int | None = None,
    value_bytes: int | None = None,
    call_bytes: int | None = None,
    secret: Patterns | None = None,
    not_secret: Patterns | None = None,
) -> None:
    """Set what @trace, start_tracing() and print_tree() do by default; None leaves a setting as it is.

    show_args, show_result, show_timing: show arguments, results, durations. What
        @trace isn't to show it doesn't record.
    show_exc: tell where exceptions came from, which calls they left and where they
        were caught; a number is how many of those calls are named at most.
    inline_return: in the tree of a list of events a call and its end share a line.
    output: a text stream, or the path of a file to append to; stderr at first.
    value_depth, value_items, value_bytes, call_bytes: how much is written down: containers
        within containers, items of one, bytes of one text, bytes of all arguments of a call.
    secret, not_secret: also what is called so is redacted, or is not: a name (pin) or a
        pattern (*_pin); it is compared with the last words of a name. secret wins.
    Raises ValueError for a number or pattern that can't be, TypeError for a bad output.
    """
    global _config
    given = dict(locals())
    if output is not None and not isinstance(output, str | os.PathLike) and not hasattr(output, "write"):
        raise TypeError(f"output must be a text stream or a path, not {type(output).__name__}")
    _config = changed(_config, given)


def get_config() -> Config:
    """Return the settings in force."""
    return _config


def changed(settings: Config, given: dict[str, Any]) -> Config:
    """Return the settings with what is given and not None. Raises ValueError."""
    new = settings._replace(**{name: value for name, value in given.items() if value is not None})
    if _core is not None and any(given.get(name) is not None for name in OF_VALUES):
        for name, setting in LIMITS.items():
            check(name, {setting: getattr(new, name)})
        _core.redact([], secrets(new))
    return new


def check(name: str, limit: dict[str, int]) -> None:
    try:
        _core.check_settings(limit)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def limits(settings: Config) -> dict[str, int]:
    """Return what the recorder is told of how much to write down."""
    return {setting: getattr(settings, name) for name, setting in LIMITS.items()}


def secrets(settings: Config) -> list[str]:
    """Return the recorder's rules for names; the last that fits wins."""
    names = [("-", settings.not_secret), ("+", settings.secret)]
    return [sign + name for sign, given in names for name in ([given] if isinstance(given, str) else given)]


# --- output ---------------------------------------------------------------


def story(recording: Recording | PlainRecording, settings: Config, lines: int = 200) -> str:
    output = sys.stderr if settings.output is None else settings.output
    stream = None if isinstance(output, str | os.PathLike) or not hasattr(output, "isatty") else output
    calls_named = DEFAULT_CALLS_NAMED if settings.show_exc is True else max(0, int(settings.show_exc))
    shown = {
        "arguments": settings.show_args,
        "results": settings.show_result,
        "time": settings.show_timing,
        "exceptions": calls_named,
    }
    text = recording.story(stream, lines, **shown)
    return plain(recording.events(), settings) if text is None else text


def plain(events: Iterable[CallEvent], settings: Config) -> str:
    shown = settings.show_args, settings.show_result, settings.show_timing, bool(settings.show_exc)
    return "".join(line + "\n" for line in tree(events, Look(*shown, settings.inline_return)))


def write(output: TextIO | Path | None, text: str) -> None:
    if isinstance(output, str | os.PathLike):
        with open(output, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
        return
    stream = sys.stderr if output is None else output
    if stream is not None:
        encoding = getattr(stream, "encoding", None) or "utf-8"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        if hasattr(stream, "flush"):  # else it has no more than a write()
            stream.flush()
