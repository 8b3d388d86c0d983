"""The programs that other tests run: those of tests/behaviour that are a text in a call of record(), and those of
tests/golden and examples/ that are run as they are."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from conftest import FREE_THREADED

TESTS = Path(__file__).resolve().parent.parent


def text_of(node: ast.expr, names: dict[str, str]) -> str | None:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = text_of(node.left, names), text_of(node.right, names)
        return left + right if left and right else None
    return None


def recorded(path: Path) -> Iterator[tuple[str, str]]:
    """Name and text of each program that a test records without options and without other files."""
    tree = ast.parse(path.read_text())
    names: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and (text := text_of(node.value, {})):
            names[node.targets[0].id] = text
    for test in tree.body:
        calls = [node for node in ast.walk(test) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
        if any(call.func.attr == "write" for call in calls):
            continue
        texts = [text_of(call.args[0], names) for call in calls if call.func.attr == "record" and len(call.args) == 1]
        for number, text in enumerate(filter(None, texts)):
            yield f"{path.stem}.{test.name}" + (f".{number}" if number else ""), text


def behaviour() -> dict[str, str]:
    """Texts of programs by the name of the test."""
    programs = dict(pair for path in sorted((TESTS / "behaviour").glob("test_*.py")) for pair in recorded(path))
    return {name: text for name, text in programs.items() if not why_unlike(name, text)}


def golden() -> list[str]:
    """Names of the programs that are run with nothing but values and time to be left out."""
    plain = re.compile(r"# \$ flowtrace run (-q |--all |--lines \d+ )?(\w+\.py)( 2>&1.*|; echo.*|)\n")
    paths = sorted((TESTS / "golden").glob("*.py"))
    return [path.name for path in paths if plain.match(text := path.read_text()) and not why_unlike(path.stem, text)]


# Why the reference tells another story: a pattern of names or of the text.
UNLIKE = {
    r"\bfork|multiprocessing|subprocess|ProcessPool|os\.exec": "it keeps to its process",
    r"os\._exit|os\.kill|closerange|rlimit": "it writes its events when the program has ended well",
    r"setrecursionlimit|exhausted_stack": "its own functions take from the depth of recursion",
    r"start_new_thread|ctypes": "a thread without a name has another name there",
    r"as_completed": "the order of a set is chance",
    r"def in_thread\(\): asyncio": "tasks of a loop in another thread are taken for the main thread's here",
    r"_interpreters|_xxsubinterpreters": "it keeps to its interpreter",
    r"ThreadPool|to_thread|run_in_executor": "which worker takes a job is chance",
    r"\bflowtrace\b": "the program asks FlowTrace for something",
    r"\bsignal\b": "a signal may arrive in its own functions",
    r'"x" \* 5000': "it cuts no name of a file, however long",
    r"greenlet": "it knows one stack for each thread",
    r"sys\.monitoring|settrace|setprofile": "the program sees its events too",
    r"getrefcount|weakref|gc\.get": "in 3.12 it keeps arguments alive, and its frames are in everybody's callers",
    r"perf_counter\(\)": "it is given the time",
    r"resumed_in_other_threads": "there a call is in the track of its thread, here in that of its parent",
    r"^test_races": "which thread is first is chance",
    r"large_values_": "it cuts by depth where the recorder in C sees a cycle",
    r"what_subclasses_override": "to it an alias is an object like others",
}
if FREE_THREADED:  # there memory is handed out in turn
    UNLIKE[r"addresses\.add"] = "how soon an address is used again depends on what else is made between"


def why_unlike(name: str, text: str) -> str:
    return next((why for pattern, why in UNLIKE.items() if re.search(pattern, name) or re.search(pattern, text)), "")
