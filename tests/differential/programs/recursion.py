"""Recursion of several kinds, and one that goes near the interpreter's limit."""

import sys


def factorial(n):
    return 1 if n == 0 else n * factorial(n - 1)


def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


def is_even(n):
    return True if n == 0 else is_odd(n - 1)


def is_odd(n):
    return False if n == 0 else is_even(n - 1)


def flatten(items):
    for item in items:
        if isinstance(item, list):
            yield from flatten(item)
        else:
            yield item


def hanoi(n, source, target, spare, moves):
    if n:
        hanoi(n - 1, source, spare, target, moves)
        moves.append((source, target))
        hanoi(n - 1, spare, target, source, moves)
    return moves


def dive(left):
    return dive(left - 1) + 1 if left else 0


def dive_and_raise(left):
    if left == 0:
        raise ValueError("at the bottom")
    dive_and_raise(left - 1)


class Node:
    def __init__(self, depth):
        self.children = [Node(depth - 1), Node(depth - 1)] if depth else []

    def count(self):
        return 1 + sum(child.count() for child in self.children)


factorial(10)
fibonacci(7)
is_even(9)
list(flatten([1, [2, [3, [4]]], 5]))
hanoi(3, "a", "c", "b", [])
Node(3).count()
depth = sys.getrecursionlimit() - 60
print(dive(depth))
try:
    dive_and_raise(depth)
except ValueError as error:
    print(error)
