from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any


class OrderError(Exception):
    """An order that cannot be read."""


class Tier(Enum):
    REGULAR = "regular"
    SILVER = "silver"
    GOLD = "gold"


class Status(Enum):
    PAID = "paid"
    DECLINED = "declined"
    INVALID = "invalid"


@dataclass(frozen=True)
class Customer:
    name: str
    tier: Tier


@dataclass(frozen=True)
class Line:
    item: str
    category: str
    quantity: int
    price: Decimal


@dataclass(frozen=True)
class Order:
    id: str
    customer: Customer
    placed: date
    lines: list[Line]


@dataclass
class Summary:
    statuses: dict[str, Status] = field(default_factory=dict)
    total: Decimal = Decimal("0.00")

    def record(self, order_id: str, status: Status, amount: Decimal = Decimal(0)) -> None:
        self.statuses[order_id] = status
        self.total += amount

    def ids(self, status: Status) -> list[str]:
        return [id for id, found in self.statuses.items() if found is status]


def parse_quantity(value: int | str) -> int:
    quantity = int(value)
    if quantity < 1:
        raise ValueError(f"quantity must be positive, not {quantity}")
    return quantity


def parse_line(raw: dict[str, Any]) -> Line:
    return Line(raw["item"], raw["category"], parse_quantity(raw["quantity"]), raw["price"])


def parse_order(raw: dict[str, Any], customers: dict[str, Customer]) -> Order:
    try:
        lines = [parse_line(line) for line in raw["lines"]]
    except ValueError as error:
        raise OrderError(f"{raw['id']}: bad line") from error
    return Order(raw["id"], customers[raw["customer"]], raw["placed"], lines)
