# $ flowtrace run -q by_task.py && flowtrace show --by task
"""What a task did beside the call that created it, not under that."""

import asyncio


async def fetch(name):
    await asyncio.sleep(0)
    return clean(name)


def clean(name):
    return name.upper()


async def pair(left, right):
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(fetch(name), name=name) for name in (left, right)]
    return [task.result() for task in tasks]


async def main():
    print(await asyncio.gather(pair("a", "b"), fetch("c")))


asyncio.run(main())
