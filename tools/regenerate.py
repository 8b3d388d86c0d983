"""Regenerates the output that documents, examples and golden tests show; tests/golden checks that it still holds.

    python tools/regenerate.py            rewrite what has changed
    python tools/regenerate.py --check    say what has changed; status 1 if something has

Samples are
  - blocks of documents, behind a line <!-- $ command -->: its output;
  - examples/NAME/story.txt: the story of examples/NAME/app.py;
  - tests/golden/NAME.txt: the output of tests/golden/NAME.py, run as its first line tells.

Commands run in a new folder that holds a copy of examples/ and tests/golden/.
"""

import difflib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"<!-- \$ (?P<command>.+?) -->\n```\w*\n(?P<text>.*?)```", re.DOTALL)
ENVIRONMENT = {
    "COLUMNS": "100",
    "LANG": "C.UTF-8",
    "NO_COLOR": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
}

TIME = r"\d+(?:\.\d+)?(?: (?:ns|µs|us|ms|s|min))?"
VARYING = [
    # Padding, a count, the times at the right of a line.
    (re.compile(rf"  +([×x][\d,]+(?: apart)?)?(?: *{TIME} (?:…|\.\.\.))? *{TIME}(?: \+ {TIME} wait)?$"), r"  \1 TIME"),
    (re.compile(rf"  +{TIME}(?=  )"), "  TIME"),
    (re.compile(r"^   (time|waited)  .*"), r"   \1  TIME"),
    (re.compile(rf"(?<=[·-] ){TIME}(?= [·-]|$)"), "TIME"),
    (re.compile(r"main thread \+ \d+ threads?"), "main thread + threads"),
    (re.compile(r"\b(parser|worker)_\d(?: … \1_\d)?"), r"\1_N"),
    (re.compile(r"\bTask-\d+"), "Task-N"),
    (re.compile(r"raised \S+:\d+ in "), "raised in "),  # by the library: lines differ between versions
    (re.compile(r"\bport=\d+"), "port=N"),
    (re.compile(r"\bstarted=\d[\d.]+"), "started=N"),
    (re.compile(r"tmp\w{3,8}\b"), "tmpX"),
    (re.compile(r"(Nor|Not shown:) \d+ class bod(y|ies) (or|and) annotations?( \(--all\))?\."), ""),
    (re.compile(r"\bprocess \d+"), "process N"),
    (re.compile(r"^#\d+ +"), "#N "),  # of calls: class bodies and annotations count
    (re.compile(r"(ilters leave [\w,]+ of) [\d,]+ calls"), r"\1 N calls"),
    # A column of times in a table.
    (re.compile(r"  +\d+(?:\.\d+)? (?:ns|µs|us|ms|s|min)(?=  )"), "  TIME"),
]
# Here threads race for the work: which one does what, and first, differs from run to run.
RACING = ("examples/crawler", "examples/pipeline")
# What ran when differs from run to run: of a timeline the names of its lanes are compared.
TIMELINE = re.compile(r"flowtrace show .*--timeline\b(?!.*--help)")
LANE = re.compile(r"(main thread|⇢ |⇉ )[^─▄█·✗⊘]*?(?=  | ?[─▄█·✗⊘]|$)")
VALUES = re.compile(r"\(.*?\)(?: → .*?)?(?=  |$)")
# What these print is about this machine: only the words before the first number or path are compared.
ABOUT_THE_MACHINE = re.compile(r"flowtrace (info|explain|recover|merge|--version)\b(?!.*--help)")
# These count all calls, those of annotations too, of which each Python has others: numbers are not compared.
COUNTS_ALL = re.compile(r"flowtrace (diff|graph|query|report)\b(?!.*--help)")


@dataclass(frozen=True)
class Sample:
    """A piece of a file that shows the output of a command."""

    path: Path
    command: str
    start: int
    end: int
    text: str

    @property
    def name(self) -> str:
        return f"{self.path.relative_to(ROOT)}: {self.command}"


def samples() -> list[Sample]:
    found = []
    for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md"):
        for path in sorted(ROOT.glob(pattern)):
            for block in BLOCK.finditer(path.read_text(encoding="utf-8")):
                found.append(Sample(path, block["command"], *block.span("text"), block["text"]))
    for app in sorted(ROOT.glob("examples/*/app.py")):
        found.append(whole_file(app.with_name("story.txt"), story_command(app)))
    for program in sorted(ROOT.glob("tests/golden/*.py")):
        command = program.read_text(encoding="utf-8").partition("\n")[0]
        if command.startswith("# $ "):
            found.append(whole_file(program.with_suffix(".txt"), f"cd tests/golden && {command[4:]}"))
    return found


def whole_file(path: Path, command: str) -> Sample:
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return Sample(path, command, 0, len(text), text)


def story_command(app: Path) -> str:
    return f"cd {app.parent.relative_to(ROOT)} && flowtrace run --width 120 app.py 2>&1 >/dev/null"


def output(sample: Sample) -> str:
    """Run the sample's command; a program that fails or is killed is fine, the shell's own failure is not."""
    with tempfile.TemporaryDirectory(prefix="flowtrace-") as folder:
        for part in ("examples", "tests/golden"):
            shutil.copytree(ROOT / part, Path(folder, part), ignore=shutil.ignore_patterns("__pycache__"))
        path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "FORCE_COLOR"))}
        done = subprocess.run(
            ["/bin/sh", "-c", f"exec 2>&1; {sample.command}"],
            cwd=folder,
            env={**kept, **ENVIRONMENT, "PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=120,
        )
    if done.returncode in {126, 127}:
        raise SystemExit(f"{sample.name}: {done.stdout.decode()}")
    return done.stdout.decode().lstrip("\n").replace(folder, "/home/me")


def comparable(sample: Sample, text: str) -> list[str]:
    """Return the lines without what differs from run to run."""
    if ABOUT_THE_MACHINE.search(sample.command):
        return [re.split(r"[\d/]", line)[0].split("  ")[0].rstrip() for line in text.splitlines()][:3]
    if COUNTS_ALL.search(sample.command):
        return [_words(line) for line in _stable_lines(text, racing=False)]
    if TIMELINE.search(sample.command):
        return [*list(_stable_lines(text, racing=False))[:2], *_lanes(text)]
    racing = str(sample.path.relative_to(ROOT)).startswith(RACING) or any(
        f"{part} " in sample.command for part in RACING
    )
    return list(_stable_lines(text, racing=racing))


def _lanes(text: str) -> list[str]:
    lanes = {lane[0].strip() for line in text.splitlines() if (lane := LANE.match(line))}
    return sorted({re.sub(r"_\d+$", "_N", re.sub(r"\bTask-\d+", "Task-N", lane)) for lane in lanes})


def _words(line: str) -> str:
    line = re.sub(r"\d[\d,.]*", "N", line)
    return re.sub(r"  +", " ", re.sub(r"raised \w+\.py", "raised FILE", line)).rstrip()


def _stable_lines(text: str, *, racing: bool) -> Iterator[str]:
    for line in text.splitlines():
        stable = line
        for pattern, replacement in VARYING:
            stable = pattern.sub(replacement, stable)
        yield (VALUES.sub("(...)", stable) if racing else stable).rstrip()


def difference(sample: Sample, now: str) -> str:
    """Return what tells the sample from what its command prints now; empty if it still holds."""
    return "\n".join(
        difflib.unified_diff(comparable(sample, sample.text), comparable(sample, now), "shown", "now", lineterm="")
    )


def main() -> int:
    changed = 0
    for sample in reversed(samples()):  # from the end of each file, so that places before stay where they are
        now = output(sample)
        told = difference(sample, now)
        if not told:
            continue
        changed += 1
        print(f"{sample.name}\n{told}\n" if "--check" in sys.argv else sample.name)
        if "--check" not in sys.argv:
            before = sample.path.read_text(encoding="utf-8") if sample.path.exists() else ""
            sample.path.write_text(before[: sample.start] + now + before[sample.end :], encoding="utf-8")
    return 1 if changed and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
