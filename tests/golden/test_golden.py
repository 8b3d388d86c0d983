"""Programs and the exact text that FlowTrace shows of them, here, in examples/ and in the documents.

What differs on purpose is written by `make docs`; read the change before you commit it.
"""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

import regenerate

from flowtrace import _core


@pytest.mark.parametrize("sample", regenerate.samples(), ids=lambda sample: sample.name)
def test_sample_still_holds(sample: regenerate.Sample) -> None:
    if "--identity" in sample.command and _core.identity_obstacle():
        pytest.skip("no numbers here")
    difference = regenerate.difference(sample, regenerate.output(sample))
    assert not difference, f"\n{difference}\n\nrun: make docs"


def test_a_changed_story_is_noticed() -> None:
    sample = next(sample for sample in regenerate.samples() if sample.path.name == "story.txt")
    assert sample.text
    assert regenerate.difference(sample, sample.text.replace("main()", "other()"))
    assert not regenerate.difference(sample, sample.text)
