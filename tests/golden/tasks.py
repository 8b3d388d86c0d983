# $ flowtrace run tasks.py
"""asyncio: each task stands under the call that made it."""

import asyncio


async def fetch(name, turns):
    for _ in range(turns):
        await asyncio.sleep(0)
    if name == "bad":
        raise LookupError(name)
    return name.upper()


async def gather_all():
    return await asyncio.gather(fetch("a", 1), fetch("b", 2))


async def group():
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(fetch("c", 1), name="third")
        tasks.create_task(fetch("d", 1), name="fourth")


async def forever():
    await asyncio.Event().wait()


async def cancels():
    task = asyncio.create_task(forever(), name="endless")
    await asyncio.sleep(0)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        return "cancelled"


async def ticks(count):
    for n in range(count):
        await asyncio.sleep(0)
        yield n


async def main():
    await gather_all()
    await group()
    await cancels()
    async for _ in ticks(2):
        pass
    results = await asyncio.gather(fetch("bad", 0), return_exceptions=True)
    return len(results)


asyncio.run(main())
