"""What the scripts of this folder share: traces to export, Chromium to look at pages with, and what came of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build/interop"
NODE = BUILD / "node"
PICTURES = BUILD / "pictures"
FLOWTRACE = [str(Path(sys.executable).parent / "flowtrace")]
PUPPETEER = "puppeteer-core@24.43.1"
TRACES = {
    "shop": (HERE / "shop/shop.py", ()),
    "later": (HERE / "shop/shop.py", ("later",)),
    "everything": (ROOT / "tests/export/programs/everything.py", ()),
    "hostile": (ROOT / "tests/export/programs/hostile.py", ()),
}

failures: list[str] = []


def check(what: str, is_so: object, told: object = "") -> None:
    print(f"  {'ok    ' if is_so else 'FAILED'}  {what}{'' if is_so else f': {told}'}")
    if not is_so:
        failures.append(what)


def run(*words: str | Path, given: bytes = b"", environment: dict[str, str] | None = None) -> bytes:
    command = [str(word) for word in words]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, input=given, env=environment).stdout


def need(**packages: str) -> None:
    """Ask for tools of the machine, each with the Debian package that has it."""
    for tool, package in packages.items():
        if not shutil.which(tool):
            raise SystemExit(f"{tool} is not there: apt-get install {package}")


def chromium() -> str:
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not found:
        raise SystemExit("Chromium is not there: apt-get install chromium")
    return found


def install_from_npm(*packages: str) -> None:
    need(node="nodejs", npm="npm")
    PICTURES.mkdir(parents=True, exist_ok=True)
    NODE.mkdir(parents=True, exist_ok=True)
    if not all((NODE / "node_modules" / name.split("@")[0]).exists() for name in packages):
        print("Installing", *packages)
        run("npm", "install", "--prefix", NODE, "--no-audit", "--no-fund", "--silent", *packages)


def record() -> None:
    BUILD.mkdir(parents=True, exist_ok=True)
    for name, (program, words) in TRACES.items():
        command = [*FLOWTRACE, "run", "-q", "-o", str(BUILD / f"{name}.flow"), str(program), *words]
        subprocess.run(command, stderr=subprocess.DEVNULL, check=False)  # some of them end with an exception


def export(format: str, trace: str, *words: str) -> bytes:
    return run(*FLOWTRACE, "export", format, "-o", "-", *words, BUILD / f"{trace}.flow")


def browse(jobs: list[dict[str, object]]) -> list[dict[str, list[object]]]:
    environment = {**os.environ, "NODE_FOLDER": str(NODE), "CHROMIUM": chromium()}
    told = run("node", HERE / "browser.mjs", given=json.dumps(jobs).encode(), environment=environment)
    return json.loads(told)  # type: ignore[no-any-return]


def publish(name: str, folder: str = "docs/export") -> None:
    picture = PICTURES / name
    if picture.stat().st_size > 150_000:
        raise SystemExit(f"{picture} is too large for the documents")
    shutil.copy(picture, ROOT / folder / name)
