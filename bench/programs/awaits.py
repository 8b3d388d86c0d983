"""asyncio: a hundred tasks that do nothing but await, and are suspended each time."""

from __future__ import annotations

import asyncio


async def waits(rounds: int) -> None:
    for _ in range(rounds):
        await asyncio.sleep(0)


async def crowd(rounds: int) -> None:
    await asyncio.gather(*[waits(rounds) for _ in range(100)])


def run(size: int) -> object:
    return asyncio.run(crowd(size))
