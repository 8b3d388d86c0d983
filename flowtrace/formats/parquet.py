"""A trace as Parquet files, which many traces may share a folder of: OUT/call/host=desk/trace=4f…/process=0/….parquet.

Needs pyarrow: pip install 'flowtrace[parquet]'.
"""

from __future__ import annotations

import os
import shutil
from urllib.parse import quote

from ..errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from .._core import Tables

BATCH = 1 << 17  # rows, and what engines like to take as a group
WRITERS_MAX = 200  # files that are open at a time
# Columns of text with few values: as numbers into a list of these.
REPEATED = {"name", "module", "file", "kind", "outcome", "waited_for", "type", "raised_in", "fate", "parameters"}
# What calls say of their functions and tracks, so that a query needs one table.
OF_FUNCTION = ("name", "module", "file", "line", "kind")
OF_TRACK = ("name", "kind")
RENAMED = {"host": "process_host"}  # what is in the path has its name for itself


def write(trace: str, out: str, newest: int, filters: list[tuple[str, str]]) -> tuple[int, int]:
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        raise UsageError("parquet needs pyarrow: pip install 'flowtrace[parquet]'") from None
    if os.path.exists(out) and not os.path.isdir(out):
        raise UsageError(f"{out} is there and is no folder; name another one: -o FOLDER")
    from .. import _core

    tables = _core.Tables(trace, newest=newest, filters=filters)
    identity = tables.facts["trace_id"].hex()
    staging = os.path.join(out, f".{identity}.{os.urandom(4).hex()}.tmp")
    try:
        os.makedirs(staging, mode=0o700)
        size = sum(_write_table(tables, table, os.path.join(staging, table)) for table, _, _ in _core.table_columns())
        _move(staging, out, _host(tables), identity)
    except OSError as error:
        raise UsageError(f"can't write {out}: {error.strerror or error}; nothing of this trace is kept there") from None
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return size, tables.facts["calls"]


def _host(tables: Tables) -> str:
    names = {str(row[4]) for row in tables.rows("process") if row[4]}
    return quote(names.pop() if len(names) == 1 else "several" if names else "unknown", safe="")


def _move(staging: str, out: str, host: str, identity: str) -> None:
    """Put what was written in place of what an export of the same trace has left."""
    for table in os.listdir(staging):
        folder = os.path.join(out, table, f"host={host}")
        os.makedirs(folder, exist_ok=True)
        place = os.path.join(folder, f"trace={identity}")
        shutil.rmtree(place, ignore_errors=True)
        os.rename(os.path.join(staging, table), place)


def _write_table(tables: Tables, table: str, place: str) -> int:
    schema = _schema(table)
    joined = _Joined(tables) if table == "call" else None
    by_process = "process" in schema.names
    with _Files(place, schema.remove(schema.get_field_index("process")) if by_process else schema) as files:
        for batch in _batches(tables, table, schema, joined):
            for folder, rows in _parts(batch) if by_process else [("", batch)]:
                files.write(folder, rows)
        if not files.parts:  # engines want a file, if only to know its columns
            files.begin("process=0" if by_process else "")
    return files.size


def _parts(batch: Any) -> Iterator[tuple[str, Any]]:
    """Split it by process, which becomes the name of a folder."""
    import pyarrow.compute as pc

    processes = batch["process"]
    rows = batch.drop_columns("process")
    known = pc.unique(processes)
    for process in known:
        folder = f"process={process.as_py()}" if process.is_valid else "process=__HIVE_DEFAULT_PARTITION__"
        its_own = pc.equal(processes, process) if process.is_valid else pc.is_null(processes)
        yield folder, rows if len(known) == 1 else rows.filter(its_own)


class _Files:
    """The files of a table, by folder. Arrow's own write_dataset() would hold back millions of rows."""

    def __init__(self, folder: str, schema: Any) -> None:
        self.folder = folder
        self.schema = schema
        self.writers: dict[str, Any] = {}
        self.parts: dict[str, int] = {}
        self.size = 0

    def __enter__(self) -> _Files:
        os.makedirs(self.folder, exist_ok=True)
        return self

    def write(self, folder: str, rows: Any) -> None:
        import pyarrow as pa

        if folder not in self.writers:
            self.begin(folder)
        self.writers[folder].write_table(pa.Table.from_batches([rows], self.schema), BATCH)

    def begin(self, folder: str) -> None:
        import pyarrow.parquet as pq

        if len(self.writers) == WRITERS_MAX:
            self._close()
        part = self.parts[folder] = self.parts.get(folder, -1) + 1
        os.makedirs(os.path.join(self.folder, folder), exist_ok=True)
        path = os.path.join(self.folder, folder, f"part-{part}.parquet")
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        self.writers[folder] = pq.ParquetWriter(path, self.schema)

    def _close(self) -> None:
        while self.writers:
            _, writer = self.writers.popitem()
            writer.close()
            self.size += os.path.getsize(writer.where)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self._close()
        except OSError:
            if kind is None:
                raise


def _schema(table: str) -> Any:
    import pyarrow as pa

    from .. import _core

    (columns,) = (columns for name, _, columns in _core.table_columns() if name == table)
    fields = [(RENAMED.get(name, name), _text_type(name) if is_text else pa.int64()) for name, is_text, *_ in columns]
    if table == "call":
        by_name = {name: is_text for _, _, columns in _core.table_columns() for name, is_text, *_ in columns}
        fields += [(f"function_{name}", _text_type(name) if by_name[name] else pa.int64()) for name in OF_FUNCTION]
        fields += [(f"track_{name}", _text_type(name)) for name in OF_TRACK]
    return pa.schema(fields)


def _text_type(name: str) -> Any:
    import pyarrow as pa

    return pa.dictionary(pa.int32(), pa.large_string()) if name in REPEATED else pa.large_string()


class _Joined:
    """Columns of functions and tracks, to be taken by number."""

    def __init__(self, tables: Tables) -> None:
        self.functions = _whole(tables, "function")
        self.tracks = _whole(tables, "track")

    def columns(self, calls: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        for name in OF_FUNCTION:
            yield f"function_{name}", self.functions[name].take(calls["function"])
        for name in OF_TRACK:
            yield f"track_{name}", self.tracks[name].take(calls["track"])


def _whole(tables: Tables, table: str) -> dict[str, Any]:
    import pyarrow as pa

    schema = _schema(table)
    batches = list(_batches(tables, table, schema, None))
    whole = pa.Table.from_batches(batches, schema).combine_chunks()
    return {name: whole[name].combine_chunks() for name in schema.names}


def _batches(tables: Tables, table: str, schema: Any, joined: _Joined | None) -> Iterator[Any]:
    import pyarrow as pa

    for rows, columns in tables.rows(table, batch=BATCH):
        arrays = {}
        for name, (nulls, valid, data, offsets) in zip(schema.names, columns, strict=False):
            kind = pa.int64() if offsets is None else pa.large_string()
            buffers = [data] if offsets is None else [offsets, data]
            validity = pa.py_buffer(valid) if nulls else None
            array = pa.Array.from_buffers(kind, rows, [validity, *map(pa.py_buffer, buffers)], nulls)
            arrays[name] = array.dictionary_encode().cast(schema.field(name).type) if name in REPEATED else array
        if joined:
            arrays.update(joined.columns(arrays))
        yield pa.RecordBatch.from_arrays([arrays[name] for name in schema.names], schema=schema)
