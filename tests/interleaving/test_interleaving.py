"""The steps by which threads and processes share a trace, in every order; and whether a wrong step would be seen.

`make interleaving` goes through all scenarios, this test through all but the one that has millions of states.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TRACE = HERE.parent.parent / "src" / "trace"
COMPILER = shlex.split(os.environ.get("CC", "cc"))

pytestmark = pytest.mark.skipif(shutil.which(COMPILER[0]) is None, reason="no C compiler here")

BROKEN = {  # what protocol.h has, what it might have instead, what is seen then
    "a record is published too early": (
        "STEP_STORE(&chunk->committed, committed, release)",
        "STEP_STORE(&chunk->committed, committed, relaxed)",
        "a record is torn",
    ),
    "a reader takes it too early": (
        "*committed = STEP_LOAD(&chunk->committed, acquire)",
        "*committed = STEP_LOAD(&chunk->committed, relaxed)",
        "a record is torn",
    ),
    "a header is published too early": (
        "STEP_STORE(&chunk->claim, claim, release)",
        "STEP_STORE(&chunk->claim, claim, relaxed)",
        "a header is torn",
    ),
    "a reader takes a header too early": (
        "STEP_LOAD(&chunk->claim, acquire)",
        "STEP_LOAD(&chunk->claim, relaxed)",
        "a header is torn",
    ),
    "a claim without an exchange": (
        "if (!STEP_EXCHANGE_IF(&slot->word, &seen, word, acquire))",
        "if (STEP_LOAD(&slot->word, acquire) != seen || (STEP_STORE(&slot->word, word, relaxed), 0))",
        "two owners",
    ),
    "a slot is sealed too early": (
        "STEP_EXCHANGE_IF(&slot->word, &word, sealed, release)",
        "STEP_EXCHANGE_IF(&slot->word, &word, sealed, relaxed)",
        "two owners",
    ),
    "a slot is taken too early": (
        "STEP_EXCHANGE_IF(&slot->word, &seen, word, acquire)",
        "STEP_EXCHANGE_IF(&slot->word, &seen, word, relaxed)",
        "two owners",
    ),
    "no fence between the claim and the chunk": ("    STEP_FENCE(release);\n", "", "is torn"),
    "no fence between the copy and the look": ("    STEP_FENCE(acquire);\n", "", "is torn"),
    "a reader does not look again": (
        "return STEP_LOAD(&slot->word, relaxed) >> FLOW_SLOT_CLAIM_SHIFT == word >> FLOW_SLOT_CLAIM_SHIFT;",
        "return slot && word;",
        "is torn",
    ),
    "a slot that its owner writes to is taken": (
        "(state != FLOW_SLOT_FREE && state != FLOW_SLOT_SEALED)",
        "(state == FLOW_SLOT_KEPT)",
        "two owners",
    ),
    "who is alive is taken for dead": (
        "gone((uint32_t)(seen >> 2) & FLOW_SLOT_PID_MAX)",
        "(seen >> 2)",
        "two owners",
    ),
    "a claim says nothing of what was written before": (
        "STEP_ADD(&bound->claims, 1, release)",
        "STEP_ADD(&bound->claims, 1, relaxed)",
        "a hole before a chunk",
    ),
    "a reader counts claims too late": (
        "STEP_LOAD(&bound->claims, acquire)",
        "STEP_LOAD(&bound->claims, relaxed)",
        "a hole before a chunk",
    ),
}


def build(folder: Path, *flags: str) -> Path:
    program = folder / "protocol"
    sources = [HERE / "protocol.c", HERE / "explore.c"]
    subprocess.run(
        [
            *COMPILER,
            "-std=gnu11",
            "-O1",
            "-U_FORTIFY_SOURCE",
            f"-I{folder}",
            f"-I{TRACE}",
            *flags,
            "-o",
            program,
            *sources,
        ],
        check=True,
    )
    return program


def explore(program: Path) -> tuple[int, str]:
    done = subprocess.run([program], capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


def test_no_order_breaks_it(tmp_path: Path) -> None:
    status, told = explore(build(tmp_path))
    assert status == 0, told
    assert "not all" not in told


@pytest.mark.parametrize("what", BROKEN)
def test_a_wrong_step_is_seen(tmp_path: Path, what: str) -> None:
    right, wrong, seen = BROKEN[what]
    source = (TRACE / "protocol.h").read_text()
    assert source.count(right) == 1
    (tmp_path / "protocol.h").write_text(source.replace(right, wrong))
    status, told = explore(build(tmp_path))
    assert status == 1, told
    assert seen in told


def test_a_forked_child_that_writes_to_its_parents_chunk_is_seen(tmp_path: Path) -> None:
    status, told = explore(build(tmp_path, "-DFORKED_SLOT(own)=0"))
    assert status == 1, told
    assert "torn" in told
