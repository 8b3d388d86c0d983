# $ flowtrace run -q --boundary swallowed.py >/dev/null 2>&1; flowtrace show --errors
"""What became of exceptions that were caught: told, handed on, returned, turned into others, or nothing at all."""

import contextlib


class Declined(Exception):
    pass


def pay(amount):
    if amount > 10:
        raise Declined(f"{amount} is too much")
    return amount


def charge(amount):
    return pay(amount)


def log_failure(order, error):
    return order, error


def retry(error):
    return error is not None


def rejects(amount):
    try:
        charge(amount)
    except Declined:
        pass


def silent(amount):
    with contextlib.suppress(Declined):
        charge(amount)
    return pay(1)


def logs(amount):
    try:
        charge(amount)
    except Declined as error:
        log_failure(amount, error)


def prints(amount):
    try:
        charge(amount)
    except Declined:
        print("declined")


def hands_on(amount):
    try:
        charge(amount)
    except Declined as error:
        return retry(error)


def answers(amount):
    try:
        charge(amount)
    except Declined as error:
        return {"error": str(error)}


def turns(amount):
    try:
        charge(amount)
    except Declined as error:
        raise LookupError("no such account") from error


def count_down(n):
    if n == 0:
        raise RecursionError("that deep")
    count_down(n - 1)


for amount in 50, 60, 70:
    rejects(amount)
silent(80)
logs(90)
prints(91)
hands_on(92)
answers(93)
with contextlib.suppress(LookupError):
    turns(94)
count_down(5)
