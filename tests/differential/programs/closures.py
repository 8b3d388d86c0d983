"""Arguments that live in cells, nested functions, nonlocal, decorators, partial, recursion through a closure."""

import functools


def counter(start, step=1):
    def advance(by=None):
        nonlocal start
        start += by or step
        return start

    return advance


def captured(first, *rest, key=None, **more):
    def look():
        return first, rest, key, more

    return look()


def logged(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


def repeated(times):
    def decorate(function):
        @functools.wraps(function)
        def wrapper(value):
            for _ in range(times):
                value = function(value)
            return value

        return wrapper

    return decorate


@logged
def add(a, b=1):
    return a + b


@repeated(3)
def double(n):
    return 2 * n


@functools.lru_cache
def cached(n):
    return n if n < 2 else cached(n - 1) + cached(n - 2)


def rebinding(value):
    read = lambda: value
    value = [value]
    return read()


class Scaled:
    def __init__(self, by):
        self.by = by

    def logged(method):
        def wrapper(self, *args):
            return method(self, *args)

        return wrapper

    @logged
    def times(self, n):
        return self.by * n


def walk(tree):
    total = 0

    def visit(node):
        nonlocal total
        total += node[0]
        for child in node[1:]:
            visit(child)

    visit(tree)
    return total


advance = counter(10)
advance()
advance(by=5)
captured(1, 2, 3, key="k", extra=4)
add(1)
add(a=2, b=3)
double(2)
cached(5)
cached(5)
rebinding(1)
Scaled(3).times(4)
walk([1, [2, [3]], [4]])
functools.partial(add, 10)(b=20)
