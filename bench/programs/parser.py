"""A recursive descent parser of JSON: text in, str, list and dict out, one method for each rule."""

from __future__ import annotations

DOCUMENT = """\
{"shop": "Harbour Lane", "open": true, "rates": [0.2, 0.05, 0], "items": [
  {"id": 1, "name": "rope", "price": 4.75, "tags": ["deck", "spare"], "seen": null},
  {"id": 2, "name": "lamp", "price": 39.9, "tags": [], "size": {"w": 12, "h": 30}},
  {"id": 3, "name": "anchor \\"small\\"", "price": 120, "tags": ["iron"], "sold": false}
]}
"""
WORDS = {"true": True, "false": False, "null": None}


class Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def parse(self) -> object:
        value = self.value()
        if self.peek():
            raise self.error("end")
        return value

    def peek(self) -> str:
        while self.text[self.at : self.at + 1] in {" ", "\n"}:
            self.at += 1
        return self.text[self.at : self.at + 1]

    def take(self, wanted: str) -> None:
        if self.peek() != wanted:
            raise self.error(wanted)
        self.at += 1

    def accept(self, wanted: str) -> bool:
        if self.peek() == wanted:
            self.at += 1
            return True
        return False

    def value(self) -> object:
        first = self.peek()
        if first == "{":
            return self.object()
        if first == "[":
            return self.array()
        if first == '"':
            return self.string()
        return self.number() if first in "-0123456789" else self.word()

    def object(self) -> dict[str, object]:
        self.take("{")
        members: dict[str, object] = {}
        while not self.accept("}"):
            if members:
                self.take(",")
            name = self.string()
            self.take(":")
            members[name] = self.value()
        return members

    def array(self) -> list[object]:
        self.take("[")
        items: list[object] = []
        while not self.accept("]"):
            if items:
                self.take(",")
            items.append(self.value())
        return items

    def string(self) -> str:
        self.take('"')
        start = self.at
        while self.text[self.at] != '"':
            self.at += 2 if self.text[self.at] == "\\" else 1
        self.at += 1
        return self.text[start : self.at - 1].replace('\\"', '"')

    def number(self) -> int | float:
        text = self.letters("-.0123456789")
        return float(text) if "." in text else int(text)

    def word(self) -> bool | None:
        return WORDS[self.letters("truefalsn")]

    def letters(self, allowed: str) -> str:
        start = self.at
        while self.text[self.at] in allowed:
            self.at += 1
        return self.text[start : self.at]

    def error(self, wanted: str) -> ValueError:
        return ValueError(f"{wanted} expected at {self.at}")


def run(size: int) -> object:
    return [Parser(DOCUMENT).parse() for _ in range(size)][-1]
