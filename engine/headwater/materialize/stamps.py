"""What files carry about their data: metadata of Arrow schemas, and properties of workbooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headwater.errors import HeadwaterError, did_you_mean

__all__ = ["stamp_workbook", "stamped"]

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


_LONGEST = 255  # characters of a property that Excel takes


def stamp_workbook(book: Any, metadata: Stamp) -> None:
    """Put texts into a workbook that is being written, as its custom properties.

    Args:
        book: A workbook of openpyxl or xlsxwriter.
        metadata: The texts, by key.

    Raises:
        HeadwaterError: A text is longer than Excel takes.
    """
    for name, text in metadata.items():
        if len(text) > _LONGEST or len(name) > _LONGEST:
            raise HeadwaterError(
                f"The text '{name}' about an Excel file has {len(text)} characters, but its properties have "
                f"at most {_LONGEST}. Shorten it, or save as Parquet."
            )
        if hasattr(book, "custom_doc_props"):
            from openpyxl.packaging.custom import StringProperty  # type: ignore[import-untyped]

            if name in book.custom_doc_props.names:  # where a sheet is added
                del book.custom_doc_props[name]
            book.custom_doc_props.append(StringProperty(name=name, value=text))
        else:
            book.set_custom_property(name, text, "text")
