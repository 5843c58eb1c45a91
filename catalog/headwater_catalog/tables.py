"""Make one table of what a run computed, show its head as text, and save it to a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from headwater.columns import package_of
from headwater.errors import InvalidInput, MissingExtra

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Outputs", "arrange", "preview", "save"]

_CELL: Final = 200  # characters shown of a cell
_CELLS: Final = 50_000  # shown of a table
_VALUE: Final = 10_000  # characters shown of a value that is not in the table


@dataclass(frozen=True, slots=True)
class Outputs:
    """What a run computed, arranged.

    Attributes:
        table: The columns that share an index, after the index itself; None where there are none.
        index: Names of the columns of the table that were its index.
        values: What is no column, by name: numbers, texts, models.
        output_of: The output that made each column; those of the index are of none.
    """

    table: pd.DataFrame | None
    index: tuple[str, ...]
    values: dict[str, Any]
    output_of: Mapping[str, str] = field(default_factory=dict)


def arrange(outputs: Mapping[str, Any]) -> Outputs:
    """Put the columns among some outputs into one table, and the other values beside it.

    Raises:
        InvalidInput: Two columns have different indexes, or one name.
    """
    columns: dict[str, pd.Series[Any]] = {}
    values: dict[str, Any] = {}
    output_of: dict[str, str] = {}
    for name, value in outputs.items():
        found = _columns_of(name, value)
        if found is None:
            values[name] = value
            continue
        for column, series in found:
            if column in columns:
                raise InvalidInput(
                    f"Output '{name}' makes a column '{column}', which there is already. Ask for one of them."
                )
            columns[column], output_of[column] = series, name
    if not columns:
        return Outputs(None, (), values)
    _require_one_index(columns)
    return replace(_tabulate(columns, values), output_of=output_of)


def _columns_of(name: str, value: Any) -> list[tuple[str, pd.Series[Any]]] | None:
    if package_of(value) != "pandas":  # a repository may do without it, and its runs then, too
        return None
    import pandas as pd

    if isinstance(value, pd.Series):
        return [(name, value)]
    if isinstance(value, pd.DataFrame):
        return [(str(column), value.iloc[:, place]) for place, column in enumerate(value.columns)]
    return None


def _require_one_index(columns: Mapping[str, pd.Series[Any]]) -> None:
    (first, pattern), *others = columns.items()
    for name, series in others:
        if not series.index.equals(pattern.index):
            raise InvalidInput(
                f"Columns '{first}' ({_shape(pattern)}) and '{name}' ({_shape(series)}) do not have the same "
                "index, so they make no table. Ask for them in two runs."
            )


def _shape(series: pd.Series[Any]) -> str:
    named = f", index {series.index.name!r}" if series.index.name is not None else ""
    return f"{len(series)} rows{named}"


def _tabulate(columns: Mapping[str, pd.Series[Any]], values: dict[str, Any]) -> Outputs:
    import pandas as pd

    index = next(iter(columns.values())).index
    table = pd.DataFrame(
        {name: series.set_axis(pd.RangeIndex(len(series))) for name, series in columns.items()}
    )
    if isinstance(index, pd.RangeIndex) and index.name is None:
        return Outputs(table, (), values)  # rows that nothing names
    names: list[str] = []
    for level in reversed(range(index.nlevels)):
        name = _free_name(index.names[level], level, set(table.columns))
        table.insert(0, name, index.get_level_values(level))
        names.insert(0, name)
    return Outputs(table, tuple(names), values)


def _free_name(wanted: Any, level: int, taken: set[str]) -> str:
    name = str(wanted) if wanted is not None else "index" if level == 0 else f"index_{level}"
    while name in taken:
        name += "_index"
    return name


def preview(outputs: Outputs, rows: int) -> dict[str, Any]:
    """Return the outputs as JSON: first rows of the table as texts, its statistics, the values beside it."""
    return {
        "table": _preview_table(outputs, rows),
        "values": [
            {"name": name, "type": type(value).__name__, "text": _shown(value, _VALUE)}
            for name, value in outputs.values.items()
        ],
    }


def _preview_table(outputs: Outputs, rows: int) -> dict[str, Any] | None:
    if outputs.table is None:
        return None
    from headwater.profiles import profile

    described = profile(outputs.table).as_dict()
    stats = dict(zip(map(str, outputs.table.columns), described["columns"], strict=False))
    head = outputs.table.head(max(1, min(rows, _CELLS // max(1, outputs.table.shape[1]))))
    cells = [_cells(head.iloc[:, place]) for place in range(head.shape[1])]
    return {
        "columns": [
            {
                "name": name,
                "type": str(dtype),
                "index": name in outputs.index,
                "output": outputs.output_of.get(str(name)),
                "stats": stats.get(str(name)),
            }
            for name, dtype in outputs.table.dtypes.items()
        ],
        "rows": [list(row) for row in zip(*cells, strict=True)],
        "row_count": len(outputs.table),
        "sample": described["sample"],
    }


def _cells(column: pd.Series[Any]) -> list[str | None]:
    # Dates without a time of day are shown without one, which pandas decides for the column as a whole.
    shown = column.astype(str) if column.dtype.kind == "M" else column.map(lambda value: _shown(value, _CELL))
    return [None if missing else str(text) for text, missing in zip(shown, column.isna(), strict=True)]


def _shown(value: Any, limit: int) -> str:
    try:
        text = str(value)
    except Exception as error:  # a class of the repository may have any __str__
        text = f"<{type(value).__name__} that cannot be shown: {type(error).__name__}>"
    return text if len(text) <= limit else text[: limit - 1] + "…"


def save(table: pd.DataFrame, path: Path, format: str) -> None:
    """Write a table to a file that appears when it is whole.

    Raises:
        MissingExtra: The format needs a package that is not installed.
        InvalidInput: The table cannot be written in this format.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        if format == "csv":
            table.to_csv(partial, index=False, lineterminator="\n")
        elif format == "json":
            table.to_json(partial, orient="records", date_format="iso", double_precision=15)
        else:
            table.to_parquet(partial, index=False)
    except ImportError as error:
        raise MissingExtra("pyarrow", "parquet", "Writing Parquet files") from error
    except Exception as error:  # what cells hold is up to the repository, and so is what writers raise
        raise InvalidInput(
            f"The table cannot be written as {format}: {type(error).__name__}: {error}"
        ) from error
    partial.replace(path)
