"""A module that fails while it is imported."""

from .area import square

square(-1)
