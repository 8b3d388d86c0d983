"""Other people's test suites with `pytest --flowtrace` and without: the same outcomes? What does it cost?

    python tests/pytest_plugin/foreign.py [--rounds 3] [more-itertools click sqlparse]

Run by an interpreter that has FlowTrace and pytest installed. The packages are those of tests/observer/suites.txt, with
the tests of their source distributions; the package and its tests are in scope. Each round runs all ways, one after
the other; a time is the median of what the process and its children took on the CPU. Exits with 1 if a test ends
differently.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "observer"))

import foreign  # type: ignore[import-not-found]

WAYS = {"plain": [], "failed": ["--flowtrace"], "all": ["--flowtrace=all", "--flowtrace-file=all.flow"]}
SUITES = ["more-itertools", "click", "sqlparse"]


def once(suite: foreign.Suite, words: list[str]) -> tuple[foreign.Outcomes, float, int]:
    """Return the outcomes, seconds on the CPU, and the bytes of the recording."""
    with tempfile.TemporaryDirectory(prefix="foreign-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        source, site = foreign.fetched(suite)
        shutil.copytree(source, folder / "cwd", symlinks=True)
        command = [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio", *words]
        command += [f"--junitxml={folder / 'result'}", "-o", "junit_family=xunit2", *suite.words]
        before = os.times()
        subprocess.run(
            command,
            cwd=folder / "cwd",
            env=foreign.environment(folder, {"PYTHONPATH": str(site)}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=400,
        )
        after = os.times()
        took = after.children_user + after.children_system - before.children_user - before.children_system
        outcomes, _ = foreign.read_junit(folder / "result")
        left = list((folder / "cwd").glob("*.flow"))
        return outcomes, took, sum(path.stat().st_blocks * 512 for path in left)


def compare(suite: foreign.Suite, rounds: int) -> bool:
    """Print a row of the table; return whether all tests ended the same way each time."""
    took: dict[str, list[float]] = {way: [] for way in WAYS}
    size = 0
    same = True
    expected, *_ = once(suite, [])
    for _ in range(rounds):
        for way, words in WAYS.items():
            outcomes, seconds, left = once(suite, words)
            took[way].append(seconds)
            size = max(size, left)
            for test in sorted({*outcomes, *expected}):
                if outcomes.get(test) != expected.get(test):
                    same = False
                    print(f"{suite.name}, {way}: {test}: {expected.get(test)} → {outcomes.get(test)}", file=sys.stderr)
    times = {way: statistics.median(seconds) for way, seconds in took.items()}
    cells = [f"{times['plain']:.1f} s", f"{times['failed']:.1f} s", f"{times['all']:.1f} s"]
    print(f"| {suite.name} | {len(expected):,} | {' | '.join(cells)} | {size / 1e6:,.0f} MB |")
    return same and bool(expected)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("suites", nargs="*", default=SUITES)
    options = parser.parse_args()
    known = {suite.name: suite for suite in foreign.read_suites(quick=False) if suite.package}
    print("| package | tests | without | `--flowtrace` | `--flowtrace=all` | its recording |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    same = [compare(known[name], options.rounds) for name in options.suites]
    return 0 if all(same) else 1


if __name__ == "__main__":
    sys.exit(main())
