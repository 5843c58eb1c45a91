"""Table files read and written block by block: Parquet, Arrow, CSV and JSON.

What is read may come from anybody, so this runs in a process of its own (`table_process`).
"""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from headwater.errors import InvalidInput
from headwater_catalog.arrow_types import is_bytes
from headwater_catalog.fingerprints import BLOCK_ROWS, THREADS, blocks_of, kind_of
from headwater_catalog.json_cells import as_json_cells, cells_of_json, is_for_json, object_of_pairs

__all__ = [
    "KEY",
    "TableFile",
    "open_table",
    "renamed_table",
    "schema_from_text",
    "schema_text",
    "write_table",
]

KEY: Final = b"headwater"
"""Where the metadata of a schema and of its fields have what Headwater says of them."""

_MOST_JSON: Final = 256 * 1024 * 1024  # bytes; it is read as a whole
_ROW_GROUP: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class TableFile:
    """A table that is open for reading.

    Attributes:
        schema: Its columns and their types, without metadata.
        batches: Gives its rows in pieces, from the beginning.
    """

    schema: pa.Schema
    batches: Callable[[], Iterator[pa.RecordBatch]]


@contextlib.contextmanager
def open_table(path: Path, format: str, schema: pa.Schema | None = None) -> Iterator[TableFile]:
    """Open a table file.

    Args:
        path: The file.
        format: Its format.
        schema: The types of its columns, which CSV and JSON do not say themselves; Parquet and Arrow do.

    Raises:
        InvalidInput: It is no such file, or not whole.
    """
    with contextlib.ExitStack() as stack:
        try:
            table = stack.enter_context(_READERS[format](path, schema))
        except InvalidInput:
            raise
        except (pa.ArrowException, OSError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise InvalidInput(f"The table cannot be read as {format}: {_sentence(error)}") from error
        yield table


def renamed_table(table: TableFile, names: Mapping[str, str]) -> TableFile:
    """Return a table with other names for some columns, by theirs; one that is taken is not given again."""
    free = {old: new for old, new in names.items() if new not in table.schema.names}
    wanted = [free.get(name, name) for name in table.schema.names]
    fields = [field.with_name(name) for field, name in zip(table.schema, wanted, strict=True)]
    return TableFile(pa.schema(fields), lambda: (batch.rename_columns(wanted) for batch in table.batches()))


def _sentence(error: BaseException) -> str:
    return str(error).strip().split("\n")[0][:300] or type(error).__name__


@contextlib.contextmanager
def _open_parquet(path: Path, _schema: pa.Schema | None) -> Iterator[TableFile]:
    from pyarrow import parquet

    limits = {"thrift_string_size_limit": 64 * 1024 * 1024, "thrift_container_size_limit": 4_000_000}
    with parquet.ParquetFile(path, **limits) as file:
        plain = file.schema_arrow.remove_metadata()
        yield TableFile(plain, lambda: map(_checked, file.iter_batches(BLOCK_ROWS, use_threads=False)))


@contextlib.contextmanager
def _open_arrow(path: Path, _schema: pa.Schema | None) -> Iterator[TableFile]:
    with pa.memory_map(str(path)) as mapped, pa.ipc.open_file(mapped) as file:
        seen: set[int] = set()  # what was looked at once need not be looked at again

        def batches() -> Iterator[pa.RecordBatch]:
            with ThreadPoolExecutor(THREADS) as pool:
                for number in range(file.num_record_batches):
                    batch = file.get_batch(number)
                    if number not in seen:
                        batch.validate()
                        list(pool.map(_check, batch.columns))
                    yield batch
                    seen.add(number)

        yield TableFile(file.schema.remove_metadata(), batches)


def _checked(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch of which nothing points outside of it."""
    batch.validate(full=True)
    return batch


def _check(column: pa.Array) -> None:
    """Make sure that nothing of a column points outside of it; other threads work meanwhile."""
    column.validate(full=True)


@contextlib.contextmanager
def _open_csv(path: Path, schema: pa.Schema | None) -> Iterator[TableFile]:
    from pyarrow import csv

    types = {field.name: field.type for field in _plain(schema)} if schema is not None else None
    convert = csv.ConvertOptions(
        column_types=types,
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        # Arrow would take 1 for true, which others read as a number.
        true_values=["True", "true", "TRUE"],
        false_values=["False", "false", "FALSE"],
    )
    read = csv.ReadOptions(block_size=4 * 1024 * 1024, use_threads=False)
    # In a file of one column, an empty line is a row in which it is missing.
    is_one = schema is not None and len(schema) == 1
    parse = csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=not is_one)
    options = {"read_options": read, "parse_options": parse, "convert_options": convert}
    with csv.open_csv(path, **options) as reader:
        # Names that are no text fail here, where it is told what cannot be read.
        found = pa.schema([(field.name, field.type) for field in reader.schema])
    yield TableFile(found, lambda: iter(csv.open_csv(path, **options)))


@contextlib.contextmanager
def _open_json(path: Path, schema: pa.Schema | None) -> Iterator[TableFile]:
    if path.stat().st_size > _MOST_JSON:
        raise InvalidInput(
            f"JSON is read up to {_MOST_JSON // 1024**2} MB. Save larger tables as parquet or arrow."
        )
    with path.open("rb") as stream:
        rows = json.load(stream, object_pairs_hook=object_of_pairs)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InvalidInput("It is JSON, but no list of objects, one for each row.")
    names = list(dict.fromkeys(name for row in rows for name in row))
    if schema is not None and not rows:
        names = schema.names
    known = {field.name: field.type for field in _plain(schema)} if schema is not None else {}
    columns = [cells_of_json([row.get(name) for row in rows], known.get(name)) for name in names]
    batch = pa.RecordBatch.from_arrays(columns, names=names)
    yield TableFile(batch.schema, lambda: iter([batch]))


_Reader = Callable[[Path, "pa.Schema | None"], contextlib.AbstractContextManager[TableFile]]
_READERS: Final[Mapping[str, _Reader]] = {
    "parquet": _open_parquet,
    "arrow": _open_arrow,
    "csv": _open_csv,
    "json": _open_json,
}


# Writing


def write_table(
    path: Path, format: str, table: TableFile, stamp: bytes, column_stamps: Mapping[str, bytes]
) -> None:
    """Write a table with its stamp, where the format has room for it.

    Args:
        path: A file that nobody looks at before it is whole.
        format: Its format.
        table: What to write.
        stamp: What is said of the table.
        column_stamps: What is said of its columns, by name.

    Raises:
        InvalidInput: The format cannot hold a column.
        OSError: There is no room for it.
    """
    fields = [field.with_metadata({KEY: column_stamps[field.name]}) for field in table.schema]
    schema = pa.schema(fields, {KEY: stamp})
    try:
        _WRITERS[format](path, schema, table)
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InvalidInput(f"The table cannot be written as {format}: {_sentence(error)}") from error


def _write_parquet(path: Path, schema: pa.Schema, table: TableFile) -> None:
    from pyarrow import parquet

    with parquet.ParquetWriter(path, schema) as writer:
        waiting: list[pa.RecordBatch] = []
        for block in blocks_of(table.schema, table.batches()):
            waiting.append(_with(schema, block))
            if sum(each.num_rows for each in waiting) >= _ROW_GROUP:
                writer.write_table(pa.Table.from_batches(waiting, schema), row_group_size=_ROW_GROUP)
                waiting = []
        if waiting:
            writer.write_table(pa.Table.from_batches(waiting, schema), row_group_size=_ROW_GROUP)


def _write_arrow(path: Path, schema: pa.Schema, table: TableFile) -> None:
    with pa.ipc.new_file(str(path), _plain(schema)) as writer:
        for block in blocks_of(table.schema, table.batches()):
            writer.write_batch(_with(_plain(schema), block))


def _with(schema: pa.Schema, block: pa.RecordBatch) -> pa.RecordBatch:
    columns = [
        column if column.type == field.type else column.cast(field.type)
        for column, field in zip(block.columns, schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _plain(schema: pa.Schema) -> pa.Schema:
    """Return a schema without dictionaries, of which one file can have but one each."""
    fields = [
        field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field
        for field in schema
    ]
    return pa.schema(fields, schema.metadata)


def _write_csv(path: Path, schema: pa.Schema, table: TableFile) -> None:
    plain = _plain(schema.remove_metadata())
    for field in plain:
        if pa.types.is_nested(field.type) or pa.types.is_duration(field.type) or is_bytes(field.type):
            raise InvalidInput(
                f"Column '{field.name}' holds {field.type}, which csv cannot. Save as parquet or arrow, or "
                "return texts or numbers."
            )
    dates = _dates(table)
    with path.open("wb") as stream:
        _write_lines(stream, [_quoted(pa.array([name])) for name in plain.names])
        for block in blocks_of(table.schema, table.batches()):
            columns = _with(plain, block).columns
            _write_lines(
                stream, [_as_text(c, name in dates) for c, name in zip(columns, plain.names, strict=True)]
            )


_TEXT: Final = pa.large_string()


def _text(value: str) -> pa.Scalar:
    return pa.scalar(value, _TEXT)


def _write_lines(stream: IO[bytes], columns: list[pa.Array]) -> None:
    texts = [column.cast(_TEXT) for column in columns]
    lines = pc.binary_join_element_wise(*texts, _text(","), null_handling="replace", null_replacement="")
    ended = pc.binary_join_element_wise(lines, _text(""), _text("\n"))
    stream.write(memoryview(ended.buffers()[2])[: pc.sum(pc.binary_length(ended)).as_py()])


def _dates(table: TableFile) -> set[str]:
    """Return the columns of instants that are all the beginning of a day, which are shown as dates."""
    names = {f.name for f in table.schema if pa.types.is_timestamp(f.type) and f.type.tz is None}
    for batch in table.batches() if names else ():
        for name in tuple(names):
            days = batch.column(name).cast(pa.date32(), safe=False).cast(batch.column(name).type, safe=False)
            if not pc.all(pc.equal(days, batch.column(name))).as_py():
                names.discard(name)
    return names


def _as_text(column: pa.Array, is_date: bool) -> pa.Array:
    kind, types = column.type, pa.types
    if types.is_boolean(kind):
        return pc.if_else(column, "True", "False")
    if types.is_floating(kind):
        # A number without any sign of a fraction would be read as a whole one.
        return pc.replace_substring_regex(column.cast(pa.string()), r"^(-?[0-9]+)$", r"\1.0")
    if types.is_timestamp(kind):
        return column.cast(pa.date32(), safe=False).cast(pa.string()) if is_date else column.cast(pa.string())
    if kind_of(kind) == "string":
        return _quoted(column)
    return column.cast(pa.string())


def _quoted(texts: pa.Array) -> pa.Array:
    """Return texts with quotes where they need them: an empty one does, to be told from none at all."""
    texts = texts.cast(_TEXT)
    inner = pc.replace_substring(texts, '"', '""')
    quoted = pc.binary_join_element_wise(_text('"'), inner, _text('"'), _text(""))
    return pc.if_else(pc.match_substring_regex(texts, r'[,"\r\n]|^$|^\s|\s$'), quoted, texts)


def _write_json(path: Path, schema: pa.Schema, table: TableFile) -> None:
    plain = _plain(schema.remove_metadata())
    for field in plain:
        if not is_for_json(field.type):
            raise InvalidInput(
                f"Column '{field.name}' holds {field.type}, which json cannot. Save as parquet or arrow."
            )
    with path.open("w", encoding="utf-8") as stream:
        before = "["
        for block in blocks_of(table.schema, table.batches()):
            before = _write_objects(stream, plain, _with(plain, block), before)
        stream.write("]\n" if before != "[" else "[]\n")


def _write_objects(stream: IO[str], schema: pa.Schema, block: pa.RecordBatch, before: str) -> str:
    columns = [as_json_cells(field, column) for field, column in zip(schema, block.columns, strict=True)]
    for cells in zip(*columns, strict=True):
        row = dict(zip(schema.names, cells, strict=True))
        try:
            stream.write(f"{before}{json.dumps(row, ensure_ascii=False, allow_nan=False)}")
        except ValueError as error:
            raise InvalidInput(
                "A list or a structure holds NaN or infinite numbers, which json cannot. Save as parquet or "
                "arrow."
            ) from error
        before = ",\n"
    return before


_WRITERS: Final[Mapping[str, Callable[[Path, pa.Schema, TableFile], None]]] = {
    "parquet": _write_parquet,
    "arrow": _write_arrow,
    "csv": _write_csv,
    "json": _write_json,
}


def schema_text(schema: pa.Schema) -> str:
    """Return the types of columns as a text that a stamp can hold."""
    return base64.b64encode(schema.remove_metadata().serialize()).decode("ascii")


def schema_from_text(text: str) -> pa.Schema:
    """Return the types of columns as `schema_text` wrote them.

    Raises:
        InvalidInput: The text says none.
    """
    try:
        return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(text, validate=True)))
    except (ValueError, OSError, pa.ArrowException) as error:
        raise InvalidInput(f"The stamp does not say the types of the columns: {_sentence(error)}") from error
