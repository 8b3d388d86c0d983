"""One-way constraints kept up by a plan, in the style of DeltaBlue: subclasses, properties, lists of objects."""

from __future__ import annotations

from enum import IntEnum
from itertools import pairwise


class Strength(IntEnum):
    REQUIRED = 0
    PREFERRED = 1
    WEAK = 2


class Variable:
    def __init__(self, name: str, value: int = 0) -> None:
        self.name = name
        self.value = value
        self.strength = Strength.WEAK
        self.determined_by: Constraint | None = None
        self.readers: list[Constraint] = []


class Constraint:
    def __init__(self, strength: Strength, inputs: list[Variable], output: Variable) -> None:
        self.strength = strength
        self.inputs = inputs
        self.output = output

    @property
    def is_satisfied(self) -> bool:
        return self.output.determined_by is self

    def is_stronger(self, other: Constraint | None) -> bool:
        return other is None or self.strength < other.strength

    def execute(self) -> None:
        raise NotImplementedError


class Stay(Constraint):
    def execute(self) -> None:
        pass


class Edit(Constraint):
    new_value = 0

    def execute(self) -> None:
        self.output.value = self.new_value


class Equal(Constraint):
    def execute(self) -> None:
        self.output.value = self.inputs[0].value


class Scale(Constraint):
    def execute(self) -> None:
        source, factor, offset = self.inputs
        self.output.value = source.value * factor.value + offset.value


class Planner:
    def __init__(self) -> None:
        self.plans = 0

    def add(self, constraint: Constraint) -> None:
        for variable in constraint.inputs:
            variable.readers.append(constraint)
        if constraint.is_stronger(constraint.output.determined_by):
            constraint.output.determined_by = constraint
            self.spread(constraint)

    def remove(self, constraint: Constraint) -> None:
        if constraint.is_satisfied:
            constraint.output.determined_by = None
        for variable in constraint.inputs:
            variable.readers.remove(constraint)

    def spread(self, constraint: Constraint) -> None:
        constraint.output.strength = self.weakest(constraint)
        for reader in constraint.output.readers:
            if reader.is_satisfied:
                self.spread(reader)

    def weakest(self, constraint: Constraint) -> Strength:
        return max([constraint.strength, *[variable.strength for variable in constraint.inputs[:1]]])

    def plan(self, source: Constraint) -> list[Constraint]:
        self.plans += 1
        found, waiting = [], [source]
        while waiting:
            constraint = waiting.pop()
            found.append(constraint)
            waiting.extend(self.satisfied_readers(constraint.output))
        return found

    def satisfied_readers(self, variable: Variable) -> list[Constraint]:
        return [constraint for constraint in variable.readers if constraint.is_satisfied]


def chain(planner: Planner, length: int) -> list[Variable]:
    variables = [Variable(f"v{i}", i) for i in range(length)]
    scale, offset = Variable("scale", 3), Variable("offset", 1)
    planner.add(Stay(Strength.WEAK, [], variables[0]))
    for i, (source, target) in enumerate(pairwise(variables)):
        kind, inputs = (Scale, [source, scale, offset]) if i % 2 else (Equal, [source])
        planner.add(kind(Strength.REQUIRED, inputs, target))
    return variables


def run(size: int) -> object:
    planner, total = Planner(), 0
    for round in range(size):
        variables = chain(planner, 20)
        edit = Edit(Strength.PREFERRED, [], variables[0])
        planner.add(edit)
        plan = planner.plan(edit)
        for value in range(10):
            edit.new_value = value + round
            for constraint in plan:
                constraint.execute()
            total ^= variables[-1].value
        planner.remove(edit)
    return total
