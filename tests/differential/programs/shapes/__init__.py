"""A package that imports.py imports."""

from .area import square

__all__ = ["square"]


def __getattr__(name):
    if name == "lazy":
        return square(10)
    raise AttributeError(name)
