"""Exceptions of one type that come and go at one place, each perhaps at the address of the one before."""

import contextlib


@contextlib.contextmanager
def guarded():
    try:
        yield
    except LookupError:
        pass


def keeps_going():
    while True:
        try:
            yield
        except LookupError:
            pass


def thrown(n):
    try:
        {}[n]
    except KeyError as error:
        patient.throw(error)


def recursive(depth, n):
    return recursive(depth - 1, n) if depth else {}[n]


def with_text(n):
    with guarded():
        [].index(f"text {n}")


def with_number(n):
    with guarded():
        {}[n]


def changing(n):
    error = KeyError(n)
    try:
        raise error
    except KeyError:
        error.args = (n, "changed")
        raise


patient = keeps_going()
next(patient)
for attempt in (thrown, with_number, with_text):
    for n in range(20):
        try:
            attempt(n)
        except ValueError:
            pass
for n in range(20):
    for attempt in (lambda n: recursive(2, n), changing):
        try:
            attempt(n)
        except KeyError:
            pass
for n in range(20):
    with guarded():
        {}[n]
