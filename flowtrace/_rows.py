"""Rows of an answer: as a table for eyes, as CSV, as JSON. They are written as they come."""

from __future__ import annotations

import functools
import itertools
import json
import math
import unicodedata

from ._terminal import printable, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO

    type Cell = int | float | str | bytes | None

LOOKED_AT = 1000  # rows whose cells decide how wide columns are
LEAST = 12  # columns that are left of one that is cut
MOST = 60  # columns of a text, unless all of it is wanted


def write_csv(stream: TextIO | None, names: list[str], rows: Iterable[tuple[Cell, ...]]) -> None:
    import csv

    lines = _Lines()
    writer = csv.writer(lines, lineterminator="\r\n")
    writer.writerow(names)
    for count, row in enumerate(rows, 1):
        writer.writerow(row)
        if count % LOOKED_AT == 0:
            write(stream, "".join(lines).encode())
            lines.clear()
    write(stream, "".join(lines).encode())


class _Lines(list[str]):
    """Takes the lines of a csv.writer to which both \\r and \\n end a line: 3.12 quotes what ends one, and no other."""

    def write(self, line: str) -> None:
        self.append(line[:-2] + "\n")


def write_json(stream: TextIO | None, names: list[str], rows: Iterable[tuple[Cell, ...]]) -> None:
    names = _different(names)
    before = "[\n"
    for row in rows:
        told = _object(dict(zip(names, row, strict=True)))
        write(stream, f"{before}{told}".encode())
        before = ",\n"
    write(stream, b"[]\n" if before == "[\n" else b"\n]\n")


def _different(names: list[str]) -> list[str]:
    """Return name, name_2, name_3 where several columns have one name: an object keeps one of these only."""
    found: list[str] = []
    for name in names:
        choices = itertools.chain([name], (f"{name}_{n}" for n in itertools.count(2)))
        found.append(next(choice for choice in choices if choice not in found))
    return found


def _object(cells: dict[str, Cell]) -> str:
    """Infinity, which JSON has no number for, is text."""
    try:
        return json.dumps(cells, ensure_ascii=False, default=repr, allow_nan=False)
    except ValueError:
        infinite = {name: str(cell) for name, cell in cells.items() if isinstance(cell, float) and math.isinf(cell)}
        return json.dumps({**cells, **infinite}, ensure_ascii=False, default=repr)


def write_table(
    stream: TextIO | None, names: list[str], rows: Iterable[tuple[Cell, ...]], width: int, *, whole: bool = False
) -> None:
    """Align columns, numbers to the right. Texts are cut to MOST columns, and further for lines of `width`; 0: of any.

    `whole`: nothing is cut.
    """
    iterator = iter(rows)
    names = [_text(name) for name in names]
    first = [[_text(cell) for cell in row] for row in itertools.islice(iterator, LOOKED_AT)]
    numeric = [bool(first) and all(_is_number(row[i]) for row in first) for i in range(len(names))]
    widths = [max([columns_of(name), *(columns_of(row[i]) for row in first)]) for i, name in enumerate(names)]
    if not whole:
        widths = _fit([min(width, MOST) for width in widths], numeric, width)
    lines = [_line(names, widths, numeric), "  ".join("-" * width for width in widths)]
    count = 0
    for row in itertools.chain(first, ([_text(cell) for cell in row] for row in iterator)):
        count += 1
        lines.append(_line(row, widths, numeric))
        if len(lines) >= LOOKED_AT:
            write(stream, ("\n".join(lines) + "\n").encode("utf-8", "replace"))
            lines = []
    lines += [f"({count:,} row{'' if count == 1 else 's'})"]
    write(stream, ("\n".join(lines) + "\n").encode("utf-8", "replace"))


def columns_of(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(_columns_of_character(character) for character in text)


@functools.lru_cache(4096)
def _columns_of_character(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def _text(cell: Cell) -> str:
    """Return it with what a terminal would act on escaped."""
    if cell is None:
        return ""
    text = str(cell)
    return printable(text)


def _is_number(text: str) -> bool:
    return not text or text.lstrip("-").replace(".", "", 1).replace("e", "", 1).replace("+", "", 1).isdecimal()


def _fit(widths: list[int], numeric: list[bool], width: int) -> list[int]:
    """Take from the widest texts until the line fits."""
    fitting = list(widths)
    while width and sum(fitting) + 2 * (len(fitting) - 1) > width:
        texts = [i for i, is_number in enumerate(numeric) if not is_number and fitting[i] > LEAST]
        if not texts:
            break
        widest = max(texts, key=lambda i: fitting[i])
        others = [fitting[i] for i in texts if fitting[i] < fitting[widest]]
        over = sum(fitting) + 2 * (len(fitting) - 1) - width
        fitting[widest] = max(LEAST, fitting[widest] - over, max(others, default=LEAST) - 1)
    return fitting


def _line(cells: list[str], widths: list[int], numeric: list[bool]) -> str:
    parts = []
    for cell, width, is_number in zip(cells, widths, numeric, strict=True):
        shown = cell if columns_of(cell) <= width else _cut(cell, width)
        padding = " " * (width - columns_of(shown))
        parts.append(padding + shown if is_number else shown + padding)
    return "  ".join(parts).rstrip()


def _cut(text: str, width: int) -> str:
    taken = 0
    for end, character in enumerate(text):
        taken += _columns_of_character(character)
        if taken > width - 1:
            return text[:end] + "…"
    return text
