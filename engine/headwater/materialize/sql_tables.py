"""Tables of databases by way of SQLAlchemy, for the libraries that have no way of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from headwater.errors import InvalidInput
from headwater.materialize.arrow_tables import (
    WITHOUT_THEIR_OWN,
    ArrowLoader,
    ArrowSaver,
    arrow_backed,
    without_dictionaries,
)
from headwater.materialize.builtin import UNSET, options
from headwater.materialize.lossless import missing_durations
from headwater.materialize.metadata import get_sql_metadata
from headwater.materialize.packages import needed, needing
from headwater.materialize.transactions import in_one_transaction

__all__ = ["ArrowSqlReader", "ArrowSqlWriter"]


@dataclass
class ArrowSqlReader(ArrowLoader):
    """Loads the rows of a query or a table of a database.

    The types of columns are those of the values; a column without any value has the type null.

    Args:
        query_or_table: The query, or the name of a table.
        db_connection: The address of the database, or an engine or connection of SQLAlchemy.
        params: Values of the query's parameters, by name, as `:least`.
        columns: The columns of a table that are wanted.

    Raises:
        InvalidInput: A column has values of types that do not go together, or the connection is no such.
    """

    key: ClassVar[str] = "sql"
    types: ClassVar[tuple[str, ...]] = WITHOUT_THEIR_OWN
    query_or_table: str
    db_connection: Any = field(repr=False)  # which may hold passwords
    params: Mapping[str, Any] | None = None
    columns: Sequence[str] | None = None

    def _load(self) -> tuple[Any, dict[str, Any]]:
        sqlalchemy = needed("sqlalchemy", "load_from.sql")
        with in_one_transaction(self.db_connection, "load_from.sql", is_read=True) as connection:
            if not hasattr(connection, "dialect"):
                raise InvalidInput(
                    f"load_from.sql: db_connection is a {type(connection).__name__}. Give the address of the "
                    "database, or an engine or connection of SQLAlchemy."
                )
            query = sqlalchemy.text(self.query_or_table)
            if sqlalchemy.inspect(connection).has_table(self.query_or_table):
                table = sqlalchemy.Table(self.query_or_table, sqlalchemy.MetaData(), autoload_with=connection)
                query = sqlalchemy.select(*(table.c[name] for name in self.columns or table.c.keys()))
            result = connection.execute(query, self.params or {})
            names, rows = list(result.keys()), result.fetchall()
        made = _as_table(names, rows)
        return made, get_sql_metadata(self.query_or_table, made)


def _as_table(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> Any:
    arrow = needed("pyarrow", "An Arrow table")
    columns = []
    for place, name in enumerate(names):
        try:
            columns.append(arrow.array([row[place] for row in rows]))
        except (arrow.ArrowInvalid, arrow.ArrowTypeError) as error:
            raise InvalidInput(
                f"load_from.sql: column '{name}' has values of types that do not go together. Cast it in the "
                f"query. ({error})"
            ) from error
    return arrow.Table.from_arrays(columns, names=list(names))


@dataclass
class ArrowSqlWriter(ArrowSaver):
    """Saves a table as a table of a database, by way of `DataFrame.to_sql`, in one transaction.

    Decimals are texts in SQLite, which has none.

    Args:
        table_name: The table.
        db_connection: The address of the database, or an engine or connection of SQLAlchemy.
        if_exists: What to do where there is such a table: "fail", "replace" or "append".
        schema: The schema that the table is in.
        chunksize: How many rows are sent at once.
        dtype: Types of SQLAlchemy, by column, in the place of those that fit.
    """

    key: ClassVar[str] = "sql"
    types: ClassVar[tuple[str, ...]] = (*WITHOUT_THEIR_OWN, "polars.LazyFrame")
    table_name: str
    db_connection: Any = field(repr=False)  # which may hold passwords
    if_exists: str = UNSET
    schema: str | None = UNSET
    chunksize: int | None = UNSET
    dtype: Any = UNSET

    def _save(self, table: Any) -> dict[str, Any]:
        needed("pandas", "save_to.sql")  # before a database is opened
        _require_cells(table)
        with (
            needing("sqlalchemy", "save_to.sql"),
            in_one_transaction(self.db_connection, "save_to.sql") as connection,
        ):
            is_sqlite = getattr(getattr(connection, "dialect", None), "name", "sqlite") == "sqlite"
            written, types = _with_decimals(without_dictionaries(table), is_sqlite)
            frame = arrow_backed(written, "save_to.sql")
            given = options(self, frame.to_sql, "table_name", "db_connection")
            if types and given.get("dtype") is None:
                given["dtype"] = types
            frame.to_sql(self.table_name, connection, index=False, **given)
        return get_sql_metadata(self.table_name, table.num_rows)


def _with_decimals(table: Any, is_sqlite: bool) -> tuple[Any, dict[str, Any]]:
    """Return a table whose decimals a database keeps exactly, and the types that columns have there.

    SQLite has no decimals and would make fractions of them: there they are texts.
    """
    arrow = needed("pyarrow", "save_to.sql")
    names = [field.name for field in table.schema if arrow.types.is_decimal(field.type)]
    if not is_sqlite:
        sqlalchemy = needed("sqlalchemy", "save_to.sql")
        exact = {name: table.schema.field(name).type for name in names}
        return table, {name: sqlalchemy.Numeric(of.precision, of.scale) for name, of in exact.items()}
    for name in names:
        place = table.schema.get_field_index(name)
        table = table.set_column(place, name, table[name].cast(arrow.string()))
    return table, {}


def _require_cells(table: Any) -> None:
    """Refuse lists and structures, which drivers would write as bytes that nobody reads again.

    Raises:
        InvalidInput: A column holds such, or durations some of which are missing.
    """
    types = needed("pyarrow", "save_to.sql").types
    for column in table.schema:
        if types.is_nested(column.type):
            raise InvalidInput(
                f"save_to.sql: column '{column.name}' holds {column.type}, which tables of databases cannot. "
                "Return a column for each part, or texts."
            )
        if types.is_duration(column.type) and table[column.name].null_count:
            raise missing_durations(column.name)
