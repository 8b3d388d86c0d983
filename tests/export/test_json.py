"""JSON lines: what stands in them, and that they are as their schema says."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from flowtrace._core import Trace

SCHEMA = Path(__file__).resolve().parent.parent.parent / "docs/export/json.schema.json"


def exported(workshop, trace: Path, *words: str) -> bytes:
    done = workshop.flowtrace("export", "json", *words, "-o", "-", str(trace))
    assert done.status == 0, done.err
    return done.stdout


def lines(workshop, trace: Path, *words: str) -> list[dict]:
    return [json.loads(line) for line in exported(workshop, trace, *words).splitlines()]


def of(told: list[dict], type: str) -> list[dict]:
    return [line for line in told if line["type"] == type]


def test_a_small_program_to_the_letter(workshop) -> None:
    workshop.record("def price(order, rule='new'):\n    return order * 10\nprice(7)\n")
    (trace, process, track, module, call) = lines(workshop, workshop.trace_path)
    file = str(workshop.folder / "app.py")
    assert (trace["version"], trace["calls"], trace["timed"]) == (1, 2, True)
    assert (process["program"], process["end"]) == ("app.py", "exited")
    assert track == {"type": "track", "track": 0, "process": 0, "kind": "main", "name": "MainThread"}
    assert (module["kind"], module["outcome"], "parent" in module) == ("module", "returned", False)
    start, end = call.pop("start_ns"), call.pop("end_ns")
    assert 0 < start <= end
    assert call == {
        "type": "call",
        "call": 2,
        "parent": 1,
        "track": 0,
        "process": 0,
        "function": "price",
        "module": "__main__",
        "file": file,
        "line": 1,
        "kind": "function",
        "arguments": {"order": "7", "rule": "'new'"},
        "outcome": "returned",
        "result": "70",
    }


def test_exceptions_waits_and_links_are_told(workshop, everything) -> None:
    told = lines(workshop, everything)
    calls = {call["call"]: call for call in of(told, "call")}
    named = {call["function"]: call for call in calls.values()}
    exceptions = of(told, "exception")
    caught = next(exception for exception in exceptions if exception["text"] == "ValueError('no 2')")
    assert calls[caught["caught_by"]]["function"] == "careful"
    assert calls[caught["first_left"]]["exception"] == caught["exception"]
    assert named["fetch"]["waiting_ns"] > 0 and named["fetch"]["suspensions"] == 1
    assert calls[named["fetch"]["created_by"]]["function"] == "gather"
    assert calls[named["child"]["parent"]]["function"] == "main"
    assert {track["kind"] for track in of(told, "track")} == {"main", "thread", "task"}
    assert len({process["pid"] for process in of(told, "process")}) == 2


def test_numbers_are_those_of_the_whole_trace_behind_filters(workshop, everything) -> None:
    whole = {call["call"]: call["function"] for call in of(lines(workshop, everything), "call")}
    told = lines(workshop, everything, "--function", "price")
    left = {call["call"]: call["function"] for call in of(told, "call")}
    assert left and set(left.values()) == {"price"}
    assert left.items() <= whole.items()
    assert of(told, "trace")[0]["calls_before_filters"] >= len(whole)


def test_hostile_names_and_values_come_back(workshop, hostile) -> None:
    told = lines(workshop, hostile)
    functions = {call["function"] for call in of(told, "call")}
    assert {"</script><script>alert(1)</script>", "a;b c\n1", "\u202egnp.exe \u2028 \u0301"} <= functions
    raw = workshop.flowtrace("export", "json", "-o", "-", str(hostile)).stdout
    assert b"</script" not in raw
    raw.decode("utf-8")


def test_every_line_is_as_the_schema_says(workshop, everything, hostile) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
    for trace in (everything, hostile):
        for line in lines(workshop, trace):
            validator.validate(line)
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({"type": "call", "call": 0})


def test_jq_answers_the_questions_of_the_docs(workshop, everything) -> None:
    jq = shutil.which("jq")
    if not jq:
        pytest.skip("no jq here")
    page = (SCHEMA.parent / "json.md").read_text()
    questions = re.findall(r"^flowtrace export json -o - \| jq (-\w) '(.+)'$", page, re.M)
    given = exported(workshop, everything)
    raised, counted = [
        subprocess.run([jq, how, question], input=given, capture_output=True, check=True).stdout
        for how, question in questions
    ]
    calls = list(Trace(everything).calls())
    assert raised.decode().splitlines() == [f"{c.number} {c.function.qualname}" for c in calls if c.outcome == "raised"]
    assert {one["name"]: one["calls"] for one in json.loads(counted)} == Counter(c.function.qualname for c in calls)
