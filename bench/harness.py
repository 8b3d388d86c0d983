"""What recording costs, beside the interpreter's own floor and what others cost.

    make bench                  FlowTrace, the empty C pair, cProfile, sys.setprofile: five minutes at most
    make bench-full             all peers, each installed in an environment of its own

    make bench ARGS='--program fib --way flowtrace --way cProfile --rounds 20'

Times are CPU times of the threads that run the program, medians over all rounds, with quartiles. All samples go to
bench/results/last.json; `make docs` makes the tables of docs/performance.md of the other files there.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import measure
import tables
import whole
from environments import HERE, PEERS, ROOT, Interpreter, install_programs
from programs import LIBRARY_PROGRAMS, PROGRAMS

RESULTS = HERE / "results"
FACTS = """
import json, platform, sys, sysconfig
print(json.dumps({
    "version": sys.version, "build": " ".join(platform.python_build()), "compiler": platform.python_compiler(),
    "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")), "debug": hasattr(sys, "gettotalrefcount"),
}))
"""


def machine() -> dict[str, Any]:
    model = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    return {
        "system": f"{platform.system()} {platform.release()}",
        "architecture": platform.machine(),
        "cpu": model[0] if model else platform.processor(),
        "cores": os.cpu_count(),
    }


def facts(interpreter: Interpreter) -> dict[str, Any]:
    done = subprocess.run([interpreter.python, "-c", FACTS], capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def commit() -> str:
    git = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=10"]
    try:
        return subprocess.run(git, capture_output=True, text=True).stdout.strip()
    except FileNotFoundError:
        return ""


def chosen_ways(options: argparse.Namespace) -> dict[str, bool]:
    names = options.way or [
        name for name, peer in PEERS.items() if options.full or peer.get("quick") or name in options.add
    ]
    return {name: PEERS[name].get("small", False) for name in names}


def run(options: argparse.Namespace) -> dict[str, Any]:
    interpreter = Interpreter(options.python)
    names = options.program or list(PROGRAMS)
    if any(PROGRAMS[name].package for name in names):
        install_programs(interpreter)
    results: dict[str, Any] = {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="minutes"),
        "commit": options.commit,
        "machine": machine(),
        "python": facts(interpreter),
        "load": [os.getloadavg()[0]],
        "rounds": [options.processes, options.rounds],
        "versions": {way: PEERS[way].get("packages", []) for way in chosen_ways(options)},
        "rows": [],
    }
    print(f"CPython {interpreter.version}, {options.processes} processes of {options.rounds} rounds each", flush=True)
    for rows in measure.measure(names, chosen_ways(options), interpreter, options.processes, options.rounds):
        results["rows"] += [measure.as_json(row) for row in rows]
        row = rows[0]
        print(f"\n{row.program}: {row.calls:,} calls, {row.resumed:,} resumptions")
        print(tables.text(tables.of_program(results, row.program)), flush=True)
    if not options.program and not options.way:  # not a part only
        run_whole(options, interpreter, results)
    results["load"].append(os.getloadavg()[0])
    for reason in tables.of_failures(results):
        print(reason)
    return results


def run_whole(options: argparse.Namespace, interpreter: Interpreter, results: dict[str, Any]) -> None:
    found = measure.measure(list(LIBRARY_PROGRAMS), {"flowtrace": False}, interpreter, 3, 3 * options.rounds)
    results["library"] = [measure.as_json(row) for rows in found for row in rows]
    results["start_up"] = whole.start_up(interpreter, 25)
    results["readers"] = whole.readers(interpreter, 5)
    results["space"] = whole.space(interpreter)
    for table in (tables.of_library, tables.of_start_up, tables.of_readers, tables.of_space):
        print("\n" + tables.text(table(results)), flush=True)


def write(results: dict[str, Any], path: Path) -> None:
    """One row a line, so that a difference can be read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = []
    for name, value in results.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            rows = ",\n".join(f"  {json.dumps(row, separators=(',', ':'))}" for row in value)
            lines.append(f'"{name}": [\n{rows}\n]')
        else:
            lines.append(f'"{name}": {json.dumps(value)}')
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable, help="interpreter in which FlowTrace is installed")
    parser.add_argument("--program", choices=PROGRAMS, action="append")
    parser.add_argument("--way", choices=list(PEERS), action="append")
    parser.add_argument("--add", choices=list(PEERS), action="append", default=[], help="this way as well")
    parser.add_argument("--full", action="store_true", help="all peers")
    parser.add_argument("--processes", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=5, help="in each process")
    parser.add_argument("--commit", default=commit(), help="what is measured, where git can't tell")
    parser.add_argument("--output", type=Path, default=RESULTS / "last.json", help="where all samples go")
    options = parser.parse_args()
    results = run(options)
    write(results, options.output)
    print(f"\n{os.path.relpath(options.output)}")


if __name__ == "__main__":
    main()
