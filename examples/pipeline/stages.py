from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

SERVICES = ("auth", "cart", "search")
LEVELS = ("INFO", "INFO", "WARN", "INFO", "ERROR")
BATCH_SIZE = 6


class BadRecord(Exception):
    pass


@dataclass(frozen=True)
class Record:
    service: str
    level: str
    millis: int


@dataclass(frozen=True)
class Report:
    batch: int
    levels: Counter[str]
    slowest: Record

    def as_text(self) -> str:
        levels = " ".join(f"{level}={count}" for level, count in sorted(self.levels.items()))
        return f"batch {self.batch}: {levels}, slowest {self.slowest.service} {self.slowest.millis} ms"


def read_lines(count: int) -> Iterator[str]:
    """The lines of a log; one of them was cut short by a crash."""
    for number in range(count):
        service = SERVICES[number % len(SERVICES)]
        level = LEVELS[number % len(LEVELS)]
        millis = number * 37 % 101
        yield f"{service} {level}" if number == 16 else f"{service} {level} {millis}"


def parse(line: str) -> Record:
    try:
        service, level, millis = line.split()
    except ValueError:
        raise BadRecord(line) from None
    return Record(service, level, int(millis))


def parse_lines(lines: Iterable[str], rejected: list[str]) -> Iterator[Record]:
    for line in lines:
        try:
            record = parse(line)
        except BadRecord as error:
            rejected.append(str(error))
        else:
            yield record


def batches(records: Iterable[Record]) -> Iterator[tuple[Record, ...]]:
    remaining = iter(records)
    while batch := tuple(itertools.islice(remaining, BATCH_SIZE)):
        yield batch


def count_levels(records: Iterable[Record]) -> Counter[str]:
    return Counter(record.level for record in records)


def slowest(records: Iterable[Record]) -> Record:
    return max(records, key=lambda record: record.millis)


def analyse(number: int, batch: tuple[Record, ...]) -> Report:
    return Report(number, count_levels(batch), slowest(batch))
