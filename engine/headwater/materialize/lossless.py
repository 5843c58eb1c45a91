"""What formats would change or lose without a word: cast where nothing is lost, else refused."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from headwater.errors import InvalidInput
from headwater.materialize.packages import needed

__all__ = ["fitting", "missing_durations", "require_names", "with_lake_types"]


def require_names(saver: str, names: Iterable[str]) -> None:
    """Refuse columns that a format in which letters of any case are the same tells apart by other names.

    Args:
        saver: What saves them, as people write it: `save_to.duckdb`.
        names: The names of all columns.

    Raises:
        InvalidInput: Two names are the same but for the case of letters, or one is empty.
    """
    known: dict[str, str] = {}
    for name in names:
        if not name:
            raise InvalidInput(f"{saver}: a column has no name. Give it one.")
        if (other := known.setdefault(name.casefold(), name)) != name:
            raise InvalidInput(
                f"{saver}: columns '{other}' and '{name}' are one by their names, since it does not tell "
                "letters of different case apart. Rename one."
            )


def missing_durations(name: str) -> InvalidInput:
    """Return the error that a database would get a number in place of a duration that is missing."""
    return InvalidInput(
        f"save_to.sql: column '{name}' holds durations, which become numbers in a database, and some are "
        "missing, for which it would get a wrong one. Return the seconds, as `column.dt.total_seconds()`."
    )


def with_lake_types(table: Any, saver: str) -> Any:
    """Return an Arrow table whose instants count microseconds, in UTC where they have a time zone.

    Large integers without a sign get one.

    Args:
        table: The table.
        saver: What saves it, as people write it: `save_to.delta`.

    Raises:
        InvalidInput: A column holds a value that does not go into such a type.
    """
    arrow = needed("pyarrow", saver)
    for place, column in enumerate(table.schema):
        wanted = _wanted(arrow, column.type)
        if wanted == column.type:
            continue
        try:
            cast = table.column(place).cast(wanted)
        except arrow.ArrowInvalid as error:
            raise InvalidInput(
                f"{saver}: column '{column.name}' holds {column.type}, and such tables keep {wanted}, "
                "which would lose a part of a value. Round it, or return texts."
            ) from error
        table = table.set_column(place, column.with_type(wanted), cast)
    return table


def fitting(table: Any, stored: Any, saver: str) -> Any:
    """Return an Arrow table whose rows may join those of a stored one, which keeps its types.

    Columns without any value get the type that they have there.

    Args:
        table: The table.
        stored: The schema of the stored one.
        saver: What saves it, as people write it: `save_to.delta`.

    Raises:
        InvalidInput: A number or an instant would be cut or rounded.
    """
    arrow = needed("pyarrow", saver)
    there = {column.name.casefold(): column.type for column in stored}
    for place, column in enumerate(table.schema):
        wanted = there.get(column.name.casefold(), column.type)
        if wanted == column.type or not (arrow.types.is_null(column.type) or _is_counted(arrow, column.type)):
            continue
        try:
            cast = table.column(place).cast(wanted)
        except arrow.ArrowInvalid as error:
            raise InvalidInput(
                f"{saver}: column '{column.name}' holds {column.type}, and {wanted} in the table that is "
                "there, which would cut or round a value. Round it, or replace the table as a whole."
            ) from error
        except (arrow.ArrowNotImplementedError, arrow.ArrowTypeError):
            continue  # whether that goes at all, who saves it tells
        if arrow.types.is_null(column.type):
            table = table.set_column(place, column.with_type(wanted), cast)
    return table


def _is_counted(arrow: Any, type_: Any) -> bool:
    types = arrow.types
    kinds = (types.is_integer, types.is_floating, types.is_decimal, types.is_temporal)
    return any(is_kind(type_) for is_kind in kinds)


def _wanted(arrow: Any, type_: Any) -> Any:
    if arrow.types.is_timestamp(type_):
        return arrow.timestamp("us", tz="UTC" if type_.tz is not None else None)
    return arrow.int64() if arrow.types.is_uint64(type_) else type_
