"""asyncio: tasks that are created, a hundred at a time, and do nothing."""

from __future__ import annotations

import asyncio


async def nothing() -> None:
    pass


async def creates(rounds: int) -> None:
    for _ in range(rounds):
        await asyncio.wait([asyncio.create_task(nothing()) for _ in range(100)])


def run(size: int) -> object:
    return asyncio.run(creates(size))
