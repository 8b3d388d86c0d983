"""A file that is written whole or not at all: it takes its name when all of it is there."""

from __future__ import annotations

import errno
import os
import stat
import sys

from ._terminal import printable
from .errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

STDOUT = "-"


class Output:
    """`with Output(name) as output:` write to output.descriptor, or make what has output.path.

    The name - is stdout; what is there and is no plain file is written to as it is. Otherwise the
    file is new, of mode 0600 as traces are, beside the one of that name, which it replaces at the end.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.path = os.path.realpath(name)
        self.descriptor = -1
        self.is_replaced = False

    def __enter__(self) -> Output:
        if self.name == STDOUT:
            if sys.stdout is None:
                raise UsageError("stdout is closed; name a file: -o FILE")
            sys.stdout.flush()
            self.descriptor = os.dup(sys.stdout.fileno())
            return self
        check(self.name)
        try:
            if self._is_plain():
                self._begin()
            else:  # by its own name: that of a pipe behind /dev/stdout leads nowhere
                self.descriptor = os.open(self.name, os.O_WRONLY | os.O_CLOEXEC)
        except OSError as error:
            raise not_written(self.name, error) from None
        except KeyboardInterrupt:  # __exit__ is not called
            self._discard()
            raise
        return self

    def _is_plain(self) -> bool:
        try:
            return stat.S_ISREG(os.stat(self.name).st_mode)
        except FileNotFoundError:
            return True

    def _begin(self) -> None:
        self.final, self.path = self.path, f"{self.path}.{os.urandom(4).hex()}.tmp"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self.is_replaced = True
        self.descriptor = os.open(self.path, flags, 0o600)

    def _discard(self) -> None:
        if not self.is_replaced:
            return
        try:
            os.unlink(self.path)
        except OSError:
            pass

    def copy(self, path: str) -> None:
        """Write what another file holds."""
        with open(path, "rb") as source:
            while block := source.read(1 << 20):
                while block:
                    block = block[os.write(self.descriptor, block) :]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            try:
                os.close(self.descriptor)
            except OSError as late:  # some file systems tell only now that they are full
                error = error or late
            if self.is_replaced and error is None:
                os.replace(self.path, self.final)
        except OSError as late:
            error = late
        finally:
            if error is not None:
                self._discard()
        if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):  # that is no fault: head has enough
            raise not_written(self.name, error) from None


def check(name: str) -> None:
    """Raise UsageError for what can't be written to, before anything is read."""
    shown = printable(name)
    if not name or os.path.isdir(name):
        raise UsageError(f"-o needs the name of a file{f', and {shown} is a folder' if name else ''}")
    if os.path.exists(name):
        return
    folder = os.path.dirname(os.path.realpath(name))
    if not os.path.isdir(folder):
        folder = printable(folder)
        raise UsageError(f"can't write {shown}: there is no folder {folder}; make it: mkdir -p {folder}")


def not_written(name: str, error: OSError) -> UsageError:
    where = "stdout" if name == STDOUT else printable(name)
    room = error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG} or "disk" in str(error.strerror)
    remedy = "make room or name another place" if room else "name another place"
    return UsageError(f"can't write {where}: {error.strerror}; nothing of it is kept, {remedy}")
