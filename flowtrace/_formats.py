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


TABLES_LACK = "the single waits of a call, but for its longest; the ways of exceptions that were raised again"

FORMATS: dict[str, Format] = {
    "flame": Format(
        suffix=".flame.html",
        what="a flame graph and a timeline in one page, with --before of two traces compared",
        lacks="values, links between tracks; of large traces the smallest frames and shortest calls",
        open_with="a browser opens it, without network",
        options=("--weight", "--before"),
    ),
    "folded": Format(
        suffix=".folded",
        what="stacks and what they weigh, `a;b;c 12` a line: microseconds or calls",
        lacks="order and times of calls, values, exceptions, links; which calls have not ended",
        open_with="flamegraph.pl and inferno-flamegraph draw it, https://www.speedscope.app opens it",
        options=("--weight",),
    ),
    "speedscope": Format(
        suffix=".speedscope.json",
        what="each track call by call, waits as frames of their own",
        lacks="values, exceptions, links between tracks",
        open_with="https://www.speedscope.app opens it, in the browser alone",
    ),
    "mermaid": Format(
        suffix=".mmd",
        what="a sequence diagram between modules, classes or tracks, folded to fit",
        lacks="times, waits, arguments; calls within one module; what has been folded away",
        open_with="GitHub and GitLab draw it within ```mermaid; so does https://mermaid.live",
        options=("--by", "--lines"),
    ),
    "dot": Format(
        suffix=".dot",
        what="who calls whom: a node for each function, a box for each module",
        lacks="order, values; calls of the smallest functions, if there are many",
        open_with="dot -Tsvg -O draws it",
        options=("--lines",),
    ),
    "json": Format(
        suffix=".jsonl",
        what="one JSON object a line: the trace, processes, tracks, exceptions, calls",
        lacks="the ways of exceptions that were kept and raised again; who drove a generator",
        open_with="its lines are described in docs/export/json.md: jq, pandas.read_json(lines=True)",
    ),
    "sqlite": Format(
        suffix=".sqlite",
        what="an SQLite database: tables process, track, function, call, argument, exception, link",
        lacks=TABLES_LACK,
        open_with="open it: sqlite3, or DB Browser for SQLite; the tables: flowtrace query --tables",
        module="sqlite",
        is_binary=True,
    ),
    "parquet": Format(
        suffix=".parquet",
        what="a folder of Parquet files, by table, host, trace and process: for DuckDB, Polars, Spark, ClickHouse",
        lacks=TABLES_LACK,
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
    "chrome": Format(
        suffix=".json",
        what="trace events in JSON for timelines: Perfetto's UI, chrome://tracing, many others",
        lacks="who drove a generator; when a call caught what it had raised itself; what each of several waits was for",
        open_with="open it in Perfetto's UI or chrome://tracing",
    ),
    "perfetto": Format(
        suffix=".perfetto-trace",
        what="Perfetto's own format: a third as large as chrome, and read faster; for its UI and its SQL",
        lacks="who drove a generator; when a call caught what it had raised itself; what each of several waits was for",
        open_with="open it in Perfetto's UI (ui.perfetto.dev) or query it by its trace_processor",
        is_binary=True,
    ),
    "otlp": Format(
        suffix=".otlp.jsonl",
        what="OpenTelemetry's spans in JSON, a request a line; --to sends them to a collector",
        lacks="when each wait began; who drove a generator; when a call caught what it had raised itself",
        open_with="send it: flowtrace export otlp --to http://127.0.0.1:4318",
        options=("--traceparent", "--to"),
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
