"""`python -m flowtrace`."""

import sys

if not sys.flags.safe_path:
    del sys.path[0]  # python -m puts this folder first: a signal.py in it is not ours to import

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
