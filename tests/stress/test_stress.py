"""64 threads write to one trace while others read it, under ThreadSanitizer; and whether a wrong step would be seen.

`make stress` takes longer over it.
"""

from __future__ import annotations

import functools
import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TRACE = HERE.parent.parent / "src" / "trace"
COMPILER = shlex.split(os.environ.get("CC", "cc"))
FLAGS = "-std=gnu11 -g -O1 -fsanitize=thread -D_GNU_SOURCE -include sched.h -Wl,--wrap=mmap,--wrap=munmap".split()
MEBIBYTE = 1 << 20
THREADS = 64


@functools.cache
def sanitizes() -> bool:
    """Can programs be made and run with ThreadSanitizer here?"""
    if shutil.which(COMPILER[0]) is None:
        return False
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "empty")
        Path(folder, "empty.c").write_text("int main(void) { return 0; }\n")
        words = [*COMPILER, "-fsanitize=thread", "-o", str(program), f"{program}.c"]
        built = subprocess.run(words, stderr=subprocess.DEVNULL, check=False).returncode == 0
        return built and run(program)[0] == 0


def run(program: Path, *words: object) -> tuple[int, str]:
    # Where addresses are too random ThreadSanitizer finds its memory taken.
    fixed = ["setarch", "-R"] if shutil.which("setarch") else []
    command = [*fixed, str(program), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    return done.returncode, done.stdout + done.stderr


def build(folder: Path, right: str = "", wrong: str = "") -> Path:
    """Build it in a copy of the sources, in which one step may be another."""
    shutil.copytree(TRACE, folder / "src" / "trace")
    shutil.copytree(HERE, folder / "tests" / "stress")
    header = folder / "src" / "trace" / "protocol.h"
    source = header.read_text()
    if right:
        assert source.count(right) == 1
        header.write_text(source.replace(right, wrong))
    sources = [folder / "tests" / "stress" / "stress.c", *sorted(header.parent.glob("*.c"))]
    program = folder / "stress"
    subprocess.run([*COMPILER, *FLAGS, "-w", "-o", program, *sources, "-lpthread", "-lm"], check=True)
    return program


@pytest.fixture
def needs_sanitizer() -> None:
    if not sanitizes():
        pytest.skip("no ThreadSanitizer here")


@pytest.mark.usefixtures("needs_sanitizer")
def test_threads_that_write_and_read(tmp_path: Path) -> None:
    program = build(tmp_path)
    # No bound; slots for all threads, which are recycled; fewer slots than threads.
    many = int(os.environ.get("STRESS", "1"))
    for bound, records in ((0, 1500), (8 * MEBIBYTE, 4000), (2 * MEBIBYTE, 2500)):
        status, told = run(program, tmp_path / "s.flow", bound, THREADS, records * many)
        assert status == 0, told
        assert ("let go 0 chunks" in told) == (bound == 0)
        assert " 0 calls without" in told or bound == 2 * MEBIBYTE


@pytest.mark.skipif("STRESS" not in os.environ, reason="make stress")
@pytest.mark.usefixtures("needs_sanitizer")
@pytest.mark.parametrize(
    ("bound", "right", "wrong"),
    [
        (0, "committed, committed, release", "committed, committed, relaxed"),
        (4 * MEBIBYTE, "&slot->word, &word, sealed, release", "&slot->word, &word, sealed, relaxed"),
        (
            1 * MEBIBYTE,
            "if (!STEP_EXCHANGE_IF(&slot->word, &seen, word, acquire))",
            "uint64_t now = STEP_LOAD(&slot->word, acquire); sched_yield(); if (now == seen)"
            " STEP_STORE(&slot->word, word, release); else",
        ),
    ],
    ids=["published too early", "sealed too early", "claimed without an exchange"],
)
def test_a_wrong_step_is_seen(tmp_path: Path, bound: int, right: str, wrong: str) -> None:
    program = build(tmp_path, right, wrong)
    for _ in range(5):  # other threads must come at the moment
        status, told = run(program, tmp_path / "s.flow", bound, THREADS, 3000)
        if status:
            break
    assert "data race" in told or status == 1, told
