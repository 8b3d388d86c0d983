"""The examples do traced what they do untraced."""

import shutil
from pathlib import Path

import pytest
from conftest import ROOT, Workshop

EXAMPLES = sorted(path.parent.name for path in ROOT.glob("examples/*/app.py"))


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_not_changed(workshop: Workshop, name: str) -> None:
    shutil.copytree(ROOT / "examples" / name, workshop.folder / name)
    before = listing(workshop.folder)
    plain = workshop.python(f"{name}/app.py", flags=["-B"])
    traced = workshop.run(f"{name}/app.py", flags=["-B"])
    assert traced.status == plain.status == 0
    assert traced.stdout == plain.stdout
    assert plain.stdout
    assert listing(workshop.folder) - before == {Path("flowtrace.flow")}
    assert len(traced.trace) > 50


def listing(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*")}
