# $ flowtrace run --all everything.py
"""--all: siblings still fold, nothing is left out."""


class Shape:
    sides = 0


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


fib(5)
