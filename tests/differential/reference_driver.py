"""Run a program as flowtrace/reference.py does, but write its events to a file as JSON, in place of a tree.

Used as: python reference_driver.py events.json app.py arguments ...
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from flowtrace import reference


def write(events: list[reference.CallEvent]) -> Iterator[str]:
    OUTPUT.write_text(json.dumps(events))
    return iter(())


OUTPUT = Path(sys.argv[1])
reference.tree = write
sys.exit(reference.main(sys.argv[2:]))
