"""A trace as an SQLite database: the tables of src/export/tables.c, with indices and views."""

from __future__ import annotations

import os
import tempfile

from .. import _output
from ..errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3

    from .._core import Tables, _TableColumn

VERSION = 2  # of the tables: a cache of another is made again

ROWS = 128  # that one statement inserts: what most of them have needs no binding if all of these have it

KEYS = {"argument": ", PRIMARY KEY (call, position)) WITHOUT ROWID"}

# Few calls are in these: to look for them afterwards would take longer.
INDICES_OF_FEW = {
    "call": [
        "CREATE INDEX call_created_by ON call (created_by) WHERE created_by IS NOT NULL",
        "CREATE INDEX call_exception ON call (exception) WHERE exception IS NOT NULL",
    ]
}
INDICES = [
    "CREATE INDEX call_parent ON call (parent)",
    "CREATE INDEX call_function ON call (function)",
    "CREATE INDEX function_name ON function (name)",
    "CREATE INDEX link_from ON link (from_call)",
    "CREATE INDEX link_to ON link (to_call)",
]

VIEWS = {
    "calls": """
        SELECT call.call, function.name, function.module, function.file, function.line, function.kind,
               (SELECT group_concat(argument.name || '=' || argument.value, ', ')
                FROM argument WHERE argument.call = call.call) AS arguments,
               call.outcome, call.result, exception.text AS exception,
               call.duration_ns, call.running_ns, call.waiting_ns, call.start_ns, call.end_ns, call.depth,
               call.parent, call.created_by, track.kind AS track_kind, track.name AS track, process.pid,
               call.process, process.host
        FROM call JOIN function USING (function) JOIN track USING (track) JOIN process ON process.process = call.process
             LEFT JOIN exception ON exception.exception = call.exception""",
    "swallowed": """
        SELECT exception.exception, exception.text, function.name AS caught_by_function, exception.caught_by,
               exception.raised_in, exception.file, exception.line
        FROM exception LEFT JOIN call ON call.call = exception.caught_by LEFT JOIN function USING (function)
        WHERE exception.fate = 'swallowed'""",
}

VIEWS_TOLD = {
    "calls": "calls with the names of what they are of",
    "swallowed": "exceptions that were caught, and nothing came of it",
}


def connect(path: str | None, *, read_only: bool = False) -> sqlite3.Connection:
    """Open a file, or for None a database in memory."""
    try:
        import sqlite3
    except ImportError:
        raise UsageError("this Python has no sqlite3; use another, or: flowtrace export parquet") from None
    if path is None:
        return sqlite3.connect(":memory:", isolation_level=None)
    name = os.path.abspath(path).lstrip("/").replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    return sqlite3.connect(f"file:///{name}{'?mode=ro' if read_only else ''}", uri=True, isolation_level=None)


def write(trace: str, out: str, newest: int, filters: list[tuple[str, str]]) -> tuple[int, int]:
    from .. import _core

    tables = _core.Tables(trace, newest=newest, filters=filters)
    with _output.Output(out) as output:
        if output.is_replaced:
            build(output.path, tables)
            return os.path.getsize(output.path), tables.facts["calls"]
        with tempfile.TemporaryDirectory(prefix="flowtrace-") as folder:
            path = os.path.join(folder, "trace.sqlite")
            build(path, tables)
            output.copy(path)
            return os.path.getsize(path), tables.facts["calls"]


def build(path: str, tables: Tables, facts: dict[str, int | str] | None = None) -> None:
    """Fill an empty file. Raises OSError, as for any other."""
    import sqlite3

    from .. import __version__, _core

    connection = connect(path)
    try:
        for pragma in ("page_size = 16384", "journal_mode = OFF", "synchronous = OFF", "locking_mode = EXCLUSIVE"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN")
        for table, _, columns in _core.table_columns():
            for statement in (table_statement(table, columns), *INDICES_OF_FEW.get(table, [])):
                connection.execute(statement)
            _insert(connection, tables, table, columns)
        for statement in INDICES:
            connection.execute(statement)
        _add_views(connection)
        its_own = {name: value for name, value in tables.facts.items() if name != "trace_id"}
        known = {**its_own, "flowtrace": __version__, "version": VERSION, **(facts or {})}
        connection.executemany("INSERT INTO trace VALUES (?, ?)", known.items())
        connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        raise OSError(0, f"SQLite says: {error}") from None
    finally:
        connection.close()


def empty() -> sqlite3.Connection:
    """Return a database in memory that has what every trace's has, but for rows."""
    from .. import _core

    connection = connect(None)
    for table, _, columns in _core.table_columns():
        connection.execute(table_statement(table, columns))
    _add_views(connection)
    return connection


def _add_views(connection: sqlite3.Connection) -> None:
    for view, select in VIEWS.items():
        connection.execute(f"CREATE VIEW {view} AS {select}")
    connection.execute("CREATE TABLE trace (name TEXT PRIMARY KEY, value) WITHOUT ROWID")


def _insert(connection: sqlite3.Connection, tables: Tables, table: str, columns: tuple[_TableColumn, ...]) -> None:
    """Insert many rows by one statement, with as few values as can be: these are what takes the time."""
    import sqlite3

    rows = min(ROWS, connection.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER) // len(columns))
    statements: dict[tuple[int, int], str] = {}
    for shape, values in tables.blocks(table, rows=rows, derived=not can_derive()):
        statement = statements.get((shape, len(values)))
        if not statement:
            names = [f'"{column[0]}"' for i, column in enumerate(columns) if shape >> i & 1]
            marks = ", ".join([f"({', '.join('?' * len(names))})"] * (len(values) // len(names)))
            statement = f"INSERT INTO {table} ({', '.join(names)}) VALUES {marks}"
            statements[shape, len(values)] = statement
        connection.execute(statement, values)


def can_derive() -> bool:
    """Does this SQLite know columns that take no space?"""
    import sqlite3

    return sqlite3.sqlite_version_info >= (3, 31)


def table_statement(table: str, columns: tuple[_TableColumn, ...]) -> str:
    defined = []
    for name, is_text, _, usual, formula in columns:
        column = f'"{name}" {"TEXT" if is_text else "INTEGER"}'
        if name == table:  # it numbers the rows
            column += " PRIMARY KEY"
        if usual is not None:
            column += f" DEFAULT {usual!r}"
        if formula and can_derive():
            column += f" AS ({formula})"
        defined.append(column)
    return f"CREATE TABLE {table} ({', '.join(defined)}{KEYS.get(table, ')')}"
