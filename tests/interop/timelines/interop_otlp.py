"""A collector of OpenTelemetry's own receives what `otlp --to` sends: each span, with its parent, events and links."""

from __future__ import annotations

import re
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowtrace._core import Trace

PROGRAM = Path(__file__).resolve().parents[3] / "build" / "interop" / "collector"
CONFIG = """
receivers: {otlp: {protocols: {http: {endpoint: "ADDRESS"}}}}
exporters: {debug: {verbosity: detailed}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [otlp], exporters: [debug]}}
"""

pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason="no collector was built")


class Collector:
    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        (folder / "config.yaml").write_text(CONFIG.replace("ADDRESS", self.address))
        self.log = folder / "log"
        self.process = subprocess.Popen(
            [PROGRAM, "--config", f"file:{folder / 'config.yaml'}"],
            stderr=self.log.open("wb"),
            stdout=subprocess.DEVNULL,
        )

    def told(self) -> str:
        """What it had to tell in all."""
        self.process.terminate()
        self.process.wait(timeout=60)
        return self.log.read_text()


@pytest.fixture
def collector(tmp_path) -> Iterator[Collector]:
    collector = Collector(tmp_path)
    end = time.monotonic() + 60
    while "Everything is ready" not in collector.log.read_text() and time.monotonic() < end:
        assert collector.process.poll() is None, collector.log.read_text()
        time.sleep(0.1)
    yield collector
    collector.process.kill()
    collector.process.wait()


@pytest.mark.parametrize("of", ["everything", "hostile"])
def test_it_receives_every_span(request, workshop, collector, of) -> None:
    trace = request.getfixturevalue(of)
    done = workshop.flowtrace("export", "otlp", "--to", f"http://{collector.address}", str(trace))
    assert done.status == 0, done.err
    told = collector.told()
    numbers = sorted(int(number) for number in re.findall(r"flowtrace\.call: Int\((\d+)\)", told))
    calls = list(Trace(trace).calls())
    assert numbers == sorted(call.number for call in calls)
    assert len(re.findall(r"^Span #\d+$", told, re.MULTILINE)) == len(calls)
    assert len(re.findall(r"^ +-> Name: exception$", told, re.MULTILINE)) == sum(
        call.outcome == "raised" for call in calls
    )
    assert len(re.findall(r"^ +Status code +: Error$", told, re.MULTILINE)) == sum(
        call.outcome == "raised" for call in calls
    )
    assert len(re.findall(r"^SpanLink #\d+$", told, re.MULTILINE)) == {"everything": 5, "hostile": 0}[of]


def test_it_receives_a_trace_of_a_real_size(workshop, collector) -> None:
    workshop.record("def f(x):\n    return x\nfor i in range(30_000):\n    f(i)\n")
    done = workshop.flowtrace("export", "otlp", "--to", f"http://{collector.address}")
    assert done.status == 0, done.err
    assert "sent 30,001 calls" in done.err
    assert len(re.findall(r"^Span #\d+$", collector.told(), re.MULTILINE)) == 30_001
