"""What a page that FlowTrace made shows: its text, line by line, indented as its elements that open are nested."""

from __future__ import annotations

from html.parser import HTMLParser

TIME = r"(?:[\d.]+(?: [nµm]?s)? … )?[\d.]+ [nµm]?s"  # "1.20 ms", "0.20 … 3.41 ms", "840 ns … 1.20 ms"
VOID = {"meta", "input", "br", "hr", "link", "wbr"}
LINES = {"div", "summary", "pre", "p", "h1", "h2", "header", "footer"}
HIDDEN = {"style", "script", "title"}


class Outline(HTMLParser):
    """Fails where an element is closed that isn't open, or isn't closed."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.lines: list[str] = []
        self.texts: dict[str, list[str]] = {}  # of style and script
        self.at_begin = True
        self.feed(html)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.at_begin |= tag in LINES
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, (tag, self.open)
        self.open.pop()
        self.at_begin |= tag in LINES

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in HIDDEN:
            self.texts.setdefault(self.open[-1], []).append(data)
            return
        if not data.strip():
            if not self.at_begin:
                self.lines[-1] += data.replace("\n", "")
            return
        if self.at_begin:
            depth = self.open.count("details") - ("summary" in self.open)
            self.lines.append("  " * depth)
        self.at_begin = False
        self.lines[-1] += data.rstrip("\n")

    def names(self) -> set[str]:
        return {tag for tag, _ in self.elements}

    def attributes(self) -> set[str]:
        return {name for _, attrs in self.elements for name in attrs}
