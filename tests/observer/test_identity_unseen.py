"""--identity: the interpreter reports each object that is made or goes, and the program notices nothing."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import proof
import pytest
from conftest import FREE_THREADED, Workshop

pytestmark = pytest.mark.skipif(sys.version_info < (3, 13) or FREE_THREADED, reason="no numbers")

PROGRAMS = Path(__file__).parent / "programs"


def test_lifetimes_are_as_they_were(workshop: Workshop) -> None:
    source = """
        RECORDER = None
        import gc, weakref, sys
        class Order:
            def __init__(self, name): self.name = name
            def __del__(self): said.append(f"del {self.name}")
        said = []
        def pass_on(o): return o
        def drop(o):
            r = weakref.ref(o, lambda _: said.append("dead"))
            said.append(sys.getrefcount(o))
            pass_on([o, {"k": o}])
            return r
        for i in range(5):
            r = drop(Order(i)); said.append(r() is None)
        back = []
        class Risen:
            def __del__(self): back.append(self)
            def look(self): return self
        Risen(); said.append(back[0].look() is back[0])
        a = Order("cycle"); a.me = a; r = weakref.ref(pass_on(a)); del a
        said.append(r() is None); gc.collect(); said.append(r() is None)
        said.append(len(gc.get_referrers(pass_on(back[0]))))
        print(said)
        """
    options = [*proof.EVERYTHING, "--identity"]
    bad = {"keeps what it sees": proof.recorder("kept.extend(rest)", before="kept = []")}
    proof.same(workshop, source, bad=bad, options=options)


@pytest.mark.parametrize("name", sorted(os.listdir(PROGRAMS)))
def test_observed_programs(workshop: Workshop, name: str) -> None:
    """The proofs of tests/observer, with numbers."""
    source = (PROGRAMS / name).read_text()
    if "RECORDER = None" not in source:
        pytest.skip("no proof of its own")
    proof.same(workshop, source, bad={}, options=[*proof.EVERYTHING, "--identity"], harmless=False)
