# $ flowtrace run cancellation.py
"""asyncio: who cancelled a task, and where it landed."""

import asyncio


async def forever():
    await asyncio.sleep(3600)


async def stubborn():
    try:
        await forever()
    except asyncio.CancelledError:
        return "kept on"


async def inner(event):
    try:
        await event.wait()
    except asyncio.CancelledError:
        await asyncio.sleep(0)
        raise


def stop(task):
    task.cancel()


async def plain():
    task = asyncio.create_task(forever(), name="plain")
    await asyncio.sleep(0)
    stop(task)
    try:
        await task
    except asyncio.CancelledError:
        return "gone"


async def swallow():
    async def keeps():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "kept"

    task = asyncio.create_task(keeps(), name="keeps")
    other = asyncio.create_task(stubborn(), name="stubborn")
    await asyncio.sleep(0)
    task.cancel()
    other.cancel()
    return await task, await other


async def late():
    try:
        async with asyncio.timeout(0.01):
            await asyncio.Event().wait()
    except TimeoutError:
        return "late"


async def waits():
    try:
        await asyncio.wait_for(forever(), 0.01)
    except TimeoutError:
        return "late"


async def fails():
    await asyncio.sleep(0)
    raise ValueError("no")


async def group():
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(forever(), name="sibling")
            tasks.create_task(fails(), name="fails")
            await asyncio.Event().wait()
    except* ValueError:
        pass


async def chain():
    task = asyncio.create_task(parent(), name="parent")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])


async def parent():
    await asyncio.create_task(inner(asyncio.Event()), name="child")


async def gathers():
    both = asyncio.gather(forever(), forever())
    await asyncio.sleep(0)
    both.cancel()
    try:
        await both
    except asyncio.CancelledError:
        pass


async def main():
    await plain()
    await swallow()
    await late()
    await waits()
    await group()
    await chain()
    await gathers()
    asyncio.create_task(forever(), name="left over")
    await asyncio.sleep(0)


asyncio.run(main())
