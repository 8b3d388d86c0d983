# $ flowtrace run -q report.py; flowtrace report --sort calls; flowtrace report --by exception
"""Functions in numbers: a recursion, a generator, a coroutine that waits, exceptions, an iterator's end."""

import asyncio


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def items(n):
    yield from range(n)


class Countdown:
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return self

    def __next__(self):
        if self.n == 0:
            raise StopIteration
        self.n -= 1
        return self.n


def check(n):
    if n % 3 == 0:
        raise ValueError(n)
    return n


def checked(n):
    try:
        return check(n)
    except ValueError:
        return None


async def nap():
    await asyncio.sleep(0.01)


async def main():
    await nap()
    await nap()


fib(5)
for item in items(4):
    checked(item)
for _ in Countdown(8):
    pass
asyncio.run(main())
