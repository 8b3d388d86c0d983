"""Out of scope: all time is spent in markdown-it-py, an installed package."""

from programs import markdown

run = markdown.run
