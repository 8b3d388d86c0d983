"""flowtrace query: SQL on a trace."""

from __future__ import annotations

import os
import sys
import tempfile
import time

from .. import _follow, _options, _output, _progress, _rows, _terminal
from ..errors import UsageError
from ..formats import sqlite
from .show import newest_wanted, trace_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from sqlite3 import Connection

HELP = """\
flowtrace query [options] "SELECT ..." [FILE]

Answers a question in SQL. The tables are made once, in SQLite, and kept in a
file beside the trace, FILE.sqlite, for the next question. With - for the
SELECT it is read from stdin. The status is 0, or 2 if the question is wrong.

  --tables         list tables, views and columns, and what they hold
  --csv            the answer as CSV
  --json           the answer as JSON: a list of objects
  --wide           cut no text; else those of a table have 60 columns at most
  --newest N       of the newest N calls only (40,000,000)

  calls            one row a call: name, module, arguments, outcome, result,
                   exception, duration_ns, waiting_ns, track, pid, ...
  swallowed        exceptions that were caught, and nothing came of it
  call, argument, exception, function, track, process, link: see --tables

Example
  flowtrace query "SELECT name, count(*) AS n FROM calls GROUP BY name ORDER BY n DESC LIMIT 5"
  flowtrace query "SELECT call, name, result FROM calls WHERE arguments LIKE '%A-1004%'" run.flow
"""

OPTIONS = {
    "--tables": _options.FLAG,
    "--csv": _options.FLAG,
    "--json": _options.FLAG,
    "--wide": _options.FLAG,
    "--newest": _options.NUMBER,
}


def main(arguments: list[str]) -> int:
    options = _options.parse("query", OPTIONS, arguments)
    if "--csv" in options and "--json" in options:
        raise UsageError("--csv or --json: one at a time")
    if "--tables" in options:
        _terminal.answer(tables_text().encode())
        return 0
    question = question_wanted(options)
    trace = trace_name("query", options)
    check(question)
    with database(trace, newest_wanted(options)) as connection:
        answer(connection, question, options)
    return 0


def question_wanted(options: _options.Options) -> str:
    if not options.rest:
        raise UsageError('which question? flowtrace query "SELECT name, duration_ns FROM calls"; --tables lists them')
    question = options.rest.pop(0)
    if question == "-":
        question = sys.stdin.read() if sys.stdin is not None else ""
    try:
        question.encode()
    except UnicodeEncodeError:
        raise UsageError("the question is no UTF-8") from None
    if not question.strip():
        raise UsageError("the question is empty; it is a SELECT: see flowtrace query --help")
    return question


# --- the database -------------------------------------------------------------


def database(trace: str, newest: int) -> AbstractContextManager[Connection]:
    from contextlib import contextmanager

    @contextmanager
    def opened() -> Iterator[Connection]:
        facts = identity(trace, newest)
        path = f"{trace}.sqlite"
        if is_current(path, facts) or can_be_made(path, trace, newest, facts):
            yield read_only(path)
            return
        with tempfile.TemporaryDirectory(prefix="flowtrace-") as folder:
            path = os.path.join(folder, "trace.sqlite")
            make(path, trace, newest, facts)
            yield read_only(path)

    return opened()


def identity(trace: str, newest: int) -> dict[str, int | str]:
    """Return what a database must say of the trace that it is made from.

    While it is recorded neither the file's size nor its time tells what has been written to it since.
    """
    moment = time.time_ns() if _follow.is_live(trace) else 0
    status = os.stat(trace)
    return {
        "version": sqlite.VERSION,
        "size": status.st_size,
        "mtime_ns": status.st_mtime_ns,
        "newest": newest,
        "moment": moment,
    }


def is_current(path: str, facts: dict[str, int | str]) -> bool:
    if not os.path.isfile(path):
        return False
    import sqlite3

    try:
        connection = sqlite.connect(path, read_only=True)
        try:
            known = dict(connection.execute("SELECT name, value FROM trace"))
        finally:
            connection.close()
    except sqlite3.Error:
        known = {}
    if "newest" not in known:  # nor has an export
        raise UsageError(f"{path} is there and was not made by query, so it stays as it is; move it away")
    return all(known.get(name) == value for name, value in facts.items())


def can_be_made(path: str, trace: str, newest: int, facts: dict[str, int | str]) -> bool:
    """Make it, unless there is no room, no right to write there, or something else than a file."""
    if os.path.exists(path) and not os.path.isfile(path):
        return False
    try:
        make(path, trace, newest, facts)
    except UsageError:
        return False
    return True


def make(path: str, trace: str, newest: int, facts: dict[str, int | str]) -> None:
    from .. import _core

    with _progress.Progress(), _output.Output(path) as output:
        sqlite.build(output.path, _core.Tables(trace, newest=newest), facts)


def read_only(path: str) -> Connection:
    """Open it so that a question can only read, and can be interrupted."""
    connection = guarded(sqlite.connect(path, read_only=True))
    connection.set_progress_handler(lambda: 0, 100_000)  # runs Python, so that Ctrl-C is heard
    return connection


def guarded(connection: Connection) -> Connection:
    import sqlite3

    allowed = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}

    def authorize(action: int, first: str | None, second: str | None, *_: object) -> int:
        harmless = action == sqlite3.SQLITE_PRAGMA and first in {"table_info", "table_list", "table_xinfo"}
        loads = action == sqlite3.SQLITE_FUNCTION and second == "load_extension"
        return sqlite3.SQLITE_OK if (action in allowed and not loads) or harmless else sqlite3.SQLITE_DENY

    connection.set_authorizer(authorize)
    return connection


def check(question: str) -> None:
    """Refuse what no trace can answer, before a database is made, which may take long."""
    import sqlite3

    connection = guarded(sqlite.empty())
    connection.set_progress_handler(lambda: 1, 100_000)  # it need only begin
    try:
        if connection.execute(question).description is None:
            raise UsageError("this is no question: it is a SELECT, or WITH ... SELECT")
    except (sqlite3.Error, sqlite3.Warning) as error:
        if str(error) != "interrupted":
            raise UsageError(trouble(connection, question, str(error))) from None
    finally:
        connection.close()


# --- the answer ----------------------------------------------------------------


def answer(connection: Connection, question: str, options: _options.Options) -> None:
    import sqlite3

    try:
        cursor = connection.execute(question)
        names = [column[0] for column in cursor.description]
        if "--csv" in options:
            _rows.write_csv(sys.stdout, names, cursor)
        elif "--json" in options:
            _rows.write_json(sys.stdout, names, cursor)
        else:
            width = _terminal.columns(sys.stdout) if _terminal.is_terminal(sys.stdout) else 0
            _rows.write_table(sys.stdout, names, cursor, width, whole="--wide" in options)
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise UsageError(damage(connection, error) or trouble(connection, question, str(error))) from None
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UsageError(f"can't write to stdout: {error.strerror}") from None
    finally:
        connection.close()


def damage(connection: Connection, error: Exception) -> str:
    if getattr(error, "sqlite_errorname", "") not in {"SQLITE_CORRUPT", "SQLITE_NOTADB"}:
        return ""
    connection.set_authorizer(None)
    _, _, path = connection.execute("PRAGMA database_list").fetchone()
    return f"the tables in {path} are damaged; delete it, and they are made again"


def trouble(connection: Connection, question: str, message: str) -> str:
    """Return what was wrong, where, and what there is."""
    if message == "interrupted":
        raise KeyboardInterrupt
    if "not authorized" in message or "readonly database" in message:
        return f"a question can only read: {message}"
    if "one statement at a time" in message:
        return "one SELECT at a time, without a semicolon and another behind it"
    if "bindings supplied" in message:
        return "a question has no parameters: write the value where ? or :name stands"
    if _is_understood(connection, question):
        return f"{message}: so it was while the question was answered"
    word = message.partition('near "')[2].partition('"')[0] or message.partition(": ")[2] if ": " in message else ""
    return "\n".join([message, *_place(question, word), *_nearest(message, word), "", short_tables()])


def _is_understood(connection: Connection, question: str) -> bool:
    import sqlite3

    try:
        connection.execute(f"EXPLAIN {question}")
    except (sqlite3.Error, sqlite3.Warning):
        return False
    return True


def _place(question: str, word: str) -> list[str]:
    """Return the line of the question with a mark below the word."""
    if not word or question.lower().count(word.lower()) != 1:
        return [f"  {line}" for line in question.strip().splitlines()]
    at = question.lower().index(word.lower())
    lines = []
    for line in question.splitlines(keepends=True):
        lines.append(f"  {line.rstrip()}")
        if 0 <= at < len(line):
            lines.append("  " + " " * at + "^" * len(word))
        at -= len(line)
    return lines


def _nearest(message: str, word: str) -> list[str]:
    from difflib import get_close_matches

    name = word.rpartition(".")[2]
    names = all_tables() if "no such table" in message else [c for columns in all_tables().values() for c in columns]
    near = get_close_matches(name, names, 1) if "no such" in message else []
    return [f"did you mean {near[0]}?"] if near else []


def all_tables() -> dict[str, list[str]]:
    """Return the columns of every table and view, as SQLite has them."""
    from .. import _core

    connection = sqlite.empty()
    names = [*sqlite.VIEWS, *(table for table, _, _ in _core.table_columns())]
    found = {name: [row[1] for row in connection.execute(f"PRAGMA table_xinfo({name})")] for name in names}
    connection.close()
    return found


def short_tables() -> str:
    return "\n".join(f"  {name}: {', '.join(columns)}" for name, columns in all_tables().items())


def tables_text() -> str:
    from .. import _core

    columns_of = all_tables()
    lines = ["Views"]
    for view, what in sqlite.VIEWS_TOLD.items():
        lines += [f"  {view:<12}{what}", f"{'':<14}{', '.join(columns_of[view])}"]
    for table, what, columns in _core.table_columns():
        lines += ["", f"{table}: {what}"]
        lines += [f"  {name:<18}{told}" for name, _, told, *_ in columns]
    return "\n".join(lines) + "\n"
