# $ flowtrace run journeys.py
"""Causes, groups, notes, an exception that is kept and raised again, and a request to exit."""

import sys


class Broken(Exception):
    def __init__(self, part):
        super().__init__("it broke")
        self.part = part


def look_up(key):
    return {}[key]


def named(key):
    try:
        look_up(key)
    except KeyError as error:
        raise Broken(key) from error


def meanwhile(key):
    try:
        look_up(key)
    except KeyError:
        raise Broken(key)


def noted():
    error = ValueError("no")
    error.add_note("on Mondays")
    raise error


def several():
    raise ExceptionGroup("several", [ValueError("a"), ExceptionGroup("inner", [KeyError("b"), TypeError("c")])])


def takes_some():
    try:
        several()
    except* ValueError:
        pass


def keep(kept):
    try:
        look_up("kept")
    except KeyError as error:
        kept.append(error)


def raise_again(kept):
    raise kept[0]


def attempt(function, *arguments):
    try:
        function(*arguments)
    except Exception:
        pass


def main():
    kept = []
    attempt(named, "wheel")
    attempt(meanwhile, "door")
    attempt(noted)
    attempt(takes_some)
    keep(kept)
    attempt(raise_again, kept)
    sys.exit("that is all")


main()
