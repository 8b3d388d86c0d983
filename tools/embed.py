"""Makes a C header of a page of HTML: its lines, with style and script in them.

    python tools/embed.py OUT.h NAME PAGE.html

A line {{style FILE}} or {{script FILE}} becomes that file, beside the page, in its tags. {{policy}} within a line
becomes a content security policy that lets exactly these run and nothing else. {{title}} and {{data}} stay: lines of
their own, which C replaces.
"""

from __future__ import annotations

import base64
import hashlib
import re
import sys
from pathlib import Path

KEPT = re.compile(r"(\{\{(?:title|data)\}\})")


def policy(styles: list[str], scripts: list[str]) -> str:
    def sources(texts: list[str]) -> str:
        hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts]
        return " ".join(f"'sha256-{hash}'" for hash in hashes) or "'none'"

    return f"default-src 'none'; style-src {sources(styles)}; script-src {sources(scripts)}; base-uri 'none'"


def assemble(page: Path) -> str:
    found: dict[str, list[str]] = {"style": [], "script": []}

    def take(match: re.Match[str]) -> str:
        text = "\n" + (page.parent / match[2]).read_text()
        if f"</{match[1]}" in text.lower():
            raise SystemExit(f"{match[2]} would end its own element")
        found[match[1]].append(text)
        return f"<{match[1]}>{text}</{match[1]}>"

    text = re.sub(r"\{\{(style|script) ([\w.]+)\}\}", take, page.read_text())
    return text.replace("{{policy}}", policy(found["style"], found["script"]))


def literal(line: str) -> str:
    """Return it as C writes a string."""
    escaped = {ord("\n"): "\\n", ord('"'): '\\"', ord("\\"): "\\\\"}
    return '"' + "".join(escaped.get(b) or (chr(b) if 32 <= b < 127 else f"\\{b:03o}") for b in line.encode()) + '"'


def main() -> None:
    out, name, page = sys.argv[1:4]
    lines = []
    for line in assemble(Path(page)).splitlines(keepends=True):
        lines += [part for part in KEPT.split(line) if part]
    body = "".join(f"    {literal(line)},\n" for line in lines)
    Path(out).write_text(f"static const char *const {name}[] = {{\n{body}    (const char *)0,\n}};\n")


if __name__ == "__main__":
    main()
