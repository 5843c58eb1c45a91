"""What a Parquet or Arrow file carries about its data: metadata of the file and of each column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headwater.errors import HeadwaterError, did_you_mean

__all__ = ["stamped"]

Stamp = Mapping[str, str]


def stamped(table: Any, metadata: Stamp | None, column_metadata: Mapping[str, Stamp] | None) -> Any:
    """Return an Arrow table whose schema carries metadata, beside what it carries already.

    Args:
        table: A `pyarrow.Table`.
        metadata: Texts about the whole file, by key.
        column_metadata: Texts about a column, by column and key.

    Raises:
        HeadwaterError: A column that the metadata is about is not in the table.
    """
    schema = table.schema
    for column, stamp in (column_metadata or {}).items():
        index = schema.get_field_index(column)
        if index < 0:
            raise HeadwaterError(
                f"There is metadata for a column '{column}', which the table lacks; it has "
                f"{', '.join(map(repr, schema.names))}.{did_you_mean(column, schema.names)}"
            )
        field = schema.field(index)
        schema = schema.set(index, field.with_metadata({**(field.metadata or {}), **stamp}))
    return table.cast(schema.with_metadata({**(table.schema.metadata or {}), **(metadata or {})}))
