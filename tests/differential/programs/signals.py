"""Signal handlers: one that returns, one that raises, in a call, in a generator, in a loop that retries."""

import signal


class Alarm(Exception):
    pass


def count(number, frame):
    return number


def interrupt(number, frame):
    raise Alarm("rang")


def ring():
    signal.raise_signal(signal.SIGUSR1)
    return "rung"


def guarded(n):
    try:
        return ring()
    except Alarm:
        return after(n)


def after(n):
    return n


def steps():
    try:
        yield "before"
        ring()
        yield "between"
    except Alarm:
        yield "alarmed"


def nested():
    try:
        ring()
    finally:
        after("finally")


def retry(times):
    return [guarded(n) for n in range(times)]


signal.signal(signal.SIGUSR1, count)
ring()
guarded(1)
list(steps())
signal.signal(signal.SIGUSR1, interrupt)
guarded(2)
list(steps())
retry(2)
try:
    nested()
except Alarm as error:
    print(error)
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
ring()
