"""Loads and saves Iceberg tables."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from headwater.errors import InvalidInput
from headwater.materialize.arrow_tables import NULLABLE, ArrowLoader, ArrowSaver, without_dictionaries
from headwater.materialize.lossless import fitting, with_lake_types
from headwater.materialize.metadata import get_sql_metadata
from headwater.materialize.packages import needed, needing

__all__ = ["ICEBERG_METADATA", "IcebergReader", "IcebergWriter"]

ICEBERG_METADATA = "iceberg_metadata"


@dataclass
class IcebergReader(ArrowLoader):
    """Loads an Iceberg table, as it is or as it was, with `pyiceberg`.

    Args:
        table: The table after its namespace, as `shop.orders`.
        catalog: The catalog that knows it: its name in the configuration of `pyiceberg`, its properties,
            or the catalog itself.
        snapshot_id: A snapshot of the table; the last one if none is given.
        columns: The columns that are wanted.
        row_filter: Which rows are wanted, as `"price > 10"` or an expression of `pyiceberg`.
        limit: How many rows are wanted at most.
        dtype_backend: Which types the columns of a pandas table have, as in `load_from.parquet`.
    """

    key: ClassVar[str] = "iceberg"
    table: str
    catalog: Any = field(repr=False)  # which may hold passwords
    snapshot_id: int | None = None
    columns: Sequence[str] | None = None
    row_filter: Any = None
    limit: int | None = None
    dtype_backend: str | None = NULLABLE

    def _load(self) -> tuple[Any, dict[str, Any]]:
        with needing("pyiceberg", "load_from.iceberg"):
            found = _catalog(self.catalog).load_table(self.table)
            wanted = {"row_filter": self.row_filter} if self.row_filter is not None else {}
            scan = found.scan(
                selected_fields=tuple(self.columns or ("*",)),
                snapshot_id=self.snapshot_id,
                limit=self.limit,
                **wanted,
            )
            table = scan.to_arrow()
        current = found.current_snapshot()
        read = self.snapshot_id if self.snapshot_id is not None else current and current.snapshot_id
        return table, {**get_sql_metadata(self.table, table), ICEBERG_METADATA: {"snapshot_id": read}}


@dataclass
class IcebergWriter(ArrowSaver):
    """Saves a table as an Iceberg table, as one commit of it, with `pyiceberg`.

    A table that is not there is made, and its namespace before it.

    Args:
        table: The table after its namespace, as `shop.orders`.
        catalog: The catalog that knows it: its name in the configuration of `pyiceberg`, its properties,
            or the catalog itself.
        mode: What to do where there is such a table: "error", "append" or "overwrite".
        overwrite_filter: With "overwrite", which rows are replaced, as `"day = '2026-01-02'"`.
        schema_mode: With "overwrite" for all rows: "overwrite" lets the table have other columns.
        location: Where the files of a table that is made are to be.
        properties: Properties of a table that is made.
        metadata: Texts about the data, by key, kept in the snapshot.

    Raises:
        InvalidInput: `mode` or `schema_mode` is none of these, or there is such a table and `mode` is
            "error".
    """

    key: ClassVar[str] = "iceberg"
    table: str
    catalog: Any = field(repr=False)  # which may hold passwords
    mode: str = "error"
    overwrite_filter: Any = None
    schema_mode: str | None = None
    location: str | None = None
    properties: Mapping[str, str] | None = None
    metadata: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        """Make sure that it is known what to do with a table that is there."""
        if self.mode not in _MODES:
            raise InvalidInput(
                f"save_to.iceberg: mode={self.mode!r} is not known. Give one of "
                f"{', '.join(map(repr, _MODES))}."
            )
        is_whole = self.mode == "overwrite" and self.overwrite_filter is None
        if self.schema_mode not in (None, "overwrite") or (self.schema_mode and not is_whole):
            raise InvalidInput(
                f'save_to.iceberg: schema_mode={self.schema_mode!r} does not go. Give "overwrite", beside '
                'mode="overwrite" and without overwrite_filter=.'
            )

    def _save(self, table: Any) -> dict[str, Any]:
        table = with_lake_types(without_dictionaries(table), "save_to.iceberg").replace_schema_metadata(None)
        with needing("pyiceberg", "save_to.iceberg"):
            catalog = _catalog(self.catalog)
            if catalog.table_exists(self.table) or not self._make(catalog, table):
                self._change(catalog.load_table(self.table), table)
            saved = catalog.load_table(self.table).current_snapshot()
        known = get_sql_metadata(self.table, table.num_rows)
        return {**known, ICEBERG_METADATA: {"snapshot_id": saved and saved.snapshot_id}}

    def _make(self, catalog: Any, table: Any) -> bool:
        """Return whether the table was made; if not, somebody else has made it meanwhile."""
        known = needed("pyiceberg.exceptions", "save_to.iceberg")
        _make_namespace(catalog, self.table.rpartition(".")[0])
        try:
            # One transaction, so that no table without rows is left where they cannot be written.
            with catalog.create_table_transaction(
                self.table, table.schema, location=self.location, properties=dict(self.properties or {})
            ) as made:
                made.append(table, snapshot_properties=dict(self.metadata or {}))
        except (known.CommitFailedException, known.TableAlreadyExistsError):
            if not catalog.table_exists(self.table):
                raise
            return False
        return True

    def _change(self, found: Any, table: Any) -> None:
        told = dict(self.metadata or {})
        if self.mode == "error":
            raise InvalidInput(
                f"save_to.iceberg: there is a table '{self.table}'. Say what to do: mode=\"append\" or "
                'mode="overwrite".'
            )
        if self.schema_mode is None:
            table = fitting(table, found.schema().as_arrow(), "save_to.iceberg")
        if self.mode == "append":
            found.append(table, snapshot_properties=told)
            return
        if self.schema_mode is None:
            wanted = {"overwrite_filter": self.overwrite_filter} if self.overwrite_filter is not None else {}
            found.overwrite(table, snapshot_properties=told, **wanted)
            return
        if found.schema().column_names == table.column_names:
            try:
                found.overwrite(table, snapshot_properties=told)
                return
            except ValueError:  # their types are others
                found.refresh()
        with found.transaction() as whole:
            # In two steps, since a column that goes cannot come again as another in the same.
            with whole.update_schema(allow_incompatible_changes=True) as change:
                for name in found.schema().column_names:
                    change.delete_column(name)
            with whole.update_schema() as change:
                change.union_by_name(table.schema)
            whole.overwrite(table, snapshot_properties=told)


_MODES = ("error", "append", "overwrite")
_PAUSES = (0.05, 0.1, 0.2, 0.4)
"""Seconds between attempts to open a catalog that somebody else makes at the same time."""


def _make_namespace(catalog: Any, name: str) -> None:
    try:
        catalog.create_namespace_if_not_exists(name)
    except Exception:
        # One in a database tells in the database's words that somebody else has made it meanwhile.
        if not catalog.namespace_exists(name):
            raise


def _catalog(given: Any) -> Any:
    if not isinstance(given, (str, Mapping)):
        return given
    load_catalog = needed("pyiceberg.catalog", "An Iceberg catalog").load_catalog
    properties = {"name": given} if isinstance(given, str) else {"name": "headwater", **given}
    for pause in _PAUSES:
        # One in a database makes its tables as it is opened, and fails where somebody else just does so.
        try:
            return load_catalog(**properties)
        except Exception as error:
            if "already exists" not in str(error):
                raise
        time.sleep(pause)
    return load_catalog(**properties)
