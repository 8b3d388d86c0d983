# $ flowtrace run folding.py
"""Calls that did alike fold; recursion and chains are told in a word."""


def price(item, rules=("vip", "sale")):
    return discount(item * 10)


def discount(total):
    return total - 1


def store(item):
    pass


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def deep(n):
    if n == 0:
        raise ValueError("bottom")
    deep(n - 1)


def is_even(n):
    return n == 0 or is_odd(n - 1)


def is_odd(n):
    return n != 0 and is_even(n - 1)


def loop():
    for item in range(100):
        price(item)
        store(item)
        if item == 50:
            fib(1)


for item in range(12):
    price(item)
loop()
fib(12)
is_even(60)
try:
    deep(20)
except ValueError:
    pass
