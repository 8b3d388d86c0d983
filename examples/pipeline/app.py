from __future__ import annotations

import io
import queue
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType

from stages import Report, analyse, batches, parse_lines, read_lines

LINES = 30
WORKERS = 3
LIMIT_SECONDS = 5.0


@dataclass
class Stopwatch:
    limit: float
    started: float = 0.0
    seconds: float = 0.0

    def __enter__(self) -> Stopwatch:
        self.started = time.perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.seconds = time.perf_counter() - self.started

    def in_time(self) -> bool:
        return self.seconds < self.limit


def write_report(output: io.StringIO, report: Report) -> None:
    output.write(report.as_text() + "\n")


def write_reports(reports: queue.Queue[Report | None], output: io.StringIO) -> None:
    while (report := reports.get()) is not None:
        write_report(output, report)


@contextmanager
def writer(output: io.StringIO) -> Iterator[queue.Queue[Report | None]]:
    """A queue whose reports a thread of its own writes until the block ends."""
    reports: queue.Queue[Report | None] = queue.Queue()
    thread = threading.Thread(target=write_reports, args=(reports, output), name="writer")
    thread.start()
    try:
        yield reports
    finally:
        reports.put(None)
        thread.join()


def submit_batches(pool: ThreadPoolExecutor, rejected: list[str]) -> list[Future[Report]]:
    records = parse_lines(read_lines(LINES), rejected)
    return [pool.submit(analyse, number, batch) for number, batch in enumerate(batches(records), 1)]


def run(output: io.StringIO) -> list[str]:
    """Writes the reports in the order of their batches; returns the rejected lines."""
    rejected: list[str] = []
    with (
        writer(output) as reports,
        ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="worker") as pool,
    ):
        for future in submit_batches(pool, rejected):
            reports.put(future.result())
    return rejected


def main() -> None:
    output = io.StringIO()
    with Stopwatch(LIMIT_SECONDS) as stopwatch:
        rejected = run(output)
    print(output.getvalue(), end="")
    print(f"rejected: {', '.join(rejected)}")
    print("in time" if stopwatch.in_time() else "too slow")


if __name__ == "__main__":
    main()
