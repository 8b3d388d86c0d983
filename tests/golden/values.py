# $ flowtrace run -q values.py && python print_values.py
"""How values of all sorts look."""

from collections import OrderedDict, deque, namedtuple
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum, IntFlag
from fractions import Fraction
from pathlib import PurePosixPath


@dataclass
class Order:
    id: int
    total: Decimal


class Color(Enum):
    RED = 1


class Mode(IntFlag):
    R = 1
    W = 2


class Celsius(float):
    pass


class Loud:
    def __repr__(self):
        raise SystemExit("nobody may call this")

    __str__ = __eq__ = __hash__ = __getattr__ = __repr__


class Customer:
    def __init__(self, name, orders):
        self.name = name
        self.orders = orders
        self._password = "hunter2"


Point = namedtuple("Point", "x y")


def show(value):
    pass


loop = [1]
loop.append(loop)
for value in (
    None,
    True,
    -1,
    2**70,
    0.1,
    1e100,
    1 - 2j,
    "it's",
    'say "hi"',
    "two\nlines\t\x1b[31mred",
    "длинный текст " * 20,
    "東京タワー",
    b"\x00bytes",
    [1, "two", None],
    (1,),
    (),
    {"a": [1, 2], "b": {}},
    {3, 1, 2},
    set(),
    frozenset({1}),
    list(range(100)),
    [[[[[1]]]]],
    loop,
    Order(1, Decimal("9.50")),
    [Order(n, Decimal(n)) for n in range(12)],
    Color.RED,
    Mode.R | Mode.W,
    Celsius(36.6),
    Point(1, 2),
    OrderedDict(a=1),
    date(2026, 1, 31),
    timedelta(minutes=90),
    PurePosixPath("/etc/hosts"),
    ValueError("bad", 3),
    Fraction(1, 3),
    Loud(),
    Customer("Ann", [Order(1, Decimal("9.50"))]),
    range(1, 9, 2),
    deque([1, 2]),
    "Bearer 1f2e3d4c5b6a7980",
    Loud,
    show,
    len,
    Ellipsis,
):
    show(value)
