"""Shutdown takes for ever: one of two workers goes on after it was cancelled."""

import asyncio


async def step(name, number):
    await asyncio.sleep(0.001)
    return number


async def careful(name):
    for number in range(100):
        await step(name, number)


async def stubborn(name):
    for number in range(6):
        try:
            await step(name, number)
        except:  # noqa: E722  "a step may fail, the worker must not"
            pass


async def shutdown(tasks):
    for task in tasks:
        task.cancel()
    return await asyncio.gather(*tasks, return_exceptions=True)


async def main():
    tasks = [asyncio.create_task(worker(worker.__name__), name=worker.__name__) for worker in (careful, stubborn)]
    await asyncio.sleep(0.002)
    await shutdown(tasks)


asyncio.run(main())
