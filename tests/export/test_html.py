"""`flowtrace export html`: a page that needs nothing else, and runs nothing of the program's."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import Workshop
from html_outline import TIME, Outline

PROGRAM = """
def price(n):
    if n == 2:
        raise ValueError("no <price>")
    return n * 10

def main():
    for n in range(4):
        try:
            price(n)
        except ValueError:
            pass

main()
"""


def page_of(workshop: Workshop, *options: str) -> str:
    done = workshop.flowtrace("export", "html", *options, "-o", "page.html")
    assert done.status == 0, done.err
    return (workshop.folder / "page.html").read_text()


def hash_of(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def policy_of(outline: Outline) -> dict[str, list[str]]:
    (content,) = [
        attrs["content"] or ""
        for tag, attrs in outline.elements
        if tag == "meta" and attrs.get("http-equiv") == "Content-Security-Policy"
    ]
    return {rule.split()[0]: rule.split()[1:] for rule in content.split(";")}


def without_times(lines: list[str]) -> list[str]:
    return [re.sub(rf" (×\d+  )?{TIME}", r" \1", line) for line in lines]


def test_a_page_shows_the_tree_and_its_sources(workshop: Workshop) -> None:
    workshop.record(PROGRAM)
    outline = Outline(page_of(workshop))
    head, bar, *lines = without_times(outline.lines)
    assert head.startswith("app.py · 6 calls · ") and "Open all" in bar
    assert lines[:4] == [
        "1 exception",
        "  ValueError('no <price>') app.py:3  #5",
        "app.py   app.py:1",
        "  main()   app.py:6",
    ]
    assert lines[4:9] == [
        "    price(n=0 … 1) → 0 … 10 ×2    app.py:1",
        "      each of the 2 calls",
        "        price(n=0) → 0   #3",
        "        price(n=1) → 10   #4",
        "    price(n=2)  ✗ ValueError('no <price>')   app.py:1",
    ]
    assert lines[9:11] == [
        "      raised app.py:3 · left price · caught in main (app.py:9)",
        "      app.py:3 → app.py:9",
    ]
    assert lines[-2].split() == [str(line) for line in range(1, 14)]
    assert lines[-1].startswith("  def price(n):\n    if n == 2:") and lines[-1].endswith("pass\n\nmain()")


def test_its_links_lead_to_what_is_there(workshop: Workshop) -> None:
    workshop.record(PROGRAM)
    elements = Outline(page_of(workshop)).elements
    names = [attrs["id"] for _, attrs in elements if "id" in attrs]
    links = [attrs["href"] or "" for tag, attrs in elements if tag == "a"]
    assert len(names) == len(set(names))
    assert links and all(link[0] == "#" and link[1:] in names for link in links)


def test_only_its_own_style_and_script_may_be(workshop: Workshop, hostile: Path) -> None:
    shutil.copy(hostile, workshop.trace_path)
    outline = Outline(page_of(workshop))
    policy = policy_of(outline)
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == ["'none'"]
    # Another style or script has another hash: src/show/html_page_parts.c has them all.
    assert policy["style-src"] == [hash_of(text) for text in outline.texts["style"]]
    assert policy["script-src"] == [hash_of(text) for text in outline.texts["script"]]
    assert set(policy) == {"default-src", "base-uri", "form-action", "style-src", "script-src"}
    assert outline.names() <= {
        *("html", "head", "meta", "title", "style", "body", "header", "main", "aside", "script"),
        *("div", "details", "summary", "span", "b", "pre", "a", "input", "button"),
    }
    allowed = {"lang", "charset", "http-equiv", "content", "name", "class", "id", "open", "href", "type", "aria-hidden"}
    assert outline.attributes() <= allowed | {"placeholder", "aria-label", "autocomplete", "spellcheck", "role"}


def test_hostile_names_and_values_are_text(workshop: Workshop, hostile: Path) -> None:
    shutil.copy(hostile, workshop.trace_path)
    page = page_of(workshop)
    text = "\n".join(Outline(page).lines)
    for name in ("</script><script>alert(1)</script>", "<b onmouseover=alert(1)>&amp;", "DROP TABLE call;--"):
        assert name in text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\u202e]", page)


def test_a_value_is_told_as_it_was_recorded(workshop: Workshop) -> None:
    workshop.record("def f(a): return a\nf('x' * 4000)\n", "--value-bytes", "4096", "--call-bytes", "8192")
    page = page_of(workshop)
    assert page.count("x" * 4000) == 2
    assert len(page) < 50_000


def test_lines_bound_the_page_and_it_says_so(workshop: Workshop) -> None:
    body = "".join(f"def f{i}(n): return n and f{(i * 7 + 1) % 60}(n - 1)\n" for i in range(60))
    workshop.record(body + "".join(f"f{i}({i % 9})\n" for i in range(60)))
    small, big = page_of(workshop, "--lines", "20"), page_of(workshop)
    assert small.count("<summary>") + small.count('class="l"') < 60 < big.count("<summary>")
    assert re.search(r"Not shown: \d+ calls; a page of more: flowtrace export html --lines N\.", small)
    assert "Not shown" not in big
    assert re.search(r">\d+ calls are not on this page<", small) and "not on this page" not in big


def test_only_lines_that_something_leads_to_are_elements(workshop: Workshop) -> None:
    """A browser takes seconds for a hundred thousand elements."""
    lines = ["def f(n): return n", *(f"a{i} = {i}" for i in range(3000)), "f(1)", "", "def g(): pass", "", "g()"]
    workshop.record("\n".join(lines) + "\n")
    workshop.write("more.py", "x = 1\n\n\ndef h(): return 1\n")
    page = page_of(workshop)
    assert re.findall(r'<span id="s0-(\d+)">', page) == ["1", "3004"]
    assert '<pre>\n<span id="s0-1">def f(n): return n</span>\na0 = 0\n' in page
    assert '\n\n<span id="s0-3004">def g(): pass</span>\n\ng()\n</pre>' in page


def test_files_beyond_the_first_are_shut(workshop: Workshop) -> None:
    for name in ("one", "two", "three"):
        workshop.write(f"{name}.py", "def f(): pass\n" + "x = 1\n" * 1500)
    workshop.record("import one, two, three\none.f()\ntwo.f()\nthree.f()\n")
    found = re.findall(r"<details( open)?><summary>[^<]*?(\w+)\.py</summary>", page_of(workshop))
    assert found == [(" open", "app"), (" open", "one"), (" open", "two"), ("", "three")]


def test_what_has_many_lines_is_open_if_hardly_anything_else_is_in_sight(workshop: Workshop) -> None:
    names = "".join(f"def f{i}(): return g()\n" for i in range(150))
    workshop.record(
        f"def g(): return 1\n{names}def main():\n    for f in list(globals().values()):\n"
        "        f.__class__ is main.__class__ and f is not main and f()\nmain()\n"
    )
    page = page_of(workshop)
    assert re.search(r'<details id="c\d+" open><summary><span class="w"><b>main</b>', page)


def test_a_changed_source_is_not_shown(workshop: Workshop) -> None:
    workshop.record(PROGRAM)
    workshop.write("app.py", "# another\n" + PROGRAM)
    outline = Outline(page_of(workshop))
    assert any("app.py has changed since" in line for line in outline.lines)
    assert not any("def price" in line for line in outline.lines)
    assert [attrs["href"] for tag, attrs in outline.elements if tag == "a"] == ["#c5"]


def test_sources_are_those_of_the_program(workshop: Workshop) -> None:
    workshop.record(
        "import json\ndef f(text): return json.loads(text)\ntry:\n    f('{')\nexcept ValueError:\n    pass\n"
    )
    lines = Outline(page_of(workshop)).lines
    assert any("raised decoder.py:" in line for line in lines)
    assert not any("raw_decode" in line and "def " in line for line in lines)
    assert not any("decoder.py is" in line or "decoder.py has" in line for line in lines)


def test_filters_and_nothing_left(workshop: Workshop) -> None:
    workshop.record(PROGRAM)
    lines = Outline(page_of(workshop, "--function", "price", "--returned", "30")).lines
    assert any(line.startswith("price(n=3) → 30") for line in lines)
    nothing = Outline(page_of(workshop, "--function", "price", "--returned", "7"))
    assert nothing.lines == ["The filters leave none of 6 calls."]
    assert "script" not in nothing.names()


CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.mark.skipif(not CHROMIUM, reason="no Chromium here")
def test_a_browser_runs_its_search_and_nothing_else(workshop: Workshop, hostile: Path) -> None:
    """With a handler that would tell of any script but the page's own."""
    shutil.copy(hostile, workshop.trace_path)
    page_of(workshop)
    done = subprocess.run(
        [
            CHROMIUM or "",
            *("--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={workshop.folder / 'profile'}"),
            *("--enable-logging=stderr", "--virtual-time-budget=2000", "--dump-dom"),
            (workshop.folder / "page.html").as_uri() + "#c3",
        ],
        capture_output=True,
        text=True,
        timeout=100,
        env={**os.environ, "HOME": str(workshop.folder)},
    )
    assert 'id="find"' in done.stdout
    assert "Content Security Policy" not in done.stderr, done.stderr  # nothing was tried that isn't allowed
    assert "CONSOLE" not in done.stderr, done.stderr
    target = re.search(r'<details[^>]*id="c3"[^>]*>|<div class="l" id="c3">', done.stdout)
    assert target
