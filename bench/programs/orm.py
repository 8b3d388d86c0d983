"""An object mapper in memory: fields are descriptors, a session keeps identities and what is dirty, queries filter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any


class Field:
    def __init__(self, kind: type, default: object = None) -> None:
        self.kind = kind
        self.default = default

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, model: Model | None, owner: type) -> Any:
        return self if model is None else model._values.get(self.name, self.default)

    def __set__(self, model: Model, value: object) -> None:
        model._values[self.name] = self.checked(value)
        if model._session:
            model._session.mark(model, self.name)

    def checked(self, value: object) -> object:
        if not isinstance(value, self.kind):
            raise TypeError(f"{self.name} is a {self.kind.__name__}")
        return value

    def __eq__(self, value: object) -> Callable[[dict[str, Any]], bool]:  # type: ignore[override]
        return lambda row: bool(row.get(self.name) == value)

    def __gt__(self, value: Any) -> Callable[[dict[str, Any]], bool]:
        return lambda row: bool(row[self.name] > value)

    __hash__ = object.__hash__


class Model:
    id = Field(int)

    def __init__(self, session: Session | None = None, **values: object) -> None:
        self._session: Session | None = None
        self._values: dict[str, Any] = {}
        for name, value in values.items():
            setattr(self, name, value)
        self._session = session


class Customer(Model):
    name = Field(str)
    points = Field(int, 0)


class Order(Model):
    customer_id = Field(int)
    amount = Field(float)
    state = Field(str, "new")

    def is_large(self) -> bool:
        return bool(self.amount > 50)


class Query:
    def __init__(self, session: Session, model: type[Model]) -> None:
        self.session = session
        self.model = model
        self.conditions: list[Callable[[dict[str, Any]], bool]] = []

    def where(self, condition: Any) -> Query:
        self.conditions.append(condition)
        return self

    def matches(self, row: dict[str, Any]) -> bool:
        return all(condition(row) for condition in self.conditions)

    def __iter__(self) -> Iterator[Any]:
        rows = self.session.table(self.model)
        return iter([self.session.load(self.model, row) for row in rows.values() if self.matches(row)])


class Session:
    def __init__(self) -> None:
        self.tables: dict[type[Model], dict[int, dict[str, Any]]] = {}
        self.identities: dict[tuple[type[Model], int], Model] = {}
        self.dirty: dict[int, tuple[Model, set[str]]] = {}

    def table(self, model: type[Model]) -> dict[int, dict[str, Any]]:
        return self.tables.setdefault(model, {})

    def add(self, model: Model) -> None:
        self.table(type(model))[model.id] = dict(model._values)

    def query(self, model: type[Model]) -> Query:
        return Query(self, model)

    def load(self, model: type[Model], row: dict[str, Any]) -> Model:
        key = model, row["id"]
        if key not in self.identities:
            self.identities[key] = model(self, **row)
        return self.identities[key]

    def mark(self, model: Model, name: str) -> None:
        self.dirty.setdefault(id(model), (model, set()))[1].add(name)

    def commit(self) -> int:
        for model, names in self.dirty.values():
            self.write(model, names)
        count = len(self.dirty)
        self.dirty.clear()
        return count

    def write(self, model: Model, names: set[str]) -> None:
        self.table(type(model))[model.id].update({name: model._values[name] for name in names})


def shop(session: Session) -> int:
    for i in range(6):
        session.add(Customer(id=i, name=f"customer {i}"))
    for i in range(40):
        session.add(Order(id=i, customer_id=i % 6, amount=i * 3.5))
    for customer in session.query(Customer):
        for order in session.query(Order).where(Order.customer_id == customer.id).where(Order.amount > 20.0):
            order.state = "paid"
            customer.points = customer.points + (10 if order.is_large() else 1)
    return session.commit()


def run(size: int) -> object:
    return [shop(Session()) for _ in range(size)][-1]
