"""Writes src/model/character_table.h, what terminals do with each character, from Python's unicodedata.

    python3.15 tools/character_table.py           write it again
    python3.15 tools/character_table.py --check   status 1 if it would be another

Only Python 3.15 and newer know which characters are pictographs. A newer Unicode is wanted, an older one is not: what
it does not know yet would be lost.
"""

import sys
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

TABLE = Path(__file__).resolve().parent.parent / "src" / "model" / "character_table.h"
CODE_POINTS = range(0x110000)
Range = tuple[int, int]


def is_hidden(character: str) -> bool:
    """Whether it has no picture of its own or moves those of others, so that an escape stands for it."""
    if unicodedata.category(character) == "Cn":
        return 0xFDD0 <= ord(character) <= 0xFDEF or ord(character) & 0xFFFE == 0xFFFE
    return not character.isprintable()


def is_mark(character: str) -> bool:
    """Whether it is drawn over the character before it, or, of Hangul, into that."""
    jamo = 0x1160 <= ord(character) <= 0x11FF or 0xD7B0 <= ord(character) <= 0xD7FB
    return unicodedata.category(character) in {"Mn", "Me"} or jamo


def is_spacing_mark(character: str) -> bool:
    return unicodedata.category(character) == "Mc"


def is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in {"W", "F"} and not is_mark(character)


def is_pictograph(character: str) -> bool:
    return bool(unicodedata.extended_pictographic(character))  # type: ignore[attr-defined]


LISTS: dict[str, tuple[Callable[[str], bool], str]] = {
    "hidden": (is_hidden, "An escape stands for these, as in Python's repr()."),
    "marks": (is_mark, "Drawn over what is before them: no column of their own."),
    "spacing_marks": (is_spacing_mark, "Drawn around what is before them: a column more."),
    "wide": (is_wide, "Two columns: East Asian Wide and Fullwidth, and most emoji."),
    "pictographs": (is_pictograph, "What a variation selector can make an emoji, and a joiner one of several."),
}


def ranges(belongs: Callable[[str], bool]) -> Iterator[Range]:
    """Yield the first and last of each range; gaps that nobody has been given don't end one."""
    first = last = None
    for code in CODE_POINTS:
        if belongs(chr(code)):
            first = code if first is None else first
            last = code
        elif first is not None and last is not None and unicodedata.category(chr(code)) != "Cn":
            yield first, last
            first = None
    if first is not None and last is not None:
        yield first, last


def laid_out(found: list[Range]) -> Iterator[str]:
    for start in range(0, len(found), 6):
        yield "    " + " ".join(f"{{{first:#x}, {last:#x}}}," for first, last in found[start : start + 6])


def table() -> str:
    lines = [
        "/* character_table.h - made by tools/character_table.py from Unicode " + unicodedata.unidata_version + ". */",
        "#ifndef FLOW_CHARACTER_TABLE_H",
        "#define FLOW_CHARACTER_TABLE_H",
        "",
        "#include <stdint.h>",
        "",
        "struct character_range {",
        "    uint32_t first, last;",
        "};",
        "",
        "/* clang-format off */",
    ]
    for name, (belongs, why) in LISTS.items():
        lines += ["", f"/* {why} */", f"static const struct character_range {name}[] = {{"]
        lines += [*laid_out(list(ranges(belongs))), "};"]
    return "\n".join([*lines, "", "#endif", ""])


def main() -> int:
    if not hasattr(unicodedata, "extended_pictographic"):
        sys.exit(f"{sys.argv[0]}: Python {sys.version.split()[0]} knows no pictographs; 3.15 and newer do")
    made = table()
    if "--check" in sys.argv:
        return int(made != TABLE.read_text(encoding="utf-8"))
    TABLE.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
