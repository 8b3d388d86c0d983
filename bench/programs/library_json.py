"""Out of scope: all time is spent in the library's json, re and argparse."""

from __future__ import annotations

import argparse
import json
import re

RECORD = {"name": "rope", "sizes": [1, 2.5, None], "text": "a (b) c - " * 5, "more": {"x": True, "y": ["p", "q"]}}


def options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="shop")
    for name in ("verbose", "quiet", "dry-run"):
        parser.add_argument(f"--{name}", action="store_true", help=f"be {name}")
    parser.add_argument("--size", type=int, default=3)
    parser.add_argument("files", nargs="*")
    return parser


def run(size: int) -> object:
    for i in range(size):
        text = json.dumps([RECORD] * 20, indent=1)  # indent: the encoder in Python, not the one in C
        json.loads(text, object_pairs_hook=dict)
        re.purge()
        re.sub(rf"\w+({i % 7}|[a-z]+)?\s*", "", text)
        options().parse_args(["--verbose", "--size", "4", "a", "b"])
    return text
