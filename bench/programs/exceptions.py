"""Exceptions that leave several calls before they are caught, are raised again as others, or end a search."""

from __future__ import annotations


class Missing(Exception):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Rejected(Exception):
    pass


SETTINGS = {"a": 1, "b": "two", "c": 3}


def look_up(name: str, depth: int) -> object:
    if depth:
        return look_up(name, depth - 1)
    if name not in SETTINGS:
        raise Missing(name)
    return SETTINGS[name]


def checked(name: str) -> int:
    value = look_up(name, 3)
    if not isinstance(value, int):
        raise TypeError(f"{name} is no number")
    return value


def setting(name: str) -> int:
    try:
        return checked(name)
    except TypeError as error:
        raise Rejected(name) from error


def tolerant(name: str) -> int:
    try:
        return setting(name)
    except Missing as missing:
        return len(missing.name)
    except Rejected:
        return -1


def run(size: int) -> object:
    return sum([tolerant(name) for _ in range(size) for name in ("a", "b", "c", "d")])
