"""Modules and a package beside the program: imported once, late, by name, lazily, and one that fails."""

import importlib
import json

import shapes
from shapes import area


def late():
    from shapes.area import check

    return check(3)


def broken():
    try:
        import shapes.broken
    except ValueError as error:
        return error


def decode(pairs):
    return dict(pairs)


shapes.square(4)
area.square(5, power=3)
late()
late()
broken()
broken()
print(shapes.lazy, hasattr(shapes, "missing"))
importlib.reload(area).square(2)
json.loads('{"a": {"b": 1}}', object_pairs_hook=decode)
importlib.import_module("shapes.area").check(1)
