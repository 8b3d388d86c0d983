"""flowtrace explain: how FlowTrace gets its data, shown on a recording of three calls."""

from __future__ import annotations

import os
import sys

from .. import _options, _scope

HELP = """\
flowtrace explain

Tells on one screen how FlowTrace gets its data, with the facts of this
interpreter and this folder.

Example
  flowtrace explain
"""

TEXT = """\
How FlowTrace knows what your program did

1. Python tells it. Since 3.12 the interpreter calls whoever asks when a
   function starts, returns, yields, resumes or is left by an exception
   (sys.monitoring, PEP 669). Your code is not changed, wrapped or patched.

     here       Python {python}, monitoring tool {tool_id}, "flowtrace"
     events     {events}

2. It asks once for each function whether it is yours: under your folders and
   not in the standard library or an installed package. All else is switched
   off where it stands (DISABLE) and runs at full speed.

     yours      {roots}
     not yours  {library}
     just now   a function of yours called textwrap.shorten():
                {code_in_scope} code objects recorded, {code_disabled} switched off

3. For each event it copies a few values and a time into a file that is mapped
   into memory. None of your code runs for that (no __repr__, no property), and
   what is written stays if the program is killed.

     clock      {clock}, read once for each event

4. After the program has ended, the file is read and told as a tree. Reading it
   again: flowtrace show. The same in one short file of plain Python:
   {reference}
"""

SAMPLE = """\
def sample():
    return shorten("What can't be explained in a minute isn't FlowTrace.", 20)

sample()
"""


def main(arguments: list[str]) -> int:
    from .. import __file__ as package
    from .._terminal import answer, needs_ascii

    options = _options.parse("explain", {}, arguments)
    if options.rest:
        from ..errors import UsageError

        raise UsageError("explain takes no arguments; see: flowtrace explain --help")
    facts = record_sample()
    facts["reference"] = os.path.join(os.path.dirname(os.path.abspath(package)), "reference.py")
    encoding = "ascii" if needs_ascii(sys.stdout) else "utf-8"
    answer(TEXT.format_map(facts).encode(encoding, "backslashreplace"))
    return 0


def record_sample() -> dict[str, object]:
    """Record three calls in this process and return what the recorder says of it."""
    import tempfile
    from textwrap import shorten

    roots = _scope.roots_of(os.getcwd())
    library = _scope.library()
    facts: dict[str, object] = {
        "python": sys.version.split()[0],
        "roots": _list(roots),
        "library": _list([*library[:1], "any site-packages or dist-packages"]),
    }
    try:
        from .. import _core
    except ImportError:
        return facts | dict.fromkeys(
            ("tool_id", "events", "code_in_scope", "code_disabled", "clock"), "(no compiled core here)"
        )
    code = compile(SAMPLE, os.path.join(os.getcwd(), "sample.py"), "exec")
    with tempfile.TemporaryDirectory(prefix="flowtrace-") as folder:
        path = os.path.join(folder, "explain.flow")
        _core.record_start(
            path, values=True, time=True, roots=roots, library=library, rules=[], info={}, settings={}, secrets=[]
        )
        exec(code, {"__name__": "__main__", "shorten": shorten})  # noqa: S102
        recorded = _core.record_facts()
        _core.record_stop()
    return recorded | facts | {"events": " ".join(recorded["events"])}


def _list(items: list[str], most: int = 3) -> str:
    more = [f"... and {len(items) - most} more"] if len(items) > most else []
    return "\n                ".join([*items[:most], *more])
