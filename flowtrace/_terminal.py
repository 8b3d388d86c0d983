"""What the terminal at the other end can show, and writing to it."""

from __future__ import annotations

import os
import sys

from .errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

    from ._options import Options

DEFAULT_COLUMNS = 100
MOST_COLUMNS = 10_000  # lines are filled up to it


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
        self.width = min(options.number("--width", 0) or columns(stream), MOST_COLUMNS)
        self.color = wants_color(stream)

    def fit(self, text: bytes) -> bytes:
        return to_ascii(text) if self.ascii else text


class Interruptible:
    """In it Ctrl-C ends this process at once, as it ends cat: the core may be reading or writing gigabytes.

    For what leaves nothing behind.
    """

    def __init__(self, *, wanted: bool = True) -> None:
        self.wanted = wanted

    def __enter__(self) -> None:
        if not self.wanted:  # what runs a program does without this import
            return
        import signal

        # It is ignored behind nohup and &.
        self.wanted = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        try:
            if self.wanted:
                signal.signal(signal.SIGINT, signal.SIG_DFL)
        except ValueError:  # no main thread
            self.wanted = False

    def __exit__(self, *_: object) -> None:
        if self.wanted:
            import signal

            signal.signal(signal.SIGINT, signal.default_int_handler)


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


def answer(data: bytes) -> None:
    """Write what a verb tells to stdout. Quiet where nobody reads any more: the verb's status still tells."""
    try:
        write(sys.stdout, data)
    except BrokenPipeError:
        # The interpreter must not complain of it when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    except OSError as error:
        raise UsageError(f"can't write to stdout: {error.strerror}") from None


def answer_text(text: str) -> None:
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    answer(text.encode(encoding, "backslashreplace"))


def printable(text: str) -> str:
    """Return it with what a terminal would act on escaped."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def say(message: str) -> None:
    """One line of FlowTrace's own on stderr. It may name files and quote questions, and these hold anything."""
    message = "\n".join(map(printable, message.split("\n")))
    stream = sys.stderr
    if stream is None:
        return
    try:
        encoding = stream.encoding or "utf-8"
        write(stream, f"flowtrace: {message}\n".encode(encoding, "backslashreplace"))
    except (OSError, ValueError):
        pass
