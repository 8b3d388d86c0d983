"""src/model/character_table.h is what tools/character_table.py makes of Unicode."""

import re
import sys
import unicodedata
from collections.abc import Callable

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / "tools"))
import character_table

TEXT = character_table.TABLE.read_text(encoding="utf-8")
VERSION = re.search(r"from Unicode ([\d.]+)", TEXT).group(1)  # type: ignore[union-attr]
KNOWS_ALL = hasattr(unicodedata, "extended_pictographic")


def ranges_of(name: str) -> list[tuple[int, int]]:
    text = re.search(rf"{name}\[\] = \{{(.*?)\}};", TEXT, re.DOTALL).group(1)  # type: ignore[union-attr]
    return [(int(first, 16), int(last, 16)) for first, last in re.findall(r"\{(0x\w+), (0x\w+)\}", text)]


def characters_of(name: str) -> set[int]:
    return {code for first, last in ranges_of(name) for code in range(first, last + 1)}


@pytest.mark.skipif(not KNOWS_ALL or unicodedata.unidata_version != VERSION, reason="made of another Unicode")
def test_made_again_it_is_the_same() -> None:
    assert character_table.table() == TEXT


@pytest.mark.parametrize("name", character_table.LISTS)
def test_ranges_are_apart_and_in_order(name: str) -> None:
    """As what looks for one expects."""
    bounds = [bound for pair in ranges_of(name) for bound in pair]
    assert bounds == sorted(bounds)
    assert len(set(ranges_of(name))) == len(ranges_of(name)) > 10


@pytest.mark.parametrize(
    ("name", "belongs"),
    [(name, belongs) for name, (belongs, _) in character_table.LISTS.items() if name != "pictographs"],
)
def test_this_python_knows_them_as_such(name: str, belongs: Callable[[str], bool]) -> None:
    """Of what it knows; from one Unicode to the next few are taken for something else."""
    known = [code for code in range(0x110000) if unicodedata.category(chr(code)) != "Cn"]
    listed = characters_of(name)
    other = [hex(code) for code in known if (code in listed) != belongs(chr(code))]
    assert len(other) <= (0 if unicodedata.unidata_version == VERSION else 300), other
