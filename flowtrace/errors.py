"""The errors of FlowTrace: all are `FlowTraceError`."""

try:
    from ._core import FlowTraceError
except ImportError:  # no compiled core here

    class FlowTraceError(Exception):  # type: ignore[no-redef]
        """Something that FlowTrace was asked for can't be done; the message says what and why."""


__all__ = ["FlowTraceError", "UsageError"]


class UsageError(Exception):
    """The command line is wrong, or names what isn't there: printed without a traceback, status 2."""
