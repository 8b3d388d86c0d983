"""The page of `flowtrace export html` at real sizes, and what notebooks show of two runs, in Chromium without network.

    make interop
    python tests/interop/html_page.py [--write]     with --write docs/ gets its pictures

A trace of a million calls, one three thousand deep, a hostile one: what the page holds, how long it takes to open,
search, keyboard, addresses, print, night. Pictures lie in build/interop/pictures, to be looked at.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

import shared
from shared import (
    BUILD,
    FLOWTRACE,
    PICTURES,
    PUPPETEER,
    browse,
    check,
    export,
    failures,
    install_from_npm,
    publish,
    run,
)

MILLION = """
import random
random.seed(1)
class Node:
    def __init__(self, key): self.key, self.left, self.right = key, None, None
def insert(node, key):
    if node is None: return Node(key)
    if key < node.key: node.left = insert(node.left, key)
    else: node.right = insert(node.right, key)
    return node
def find(node, key):
    if node is None: raise KeyError(key)
    return node if node.key == key else find(node.left if key < node.key else node.right, key)
def safe(root, key):
    try: return find(root, key)
    except KeyError: return None
def stage(i):
    root = None
    for _ in range(300 + i): root = insert(root, random.randrange(1000000))
    for _ in range(200): safe(root, random.randrange(1000000))
for i in range(200): exec(f"def step{i}(a): return stage(a % 40)", globals())
def main():
    for i in range(200): globals()[f"step{i}"](i)
main()
"""
DEEP = """
import sys
sys.setrecursionlimit(20000)
def walk(n): return n and step(n - 1) + 1
def step(n): return walk(n)
def load(text, rows): return text[:5]
def leaf(n):
    if n == 0: raise ValueError("deep " + "y" * 300)
    return nest(n)
def nest(n): return leaf(n - 1)
walk(3000)
load("<script>alert(1)</script>" * 40000, [{"id": i} for i in range(30)])
try: leaf(3000)
except ValueError: pass
"""
OPENED = "performance.getEntriesByType('navigation')[0].loadEventEnd"
ELEMENTS = "document.querySelectorAll('*').length"
FOCUS = "document.activeElement.id || document.activeElement.tagName"


def install() -> None:
    (PICTURES / "page").mkdir(parents=True, exist_ok=True)
    install_from_npm(PUPPETEER)


def record() -> None:
    for name, source in (("million", MILLION), ("deep", DEEP)):
        program = BUILD / f"{name}.py"
        program.write_text(source)
        subprocess.run([*FLOWTRACE, "run", "-q", "-o", str(BUILD / f"{name}.flow"), str(program)], check=True)
    shared.record()


def page(name: str, *steps: list[object], address: str = "", **more: object) -> dict[str, object]:
    path = BUILD / f"{name}.page.html"
    path.write_bytes(export("html", name))
    return {"url": path.as_uri() + address, "steps": list(steps), **more}


def picture(name: str) -> list[object]:
    return ["screenshot", str(PICTURES / "page" / f"{name}.png")]


def searched(word: str) -> list[list[object]]:
    return [
        ["press", "/"],
        ["type", word],
        ["text", "#found"],
        ["press", "Enter"],
        ["text", "#found"],
        ["text", "#told"],
    ]


def try_page() -> None:
    jobs = [
        page("million", ["run", OPENED], ["run", ELEMENTS], *searched("find"), picture("million")),
        page("deep", ["run", ELEMENTS], picture("deep"), *searched("leaf")),
        page("deep", ["text", "#found"], address="#c2500", width=500, height=800),
        page("hostile", *searched("script"), picture("hostile")),
        page("everything", picture("everything"), ["press", "Tab"], ["run", FOCUS], picture("focus")),
        page("shop", picture("night"), dark=True),
        page("shop", ["pdf", str(PICTURES / "page/shop.pdf")], dark=True),
    ]
    done = browse(jobs)
    results = [page["results"] for page in done]
    check("no error, no dialog, no request", not any(page["problems"] for page in done), [p["problems"] for p in done])
    print(f"  a million calls: opened in {results[0][0]:.0f} ms, {results[0][1]} elements")
    check("a million calls: so many elements at most", int(str(results[0][1])) < 90_000, results[0][1])
    check("a million calls: shut lines are found", str(results[0][6]).startswith("1 of "), results[0][6])
    check("what is found is told to those who don't see", "find(" in str(results[0][7]), results[0][7])
    check("3,000 deep: a page of few elements", int(str(results[1][0])) < 300, results[1][0])
    check("3,000 deep: found", "leaf" in str(results[1][7]), results[1][7])
    check("a call without a line of its own", "#2500 has no line of its own" in str(results[2][0]), results[2][0])
    check("hostile: names are found as text", str(results[3][4]).startswith("1 of "), results[3][4])
    check("Tab goes to the search first", results[4][2] == "find", results[4][2])
    check("printed", (PICTURES / "page/shop.pdf").stat().st_size > 5_000)


FRAGMENT = (
    """<!doctype html><html{theme}><meta charset="utf-8"><body style="font-family: sans-serif; {colors}">{html}"""
)
DIFFERS = """
import flowtrace, sys
sys.stdout.write(flowtrace.diff(*sys.argv[1:])._repr_html_())
"""


def try_diff() -> None:
    """What a notebook shows of two runs, as JupyterLab and Colab frame it."""
    html = run(sys.executable, "-P", "-c", DIFFERS, BUILD / "shop.flow", BUILD / "later.flow").decode()
    jobs: list[dict[str, object]] = []
    for name, theme, colors in (
        ("diff", "", "color: #111"),
        ("diff-night", " theme=dark", "background: #111; color: #ddd"),
    ):
        path = BUILD / f"{name}.html"
        path.write_text(FRAGMENT.format(theme=theme, colors=colors, html=html))
        count = "[...document.querySelectorAll('summary .s, .l .s')].map((sign) => sign.textContent.trim()).join('')"
        jobs.append({"url": path.as_uri(), "steps": [picture(name), ["run", count]]})
    done = browse(jobs)
    check("a diff: no error, no request", not any(page["problems"] for page in done), [p["problems"] for p in done])
    signs = str(done[0]["results"][1])
    check("a diff: signs beside colours", "~" in signs and "+" in signs, signs)


SHOWN = """
import sys

class Order:
    def __init__(self, number, total):
        self.number, self.total = number, total

def rate(rule): return {"vip": 2, "new": 3}[rule]
def log(text): return len(text)
def check(order): return order.number != 2
def audit(order): return [log(f"order {order.number}"), check(order)]

def price(order, rule):
    if order.number == 2 and rule == "vip":
        raise ValueError("no discount")
    if rule == "new":
        audit(order)
    return order.total * rate(rule)

def main(rule):
    total = 0
    for number in range(1, 3):
        try:
            total += price(Order(number, number * 10), rule)
        except ValueError:
            log("skipped")
    return total

main(sys.argv[1])
"""


def write_pictures() -> None:
    folder = BUILD / "shown"
    folder.mkdir(exist_ok=True)
    (folder / "shop.py").write_text(SHOWN)
    for rule in ("vip", "new"):
        command = [*FLOWTRACE, "run", "-q", "-o", f"{rule}.flow", "shop.py", rule]
        subprocess.run(command, check=True, cwd=folder)
    differs = [sys.executable, "-P", "-c", DIFFERS, "vip.flow", "new.flow"]
    html = subprocess.check_output(differs, cwd=folder, text=True)
    path = folder / "diff.html"
    path.write_text(FRAGMENT.format(theme="", colors="color: #111", html=html))
    steps = [["screenshot", str(PICTURES / "notebook-diff.png")]]
    browse([{"url": path.as_uri(), "width": 900, "height": 540, "steps": steps}])
    publish("notebook-diff.png", "docs")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put the pictures into docs")
    options = parser.parse_args()
    print("html")
    install()
    record()
    try_page()
    try_diff()
    if options.write:
        write_pictures()
    if failures:
        raise SystemExit(f"{len(failures)} failed")


if __name__ == "__main__":
    main()
