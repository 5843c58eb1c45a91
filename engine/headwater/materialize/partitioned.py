"""Loads and saves tables that are folders of files, one folder for each value of some columns."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from headwater.errors import InvalidInput, did_you_mean
from headwater.materialize.arrow_tables import NULLABLE, ArrowLoader, ArrowSaver, without_dictionaries
from headwater.materialize.files import found_store, is_remote
from headwater.materialize.lossless import fitting
from headwater.materialize.metadata import FILE_METADATA, get_file_metadata
from headwater.materialize.packages import needed

__all__ = ["PARTITIONS_METADATA", "PartitionedReader", "PartitionedWriter"]

PARTITIONS_METADATA = "partitions_metadata"
_SCHEMA = "_common_metadata"  # what Parquet calls the file of a table's schema; readers pass over it
_READ = ("parquet", "feather", "orc", "csv")
_WRITTEN = ("parquet", "feather", "csv")  # Arrow writes no folders of ORC files
_MODES = ("error", "overwrite", "partitions", "append")
Options = Mapping[str, Any] | None


@dataclass
class PartitionedReader(ArrowLoader):
    """Loads a table that is a folder of files, as `orders/day=2026-01-02/part-0.parquet`.

    Columns come back in the order and with the types that they had, where Headwater saved the table; else
    those of partitions have the types that their values look like.

    Args:
        path: The folder, or its address in a remote store.
        columns: The columns that are wanted.
        filters: Which rows are wanted, as `[("day", "=", "2026-01-02")]` or an expression of Arrow; folders
            that have none of them are not read.
        format: What the files are: "parquet", "feather", "orc" or "csv".
        storage_options: What the remote store needs.
        dtype_backend: Which types the columns of a pandas table have, as in `load_from.parquet`.

    Raises:
        InvalidInput: The format is none of these.
    """

    key: ClassVar[str] = "partitioned"
    path: str | Path
    columns: Sequence[str] | None = None
    filters: Any = None
    format: str = "parquet"
    storage_options: Options = field(default=None, repr=False)  # which may hold passwords
    dtype_backend: str | None = NULLABLE

    def __post_init__(self) -> None:
        """Make sure that the format is known."""
        _require("load_from.partitioned", "format", self.format, _READ)

    def _load(self) -> tuple[Any, dict[str, Any]]:
        dataset = needed("pyarrow.dataset", "load_from.partitioned")
        parquet = needed("pyarrow.parquet", "load_from.partitioned")
        store, folder = _store(self.path, self.storage_options)
        if not store.exists(folder):
            raise FileNotFoundError(f"There is no folder {self.path} to load.")
        schema, partitions = _partitions(store, folder, self.format)
        found = dataset.dataset(
            folder, filesystem=store, format=self.format, partitioning=partitions, schema=schema
        )
        wanted = self.filters
        if isinstance(wanted, (list, tuple)):
            wanted = parquet.filters_to_expression(list(wanted))
        table = found.to_table(columns=list(self.columns) if self.columns else None, filter=wanted)
        ours = (_PARTITIONS, _FORMAT)
        notes = {name: text for name, text in (table.schema.metadata or {}).items() if name not in ours}
        return table.replace_schema_metadata(notes or None), _described(self.path, len(found.files))


@dataclass
class PartitionedWriter(ArrowSaver):
    """Saves a table as a folder of files, one folder for each value of some columns.

    All files are written elsewhere before the first of them takes its place. Where the folder lies here, the
    whole of it is exchanged, and with "partitions" one partition after the other. A remote store gets the new
    files and then loses the old ones: whoever reads in between sees both. For tables that are read all the
    time there are `delta` and `iceberg`.

    Args:
        path: The folder, or its address in a remote store.
        by: The columns; they hold texts, integers, booleans or dates.
        mode: What to do where the folder is there: "error", "overwrite" for all of it, "partitions" for
            those partitions that the table has rows of, or "append".
        format: What the files are: "parquet", "feather" or "csv".
        storage_options: What the remote store needs.
        metadata: Texts about the table, by key, kept in its schema.
        column_metadata: Texts about a column, by column and key, kept in the column's schema.

    Raises:
        InvalidInput: Mode or format is none of these; there is such a folder and the mode is "error"; or the
            rows are to join others that have other columns, folders or files.
    """

    key: ClassVar[str] = "partitioned"
    path: str | Path
    by: Sequence[str] | str
    mode: str = "error"
    format: str = "parquet"
    storage_options: Options = field(default=None, repr=False)  # which may hold passwords
    metadata: Mapping[str, str] | None = None
    column_metadata: Mapping[str, Mapping[str, str]] | None = None

    def __post_init__(self) -> None:
        """Make sure that mode and format are known."""
        _require("save_to.partitioned", "format", self.format, _WRITTEN)
        _require("save_to.partitioned", "mode", self.mode, _MODES)

    def _save(self, table: Any) -> dict[str, Any]:
        by = [self.by] if isinstance(self.by, str) else list(self.by)
        table = without_dictionaries(table)
        _require_keys(table, by)
        store, folder = _store(self.path, self.storage_options)
        is_there = store.exists(folder)
        if is_there and self.mode == "error":
            raise InvalidInput(
                f"save_to.partitioned: there is a folder {self.path}. Say what to do: "
                'mode="overwrite", "partitions" or "append".'
            )
        if is_there and self.mode in ("partitions", "append"):
            table = _like_what_is_there(store, folder, table, by, self.format)
        if is_remote(self.path):
            with tempfile.TemporaryDirectory() as made:
                _write(table, Path(made), by, self.format)
                _upload(store, Path(made), folder, self.mode)
        else:
            # Through links, so that a link to a folder stays one.
            _exchange(table, Path(os.path.realpath(folder)), by, self.format, self.mode)
        return _described(self.path, sum(1 for file in store.find(folder) if not _is_schema(file)))


_PARTITIONS = b"headwater.partitions"
_FORMAT = b"headwater.format"


def _require(where: str, what: str, given: str, known: Sequence[str]) -> None:
    if given not in known:
        raise InvalidInput(
            f"{where}: {what}={given!r} is not known. Give one of {', '.join(map(repr, known))}."
            f"{did_you_mean(given, known)}"
        )


def _require_keys(table: Any, by: Sequence[str]) -> None:
    types = needed("pyarrow", "save_to.partitioned").types
    if not by:
        raise InvalidInput("save_to.partitioned: by= names no column. Name one, or save with to.parquet.")
    for name in by:
        if table.schema.get_field_index(name) < 0:
            raise InvalidInput(
                f"save_to.partitioned: the table has no column '{name}' to be parted by."
                f"{did_you_mean(name, table.column_names)}"
            )
        type_ = table.schema.field(name).type
        fits = (types.is_string, types.is_large_string, types.is_integer, types.is_boolean, types.is_date32)
        if not any(fit(type_) for fit in fits):
            raise InvalidInput(
                f"save_to.partitioned: column '{name}' holds {type_}, which a folder's name does not keep. "
                "Part by texts, integers, booleans or dates."
            )
    if len(by) == table.num_columns:
        raise InvalidInput("save_to.partitioned: by= names all columns, so the files would have none.")


def _like_what_is_there(store: Any, folder: str, table: Any, by: Sequence[str], format: str) -> Any:
    """Return a table with its columns in the order of those that its rows are to join.

    Raises:
        InvalidInput: They are not the same columns, or are parted or written in another way.
    """
    there = _schema_of(store, folder)
    if there is None:  # somebody else has made the folder
        return table
    notes = there.metadata or {}
    table = fitting(table, there, "save_to.partitioned")
    names = json.loads(notes.get(_PARTITIONS, b"[]"))
    found = notes.get(_FORMAT, format.encode()).decode()
    types = {field.name: field.type for field in there}
    given = {field.name: field.type for field in table.schema}
    wrong = [f"it has no column '{name}'" for name in types.keys() - given.keys()]
    wrong += [f"it has a column '{name}' besides" for name in given.keys() - types.keys()]
    wrong += [
        f"its column '{name}' holds {given[name]} and not {type_}"
        for name, type_ in types.items()
        if given.get(name, type_) != type_
    ]
    if names != list(by):
        wrong.append(f"it is parted by {', '.join(by)} and not by {', '.join(names)}")
    if found != format:
        wrong.append(f"its files are to be {format} and not {found}")
    if wrong:
        raise InvalidInput(
            f"save_to.partitioned: the table is unlike the one whose folder it is to join: "
            f'{"; ".join(sorted(wrong))}. Make it alike, or replace the whole with mode="overwrite".'
        )
    return table.select(there.names)


def _schema_of(store: Any, folder: str) -> Any:
    """Return the schema that is kept with a folder; None where there is none."""
    if not store.exists(f"{folder}/{_SCHEMA}"):
        return None
    parquet = needed("pyarrow.parquet", "A folder of partitions")
    with store.open(f"{folder}/{_SCHEMA}", "rb") as file:
        return parquet.read_schema(file)


def _store(path: Any, options: Options) -> tuple[Any, str]:
    store, folder = found_store(path, options, "A folder of partitions")
    return store, folder.rstrip("/")


def _partitions(store: Any, folder: str, format: str) -> tuple[Any, Any]:
    """Return the schema of a table, if it is kept, and how its folders are read."""
    dataset = needed("pyarrow.dataset", "load_from.partitioned")
    schema = _schema_of(store, folder)
    if schema is not None:
        names, fields = json.loads((schema.metadata or {}).get(_PARTITIONS, b"[]")), schema
    else:
        # Some writers keep the columns in the files as well, whose types they then have.
        plain = dataset.dataset(folder, filesystem=store, format=format, partitioning=None)
        steps = plain.files[0].removeprefix(folder).split("/")[1:-1] if plain.files else []
        names, fields = [step.partition("=")[0] for step in steps if "=" in step], plain.schema
    if not names or any(fields.get_field_index(name) < 0 for name in names):
        return schema, dataset.partitioning(flavor="hive")
    keys = needed("pyarrow", "load_from.partitioned").schema([fields.field(name) for name in names])
    return schema, dataset.partitioning(keys, flavor="hive")


def _write(table: Any, folder: Path, by: Sequence[str], format: str) -> None:
    """Write the files of a table, and one with its schema."""
    dataset = needed("pyarrow.dataset", "save_to.partitioned")
    parquet = needed("pyarrow.parquet", "save_to.partitioned")
    keys = needed("pyarrow", "save_to.partitioned").schema(
        [table.schema.field(name).remove_metadata() for name in by]
    )
    dataset.write_dataset(
        table,
        folder,
        # A name of its own for each save, so that appended files take no other's place.
        basename_template=f"part-{uuid.uuid4().hex}-{{i}}.{format}",
        format=format,
        partitioning=dataset.partitioning(keys, flavor="hive"),
        existing_data_behavior="overwrite_or_ignore",
        max_partitions=max(1024, table.num_rows),
    )
    ways = {_PARTITIONS: json.dumps(list(by)).encode(), _FORMAT: format.encode()}
    notes = {**(table.schema.metadata or {}), **ways}
    parquet.write_metadata(table.schema.with_metadata(notes), folder / _SCHEMA)


def _exchange(table: Any, folder: Path, by: Sequence[str], format: str, mode: str) -> None:
    if not folder.parent.is_dir():
        raise FileNotFoundError(f"There is no such folder to save into: {folder.parent}")
    with tempfile.TemporaryDirectory(prefix=f".{folder.name[:40]}.", dir=folder.parent) as drafts:
        made, old = Path(drafts, "made"), Path(drafts, "old")
        made.mkdir()
        _write(table, made, by, format)
        if mode == "error":
            try:
                made.rename(folder)  # which takes no other's place, also if it came meanwhile
            except OSError:
                if folder.exists():
                    raise InvalidInput(
                        f"save_to.partitioned: somebody else has made {folder.name} meanwhile."
                    ) from None
                raise
            return
        if mode == "overwrite" or not folder.exists():
            _put_in_place(made, folder, old)
            return
        for place in sorted({file.parent for file in made.rglob(f"part-*.{format}")}):
            inner = place.relative_to(made)
            if mode == "partitions":
                _put_in_place(place, folder / inner, old / inner)
            else:
                _join(place, folder / inner)
        (made / _SCHEMA).replace(folder / _SCHEMA)


def _put_in_place(made: Path, folder: Path, old: Path) -> None:
    """Exchange a folder; the old one goes with the drafts, and comes back where the new one cannot come."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    if folder.exists():
        old.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(old)
    try:
        made.rename(folder)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise


def _join(made: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for file in sorted(made.iterdir()):
        file.replace(folder / file.name)


def _upload(store: Any, made: Path, folder: str, mode: str) -> None:
    files = {file.relative_to(made).as_posix(): file for file in sorted(made.rglob("*")) if file.is_file()}
    old = _outdated(store, folder, mode, {inner.rpartition("/")[0] for inner in files})
    with store.transaction:
        for inner, file in files.items():
            with file.open("rb") as read, store.open(f"{folder}/{inner}", "wb") as write:
                shutil.copyfileobj(read, write)
    if old:
        store.rm(old)


def _outdated(store: Any, folder: str, mode: str, partitions: Iterable[str]) -> list[str]:
    """Return the files of a remote folder whose place new ones take."""
    if mode == "append" or not store.exists(folder):
        return []
    there = [str(file) for file in store.find(folder) if not _is_schema(file)]
    if mode == "overwrite":
        return there
    places = {f"{folder}/{partition}".rstrip("/") for partition in partitions}
    return [file for file in there if file.rpartition("/")[0] in places]


def _is_schema(file: str) -> bool:
    return str(file).rpartition("/")[2] == _SCHEMA


def _described(path: Any, files: int) -> dict[str, Any]:
    known = get_file_metadata(path)
    known[FILE_METADATA]["size"] = None  # that of the folder would say nothing
    return {**known, PARTITIONS_METADATA: {"files": files}}
