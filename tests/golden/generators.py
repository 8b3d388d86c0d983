# $ flowtrace run generators.py
"""Generators belong to who drives them, and are one call however often they are resumed."""

import contextlib


def numbers(count):
    for n in range(count):
        yield square(n)


def square(n):
    return n * n


def doubled(source):
    for n in source:
        yield 2 * n


def chain():
    yield from numbers(2)
    return "done"


def accumulate():
    total = 0
    while True:
        value = yield total
        if value is None:
            return total
        total += value


@contextlib.contextmanager
def opened(name):
    yield name
    square(9)


def abandoned():
    yield 1
    yield 2


list(doubled(numbers(3)))
list(chain())
sums = accumulate()
next(sums)
sums.send(4)
with contextlib.suppress(StopIteration):
    sums.send(None)
with opened("file"):
    square(5)
leftover = abandoned()
next(leftover)
sum(square(n) for n in range(2))
