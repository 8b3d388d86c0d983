"""Coroutines and async generators driven by hand, without an event loop."""

import types


class Step:
    def __init__(self, name):
        self.name = name

    def __await__(self):
        answer = yield self.name
        return answer


@types.coroutine
def old_style(name):
    answer = yield name
    return answer


async def leaf(name):
    return await Step(name)


async def both():
    first = await leaf("first")
    second = await old_style("second")
    return first, second


async def caught():
    try:
        return await leaf("risky")
    except ValueError:
        return await leaf("again")


async def raising():
    await Step("before")
    raise LookupError("inside")


async def at_once(n):
    return n


async def plain_await():
    return await at_once(1), await at_once(2)


async def ticks(limit):
    try:
        for n in range(limit):
            await Step("tick")
            yield n
    finally:
        await Step("closing")


async def consume(limit):
    return [n async for n in ticks(limit)]


class Lock:
    async def __aenter__(self):
        await Step("enter")
        return self

    async def __aexit__(self, *details):
        await Step("exit")


async def locked():
    async with Lock() as lock:
        return lock


def drive(coroutine, *answers):
    """Send each answer in turn, or raise it inside."""
    seen = [coroutine.send(None)]
    try:
        for answer in answers:
            if isinstance(answer, BaseException):
                seen.append(coroutine.throw(answer))
            else:
                seen.append(coroutine.send(answer))
    except StopIteration as end:
        seen.append(end.value)
    except Exception as error:
        seen.append(type(error))
    return seen


drive(both(), 1, 2)
drive(caught(), ValueError("thrown"), "fine")
drive(caught(), TypeError("not caught"))
drive(raising(), None)
drive(consume(2), None, None, None)
drive(locked(), None, None)
try:
    plain_await().send(None)
except StopIteration as end:
    print(end.value)
waiting = both()
waiting.send(None)
waiting.close()
half = leaf("half")
half.send(None)
del half
never = at_once(3)
never.close()
series = ticks(3)
step = series.asend(None)
print(step.send(None))
try:
    step.send(None)
except StopIteration as end:
    print(end.value)
closing = series.aclose()
print(closing.send(None))
try:
    closing.send(None)
except StopIteration:
    pass
