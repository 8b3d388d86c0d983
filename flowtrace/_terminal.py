"""What the terminal at the other end can show, and writing to it."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

    from ._options import Options

DEFAULT_COLUMNS = 100


def is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def columns(stream: TextIO | None) -> int:
    """Return the width to write to: $COLUMNS, the terminal's, or 100 for files and pipes."""
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given) > 0:
        return int(given)
    if stream is not None and is_terminal(stream):
        try:
            return os.get_terminal_size(stream.fileno()).columns or DEFAULT_COLUMNS
        except (OSError, ValueError):
            pass
    return DEFAULT_COLUMNS


def wants_color(stream: TextIO | None) -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return os.environ.get("TERM") != "dumb" and is_terminal(stream)


def takes_links(stream: TextIO | None) -> bool:
    """Those that don't know links (OSC 8) pass them over, but for a few."""
    return (
        is_terminal(stream)
        and not os.environ.get("NO_COLOR")
        and os.environ.get("TERM", "dumb") not in {"dumb", "linux", "emacs", "eterm", "eterm-color"}
    )


def needs_ascii(stream: TextIO | None) -> bool:
    encoding = (getattr(stream, "encoding", None) or "utf-8").lower()
    return encoding.replace("-", "").replace("_", "") not in {"utf8", "utf8sig", "cp65001"}


class Look:
    """How a view is to look on a stream, as options ask and the stream takes: width in columns, color, ascii."""

    def __init__(self, options: Options, stream: TextIO | None) -> None:
        self.ascii = "--ascii" in options or needs_ascii(stream)
        self.width = options.number("--width", 0) or columns(stream)
        self.color = wants_color(stream)

    def fit(self, text: bytes) -> bytes:
        return to_ascii(text) if self.ascii else text


def to_ascii(text: bytes) -> bytes:
    """Escape what names and values of the program hold beyond ASCII."""
    return text.decode("utf-8", "replace").encode("ascii", "backslashreplace")


def write(stream: TextIO | None, data: bytes) -> None:
    """Write all of `data`; raises BrokenPipeError where nobody reads any more."""
    if stream is None:
        return
    stream.flush()
    descriptor = stream.fileno()
    while data:
        data = data[os.write(descriptor, data) :]


def say(message: str) -> None:
    """One line of FlowTrace's own on stderr."""
    stream = sys.stderr
    if stream is None:
        return
    try:
        encoding = stream.encoding or "utf-8"
        write(stream, f"flowtrace: {message}\n".encode(encoding, "backslashreplace"))
    except (OSError, ValueError):
        pass
