# $ flowtrace run --caught caught.py
"""What is raised and caught within one call, and which handler has what came out of another."""

import contextlib


class Declined(Exception):
    pass


def charge(amount):
    if amount > 10:
        raise Declined(amount)


def careful(amount):
    try:
        charge(amount)
    except KeyError:
        return "no such account"
    except Declined:
        return "declined"


def forgiving(amount):
    with contextlib.suppress(Declined):
        charge(amount)


def count(words):
    counts = {}
    for word in words:
        try:
            counts[word] += 1
        except KeyError:
            counts[word] = 1
    return counts


def translate(text):
    try:
        int(text)
    except ValueError as error:
        raise Declined(text) from error


careful(50)
forgiving(50)
count(["a", "b", "a", "c", "d", "e"])
try:
    translate("ten")
except Declined:
    pass
