"""A pipeline of generators, and a tree that is walked by yield from: mostly resumptions, few calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


class Tree:
    def __init__(self, low: int, high: int) -> None:
        self.value = (low + high) // 2
        self.left = Tree(low, self.value) if low < self.value else None
        self.right = Tree(self.value + 1, high) if self.value + 1 < high else None

    def __iter__(self) -> Iterator[int]:
        if self.left:
            yield from self.left
        yield self.value
        if self.right:
            yield from self.right


def odd(numbers: Iterable[int]) -> Iterator[int]:
    for number in numbers:
        if number % 2:
            yield number


def pairs(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    last = 0
    for number in numbers:
        yield last, number
        last = number


def run(size: int) -> object:
    return sum([low * high for _ in range(size) for low, high in pairs(odd(Tree(0, 64)))])
