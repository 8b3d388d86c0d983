# $ flowtrace run -q graph.py; flowtrace graph; flowtrace graph price --no-time; flowtrace graph fetch --no-time; flowtrace graph prize
"""Who calls whom: functions called from several places, recursion, tasks and threads."""

import asyncio
import threading


def rate(kind):
    return 2 if kind == "vip" else 3


def price(kind, n):
    return n * rate(kind) if n < 9 else price(kind, n - 8)


def order(kind):
    return sum(price(kind, n) for n in (1, 20))


def is_even(n):
    return n == 0 or is_odd(n - 1)


def is_odd(n):
    return n != 0 and is_even(n - 1)


async def fetch(n):
    await asyncio.sleep(0.001 * n)
    return price("usual", n)


async def gather():
    return await asyncio.gather(*(fetch(n) for n in (1, 2, 3)))


def main():
    for kind in ("vip", "usual", "vip"):
        order(kind)
    is_even(6)
    thread = threading.Thread(target=order, args=("vip",))
    thread.start()
    thread.join()
    asyncio.run(gather())


main()
