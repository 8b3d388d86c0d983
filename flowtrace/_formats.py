"""The formats that `flowtrace export` writes: a line each, and what each of them can't say.

Those in C stand in src/export/formats.c under the same names. Others name the module
of flowtrace.formats that writes them, with a function write(source, path).
"""

from __future__ import annotations

from typing import NamedTuple


class Format(NamedTuple):
    suffix: str  # of the file that is written if no name is given
    what: str
    lacks: str  # what a trace says and the format can't
    open_with: str  # what a person does next with the file
    options: tuple[str, ...] = ()
    module: str = ""  # of flowtrace.formats; "": it is written in C
    is_folder: bool = False
    is_binary: bool = False


FORMATS: dict[str, Format] = {
    "json": Format(
        suffix=".jsonl",
        what="one JSON object a line: the trace, processes, tracks, exceptions, calls",
        lacks="the ways of exceptions that were kept and raised again; who drove a generator",
        open_with="its lines are described in docs/export/json.md: jq, pandas.read_json(lines=True)",
    ),
    "sqlite": Format(
        suffix=".sqlite",
        what="an SQLite database: tables process, track, function, call, argument, exception, link",
        lacks="the single waits of a call, but for its longest; the ways of exceptions that were raised again",
        open_with="open it: sqlite3, or DB Browser for SQLite; the tables: flowtrace query --tables",
        module="sqlite",
        is_binary=True,
    ),
    "parquet": Format(
        suffix=".parquet",
        what="a folder of Parquet files, by table, host, trace and process: for DuckDB, Polars, Spark, ClickHouse",
        lacks="the single waits of a call, but for its longest; the ways of exceptions that were raised again",
        open_with="the traces of other runs and hosts may go to the same folder: docs/export/parquet.md",
        module="parquet",
        is_folder=True,
    ),
    "html": Format(
        suffix=".html",
        what="the story as a page: a tree that opens by click, values, exceptions, sources, search",
        lacks="calls beyond --lines, 5,000 if not said; waits one by one; calls that did alike beyond ten of them",
        open_with="open it in a browser",
        options=("--lines",),
    ),
}


def nearest(name: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name.lower(), FORMATS, 1)
    return f"; did you mean {near[0]}?" if near else f"; the formats are {', '.join(FORMATS)}"


def table() -> str:
    """Return what --formats prints."""
    lines = []
    for name, format in FORMATS.items():
        lines += [f"{name:<12}{format.what}", f"{'':<12}not in it: {format.lacks}"]
    return "\n".join(lines) + "\n"
