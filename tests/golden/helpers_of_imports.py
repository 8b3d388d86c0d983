"""Imported by imports.py."""


def greet(name):
    return f"hello {name}"


greet("import")
