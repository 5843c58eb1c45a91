"""Tables of every library by way of Arrow: what a format does once, it does for all of them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, ClassVar

from headwater.errors import InvalidInput
from headwater.materialize.adapters import loads
from headwater.materialize.builtin import BuiltInLoader, BuiltInSaver
from headwater.materialize.metadata import get_dataframe_metadata
from headwater.materialize.packages import needed
from headwater.materialize.stamps import stamped
from headwater.types import Type

__all__ = [
    "NULLABLE",
    "TABLES",
    "WITHOUT_THEIR_OWN",
    "ArrowLoader",
    "ArrowSaver",
    "arrow_backed",
    "arrow_to_save",
    "as_arrow",
    "from_arrow",
    "without_dictionaries",
]

NULLABLE = "numpy_nullable"
"""Types of pandas that keep integers and booleans what they are where values are missing."""

TABLES = ("pandas.DataFrame", "polars.DataFrame", "polars.LazyFrame", "pyarrow.Table")
"""The tables that come from Arrow and go there; the first is made where any table is welcome."""


WITHOUT_THEIR_OWN = ("polars.DataFrame", "pyarrow.Table")
"""The tables of those libraries that reach some formats only by way of Arrow, which pandas reaches itself."""


def as_arrow(data: Any) -> Any:
    """Return a table as an Arrow table.

    An index of pandas becomes columns where it has names; one without a name only counts rows.

    Args:
        data: A table of pandas, polars (eager or lazy) or Arrow.

    Raises:
        InvalidInput: It is no such table.
    """
    arrow = needed("pyarrow", "An Arrow table")
    if isinstance(data, arrow.Table):
        return data
    if hasattr(data, "collect"):
        data = data.collect()
    if hasattr(data, "to_arrow"):
        return data.to_arrow()
    if type(data).__module__.partition(".")[0] != "pandas" or not hasattr(data, "columns"):
        raise InvalidInput(
            f"A {type(data).__name__} is no table. Save a table of pandas, polars or Arrow, or put columns "
            "together first: combine=PandasDataFrameResult()."
        )
    if any(name is not None for name in data.index.names):
        unnamed = [place for place, name in enumerate(data.index.names) if name is None]
        data = data.reset_index(level=unnamed, drop=True).reset_index()
    # pandas' own notes would bring its types back here, but mean nothing where others read the table.
    return arrow.Table.from_pandas(data, preserve_index=False).replace_schema_metadata(None)


def from_arrow(table: Any, type_: Any, dtype_backend: str | None = NULLABLE) -> Any:
    """Return an Arrow table as a table of the library that a type is of; pandas where any is welcome.

    Args:
        table: The Arrow table.
        type_: The annotation or class that is wanted.
        dtype_backend: Which types the columns of pandas have: "numpy_nullable", "pyarrow", or None for
            those of numpy, in which integers with missing values are fractions.

    Raises:
        InvalidInput: `dtype_backend` is none of these.
    """
    wanted = Type.of(type_)
    name = next((name for name in TABLES if loads(wanted, _known(name))), TABLES[0])
    if name == "pyarrow.Table":
        return table
    if name.startswith("polars."):
        made = needed("polars", "A polars table").from_arrow(table)
        return made.lazy() if name == "polars.LazyFrame" else made
    return _as_pandas(table, dtype_backend)


def _known(name: str) -> Type:
    # A class whose module was not imported can be no part of a live annotation.
    module, _, attribute = name.rpartition(".")
    return Type(name, live=getattr(sys.modules.get(module), attribute, None))


def _as_pandas(table: Any, dtype_backend: str | None) -> Any:
    pandas = needed("pandas", "A pandas table")
    if dtype_backend is None:
        return table.to_pandas()
    if dtype_backend == "pyarrow":
        return arrow_backed(table, "A pandas table")
    if dtype_backend != NULLABLE:
        raise InvalidInput(
            f"dtype_backend={dtype_backend!r} is not known. Give {NULLABLE!r}, 'pyarrow' or None."
        )
    arrow = needed("pyarrow", "A pandas table")
    sizes = (8, 16, 32, 64)
    nullable = {
        **{getattr(arrow, f"int{size}")(): getattr(pandas, f"Int{size}Dtype")() for size in sizes},
        **{getattr(arrow, f"uint{size}")(): getattr(pandas, f"UInt{size}Dtype")() for size in sizes},
        arrow.float32(): pandas.Float32Dtype(),
        arrow.float64(): pandas.Float64Dtype(),
        arrow.bool_(): pandas.BooleanDtype(),
        arrow.string(): pandas.StringDtype(),
        arrow.large_string(): pandas.StringDtype(),
    }
    return table.to_pandas(types_mapper=nullable.get)


def arrow_backed(table: Any, purpose: str) -> Any:
    """Return an Arrow table as a table of pandas whose columns keep the types of Arrow.

    Args:
        table: The Arrow table.
        purpose: What pandas is needed for, as the beginning of a sentence.
    """
    return table.to_pandas(types_mapper=needed("pandas", purpose).ArrowDtype)


def without_dictionaries(table: Any) -> Any:
    """Return an Arrow table whose categories are written out, for formats that have none."""
    arrow = needed("pyarrow", "An Arrow table")
    fields = [
        arrow.field(field.name, field.type.value_type, field.nullable)
        if arrow.types.is_dictionary(field.type)
        else field
        for field in table.schema
    ]
    return table.cast(arrow.schema(fields, table.schema.metadata))


def arrow_to_save(saver: Any, data: Any) -> Any:
    """Return a table as an Arrow table, with the texts that a saver has for it and its columns.

    Raises:
        InvalidInput: It is no table.
    """
    table = as_arrow(data)
    metadata: Mapping[str, str] | None = getattr(saver, "metadata", None)
    columns: Mapping[str, Mapping[str, str]] | None = getattr(saver, "column_metadata", None)
    return stamped(table, metadata, columns) if metadata or columns else table


class ArrowLoader(BuiltInLoader):
    """Loads an Arrow table and hands it on as a table of the library that is wanted."""

    types: ClassVar[tuple[str, ...]] = TABLES

    def load_data(self, type_: Any) -> tuple[Any, dict[str, Any]]:
        """Return the table, and what is known of it and of where it came from.

        Raises:
            MissingExtra: A package that the format needs is not installed.
        """
        needed("pyarrow", f"load_from.{self.key}")
        table, known = self._load()
        data = from_arrow(table, type_, getattr(self, "dtype_backend", NULLABLE))
        return data, {**known, **get_dataframe_metadata(data)}

    def _load(self) -> tuple[Any, dict[str, Any]]:
        raise NotImplementedError


class ArrowSaver(BuiltInSaver):
    """Saves a table of any library as the Arrow table that it can be.

    Those whose format keeps texts about the data have arguments `metadata`, by key, and
    `column_metadata`, by column and key.
    """

    types: ClassVar[tuple[str, ...]] = TABLES

    def save_data(self, data: Any) -> dict[str, Any]:
        """Save the table, and return what is known of it and of where it went.

        Raises:
            InvalidInput: It is no table.
            MissingExtra: A package that the format needs is not installed.
        """
        table = arrow_to_save(self, data)
        known = self._save(table)
        return {**known, **get_dataframe_metadata(table)}

    def _save(self, table: Any) -> dict[str, Any]:
        raise NotImplementedError
