"""Context managers: classes, contextlib's, nested, suppressing, raising on the way in and out."""

import contextlib


class Resource:
    def __init__(self, name, swallow=False):
        self.name = name
        self.swallow = swallow

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        return self.swallow


class BadEntry(Resource):
    def __enter__(self):
        raise OSError(2, "no entry")


class BadExit(Resource):
    def __exit__(self, *details):
        raise RuntimeError("while leaving")


@contextlib.contextmanager
def opened(name):
    try:
        yield name.upper()
    finally:
        name = "closed"


@contextlib.contextmanager
def translating():
    try:
        yield
    except KeyError as error:
        raise LookupError("translated") from error


@contextlib.contextmanager
def swallowing():
    with contextlib.suppress(ZeroDivisionError):
        yield 1


@opened("as a decorator")
def decorated(n):
    return n + 1


def use(manager, action=None):
    with manager as value:
        if action:
            action()
        return value


def divide():
    return 1 / 0


def look_up():
    return {}["missing"]


def stack(names):
    with contextlib.ExitStack() as stack:
        values = [stack.enter_context(opened(name)) for name in names]
        stack.callback(print, "called back", values)
        return len(values)


def attempt(*arguments):
    try:
        return use(*arguments)
    except Exception as error:
        return error


use(Resource("plain"))
use(Resource("swallowing", swallow=True), divide)
attempt(Resource("not swallowing"), divide)
attempt(BadEntry("entry"))
attempt(BadExit("exit"))
attempt(BadExit("exit"), divide)
use(opened("file"))
attempt(opened("file"), divide)
attempt(translating(), look_up)
use(swallowing(), divide)
decorated(1)
stack(["a", "b"])
with opened("one") as one, Resource("two") as two:
    print(one, two.name)
with contextlib.nullcontext(3) as three:
    print(three)
