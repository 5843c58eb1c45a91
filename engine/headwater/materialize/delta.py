"""Loads and saves Delta tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from headwater.errors import InvalidInput
from headwater.materialize.arrow_tables import NULLABLE, ArrowLoader, ArrowSaver, without_dictionaries
from headwater.materialize.builtin import UNSET, options
from headwater.materialize.lossless import fitting, require_names, with_lake_types
from headwater.materialize.metadata import FILE_METADATA, get_file_metadata
from headwater.materialize.packages import needed

__all__ = ["DELTA_METADATA", "DeltaReader", "DeltaWriter"]

DELTA_METADATA = "delta_metadata"
Options = Mapping[str, str] | None


@dataclass
class DeltaReader(ArrowLoader):
    """Loads a Delta table, as it is or as it was, with `deltalake.DeltaTable`.

    Args:
        path: The folder of the table, or its address in a store that `deltalake` knows, as `s3://`.
        version: A version of the table; the last one if none is given.
        columns: The columns that are wanted.
        filters: Which rows are wanted, as `[("day", "=", "2026-01-02")]` or as an expression of Arrow; files
            and partitions that have none of them are not read.
        storage_options: What the store needs, in the words of `deltalake`.
        dtype_backend: Which types the columns of a pandas table have, as in `load_from.parquet`.
    """

    key: ClassVar[str] = "delta"
    path: str | Path
    version: int | None = None
    columns: list[str] | None = None
    filters: Any = None
    storage_options: Options = field(default=None, repr=False)  # which may hold passwords
    dtype_backend: str | None = NULLABLE

    def _load(self) -> tuple[Any, dict[str, Any]]:
        deltalake = needed("deltalake", "load_from.delta")
        found = deltalake.DeltaTable(
            self.path, version=self.version, storage_options=_texts(self.storage_options)
        )
        table = found.to_pyarrow_table(columns=self.columns, filters=self.filters)
        return table, _described(self.path, found)


@dataclass
class DeltaWriter(ArrowSaver):
    """Saves a table as a Delta table, as one commit of it, with `deltalake.write_deltalake`.

    Args:
        path: The folder of the table, or its address in a store that `deltalake` knows, as `s3://`.
        mode: What to do where there is such a table: "error", "append", "overwrite" or "ignore".
        partition_by: Columns whose values are the folders of the files.
        predicate: With "overwrite", which rows are replaced, in SQL: `"day = '2026-01-02'"`.
        schema_mode: How the table may change its columns: "merge" or "overwrite".
        table_name: Name of a table that is made.
        description: What a table that is made is about.
        configuration: Properties of a table that is made.
        storage_options: What the store needs, in the words of `deltalake`.
        metadata: Texts about the commit, by key, kept in the table's log.
        column_metadata: Texts about a column, by column and key, kept in the schema of a table that is made.
    """

    key: ClassVar[str] = "delta"
    path: str | Path
    mode: str = UNSET
    partition_by: Sequence[str] | str | None = UNSET
    predicate: str | None = UNSET
    schema_mode: str | None = UNSET
    table_name: str | None = None
    description: str | None = UNSET
    configuration: Options = UNSET
    storage_options: Options = field(default=None, repr=False)  # which may hold passwords
    metadata: Mapping[str, str] | None = None
    column_metadata: Mapping[str, Mapping[str, str]] | None = None

    def _save(self, table: Any) -> dict[str, Any]:
        deltalake = needed("deltalake", "save_to.delta")
        own = ("path", "table_name", "storage_options", "metadata", "column_metadata")
        given = options(self, deltalake.write_deltalake, *own)
        if self.metadata:
            # What the commit tells is in its log; a schema would keep only what the first one told.
            table = table.replace_schema_metadata(None)
            given["commit_properties"] = deltalake.CommitProperties(custom_metadata=dict(self.metadata))
        _require_kept(table)
        table = with_lake_types(table, "save_to.delta")
        stored = _texts(self.storage_options)
        table = without_dictionaries(table)
        is_new = not deltalake.DeltaTable.is_deltatable(str(self.path), stored)
        if not is_new and self.mode in ("append", "overwrite") and self.schema_mode != "overwrite":
            there = deltalake.DeltaTable(self.path, storage_options=stored).schema().to_arrow()
            table = fitting(table, needed("pyarrow", "save_to.delta").schema(there), "save_to.delta")
        write = partial(
            deltalake.write_deltalake,
            self.path,
            table,
            name=self.table_name,
            storage_options=stored,
            **given,
        )
        try:
            write()
        except deltalake.exceptions.CommitFailedError:
            if not is_new:  # appends to a table that is there go past each other
                raise
            write()  # somebody else has made the table meanwhile
        return _described(self.path, deltalake.DeltaTable(self.path, storage_options=stored))


def _require_kept(table: Any) -> None:
    """Refuse what Delta would take and give back as something else.

    Raises:
        InvalidInput: A column holds unsigned integers, short fractions, times of a day or durations, or has
            the name of another but for letters of another case.
    """
    types = needed("pyarrow", "save_to.delta").types
    lost = (types.is_unsigned_integer, types.is_float16, types.is_time, types.is_duration)
    for column in table.schema:
        if any(is_lost(column.type) for is_lost in lost):
            raise InvalidInput(
                f"save_to.delta: column '{column.name}' holds {column.type}, which Delta tables cannot. "
                "Return signed integers, longer fractions, times with a date, or texts."
            )
    require_names("save_to.delta", table.column_names)


def _described(path: Any, table: Any) -> dict[str, Any]:
    known = get_file_metadata(path)
    known[FILE_METADATA]["size"] = None  # that of the folder would say nothing
    return {**known, DELTA_METADATA: {"version": table.version()}}


def _texts(given: Options) -> dict[str, str] | None:
    return dict(given) if given else None
