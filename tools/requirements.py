"""Print what pyproject.toml requires, a line each: `build` its build tools, else that dependency group.

The pip that a Python brings may be too old for `pip install --group`.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path


def main(kind: str) -> None:
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8"))
    print("\n".join(project["build-system"]["requires"] if kind == "build" else project["dependency-groups"][kind]))


if __name__ == "__main__":
    main(sys.argv[1])
