"""Programs made at random do the same plain and under both recorders, which tell the same of them.

    pytest tests/differential/test_generated.py --generated 2000      as many, and others each time

A program that fails is shrunk by hypothesis; the text of the smallest is printed. It belongs into programs/ then.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from comparison import differences
from conftest import Workshop
from generated import programs
from hypothesis import HealthCheck, Phase, given, settings

from flowtrace.reference import CallEvent

WORKER = Path(__file__).with_name("worker.py")


class Worker:
    """A process that runs programs; a new one if that has died."""

    def __init__(self, workshop: Workshop) -> None:
        self.folder = workshop.folder
        self.environment = workshop.environment
        self.process: subprocess.Popen[str] | None = None
        self.count = 0

    def __call__(self, text: str) -> list[list[object]]:
        if self.process is None or self.process.poll() is not None:
            self.process = subprocess.Popen(
                [sys.executable, str(WORKER), str(self.folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # asyncio has a lot to say of such programs
                text=True,
                env={**self.environment, "PYTHONHASHSEED": "0"},
            )
        self.count += 1
        path = self.folder / f"made{self.count}.py"
        path.write_text(text)
        self.process.stdin.write(f"{path}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        path.unlink()
        assert answer, f"the worker has died: {self.process.wait()}"
        return json.loads(answer)

    def close(self) -> None:
        if self.process:
            self.process.communicate(timeout=60)


@pytest.fixture
def worker(workshop: Workshop) -> Iterator[Worker]:
    worker = Worker(workshop)
    yield worker
    worker.close()


def check(worker: Worker, text: str) -> None:
    plain, recordings = worker(text)
    (compiled, reference, again) = [
        (found, [CallEvent(*event) for event in events], first_calls) for found, events, first_calls in recordings
    ]
    for found, _, _ in (compiled, reference, again):
        assert found == plain, text
    for _, events, first_calls in (compiled, again):
        wrong = differences(events, reference[1], first_calls)
        assert not wrong, f"{text}\n{len(wrong)} differ\n" + "\n".join(wrong[:10])


def test_generated_programs(worker: Worker, request: pytest.FixtureRequest) -> None:
    count = request.config.getoption("--generated")

    @settings(
        max_examples=count or 200,
        derandomize=not count,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    @given(programs())
    def try_one(text: str) -> None:
        check(worker, text)

    try_one()
