"""Traces that every exporter is tested with, and what is common to all of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

# Calls, an exception that is caught, one that leaves, a generator in turn with its consumer, tasks that wait, a thread
# and a child process: what a format can say or can't.
EVERYTHING = """
import asyncio
import os
import threading

def price(order, *, rule="new"):
    return order * 10

def broken(n):
    raise ValueError(f"no {n}")

def careful(n):
    try:
        return broken(n)
    except ValueError:
        return -1

def numbers(n):
    for i in range(n):
        yield i

def consume():
    return [price(i) for i in numbers(3)]

async def fetch(name):
    await asyncio.sleep(0.001)
    return name

async def gather():
    return await asyncio.gather(fetch("a"), fetch("b"))

def child():
    return price(7)

def main():
    price(1, rule="vip")
    careful(2)
    consume()
    asyncio.run(gather())
    thread = threading.Thread(target=price, args=(5,), name="worker")
    thread.start()
    thread.join()
    pid = os.fork()
    if pid == 0:
        child()
        os._exit(0)
    os.waitpid(pid, 0)
    broken(3)

main()
"""

# Names and values that mean something to HTML, JSON, CSV, SQL, XML, mermaid, dot and folded stacks, to a terminal, or
# to nobody.
HOSTILE = r"""
NAMES = [
    "</script><script>alert(1)</script>",
    "a;b c\n1",
    "\x00nul",
    '"quoted", \'single\', `tick`; DROP TABLE call;--',
    "<b onmouseover=alert(1)>&amp;",
    "end\n participant x\n %% --> [ ] { } | \\ #quot;",
    "\x1b[31mred\x07",
    "\u202egnp.exe \u2028 \u0301",
    "\U0001f600 \u4e2d\u6587 \u044b",
]

def template(value, **more):
    return value

def make(name):
    code = template.__code__.replace(co_name=name, co_qualname=name)
    return type(template)(code, globals(), name)

VALUES = [*NAMES, "\ud800 lone", b"\xff\x00", "x" * 1_000_000, {"</script>": ["]]>", "-->"]}, float("nan"), 10**50]

def main():
    for name in NAMES:
        function = make(name)
        for value in VALUES:
            function(value, key=name)
    raise RuntimeError("</script>\x00\ud800 ]]> --> \" ' ` \n last")

main()
"""


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the trace of a source, recorded once a session."""
    import os
    import subprocess
    import sys

    made: dict[str, Path] = {}

    def record(source: str) -> Path:
        if source not in made:
            folder = tmp_path_factory.mktemp("recorded")
            (folder / "app.py").write_text(source)
            environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
            subprocess.run(
                [sys.executable, "-m", "flowtrace", "run", "-q", "app.py"],
                cwd=folder,
                env=environment,
                capture_output=True,
                timeout=60,
            )
            made[source] = folder / "flowtrace.flow"
        return made[source]

    return record


@pytest.fixture(scope="session")
def everything(recorded: Callable[[str], Path]) -> Path:
    return recorded(EVERYTHING)


@pytest.fixture(scope="session")
def hostile(recorded: Callable[[str], Path]) -> Path:
    return recorded(HOSTILE)
