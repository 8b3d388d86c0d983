"""Generators: driven to the end or not, sent to, thrown into, closed, delegated to, shared, never started."""


def numbers(limit):
    for n in range(limit):
        yield n
    return "done"


def echo(first):
    received = yield first
    while received is not None:
        received = yield received * 2
    return "enough"


def robust():
    while True:
        try:
            yield "ready"
        except ValueError as error:
            yield ("caught", error)


def fragile():
    yield 1
    yield 2


def cleaning(log):
    try:
        yield "working"
    finally:
        log.append("cleaned")


def stubborn():
    try:
        yield 1
    except GeneratorExit:
        yield "not leaving"


def delegating(limit):
    result = yield from numbers(limit)
    result = yield from echo(result)
    yield from [1, 2]
    yield from "ab"
    return result


def failing():
    yield 1
    raise KeyError("inside")


def over_failing():
    try:
        yield from failing()
    except KeyError:
        yield "repaired"


def raises_stop():
    yield 1
    raise StopIteration("too early")


def next_of(generator):
    return next(generator)


class Tree:
    def __init__(self, value, *children):
        self.value = value
        self.children = children

    def __iter__(self):
        yield self.value
        for child in self.children:
            yield from child


def pull(generator, count):
    return [next_of(generator) for _ in range(count)]


def attempt(function, *args):
    try:
        return function(*args)
    except (Exception, GeneratorExit) as error:
        return error


list(numbers(3))
conversation = echo("hello")
next(conversation)
conversation.send(2)
attempt(conversation.send, None)
strong = robust()
next(strong)
strong.throw(ValueError("in"))
attempt(strong.throw, TypeError("out"))
weak = fragile()
attempt(weak.throw, ValueError("before the start"))
weak = fragile()
next(weak)
attempt(weak.throw, ValueError, ValueError("in the middle"))
attempt(next, weak)
log = []
cleaner = cleaning(log)
next(cleaner)
cleaner.close()
cleaner.close()
cleaner = cleaning(log)
next(cleaner)
del cleaner
never_started = numbers(2)
never_started.close()
refuses = stubborn()
next(refuses)
attempt(refuses.close)
delegate = delegating(2)
next(delegate)
next(delegate)
next(delegate)
delegate.send(5)
delegate.send(None)
next(delegate)
list(delegate)
delegate = delegating(3)
next(delegate)
attempt(delegate.throw, KeyError("through both"))
delegate = delegating(3)
next(delegate)
delegate.close()
list(over_failing())
attempt(list, raises_stop())
list(Tree(1, Tree(2, Tree(3)), Tree(4)))
shared = numbers(6)
next(shared)
pull(shared, 2)
next_of(shared)
sum(n * n for n in numbers(3))
pairs = zip(numbers(2), numbers(3), strict=False)
list(pairs)
a, *b = numbers(3)
left_over = numbers(5)
next(left_over)
