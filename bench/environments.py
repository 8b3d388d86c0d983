"""An environment for each peer, in build/bench: made once, its versions pinned in peers.toml."""

from __future__ import annotations

import os
import subprocess
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
BUILD = ROOT / "build" / "bench"
PEERS = tomllib.loads((HERE / "peers.toml").read_text(encoding="utf-8"))
MARKDOWN = "markdown-it-py==4.3.0"  # a program, and what it needs
PACKAGES = BUILD / "packages" / "site-packages"


class CannotInstall(Exception):
    """Says why, in a line."""


@dataclass
class Interpreter:
    """The one in which FlowTrace is installed; environments of peers are made with its base."""

    python: str
    base: str = ""
    version: str = ""
    facts: dict[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        code = "import sys; print(sys._base_executable); print(sys.version.split()[0])"
        self.base, self.version = run([self.python, "-c", code]).split("\n")[:2]


def run(command: list[str], **environment: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})
    if done.returncode:
        lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        errors = [line for line in lines if "ERROR" in line or "error" in line] or lines or ["failed"]
        raise CannotInstall(errors[-1].strip()[:200])
    return done.stdout


def python_for(way: str, interpreter: Interpreter) -> str:
    """Return the interpreter of the way's environment, which is made if need be. Raises CannotInstall."""
    peer = PEERS.get(way, {})
    packages: list[str] = peer.get("packages", [])
    if not packages:
        return interpreter.python
    oldest = tuple(map(int, peer.get("python", "3.12").split(".")))
    if tuple(map(int, interpreter.version.split(".")[:2])) < oldest:
        raise CannotInstall(f"needs Python {peer['python']}")
    if "cargo" in peer:
        _cargo(peer["cargo"])
    venv = BUILD / f"{packages[0]}-{interpreter.version}"
    done = venv / "installed"
    if not done.exists():
        print(f"Installing {', '.join(packages)}", flush=True)
        run([str(ROOT / "tools" / "make-venv"), str(venv), str(BUILD / "states" / venv.name)], PYTHON=interpreter.base)
        run([str(venv / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages])
        done.touch()
    return str(venv / "bin/python")


def _cargo(program: str) -> None:
    name, _, version = program.partition("@")
    if not (BUILD / "cargo" / "bin" / name).exists():
        print(f"Installing {program} with cargo", flush=True)
        try:
            run(["cargo", "install", "--quiet", "--locked", "--root", str(BUILD / "cargo"), name, "--version", version])
        except FileNotFoundError:
            raise CannotInstall(f"needs {name}, and there is no cargo to build it") from None


def install_programs(interpreter: Interpreter) -> None:
    """Install the packages that are measured themselves: in plain Python, so once for all environments."""
    if not PACKAGES.exists():
        print(f"Installing {MARKDOWN}", flush=True)
        pip = [interpreter.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        run([*pip, "--target", str(PACKAGES), MARKDOWN])


def variables() -> dict[str, str]:
    """Return the environment in which programs are run."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "FLOWTRACE", "COVERAGE"))
    }
    path = f"{BUILD / 'cargo' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return {**kept, "PYTHONPATH": str(PACKAGES), "PYTHONHASHSEED": "0", "PATH": path}
