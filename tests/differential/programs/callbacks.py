"""Functions that C code calls: sort keys, map, filter, reduce, comprehensions, lambdas, iteration, __missing__."""

import functools
import itertools
import re


def key(word):
    return (len(word), word)


def compare(a, b):
    return (a > b) - (a < b)


def square(n):
    return n * n


def is_odd(n):
    return n % 2 == 1


def tagged(match):
    return f"<{match[0]}>"


class Missing(dict):
    def __missing__(self, name):
        self[name] = name * 2
        return self[name]


class Countdown:
    def __init__(self, start):
        self.now = start

    def __iter__(self):
        return self

    def __next__(self):
        if self.now == 0:
            raise StopIteration
        self.now -= 1
        return self.now


class Hashed:
    def __init__(self, value):
        self.value = value

    def __hash__(self):
        return hash(self.value)

    def __eq__(self, other):
        return self.value == other.value


def comprehensions(limit):
    squares = [square(n) for n in range(limit)]
    odd = {n for n in squares if is_odd(n)}
    table = {n: square(n) for n in odd}
    nested = [[square(i) for i in range(j)] for j in range(3)]
    lazy = (square(n) for n in squares)
    return squares, odd, table, nested, next(lazy), sum(lazy)


def raising_key(word):
    raise ValueError(word)


words = ["pear", "fig", "apple"]
sorted(words, key=key)
words.sort(key=lambda word: word[-1], reverse=True)
max(words, key=len)
min(words, key=key, default=None)
sorted([3, 1, 2], key=functools.cmp_to_key(compare))
list(map(square, [1, 2]))
list(map(lambda a, b: a + b, [1, 2], (3, 4)))
list(filter(is_odd, range(4)))
functools.reduce(lambda total, n: total + n, range(4), 10)
comprehensions(4)
list(itertools.takewhile(is_odd, [1, 3, 4]))
[list(group) for _, group in itertools.groupby([1, 3, 2], is_odd)]
re.sub(r"\w+", tagged, "two words")
Missing()["ab"]
list(Countdown(2))
for _ in Countdown(1):
    pass
sum(Countdown(3))
{Hashed(1), Hashed(1), Hashed(2)}
list(iter(lambda: 0, 0))
any(is_odd(n) for n in (2, 3, 4))
any(map(is_odd, (2, 3, 4)))
all(n < 3 for n in (1, 2, 3, 4))
(lambda *args, **kwargs: (args, kwargs))(1, a=2)
(lambda: (lambda n: n + 1)(1))()
try:
    sorted(words, key=raising_key)
except ValueError:
    pass
next(filter(None, map(square, [0, 2])))
