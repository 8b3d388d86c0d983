# $ flowtrace run --include textwrap --exclude 'textwrap.*fill*' --include nothing_like_it include.py
"""--include brings library code into scope, --exclude takes code out."""

import textwrap


def short(text):
    return textwrap.shorten(text, 12)


short("one two three four")
