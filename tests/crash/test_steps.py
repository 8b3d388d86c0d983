"""The trace after each instruction at which its process could have been killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import steps
from conftest import TIMEOUT


@pytest.mark.parametrize("scene", steps.SCENES)
def test_each_instruction_leaves_a_sound_trace(scene: str, tmp_path: Path) -> None:
    command = [sys.executable, steps.__file__, scene, "--steps", "1"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=2 * TIMEOUT)
    if done.returncode == steps.SKIPPED:
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stderr
