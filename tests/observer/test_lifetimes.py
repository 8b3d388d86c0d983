"""Nothing lives longer or shorter, nobody refers to more, the collector runs when it would have."""

from __future__ import annotations

import json
from pathlib import Path

import proof
import pytest
from conftest import Workshop

LIFETIMES = (Path(__file__).parent / "programs" / "lifetimes.py").read_text()

BAD = {
    "keeps what it sees": proof.recorder("kept.extend(rest)", before="kept = []"),
    "keeps the last thing alone": proof.recorder("kept[:] = rest", before="kept = [None]"),
    "keeps arguments": proof.recorder(
        "kept.append(dict(sys._getframe(1).f_locals))\nif len(kept) > 3: del kept[0]", before="kept = []"
    ),
    "keeps frames": proof.recorder("kept[:] = [sys._getframe(1)]", before="kept = []"),
    "makes containers and keeps them": proof.recorder("kept.append([])", before="kept = []"),
    "collects": proof.recorder("gc.collect(0)", before="import gc"),
}


def test_lifetimes(workshop: Workshop) -> None:
    proof.same(workshop, LIFETIMES, bad=BAD)
    known = [json.loads(line) for line in (workshop.folder / "known.json").read_text().splitlines()]
    plain, traced, *_ = known
    changed = {what: traced[what] - plain[what] for what in plain if traced[what] != plain[what]}
    # What docs/observer-effect.md says of each.
    assert 0 < changed.pop("count at the start", 1) < 1000 or traced["count at the start"] < plain["count at the start"]
    assert 0 < changed.pop("collections in 300 frames", 1) <= 12
    assert not changed


@pytest.mark.parametrize("values", [[], ["--no-values"]], ids=["values", "no values"])
def test_deep_calls_give_the_collector_nothing_to_count(workshop: Workshop, values: list[str]) -> None:
    """No frame object is made to read arguments."""
    source = """
        RECORDER = None
        import gc
        def down(n): return gc.get_count()[0] if n == 0 else down(n - 1)
        def nothing(): return gc.get_count()[0] if depth[0] == 0 else (depth.__setitem__(0, depth[0] - 1), nothing())[1]
        gc.disable()
        depth = [5]; nothing(); down(5)
        depth = [100]
        before = gc.get_count()[0]
        print(nothing() - before, down(100) - before)
        """
    bad = {"reads frames": proof.recorder("sys._getframe(1)")}
    proof.same(workshop, source, bad=bad, options=[*proof.EVERYTHING, *values])
