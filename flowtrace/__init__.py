"""FlowTrace shows what a Python program did.

Nothing is imported before it is asked for: this package is loaded into every
program that `flowtrace run` starts, and must leave no trace of itself there.
So pytest must not warn that it can't rewrite it: PYTEST_DONT_REWRITE.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._core import Call as Call
    from ._core import ExceptionInfo as ExceptionInfo
    from ._core import Function as Function
    from ._core import Location as Location
    from ._core import Trace as Trace
    from ._core import Track as Track
    from ._core import Value as Value
    from ._core import Wait as Wait
    from ._diff import Diff as Diff
    from ._diff import diff as diff
    from ._notebook import load_ipython_extension as load_ipython_extension
    from ._notebook import unload_ipython_extension as unload_ipython_extension
    from ._regions import note as note
    from ._regions import region as region
    from .api import CallEvent as CallEvent
    from .api import Config as Config
    from .api import active_tracing as active_tracing
    from .api import config as config
    from .api import get_config as get_config
    from .api import get_trace_data as get_trace_data
    from .api import open as open
    from .api import print_tree as print_tree
    from .api import start_tracing as start_tracing
    from .api import stop_tracing as stop_tracing
    from .api import trace as trace
    from .errors import FlowTraceError as FlowTraceError

__version__ = "0.1.0"

_HOME = {
    "_core": ("Call", "ExceptionInfo", "Function", "Location", "Trace", "Track", "Value", "Wait"),
    "_regions": ("note", "region"),
    "api": (
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
    ),
    "_diff": ("Diff", "diff"),
    "errors": ("FlowTraceError",),
    "_notebook": ("load_ipython_extension", "unload_ipython_extension"),
}

# Without open: `import *` must not take the builtin away.
__all__ = [
    "Call",
    "CallEvent",
    "Config",
    "Diff",
    "ExceptionInfo",
    "FlowTraceError",
    "Function",
    "Location",
    "Trace",
    "Track",
    "Value",
    "Wait",
    "active_tracing",
    "config",
    "diff",
    "get_config",
    "get_trace_data",
    "note",
    "print_tree",
    "region",
    "start_tracing",
    "stop_tracing",
    "trace",
]


def __getattr__(name: str) -> object:
    for module, names in _HOME.items():
        if name in names:
            from importlib import import_module

            value = getattr(import_module("." + module, __name__), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__, "open"])
