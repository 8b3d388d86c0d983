"""Doubly recursive, one int in and out: nothing but calls."""


def fib(n: int) -> int:
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def run(size: int) -> object:
    return fib(size)
