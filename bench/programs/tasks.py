"""asyncio: twenty tasks that await through four coroutines, each time suspended once."""

from __future__ import annotations

import asyncio


async def relay(depth: int) -> int:
    if depth == 0:
        await asyncio.sleep(0)
        return 1
    return 1 + await relay(depth - 1)


async def worker(rounds: int) -> int:
    total = 1
    for _ in range(rounds):
        total += await relay(3)
    return total


async def crowd(rounds: int) -> int:
    return 1 + sum(await asyncio.gather(*[worker(rounds) for _ in range(20)]))


def run(size: int) -> object:
    return asyncio.run(crowd(size))
