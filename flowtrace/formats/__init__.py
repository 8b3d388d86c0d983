"""Formats that a library writes: each module has write(trace, out, newest, filters), which returns bytes and calls."""
