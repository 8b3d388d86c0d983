"""The tests of pytest's plugin with older pytests.

    python tests/pytest_plugin/versions.py [7.4.4 8.0.2 8.4.2]

Run by an interpreter that has FlowTrace and what its tests need. Each pytest is put in build/pytest-VERSION, and found
there by PYTHONPATH.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = ["7.4.4", "8.0.2", "8.4.2"]
# These need the pytest that is installed, or plugins that need a newer one.
LEFT_OUT = "not asyncio and not within_flowtrace_run and not entry_point"


def installed(version: str) -> Path:
    folder = ROOT / "build" / f"pytest-{version}"
    if not folder.exists():
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install", "--no-warn-conflicts"]
        subprocess.run([*pip, "--target", str(folder), f"pytest=={version}"], check=True)
    return folder


def passes(version: str) -> bool:
    environment = {**os.environ, "PYTHONPATH": str(installed(version)), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    words = ["-c", os.devnull, "--rootdir", str(ROOT), "-p", "no:cacheprovider", "-q", "-k", LEFT_OUT]
    command = [sys.executable, "-P", "-m", "pytest", *words, str(Path(__file__).with_name("test_pytest_plugin.py"))]
    print(f"pytest {version}", flush=True)
    return subprocess.run(command, env=environment, cwd=ROOT).returncode == 0


if __name__ == "__main__":
    raise SystemExit(sum(not passes(version) for version in sys.argv[1:] or VERSIONS))
