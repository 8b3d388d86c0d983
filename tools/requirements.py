"""Print what pyproject.toml requires, a line each: `build` its build tools, else that dependency group.

The pip that a Python brings may be too old for `pip install --group`.
"""

from __future__ import annotations

import sys
import sysconfig
import tomllib
from pathlib import Path


def main(kind: str) -> None:
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = project["build-system"]["requires"] if kind == "build" else project["dependency-groups"][kind]
    if sysconfig.get_config_var("Py_GIL_DISABLED"):  # a part of mypy can't be built for 3.13t; what lints needs a GIL
        wanted = [requirement for requirement in wanted if not requirement.startswith("mypy")]
    print("\n".join(wanted))


if __name__ == "__main__":
    main(sys.argv[1])
