"""Arguments: of every kind, as they were when the call began."""

from __future__ import annotations

import pytest
from conftest import Workshop

from flowtrace._core import Call


def texts(call: Call) -> dict[str, str]:
    return {name: value.text for name, value in call.arguments.items()}


ARGUMENTS = {
    "every kind": (
        "def f(a, b=2, /, c=3, *rest, d, e=5, **more): pass",
        "f(1, d=4); f(1, 2, 3, 4, 5, d=6, e=7, g=8)",
        [
            {"a": "1", "b": "2", "c": "3", "rest": "()", "d": "4", "e": "5", "more": "{}"},
            {"a": "1", "b": "2", "c": "3", "rest": "(4, 5)", "d": "6", "e": "7", "more": "{'g': 8}"},
        ],
    ),
    "a name that is positional and a keyword": (
        "def f(a, /, **more): pass",
        "f(1, a=2)",
        [{"a": "1", "more": "{'a': 2}"}],
    ),
    "keywords alone": ("def f(*, b, a=1): pass", "f(b=2); f(a=3, b=4)", [{"b": "2", "a": "1"}, {"b": "4", "a": "3"}]),
    "cells": (
        "def f(a, b, *c, **d):\n    def g(): return a, c, d\n    a = 9\n    return g",
        "f(1, 2, 3, x=4)",
        [{"a": "1", "b": "2", "c": "(3,)", "d": "{'x': 4}"}],
    ),
    "deleted and bound again": (
        "def f(a, b):\n    del a\n    b = None\n    a = 7\n    return a",
        "f(1, 2)",
        [{"a": "1", "b": "2"}],
    ),
    "all deleted": ("def f(a, *b, **c):\n    del a, b, c", "f(1, 2, d=3)", [{"a": "1", "b": "(2,)", "c": "{'d': 3}"}]),
    "nested": ("def f(a): pass", "f(((1, [2]), {4: (5,)}))", [{"a": "((1, [2]), {4: (5,)})"}]),
    "defaults are shared": (
        "def f(a=[]):\n    a.append(len(a))",
        "f(); f(); f(a=[7])",
        [{"a": "[]"}, {"a": "[0]"}, {"a": "[7]"}],
    ),
    "changed by the caller": (
        "def f(a): pass",
        "things = [1]\nf(things)\nthings.append(2)\nf(things)\nthings.clear()\nthings = None",
        [{"a": "[1]"}, {"a": "[1, 2]"}],
    ),
    "a lambda's": ("f = lambda a, *b, c=1: a", "f(1, 2)", [{"a": "1", "b": "(2,)", "c": "1"}]),
    "a generator's, as they are at its first step": (
        "def f(a):\n    yield a\n    a = None",
        "things = [1]\ng = f(things)\nthings.append(2)\nlist(g)",
        [{"a": "[1, 2]"}],
    ),
    "unpacked": ("def f(a, b, c=0): pass", "f(*[1, 2], **{'c': 3})", [{"a": "1", "b": "2", "c": "3"}]),
    "set through __defaults__": ("def f(a, b=1): pass", "f.__defaults__ = (8, 9)\nf()", [{"a": "8", "b": "9"}]),
}


@pytest.mark.parametrize(("function", "calls", "expected"), ARGUMENTS.values(), ids=ARGUMENTS)
def test_arguments(workshop: Workshop, function: str, calls: str, expected: list[dict[str, str]]) -> None:
    run = workshop.record(f"{function}\n{calls}\n")
    found = [call for call in run.calls() if call.function.qualname in {"f", "<lambda>"}]
    assert [texts(call) for call in found] == expected
    assert [list(call.arguments) for call in found] == [list(call.function.parameters) for call in found]


@pytest.mark.parametrize("name", ["p{}", "p{:03}_with_a_name_that_is_rather_long_but_not_one_without_any_end"])
def test_more_parameters_than_anybody_writes(workshop: Workshop, name: str) -> None:
    """All of up to 255, if their names aren't too long for one record; else the first of them."""
    names = [name.format(n) for n in range(200)]
    run = workshop.record(f"""
        def many({", ".join(names)}, *rest, last=5, **more): return rest
        many(*range(200), "r", last=6, other=7)
        many(*range(200))
        """)
    first, second = run.calls("many")
    shown = texts(first)
    assert list(shown)[:60] == [given[:64] for given in names[:60]]
    assert [shown[given] for given in list(shown)[:60]] == [str(n) for n in range(60)]
    if name == "p{}":
        assert list(shown) == [*names, "rest", "last", "more"]
        assert {key: shown[key] for key in ("p199", "rest", "last", "more")} == {
            "p199": "199", "rest": "('r',)", "last": "6", "more": "{'other': 7}",
        }  # fmt: skip
    assert (first.result.text, second.result.text) == ("('r',)", "()")


def test_self_and_cls_are_told_by_their_names(workshop: Workshop) -> None:
    """Of them the type alone is recorded: what they hold would be repeated in each call."""
    run = workshop.record("""
        class Shop:
            def __init__(self): self.size = 1
            def method(self): pass
            def other(this): pass
            @classmethod
            def make(cls): pass
            @classmethod
            def build(kind): pass
            @staticmethod
            def helper(self): pass
        def function(self): pass
        shop = Shop()
        shop.method(), shop.other(), Shop.make(), Shop.build(), Shop.helper(shop), function(shop)
        """)
    shown = {call.function.qualname: call.arguments for call in run.calls()}
    assert shown["Shop.method"]["self"].text == shown["Shop.helper"]["self"].text == "Shop"
    assert shown["Shop.other"]["this"].text == shown["function"]["self"].text == "Shop(size=1)"
    assert shown["Shop.make"]["cls"].type_name == shown["Shop.build"]["kind"].type_name == "type"
