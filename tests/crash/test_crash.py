"""Some of the moments of `make crash`: each kind of program dies in each way."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import crash
from conftest import Workshop

MOMENTS = crash.moments(30, 1, list(crash.KINDS), list(crash.WAYS))
LAST = crash.moments(10, 4, list(crash.KINDS), ["SIGKILL", "killed from outside"], last=True)


@pytest.mark.parametrize("moment", [*MOMENTS, *LAST], ids=str)
def test_what_was_proved_is_in_the_trace(workshop: Workshop, moment: crash.Moment) -> None:
    trace = workshop.folder / "crash.flow"
    status, proofs = crash.run(moment, trace)
    if moment.way != "killed from outside":  # then it may have been over already
        assert (status == 0) == (moment.kind in {"fork", "spawn"})  # where a child of the program dies
    crash.check(moment, trace, proofs)


def test_a_trace_that_lacks_something_is_noticed(workshop: Workshop) -> None:
    moment = crash.Moment("one thread", "SIGKILL", "inner", 0, 20)
    trace = workshop.folder / "crash.flow"
    _, proofs = crash.run(moment, trace)
    assert crash.check(moment, trace, proofs).proved == 20
    proofs[0] += 1
    with pytest.raises(crash.Lost, match="worker 0 proved 21 calls; 1 are missing, the first is 20"):
        crash.check(moment, trace, proofs)
    with pytest.raises(crash.Lost, match="20 returned"):
        crash.check(moment._replace(step=19), trace, crash.Counter())
