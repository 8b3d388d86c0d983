"""What `python -m shapes` runs."""

import sys

from . import square


def main(arguments):
    return [square(int(argument)) for argument in arguments]


print(main(sys.argv[1:]))
