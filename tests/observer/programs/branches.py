"""Branches, loops, exceptions, generators: for tools that count lines and calls."""

RECORDER = None


def f(n):
    if n % 2:
        return "odd"
    for i in range(n):
        if i > 3:
            break
    else:
        return "small"
    try:
        raise ValueError(n)
    except ValueError:
        pass
    return never() if n > 1000 else [x for x in range(n)]


def never():
    return 1


def generator(n):
    while n:
        yield n
        n -= 1


class Thing:
    def method(self):
        return lambda: self


for n in range(9):
    f(n)
print(list(generator(3)), sum(generator(2)))
Thing().method()()
