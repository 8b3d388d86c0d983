"""Sizes that a trace may have, as people write them: 64M, 2G."""

from __future__ import annotations

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
MIN = 1 << 20
MAX = {"last": 64 << 30, "limit": 1 << 50}


def of(name: str, given: int | str | None) -> int:
    """Return the bytes of --last or --limit, 0 for None. Raises ValueError, which says what can be."""
    if given is None:
        return 0
    size = given if isinstance(given, int) and not isinstance(given, bool) else _parse(str(given))
    if size is None:
        raise ValueError(f"a size is a number of bytes, or one with K, M or G behind it, as 64M, not {given!r}")
    if size < MIN:
        raise ValueError(f"{given} is too little, 1M is the least; a thread takes 64K to 256K of it at a time")
    if size > MAX[name]:
        raise ValueError(f"{given} is too much, {text(MAX[name])} is the most")
    return size


def bounds(last: int | str | None, limit: int | str | None) -> dict[str, int]:
    """Return what the recorder is told of both. Raises ValueError."""
    sizes = {"last": of("last", last), "limit": of("limit", limit)}
    if all(sizes.values()):
        raise ValueError("last keeps the newest part and limit the oldest; give one of them")
    return sizes


def text(size: int) -> str:
    for unit in reversed(UNITS):
        if unit and size % UNITS[unit] == 0:
            return f"{size // UNITS[unit]}{unit}"
    return str(size)


def _parse(text: str) -> int | None:
    number = text.strip().upper().removesuffix("B").removesuffix("I")
    digits = number.rstrip("KMGT")
    unit = number[len(digits) :]
    return int(digits) * UNITS[unit] if digits.isdecimal() and len(digits) < 20 and unit in UNITS else None
