"""Run programs one after another, each plain, under the recorder in C, under reference.py, and under C again.

Used as: python worker.py FOLDER. Each line of the input is the path of a program in FOLDER; to each it answers with a
line of JSON: what the program found when plain, and for each recorder [what it found, events, first calls of tasks].
"""

from __future__ import annotations

import gc
import json
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

from comparison import events_of

from flowtrace import Trace, _core, _scope, reference

ADDRESS = re.compile(" at 0x[0-9a-f]+")

type Found = list[str]


def compiled(path: str) -> CodeType:
    return compile(Path(path).read_text(), path, "exec", dont_inherit=True)


def run(path: str, code: CodeType) -> Found:
    names: dict[str, object] = {"__name__": "__main__", "__file__": path}
    end = "returned"
    try:
        exec(code, names)  # noqa: S102
    except BaseException as error:
        end = repr(error)
    return [ADDRESS.sub("", repr(one)) for one in [*names["log"], end]]  # type: ignore[misc]


def under_compiled(folder: str, path: str, code: CodeType) -> tuple[Found, list[object], list[int]]:
    trace = f"{folder}/worker.flow"
    _core.record_start(
        trace,
        values=True,
        time=True,
        roots=[folder],
        library=_scope.library(),
        rules=[],
        info={},
        settings={},
        secrets=[],
    )
    try:
        found = run(path, code)
    finally:
        _core.record_stop()
    events, first_calls = events_of(Trace(trace))
    return found, events, sorted(first_calls)


def under_reference(folder: str, path: str, code: CodeType) -> tuple[Found, list[object], list[int]]:
    recorder = reference.Recorder([folder])
    recorder.start()
    try:
        found = run(path, code)
    finally:
        recorder.stop()
    return found, recorder.events, []


def answers(folder: str, paths: Iterator[str]) -> Iterator[object]:
    for path in paths:
        code = compiled(path)
        yield (
            run(path, compiled(path)),
            [
                under_compiled(folder, path, code),
                under_reference(folder, path, compiled(path)),
                under_compiled(folder, path, code),  # what is known of the code by now changes nothing
            ],
        )
        gc.collect()  # not while one is recorded: what a cycle keeps would end at different moments


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    gc.disable()
    for answer in answers(sys.argv[1], map(str.strip, sys.stdin)):
        print(json.dumps(answer), flush=True)
