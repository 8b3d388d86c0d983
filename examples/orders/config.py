import tomllib
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from models import Customer, Tier


@dataclass(frozen=True)
class Category:
    parent: str | None
    discount: Decimal


@dataclass(frozen=True)
class Config:
    shop: str
    currency: str
    tax_rate: Decimal
    season: tuple[date, date]
    season_discount: Decimal
    attempts: int
    declined: frozenset[str]
    slow: frozenset[str]
    categories: dict[str, Category]
    customers: dict[str, Customer]
    orders: list[dict[str, Any]]


def read_toml(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return tomllib.load(file, parse_float=Decimal)


def read_local_settings(folder: Path) -> dict[str, Any]:
    """Settings of this machine only; most machines have none."""
    with suppress(FileNotFoundError):
        return read_toml(folder / "local.toml")
    return {}


def category(raw: dict[str, Any]) -> Category:
    return Category(raw.get("parent"), raw.get("discount", Decimal(0)))


def customer(raw: dict[str, Any]) -> Customer:
    return Customer(raw["name"], Tier(raw["tier"]))


def load_config(folder: Path) -> Config:
    data = read_toml(folder / "orders.toml")
    shop = data["shop"] | read_local_settings(folder)
    gateway = data["gateway"]
    return Config(
        shop=shop["name"],
        currency=shop["currency"],
        tax_rate=shop["tax_rate"],
        season=(shop["season_start"], shop["season_end"]),
        season_discount=shop["season_discount"],
        attempts=gateway["attempts"],
        declined=frozenset(gateway["declined"]),
        slow=frozenset(gateway["slow"]),
        categories={name: category(raw) for name, raw in data["categories"].items()},
        customers={key: customer(raw) for key, raw in data["customers"].items()},
        orders=data["orders"],
    )
