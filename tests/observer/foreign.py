"""Other people's test suites, traced and untraced: does any test end differently?

    python tests/observer/foreign.py [--quick] [--minutes N] [--only WORD] [--write docs/observer-effect.md]

Run by an interpreter that has FlowTrace installed. Two kinds of suites: modules of CPython's own `test` package,
with everything in scope (`--include '*'`), and packages from PyPI with the tests of their source distribution, the
package in scope. Values are on. A test that ends differently traced is run again, plain and traced. It counts as
a difference if both plain runs agree, both traced runs agree, and these are not those.

Exits with 1 if a difference has no explanation in explained.txt.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import fnmatch
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
EXPLAINED = HERE / "explained.txt"
SUITES = HERE / "suites.txt"
SPLIT = {"test_asyncio", "test_concurrent_futures", "test_future_stmt", "test_inspect"}
SPLIT |= {f"test_multiprocessing_{method}" for method in ("fork", "forkserver", "spawn")}
PLAIN_SECONDS = 100  # a module that takes longer is left out
TRACED_SECONDS = 400
READ_SECONDS = 60
TRACE_BYTES = 6 << 30  # a trace that grows beyond is given up

type Outcomes = dict[str, str]  # test -> outcome


@dataclass
class Suite:
    """What is run and compared as one: a test module of CPython, or a package's suite."""

    name: str
    package: bool = False
    extras: list[str] = field(default_factory=list)  # what else its tests import
    words: list[str] = field(default_factory=list)  # for pytest


@dataclass
class Compared:
    """One suite, plain and traced. The lists hold [test, plain, traced, what the traced one said]."""

    name: str
    package: bool = False
    tests: int = 0
    plain_seconds: float = 0.0
    traced_seconds: float = 0.0
    calls: int = 0  # recorded
    damage: str = ""  # of the trace
    left_out: str = ""
    differences: list[list[str]] = field(default_factory=list)
    flaky: list[list[str]] = field(default_factory=list)


@dataclass
class Ended:
    outcomes: Outcomes
    details: dict[str, str]
    status: int | str
    seconds: float
    calls: int = 0
    damage: str = ""


# --- what to run --------------------------------------------------------------


def read_suites(quick: bool) -> list[Suite]:
    """Suites of suites.txt in its order; the quick ones have a star."""
    suites = []
    for line in SUITES.read_text(encoding="utf-8").splitlines():
        words = line.partition("#")[0].split()
        if not words or (quick and "*" not in words):
            continue
        kind, name, *rest = [word for word in words if word != "*"]
        if kind == "module":
            suites += expand(name)
        else:
            extras = [word[1:] for word in rest if word.startswith("+")]
            suites.append(Suite(name, True, extras, [word for word in rest if not word.startswith("+")]))
    return suites


def expand(name: str) -> list[Suite]:
    """Packages of tests that regrtest takes module by module are taken so; what this Python lacks is left out."""
    try:
        spec = importlib.util.find_spec(f"test.{name}")
    except ImportError:
        return []
    if spec is None:
        return []
    if name.partition(".")[0] not in SPLIT or not spec.submodule_search_locations:
        return [Suite(f"test.{name}")]
    folder = Path(spec.submodule_search_locations[0])
    return [Suite(f"test.{name}.{path.stem}") for path in sorted(folder.glob("test_*.py"))]


# --- running ------------------------------------------------------------------


def environment(folder: Path, more: dict[str, str]) -> dict[str, str]:
    dropped = ("PYTHON", "FLOWTRACE", "PYTEST", "COVERAGE", "FORCE_COLOR", "NO_COLOR", "LC_", "MAKE", "MFLAGS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return {**kept, "TMPDIR": str(folder), "LANG": "C.UTF-8", "TERM": "dumb", **more}


def run(words: Sequence[str], cwd: Path, env: dict[str, str], seconds: float, trace: Path) -> int | str:
    """Exit status, or why it was given up. Its whole session is ended with it."""
    with (cwd.parent / "log").open("wb") as log:
        process = subprocess.Popen(
            words, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
        until = time.monotonic() + seconds
        reason = ""
        while not reason:
            try:
                return process.wait(0.5)
            except subprocess.TimeoutExpired:
                if time.monotonic() > until:
                    reason = f"took more than {seconds:.0f} s"
                elif trace.exists() and trace.stat().st_blocks * 512 > TRACE_BYTES:
                    reason = f"its trace grew beyond {TRACE_BYTES >> 30} GiB"
            finally:
                if reason or process.returncode is not None:
                    end_session(process)
        return reason


def end_session(process: subprocess.Popen[bytes]) -> None:
    """Kill what the program started and left; it is no longer ours to wait for."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def once(suite: Suite, traced: bool) -> Ended:
    with tempfile.TemporaryDirectory(prefix="foreign-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        cwd = folder / "cwd"
        trace = folder / "trace.flow"
        result = folder / "result"
        more: dict[str, str] = {}
        if suite.package:
            source, site = fetched(suite)
            shutil.copytree(source, cwd, symlinks=True)
            more["PYTHONPATH"] = str(site)
            words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio"]
            words += [f"--junitxml={result}", "-o", "junit_family=xunit2", *suite.words]
            scope = import_name(suite.name)
        else:
            cwd.mkdir()
            words = [str(HERE / "outcomes.py"), str(result), suite.name]
            scope = "*"
        if traced:
            words = ["-m", "flowtrace", "run", "-q", "-o", str(trace), "--include", scope, *words]
        started = time.monotonic()
        env = environment(folder, more)
        words = ["-P", *words] if suite.package else words  # what is installed is tested, not what lies beside
        status = run([sys.executable, *words], cwd, env, TRACED_SECONDS if traced else PLAIN_SECONDS, trace)
        seconds = time.monotonic() - started
        if suite.package:
            outcomes, details = read_junit(result)
        else:
            outcomes, details = read_lines(result)
        if not outcomes:
            details[""] = (folder / "log").read_text(errors="replace")[-300:]
        calls, damage = read_trace(trace) if traced else (0, "")
        return Ended(outcomes, details, status, seconds, calls, damage)


READ_TRACE = """
import sys
from flowtrace._core import Trace
info = Trace(sys.argv[1]).info
damage = [f"{info[what]:,} {what.replace('_', ' ')}" for what in ("lost_records", "damaged_chunks") if info[what]]
print(info["calls"], *damage)
"""


def read_trace(trace: Path) -> tuple[int, str]:
    """How many calls it holds and what is wrong with it: a recorder that gave up would change nothing."""
    command = [sys.executable, "-P", "-c", READ_TRACE, str(trace)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=READ_SECONDS)
    except subprocess.TimeoutExpired:
        return 0, f"took more than {READ_SECONDS} s to read"
    if done.returncode:
        return 0, "cannot be read: " + done.stderr.strip().rpartition("\n")[2]
    calls, _, damage = done.stdout.strip().partition(" ")
    return int(calls), damage


def read_lines(path: Path) -> tuple[Outcomes, dict[str, str]]:
    outcomes: Outcomes = {}
    details = {}
    if path.exists():
        for line in path.read_text().splitlines():
            name, outcome, detail = json.loads(line)
            if outcome == "passed" and name in outcomes:
                continue  # a subtest has failed before
            outcomes[name] = outcome
            details[name] = detail
    return outcomes, details


def read_junit(path: Path) -> tuple[Outcomes, dict[str, str]]:
    outcomes: Outcomes = {}
    details = {}
    if path.exists():
        for case in ET.parse(path).iter("testcase"):
            name = f"{case.get('classname')}::{case.get('name')}"
            kinds = [child.tag for child in case if child.tag in {"failure", "error", "skipped"}]
            outcomes[name] = "+".join(kinds) or "passed"
            details[name] = "".join(child.text or "" for child in case)[-2000:]
    return outcomes, details


def compare(suite: Suite) -> Compared:
    compared = Compared(suite.name, suite.package)
    try:
        plain = once(suite, traced=False)
    except (OSError, subprocess.SubprocessError, tarfile.TarError) as error:
        compared.left_out = f"could not be had: {error}"
        return compared
    compared.tests = len(plain.outcomes)
    compared.plain_seconds = plain.seconds
    if isinstance(plain.status, str):
        compared.left_out = f"untraced it {plain.status}"
    elif not plain.outcomes:
        compared.left_out = "untraced it runs no test: " + plain.details[""].strip().rpartition("\n")[2]
    if compared.left_out:
        return compared
    traced = once(suite, traced=True)
    compared.traced_seconds, compared.calls, compared.damage = traced.seconds, traced.calls, traced.damage
    if isinstance(traced.status, str):
        compared.left_out = f"traced it {traced.status}; {agreeing(plain, traced)}"
        return compared
    if different(plain, traced):
        tell_apart(compared, [plain, once(suite, traced=False)], [traced, once(suite, traced=True)])
    return compared


def agreeing(plain: Ended, traced: Ended) -> str:
    same = sum(plain.outcomes.get(test) == outcome for test, outcome in traced.outcomes.items())
    return f"of its {len(plain.outcomes)} tests {len(traced.outcomes)} had ended, {same} of them as untraced"


def with_status(ended: Ended) -> Outcomes:
    return {**ended.outcomes, "(exit status)": str(ended.status)}


def different(plain: Ended, traced: Ended) -> bool:
    return with_status(plain) != with_status(traced)


def tell_apart(compared: Compared, plain: list[Ended], traced: list[Ended]) -> None:
    tests = {test for ended in plain + traced for test in with_status(ended)}
    for test in sorted(tests):
        without = [with_status(ended).get(test, "not run") for ended in plain]
        with_it = [with_status(ended).get(test, "not run") for ended in traced]
        if len({*without, *with_it}) == 1:
            continue
        row = [test, "/".join(dict.fromkeys(without)), "/".join(dict.fromkeys(with_it))]
        row.append(next((said for ended in traced if (said := ended.details.get(test))), ""))
        steady = without[0] == without[1] and with_it[0] == with_it[1]
        (compared.differences if steady else compared.flaky).append(row)


# --- packages -------------------------------------------------------------------


def store() -> Path:
    return HERE.parent.parent / "build" / f"observer-{sys.version_info.major}.{sys.version_info.minor}"


def import_name(package: str) -> str:
    return {"attrs": "attr*", "more-itertools": "more_itertools"}.get(package, package.lower().replace("-", "_"))


def fetched(suite: Suite) -> tuple[Path, Path]:
    """Folders of its unpacked source distribution and of what was installed from it."""
    source, site = store() / "source" / suite.name, store() / "site" / suite.name
    if not site.exists():
        with tempfile.TemporaryDirectory() as folder:
            pip(["download", "--no-deps", "--no-binary", suite.name, "-d", folder, suite.name])
            archive = next(Path(folder).iterdir())
            with tarfile.open(archive) as tar:
                tar.extractall(folder, filter="data")
            unpacked = next(path for path in Path(folder).iterdir() if path.is_dir())
            pip(["install", "--target", str(site), str(archive), *suite.extras])
            shutil.rmtree(source, ignore_errors=True)
            shutil.copytree(unpacked, source, symlinks=True)
    return source, site


def pip(words: Sequence[str]) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *words]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300)
    if done.returncode:
        raise OSError(done.stderr.strip().rpartition("\n")[2])


# --- telling --------------------------------------------------------------------


def explanations() -> list[tuple[str, str]]:
    """`pattern of tests: why they differ` of explained.txt. A pattern may name the suite, and the version before it."""
    pairs = []
    for line in EXPLAINED.read_text(encoding="utf-8").splitlines():
        pattern, found, why = line.partition(": ")
        if found and not line.startswith("#"):
            pairs.append((pattern.strip(), why.strip()))
    return pairs


def explain(suite: str, test: str, pairs: Iterable[tuple[str, str]]) -> str:
    names = (test, f"{suite} {test}", f"{VERSION} {suite} {test}")
    return next((why for pattern, why in pairs if any(fnmatch.fnmatchcase(name, pattern) for name in names)), "")


def cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def section(results: list[Compared]) -> str:
    pairs = explanations()
    done = [one for one in results if not one.left_out]
    kinds = {"modules of CPython's `test`": False, "packages": True}
    lines = []
    for kind, package in kinds.items():
        of_kind = [one for one in done if one.package == package]
        if of_kind:
            tests = sum(one.tests for one in of_kind)
            differ = sum(len(one.differences) for one in of_kind)
            lines.append(f"{len(of_kind)} {kind}, {tests:,} tests: {differ or 'none'} ended differently.")
    lines += [
        "",
        "| suite | tests | calls recorded | differ | unsteady | plain | traced |",
        "|" + " --- |" + " ---: |" * 6,
    ]
    for one in sorted(done, key=lambda one: (one.package, one.name)):
        times = f"{one.plain_seconds:.1f} s | {one.traced_seconds:.1f} s"
        differ, flaky = len(one.differences) or "", len(one.flaky) or ""
        lines.append(f"| `{one.name}` | {one.tests} | {one.calls:,} | {differ} | {flaky} | {times} |")
    rows = [(one.name, row) for one in done for row in one.differences]
    if rows:
        lines += ["", "Ended differently:", "", "| test | plain | traced | why |", "| --- | --- | --- | --- |"]
        for name, (test, plain, traced, _) in rows:
            shown = test if name in test else f"{name} {test}"
            lines.append(
                f"| `{shown}` | {plain} | {traced} | {cell(explain(name, test, pairs)) or '**unexplained**'} |"
            )
    rows = [(one.name, row) for one in done for row in one.flaky]
    if rows:
        lines += ["", "Unsteady, did not end the same in two runs of one kind:", ""]
        for name, (test, plain, traced, _) in rows:
            shown = test if name in test else f"{name} {test}"
            lines.append(f"- `{shown}`: plain {plain}, traced {traced}")
    if damaged := [one for one in done if one.damage]:
        lines += ["", "Traces that lack something:", ""]
        lines += [f"- `{one.name}`: {cell(one.damage)}" for one in damaged]
    if skipped := [one for one in results if one.left_out]:
        lines += ["", "Not compared:", ""]
        lines += [f"- `{one.name}`: {cell(one.left_out)}" for one in sorted(skipped, key=lambda one: one.name)]
    return "\n".join(lines)


def rewrite(page: Path, results: list[Compared]) -> None:
    """Replace the section of this interpreter in `page`, or add it."""
    version = sys.version.split()[0]
    text = page.read_text(encoding="utf-8")
    new = f"<!-- {version} -->\n\n## CPython {version}\n\n{section(results)}\n\n<!-- end of {version} -->"
    old = re.compile(rf"<!-- {re.escape(version)} -->.*<!-- end of {re.escape(version)} -->", re.DOTALL)
    text, count = old.subn(lambda _: new, text)
    page.write_text(text if count else f"{text.rstrip()}\n\n{new}\n", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the few suites with a star in suites.txt")
    parser.add_argument("--minutes", type=float, help="begin no suite after that long (120; with --quick 4)")
    parser.add_argument("--only", metavar="WORD", help="suites whose name has this in it")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument(
        "--write",
        type=Path,
        metavar="PAGE",
        help="put the table of this interpreter into PAGE, if all suites were asked for",
    )
    parser.add_argument(
        "--json", type=Path, help="add results to this file as they come; those in it are not made again"
    )
    options = parser.parse_args()
    minutes = options.minutes or (4 if options.quick else 120)
    suites = [suite for suite in read_suites(options.quick) if not options.only or options.only in suite.name]
    results: list[Compared] = []
    if options.json and options.json.exists():
        results = [Compared(**json.loads(line)) for line in options.json.read_text().splitlines()]
        wanted = {suite.name for suite in suites}
        results = [one for one in results if one.name in wanted]
    known = {one.name for one in results}
    until = time.monotonic() + 60 * minutes

    def work(suite: Suite) -> Compared:
        if time.monotonic() > until:
            return Compared(suite.name, suite.package, left_out="there was no time for it")
        return compare(suite)

    pairs = explanations()
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        jobs = [pool.submit(work, suite) for suite in suites if suite.name not in known]
        for job in concurrent.futures.as_completed(jobs):
            one = job.result()
            results.append(one)
            report(one, pairs)
            if options.json and one.left_out != "there was no time for it":
                with options.json.open("a") as file:
                    file.write(json.dumps(asdict(one)) + "\n")
    if options.write and not (options.quick or options.only):
        rewrite(options.write, results)
    rows = [(one.name, row) for one in results for row in one.differences]
    unexplained = [row for name, row in rows if not explain(name, row[0], pairs)]
    done = [one for one in results if not one.left_out]
    print(f"{len(done)} suites, {sum(one.tests for one in done):,} tests, {len(rows)} ended differently,", end=" ")
    print(f"{len(unexplained)} of them unexplained; {len(results) - len(done)} suites not compared")
    return 1 if unexplained or not done else 0


def report(one: Compared, pairs: list[tuple[str, str]]) -> None:
    rest = f"{one.plain_seconds:.1f} s, traced {one.traced_seconds:.1f} s, {one.calls:,} calls recorded"
    rest = one.left_out or rest + (f", trace: {one.damage}" if one.damage else "")
    print(f"{one.name}: {one.tests} tests, {rest}", flush=True)
    quoted = 0
    for test, plain, traced, said in one.differences:
        why = explain(one.name, test, pairs)
        print(f"    {test}: {plain}, traced {traced}" + (f" ({why})" if why else ""))
        if not why and quoted < 5:
            quoted += 1
            print("        " + "\n        ".join(said.splitlines()[-12:]), flush=True)
    for test, plain, traced, _ in one.flaky:
        print(f"    {test} is unsteady: {plain}, traced {traced}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
