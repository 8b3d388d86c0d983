"""Command line options, from a table: "everything after the program is the program's".

argparse can't say that sentence, and costs more to import than the rest of
`flowtrace run` together.
"""

from .errors import UsageError

# An option is a flag, or takes a value that is text, or a whole number from 0; or may have one, behind a "=".
FLAG, TEXT, NUMBER, MAYBE = "flag", "text", "number", "maybe"
NUMBER_MAX = 1_000_000_000


class Options:
    """What was asked for: `given[name]` holds each value of an option, `order` all of them."""

    def __init__(self) -> None:
        self.order: list[tuple[str, str]] = []
        self.rest: list[str] = []

    def __contains__(self, name: str) -> bool:
        return any(given == name for given, _ in self.order)

    def text(self, name: str, default: str) -> str:
        return next((value for given, value in reversed(self.order) if given == name), default)

    def number(self, name: str, default: int) -> int:
        return int(self.text(name, str(default)))


def parse(verb: str, table: dict[str, str], arguments: list[str], *, stop_at: tuple[str, ...] | None = None) -> Options:
    """Read `arguments` by `table`, which maps "-o", "--lines" ... to FLAG, TEXT, NUMBER or MAYBE.

    With `stop_at` reading ends at the first argument that is no option, or one of
    `stop_at`; the rest is left as it is. Else options and the rest may be mixed.
    """
    options = Options()
    todo = list(arguments)
    while todo:
        word = todo.pop(0)
        if word == "--":
            options.rest += todo
            break
        if stop_at is not None and (word in stop_at or word == "-" or not word.startswith("-")):
            options.rest = [word, *todo]
            break
        if word == "-" or not word.startswith("-"):
            options.rest.append(word)
            continue
        name, value = _split(word, table)
        if name not in table:
            raise UsageError(f"no option {name} here; see: flowtrace {verb} --help")
        if table[name] == FLAG:
            if value is not None:
                raise UsageError(f"{name} takes no value; see: flowtrace {verb} --help")
        elif value is None and table[name] != MAYBE:
            if not todo:
                raise UsageError(f"{name} needs a value; see: flowtrace {verb} --help")
            value = todo.pop(0)
        if table[name] == NUMBER and not _is_number(value or ""):
            raise UsageError(f"{name} needs a whole number from 0 to {NUMBER_MAX}, not {value!r}{_fault(value or '')}")
        options.order.append((name, value or ""))
    return options


def _is_number(text: str) -> bool:
    return text.isdecimal() and len(text) <= len(str(NUMBER_MAX)) and int(text) <= NUMBER_MAX


def _fault(text: str) -> str:
    """Return where it ceases to be a number, if that is a place."""
    place = next((place for place, letter in enumerate(text, 1) if not letter.isdecimal()), 0)
    return f": character {place}" if place else ""


def _split(word: str, table: dict[str, str]) -> tuple[str, str | None]:
    """--name=value, -nvalue, or just the name."""
    if word.startswith("--"):
        name, equals, value = word.partition("=")
        return name, value if equals else None
    if len(word) > 2 and word not in table and table.get(word[:2]) in {TEXT, NUMBER}:
        return word[:2], word[2:]
    name, equals, value = word.partition("=")
    return (name, value) if equals and name in table else (word, None)
