"""The vocabulary of filters: which calls a verb is to tell of. Every verb that reads a trace has these options."""

from __future__ import annotations

from ._options import MAYBE, TEXT, Options

HELP = """\
Filters: calls that all of these options let through; of one that is given
twice, either. Docs: filters.md
  --function FUNC    of this function: price, Cart.add, shop.cart.*
  --module GLOB      of functions of this module or package
  --file GLOB        of functions in this file: cart.py, 'shop/*'
  --track GLOB       of the thread or task of this name
  --process N        of this process: its pid, or its number in the trace
  --depth RANGE      so deep in the story: 3, 2..5, 4..
  --duration RANGE   that took so long: 10ms.., ..1s, 1ms..5ms, '>10ms'
  --between RANGE    that ran then, from the start: 1.2s..1.5s
  --raised[=TYPE]    that an exception left, or one of this type
  --returned VALUE   that returned this value, as it is told; ~TEXT: a part
  --outcome WORD     that are returned, raised, running or abandoned
  --arg NAME=VALUE   that got this argument; NAME~TEXT: a part of it
  --under FUNC       of FUNC, and what they led to
  --test NAME        of this test of pytest: test_cart.py::test_add, 'test_a*'
  --callers-of FUNC  of FUNC, and what led to them
  --only FUNC        of FUNC, what led to them and what they led to
  --hide FUNC        all but those of FUNC; what these called moves up
  --first N          the first N of all these
  --last N           the last N of all these
"""

OPTIONS = {
    "--function": TEXT,
    "--module": TEXT,
    "--file": TEXT,
    "--track": TEXT,
    "--process": TEXT,
    "--depth": TEXT,
    "--duration": TEXT,
    "--between": TEXT,
    "--raised": MAYBE,
    "--returned": TEXT,
    "--outcome": TEXT,
    "--arg": TEXT,
    "--under": TEXT,
    "--test": TEXT,
    "--callers-of": TEXT,
    "--only": TEXT,
    "--hide": TEXT,
    "--first": TEXT,
    "--last": TEXT,
}


def given(options: Options) -> list[tuple[str, str]]:
    """Return what the functions of _core take as `filters`."""
    return [(name, text) for name, text in options.order if name in OPTIONS]
