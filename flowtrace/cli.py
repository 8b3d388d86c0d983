"""The `flowtrace` command: finds the verb; each verb is a file in commands/."""

import os
import sys

from . import __version__
from ._terminal import Interruptible, answer_text, say
from .errors import FlowTraceError, UsageError

VERBS = {
    "run": "run a program as it is, then tell what it did",
    "show": "tell the story of a recorded run again",
    "diff": "where two recorded runs part, and what differs",
    "find": "the calls that match, one a line; the way of a value through them",
    "graph": "who calls whom, merged by function",
    "report": "the calls in numbers: by function, file, module, thread, exception",
    "export": "a trace in the formats of others: Perfetto, flamegraphs, SQL, ...",
    "query": "SQL on a trace: SELECT ... FROM calls",
    "info": "what a trace file holds",
    "recover": "make a clean trace of a damaged one",
    "merge": "join the traces of several runs or hosts",
    "explain": "how FlowTrace gets its data, on one screen",
}

# What reads a trace and writes nothing but its answer.
READING = {"show", "diff", "find", "graph", "report", "info"}

HELP = """\
FlowTrace shows what a Python program did: its calls with their arguments,
results, times and exceptions, as a tree. The program needs no change.

  flowtrace run app.py            run it, then tell the story
  flowtrace run -m package args   as python -m
  flowtrace run pytest -q         a command that is a Python script
  FLOWTRACE=1 python app.py       record it only, where somebody else starts it

Commands
{verbs}

Each has its own help: flowtrace run --help
"""


def help_text() -> str:
    return HELP.format(verbs="\n".join(f"  {verb:<10}{what}" for verb, what in VERBS.items()))


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    try:
        return run(sys.argv[1:] if arguments is None else arguments)
    except (UsageError, FlowTraceError) as error:
        say(str(error))
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Nobody reads any more. The interpreter must not complain of it when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0


def check_folder() -> None:
    try:
        os.getcwd()
    except FileNotFoundError:
        raise UsageError("the current folder has been removed; go to another one: cd") from None


def hint_for(verb: str) -> str:
    if os.path.exists(verb):
        return f"did you mean: flowtrace run {verb}"
    from difflib import get_close_matches

    near = get_close_matches(verb, VERBS, 1)
    return f"did you mean: flowtrace {near[0]}" if near else "flowtrace --help lists them"


def run(arguments: list[str]) -> int:
    if not arguments or arguments[0] in {"--help", "-h", "help"}:
        if not arguments:
            print(help_text(), end="", file=sys.stderr, flush=True)
            return 2
        answer_text(help_text())
        return 0
    if arguments[0] in {"--version", "-V"}:
        answer_text(f"flowtrace {__version__}\n")
        return 0
    verb, rest = arguments[0], arguments[1:]
    if verb not in VERBS:
        raise UsageError(f"no command {verb!r}; {hint_for(verb)}")
    command = getattr(__import__(f"flowtrace.commands.{verb}").commands, verb)
    if rest[:1] in (["--help"], ["-h"]):
        answer_text(command.HELP)
        return 0
    check_folder()
    with Interruptible(wanted=verb in READING and "--follow" not in rest):
        status: int = command.main(rest)
    return status
