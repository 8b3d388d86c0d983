# $ flowtrace run errors.py 2>&1 | sed "1,/^KeyError/d"
"""Exceptions: caught, passed on, turned into others, swallowed, and one that ends the program."""

import contextlib


class PaymentError(Exception):
    pass


def pay(amount):
    if amount > 10:
        raise PaymentError(f"{amount} is too much")
    return amount


def charge(amount):
    return pay(amount)


def careful(amount):
    try:
        return charge(amount)
    except PaymentError:
        return None


def translated(text):
    try:
        return int(text)
    except ValueError as error:
        raise PaymentError(text) from error


def cleans_up():
    try:
        pay(11)
    finally:
        charge(1)


def swallows():
    with contextlib.suppress(PaymentError):
        charge(99)


def walks():
    return next(iter(Once()))


class Once:
    def __iter__(self):
        return self

    def __next__(self):
        raise StopIteration


def fails():
    return {}["missing"]


careful(5)
careful(50)
with contextlib.suppress(PaymentError):
    translated("ten")
with contextlib.suppress(PaymentError):
    cleans_up()
swallows()
for _ in Once():
    pass
fails()
