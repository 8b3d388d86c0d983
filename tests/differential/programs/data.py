"""Values of the standard library's data types, of which the recorder in C shows more than their type."""

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import pathlib
import typing
import uuid


@dataclasses.dataclass
class Point:
    x: int
    y: int = 0
    tags: list = dataclasses.field(default_factory=list)

    def __post_init__(self):
        self.tags.append("made")

    def moved(self, dx):
        return dataclasses.replace(self, x=self.x + dx)


@dataclasses.dataclass(frozen=True, order=True, slots=True)
class Money:
    amount: int
    currency: str = "EUR"

    @property
    def text(self):
        return f"{self.amount} {self.currency}"


class Color(enum.Enum):
    RED = 1
    BLUE = 2

    @classmethod
    def _missing_(cls, value):
        return cls.RED

    def shade(self, by):
        return self, by


class Access(enum.Flag):
    READ = enum.auto()
    WRITE = enum.auto()


class Level(enum.IntEnum):
    LOW = 1


Pair = collections.namedtuple("Pair", "left right")


class Triple(typing.NamedTuple):
    a: int
    b: Point
    c: str = "c"

    def total(self):
        return self.a + self.b.x


class Name(str):
    pass


class Stack(list):
    def push(self, item):
        self.append(item)
        return self


class Slotted:
    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value


def show(value):
    return value


point = Point(1)
point.moved(2)
Money(5).text
show(Money(1) < Money(2))
show([Money(1), Money(2)])
show({"price": Money(3)})
Color(7)
Color.BLUE.shade(2)
show(Access.READ | Access.WRITE)
show(Level.LOW)
show(Pair(1, Pair(2, 3)))
Triple(1, point).total()
show(Name("name"))
Stack([1]).push(2)
show(Slotted(1))
show([Slotted(1), Slotted(2), Slotted(3)])
show((Slotted(1), point))
for value in (
    decimal.Decimal("12.50"),
    fractions.Fraction(1, 3),
    datetime.date(2024, 2, 29),
    datetime.datetime(2024, 2, 29, 12, 30),
    datetime.timedelta(hours=1),
    datetime.time(1, 2, 3),
    uuid.UUID(int=5),
    pathlib.PurePosixPath("a/b"),
    collections.OrderedDict(a=1),
    collections.Counter("aab"),
    collections.deque([1, 2]),
    collections.defaultdict(list, k=[1]),
    collections.ChainMap({}, {}),
):
    show(value)
show(dataclasses.asdict(point))
