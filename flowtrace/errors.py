"""The errors of FlowTrace: all are `FlowTraceError`."""

try:
    from ._core import FlowTraceError
except ImportError:  # no compiled core here

    class FlowTraceError(Exception):  # type: ignore[no-redef]
        """Something that FlowTrace was asked for can't be done; the message says what and why."""


__all__ = ["FlowTraceError", "UsageError", "why_no_core"]


class UsageError(Exception):
    """The command line is wrong, or names what isn't there: printed without a traceback, status 2."""


def why_no_core(error: ImportError) -> str:
    """Say why `from . import _core` failed: it was never built, or it can't be loaded."""
    never_built = error.name == __package__
    return "install a C compiler, then FlowTrace again, to have it" if never_built else str(error)
