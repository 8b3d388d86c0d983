# $ flowtrace run imports.py
"""Modules of the program's own are calls as well."""

import helpers_of_imports


def main():
    return helpers_of_imports.greet("you")


main()
exec("main()\ndef made(): pass\nmade()")
