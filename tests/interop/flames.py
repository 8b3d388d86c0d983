"""Flame graphs, timelines, diagrams and call graphs, in what people look at them with.

    make interop
    python tests/interop/flames.py [--write]      with --write docs/export gets its pictures

inferno makes a flame graph of folded stacks, speedscope opens its profiles, mermaid draws its diagrams, graphviz its
graphs, and Chromium, without network, shows our own page: searched, zoomed, printed, by day and by night. Chromium,
node, cargo and graphviz are those of the machine; what npm and cargo bring is put in build/interop.
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

from shared import (
    BUILD,
    HERE,
    NODE,
    PICTURES,
    PUPPETEER,
    TRACES,
    browse,
    check,
    export,
    failures,
    install_from_npm,
    need,
    publish,
    record,
    run,
)

CARGO = BUILD / "cargo"
INFERNO = "0.12.8"
PUBLISHED = (
    "folded.png",
    "speedscope.png",
    "flame.png",
    "flame-timeline.png",
    "flame-before.png",
    "mermaid.svg",
    "dot.svg",
)

PRESS_SHARE = "document.querySelector('[data-change=share]').click()"


def install() -> None:
    need(cargo="cargo", dot="graphviz")
    install_from_npm("speedscope@1.25.0", "mermaid@11.17.2", PUPPETEER)
    if not (CARGO / "bin/inferno-flamegraph").exists():
        print("Building inferno (minutes)")
        features = ("--no-default-features", "--features", "cli")
        run("cargo", "install", "inferno", "--version", INFERNO, "--locked", "--quiet", *features, "--root", CARGO)


# --- inferno ------------------------------------------------------------------------


def weights(folded: bytes) -> int:
    return sum(int(line.rsplit(b" ", 1)[1]) for line in folded.splitlines())


def samples(svg: bytes) -> int:
    """Return what inferno has counted in all."""
    found = re.search(rb'total_samples="(\d+)"', svg)
    return int(found[1]) if found else -1


def try_inferno() -> None:
    print("inferno")
    for name in TRACES:
        for weight in ("running", "waiting", "calls"):
            folded = export("folded", name, "--weight", weight)
            if not folded:
                continue
            done = subprocess.run([str(CARGO / "bin/inferno-flamegraph")], input=folded, capture_output=True)
            ElementTree.fromstring(done.stdout)
            check(f"{name}, {weight}: nothing is lost", samples(done.stdout) == weights(folded), samples(done.stdout))
            check(f"{name}, {weight}: no complaint", not done.stderr, done.stderr)
    before, after = BUILD / "before.folded", BUILD / "after.folded"
    before.write_bytes(export("folded", "shop", "--weight", "calls"))
    after.write_bytes(export("folded", "later", "--weight", "calls"))
    compared = run(CARGO / "bin/inferno-diff-folded", before, after)
    check("two traces are compared", b"count_by_index" in compared and b"count_by_hand" in compared)
    svg = PICTURES / "folded.svg"
    words = ("--title", "shop", "--countname", "µs")
    svg.write_bytes(run(CARGO / "bin/inferno-flamegraph", *words, given=export("folded", "shop", "--under", "main")))


# --- speedscope -------------------------------------------------------------------------


def try_speedscope() -> None:
    print("speedscope")
    jobs: list[dict[str, object]] = []
    for name in TRACES:
        profile = BUILD / f"{name}.speedscope.json"
        profile.write_bytes(export("speedscope", name))
        script = BUILD / f"{name}.speedscope.js"
        text = base64.b64encode(profile.read_bytes()).decode()
        script.write_text(f"speedscope.loadFileFromBase64({json.dumps(profile.name)}, {json.dumps(text)})")
        page = NODE / "node_modules/speedscope/dist/release/index.html"
        shown = f"document.title.includes('{name}.flow') && document.body.innerText.includes('Left Heavy')"
        steps = [
            ["wait", shown],
            ["run", "document.body.innerText"],
            ["screenshot", str(PICTURES / f"speedscope-{name}.png")],
        ]
        jobs.append({"url": f"{page.as_uri()}#localProfilePath={script}", "steps": steps})
    for name, page_done in zip(TRACES, browse(jobs), strict=True):
        tracks = len(json.loads((BUILD / f"{name}.speedscope.json").read_bytes())["profiles"])
        shown = str(page_done["results"][1])
        check(f"{name}: {tracks} profiles", tracks == 1 or f"(1/{tracks})" in shown, shown[:200])
        check(f"{name}: no error", not page_done["problems"], page_done["problems"])


# --- mermaid and graphviz ------------------------------------------------------------------


DRAW = """
(async () => {
  mermaid.initialize({startOnLoad: false, securityLevel: "strict", theme: "neutral", sequence: {useMaxWidth: false}});
  const drawn = await mermaid.render("drawing", TEXT);
  document.body.innerHTML = drawn.svg;
  return [drawn.svg, [...document.querySelectorAll("text")].map((text) => text.textContent)];
})()
"""


def messages(text: str) -> list[str]:
    """Return what stands behind the colons of arrows, as it is to be read."""
    found = re.findall(r"^ +p\d+(?:->>|-\)|-->>|--x)p\d+: (.*)$", text, re.MULTILINE)
    return [re.sub(r"#(\d+);", lambda number: chr(int(number[1])), words).strip() for words in found]


def try_mermaid() -> None:
    print("mermaid")
    cases = [(name, by) for name in TRACES for by in ("module", "class", "track")]
    jobs: list[dict[str, object]] = []
    texts = [export("mermaid", name, "--by", by).decode() for name, by in cases]
    texts.append(export("mermaid", "shop", "--under", "main", "--lines", "16").decode())
    for text in texts:
        draw = DRAW.replace("TEXT", json.dumps(text))
        script = NODE / "node_modules/mermaid/dist/mermaid.min.js"
        jobs.append({"url": "about:blank", "steps": [["script", str(script)], ["run", draw]]})
    for case, text, done in zip([*cases, ("shop", "picture")], texts, browse(jobs), strict=True):
        what = ", ".join(case)
        drawn = done["results"][1]
        check(f"{what}: drawn", isinstance(drawn, list) and not done["problems"], done["problems"])
        if not isinstance(drawn, list):
            continue
        said = messages(text)
        missing = [words for words in said if not any(words in shown for shown in drawn[1])]
        check(f"{what}: {len(said)} messages say what they should", not missing, missing[:3])
        if case[1] == "picture":
            (PICTURES / "mermaid.svg").write_text(str(drawn[0]))


def try_graphviz() -> None:
    print("graphviz")
    for name in TRACES:
        done = subprocess.run(["dot", "-Tsvg"], input=export("dot", name), capture_output=True)
        check(f"{name}: drawn", done.returncode == 0 and b"<svg" in done.stdout, done.stderr)
        check(f"{name}: no complaint", not done.stderr, done.stderr)
    svg = run("dot", "-Tsvg", given=export("dot", "shop", "--under", "main"))
    (PICTURES / "dot.svg").write_bytes(svg.replace(f"{HERE}/".encode(), b""))  # it is a document, of no machine


# --- our own page ------------------------------------------------------------------------------


def try_flame() -> None:
    print("flame")
    pages: dict[str, Path] = {}
    for name, trace, words in (
        *((name, name, ()) for name in TRACES),
        ("under", "shop", ("--under", "main")),
        ("compared", "later", ("--under", "main", "--before", str(BUILD / "shop.flow"))),
    ):
        pages[name] = BUILD / f"{name}.flame.html"
        pages[name].write_bytes(export("flame", trace, *words))

    def page(name: str, *steps: list[object], address: str = "", **more: object) -> dict[str, object]:
        return {"url": pages[name].as_uri() + address, "steps": list(steps), **more}

    def picture(name: str) -> list[object]:
        return ["screenshot", str(PICTURES / f"{name}.png")]

    def printed(name: str) -> list[object]:
        return ["pdf", str(PICTURES / f"{name}.pdf")]

    def typed(text: str) -> list[list[object]]:
        return [["press", "/"], ["type", text]]

    enter: list[object] = ["press", "Enter"]
    name_shown: list[object] = ["text", "#details .name"]
    found_shown: list[object] = ["text", "#found"]
    later: dict[str, object] = {"address": "#view=timeline"}
    jobs = [
        page("everything", ["text", "#summary"]),
        page("hostile", *typed("script"), found_shown, picture("hostile")),
        page("under", picture("flame"), height=420),
        page("under", *typed("price"), found_shown, enter, name_shown),
        page("under", picture("flame-timeline"), **later),
        page("under", picture("flame-dark"), dark=True, address="#zoom=main"),
        page("under", *typed("reserve"), enter, name_shown, enter, picture("flame-search"), **later),
        page("compared", picture("flame-before"), ["text", "#vanished"], height=520),
        page("compared", picture("flame-before-dark"), dark=True),
        page("compared", ["text", "#legend"], ["run", PRESS_SHARE], ["text", "#legend"]),
        page("compared", picture("flame-share"), ["text", "#legend"], address="#change=share"),
        page("under", ["run", "getComputedStyle(document.getElementById('changes')).display"]),
        page("under", printed("flame"), dark=True),
        page("under", printed("flame-timeline"), dark=True, **later),
    ]
    done = browse(jobs)
    results = [page["results"] for page in done]
    check("no error, no dialog, no request", not any(page["problems"] for page in done), [p["problems"] for p in done])
    check("everything: its size is told", str(results[0][0]).startswith("19 calls"), results[0][0])
    check("hostile: names are found as text", re.match(r"\d+ frame", str(results[1][2])), results[1][2])
    check("a search tells its share", re.match(r"\d+ frames?, [\d.]+ %", str(results[3][2])), results[3][2])
    check("Enter goes to what was found", results[3][4] in ("price", "discount", "rule"), results[3][4])
    check("so it does in the timeline", results[6][3] == "reserve", results[6][3])
    check("what has vanished is told", "count_by_hand" in str(results[7][1]), results[7][1])
    check("colours compare amounts first", str(results[9][0]).startswith("more than before, or new"), results[9][0])
    for share in results[9][2], results[10][1]:
        check("then shares of the whole", str(share).startswith("more of the whole than before"), share)
    check("which one trace has not", results[11] == ["none"], results[11])
    for name in ("flame", "flame-timeline"):
        check(f"{name}.pdf: printed", (PICTURES / f"{name}.pdf").stat().st_size > 10_000)


def write_pictures() -> None:
    shutil.copy(PICTURES / "speedscope-shop.png", PICTURES / "speedscope.png")
    steps = [["screenshot", str(PICTURES / "folded.png")]]
    browse([{"url": (PICTURES / "folded.svg").as_uri(), "height": 260, "steps": steps}])
    for name in PUBLISHED:
        publish(name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put the pictures into docs/export")
    options = parser.parse_args()
    install()
    record()
    try_inferno()
    try_speedscope()
    try_mermaid()
    try_graphviz()
    try_flame()
    if options.write:
        write_pictures()
    if failures:
        raise SystemExit(f"{len(failures)} failed")


if __name__ == "__main__":
    main()
