"""What a format can say or can't: exceptions, a generator in turn with its consumer, tasks, a thread, a process."""

import asyncio
import os
import threading


def price(order, *, rule="new"):
    return order * 10


def broken(n):
    raise ValueError(f"no {n}")


def careful(n):
    try:
        return broken(n)
    except ValueError:
        return -1


def numbers(n):
    for i in range(n):
        yield i


def consume():
    return [price(i) for i in numbers(3)]


async def fetch(name):
    await asyncio.sleep(0.001)
    return name


async def gather():
    return await asyncio.gather(fetch("a"), fetch("b"))


def child():
    return price(7)


def main():
    price(1, rule="vip")
    careful(2)
    consume()
    asyncio.run(gather())
    thread = threading.Thread(target=price, args=(5,), name="worker")
    thread.start()
    thread.join()
    pid = os.fork()
    if pid == 0:
        child()
        os._exit(0)
    os.waitpid(pid, 0)
    broken(3)


main()
