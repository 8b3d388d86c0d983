"""asyncio in one thread: tasks, gather, TaskGroup, cancellation, timeouts, queues, callbacks, async generators."""

import asyncio
import contextlib


async def leaf(n):
    await asyncio.sleep(0)
    return n


async def branch(n):
    return await leaf(n) + await leaf(n + 1)


async def failing(after):
    for _ in range(after):
        await asyncio.sleep(0)
    raise ValueError(f"after {after}")


async def forever(log):
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        log.append(await leaf("cancelled"))
        raise


async def produce(queue, count):
    for n in range(count):
        await queue.put(n)
    await queue.put(None)


async def consume(queue):
    seen = []
    while (item := await queue.get()) is not None:
        seen.append(handle(item))
    return seen


def handle(item):
    return item * 10


async def ticks(limit):
    for n in range(limit):
        await asyncio.sleep(0)
        yield n


@contextlib.asynccontextmanager
async def session(name):
    await asyncio.sleep(0)
    yield name
    await asyncio.sleep(0)


async def cancelled():
    log = []
    task = asyncio.create_task(forever(log))
    await asyncio.sleep(0)
    task.cancel("enough")
    try:
        await task
    except asyncio.CancelledError:
        return log


async def grouped():
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(forever([]))
            group.create_task(failing(2))
            group.create_task(leaf("fine"))
    except* ValueError as errors:
        print(len(errors.exceptions))


async def timed_out():
    try:
        async with asyncio.timeout(0):
            await forever([])
    except TimeoutError:
        return "late"


def done(task):
    return task.done()


async def called_back():
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(branch(5), name="branch of five")
    task.add_done_callback(done)
    loop.call_soon(handle, 4)
    await task
    await asyncio.sleep(0)


async def semaphored(semaphore, n):
    async with semaphore:
        return await leaf(n)


async def main():
    await branch(1)
    await asyncio.gather(branch(10), branch(20), leaf(30))
    await asyncio.gather(failing(1), leaf(1), return_exceptions=True)
    await cancelled()
    await grouped()
    await timed_out()
    await called_back()
    queue = asyncio.Queue(maxsize=1)
    await asyncio.gather(produce(queue, 3), consume(queue))
    print([n async for n in ticks(3)])
    async for n in ticks(5):
        if n:
            break
    async with session("s") as name:
        print(name)
    semaphore = asyncio.Semaphore(1)
    await asyncio.gather(*(semaphored(semaphore, n) for n in range(3)))
    task = asyncio.ensure_future(leaf(9))
    await asyncio.wait([task])
    await asyncio.shield(leaf(10))


asyncio.run(main())
with asyncio.Runner() as runner:
    runner.run(leaf(1))
    runner.run(branch(2))
