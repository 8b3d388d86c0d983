"""pytest --flowtrace: the options. What they ask for is in _pytest.py, which is imported where they were given."""

from __future__ import annotations

import argparse

TYPE_CHECKING = False
if TYPE_CHECKING:
    import pytest

FORMS = "failed, all or slow:SECONDS"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("flowtrace", "FlowTrace: what a test did")
    group.addoption(
        "--flowtrace",
        metavar="WHEN",
        nargs="?",
        const="failed",
        type=_when,
        help="record the tests; tell the story of those that failed, and keep the recording if one did (failed, the "
        "default), if one took longer (slow:SECONDS), or in any case (all)",
    )
    group.addoption(
        "--flowtrace-file",
        metavar="PATH",
        default="flowtrace.flow",
        help="where the recording is kept (default: flowtrace.flow)",
    )


def _when(word: str) -> str:
    name, colon, seconds = word.partition(":")
    if word in {"failed", "all"} or (name == "slow" and colon and _is_positive(seconds)):
        return word
    raise argparse.ArgumentTypeError(f"{word!r} is none of {FORMS}; before a path write --flowtrace=failed")


def _is_positive(text: str) -> bool:
    try:
        return 0 <= float(text) < float("inf")
    except ValueError:
        return False


def pytest_configure(config: pytest.Config) -> None:
    when = config.getoption("flowtrace", None)
    if when and not config.getoption("collectonly", False):
        from . import _pytest

        _pytest.register(config, when)
