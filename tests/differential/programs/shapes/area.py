"""A module of the package, with a default that is computed when it is imported."""


def default():
    return 2


def square(side, power=default()):
    return check(side) ** power


def check(side):
    if side < 0:
        raise ValueError(side)
    return side
