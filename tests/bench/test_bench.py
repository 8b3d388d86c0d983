"""The harness: do programs do what is counted, do recorders record it, do the documents say what the files do?"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))

import document  # noqa: E402
import environments  # noqa: E402
import exports  # noqa: E402
import instructions  # noqa: E402
import tables  # noqa: E402
import whole  # noqa: E402
from programs import PROGRAMS  # noqa: E402
from ways import WAYS, _perfetto_begins  # noqa: E402

from flowtrace import _core  # noqa: E402

OWN = [name for name, program in PROGRAMS.items() if not program.package]
AT_HAND = [way for way, peer in environments.PEERS.items() if "packages" not in peer]


def ask(way: str, program: str, folder: Path, *wishes: str) -> list[Any]:
    command = [sys.executable, str(ROOT / "bench/worker.py"), way, program, str(PROGRAMS[program].small), str(folder)]
    done = subprocess.run(command, input="\n".join(wishes), capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("program", OWN)
def test_flowtrace_records_each_call_of_a_program(program: str, tmp_path: Path) -> None:
    first, again, traced, recorded = ask("flowtrace", program, tmp_path, "count", "count", "traced", "calls")
    assert first == again
    assert traced["bytes"] > 0
    assert recorded == first[0]


@pytest.mark.parametrize("way", AT_HAND)
def test_each_way_that_needs_no_installing_records_and_can_do_so_again(way: str, tmp_path: Path) -> None:
    if "identity" in way and (obstacle := _core.identity_obstacle()):
        pytest.skip(obstacle)
    count, *answers, recorded = ask(way, "methods", tmp_path, "count", "untraced", "traced", "traced", "calls")
    assert all(answer["cpu"] > 0 for answer in answers)
    assert recorded in (None, count[0])


def test_peers_are_what_the_harness_knows() -> None:
    assert {"untraced", *environments.PEERS} == set(WAYS)
    assert all("==" in package for peer in environments.PEERS.values() for package in peer.get("packages", []))


def test_a_trace_takes_no_more_space_than_it_may() -> None:
    found = whole.space(environments.Interpreter(sys.executable))
    assert len(found) == 4
    for name, (bytes_, most) in found.items():
        assert 0 < bytes_ <= most, name
    table = tables.text(tables.of_space({"space": found}))
    assert [line.split()[-1] for line in table.splitlines()] == ["most", "6.0", "14.0", "25", "262,144"]


def test_the_harness_writes_all_samples(tmp_path: Path) -> None:
    output = tmp_path / "results.json"
    options = [
        "--program",
        "exceptions",
        "--way",
        "cProfile",
        "--way",
        "flowtrace",
        "--processes",
        "2",
        "--rounds",
        "2",
    ]
    command = [sys.executable, str(ROOT / "bench/harness.py"), *options, "--output", str(output)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    results = json.loads(output.read_text())
    assert [row["way"] for row in results["rows"]] == ["cProfile", "flowtrace"]
    assert all(len(row["traced"]) == len(row["untraced"]) == len(row["save"]) == 4 for row in results["rows"])
    assert all(row["recorded"] == row["calls"] for row in results["rows"])
    assert "exceptions: 174,001 calls" in done.stdout
    assert "× cProfile" in done.stdout


def test_a_recorder_that_cannot_be_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    interpreter = environments.Interpreter(sys.executable)
    monkeypatch.setitem(environments.PEERS, "trace0", {"packages": ["trace0==0.1.16"], "python": "3.99"})
    with pytest.raises(environments.CannotInstall, match=r"needs Python 3\.99"):
        environments.python_for("trace0", interpreter)


RESULTS = {
    "rows": [
        {
            "program": "fib",
            "way": "cProfile",
            "calls": 10,
            "resumed": 0,
            "untraced": [100, 110, 120],
            "traced": [300, 320, 310],
        },
        {"program": "fib", "way": "flowtrace", "calls": 10, "resumed": 0, "untraced": [100] * 3, "traced": [200] * 3},
        {"program": "fib", "way": "trace0", "calls": 10, "resumed": 0, "failed": "needs Python 3.13"},
        {"program": "tasks", "way": "flowtrace", "calls": 10, "resumed": 30, "untraced": [0] * 3, "traced": [400] * 3},
    ]
}


def test_added_time_is_of_pairs_and_by_step() -> None:
    cprofile, flowtrace, _, tasks = RESULTS["rows"]
    assert tables.added(cprofile)[0] == 20.0
    assert tables.added(flowtrace) == (10.0, 10.0, 10.0)
    assert tables.added(tasks)[0] == 10.0


def test_tables_say_what_is_missing() -> None:
    assert tables.of_added(RESULTS) == [
        ["", "fib", "tasks"],
        ["cProfile", "20", "–"],
        ["flowtrace", "10.0", "10.0"],
        ["trace0", "–", "–"],
    ]
    assert tables.of_ratios(RESULTS, "cProfile")[2] == ["flowtrace", "0.50", "–"]
    assert tables.of_failures(RESULTS) == ["trace0, fib: needs Python 3.13"]


def test_more_instructions_than_there_were_are_told() -> None:
    assert not instructions.compare({"fib full": 1049, "new": 7}, {"fib full": 1000})
    assert instructions.compare({"fib full": 1051}, {"fib full": 1000}) == [
        "fib full: 1051 instructions a call, +5.1% of 1000"
    ]


def test_slices_of_perfetto_are_counted(tmp_path: Path) -> None:
    begin, end = b"\x48\x01", b"\x48\x02"
    packets = [b"\x5a" + bytes([len(event)]) + event for event in (begin, begin, end)]
    path = tmp_path / "trace"
    path.write_bytes(b"".join(b"\x0a" + bytes([len(packet)]) + packet for packet in packets))
    assert _perfetto_begins(str(path)) == 2


@pytest.mark.parametrize("name", document.DOCUMENTS)
def test_documents_agree_with_the_results(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert document.BLOCK.search(text), "no table of bench/results is shown"
    assert document.filled(text) == text, "make docs writes the tables again"


def test_what_each_format_takes_is_measured(tmp_path: Path) -> None:
    output = tmp_path / "exports.json"
    options = ["--calls", "2k", "--format", "json", "--format", "sqlite", "--rounds", "2", "--output", str(output)]
    command = [sys.executable, str(ROOT / "bench/exports.py"), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    results = json.loads(output.read_text())
    reading, json_row, sqlite_row = results["rows"]
    assert [row["format"] for row in results["rows"]] == [exports.READING, "json", "sqlite"]
    assert all(len(row["cpu"]) == len(row["wall"]) == len(row["kib"]) == 2 for row in results["rows"])
    assert reading["bytes"] == 0
    assert json_row["bytes"] > 100 * results["calls"]
    assert sqlite_row["bytes"] % 16384 == 0
    assert "2,000 calls" in done.stdout
    assert [line[0] for line in tables.of_exports(results)] == ["", exports.READING, "json", "sqlite"]


def test_numbers_of_calls_are_read() -> None:
    assert [exports.number(text) for text in ("10M", "250k", "1.5M", "1_000")] == [10**7, 250_000, 1_500_000, 1000]
