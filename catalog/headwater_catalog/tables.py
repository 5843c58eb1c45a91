"""Make one table of what a run computed, show its head as text, and hand it over as an Arrow file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from headwater.columns import package_of
from headwater.errors import InvalidInput, NodeFailed
from headwater.instances import is_instance
from headwater.types import Type

if TYPE_CHECKING:
    import pandas as pd

    from headwater.node import Node

__all__ = ["Outputs", "arrange", "preview", "require_columns", "save"]

_OF_COLUMNS: Final = ("pandas", "polars")  # packages whose types are columns and tables

_CELL: Final = 200  # characters shown of a cell
_LOOKED_AT: Final = 100_000  # rows, to say what a column holds that cannot be saved
_ROWS: Final = 65_536  # of a piece of an Arrow file
_CELLS: Final = 50_000  # shown of a table
_VALUE: Final = 10_000  # characters shown of a value that is not in the table


@dataclass(frozen=True, slots=True)
class Outputs:
    """What a run computed, arranged.

    Attributes:
        table: The columns that share an index, after the index itself; None where there are none.
        index: Names of the columns of the table that were its index.
        values: What is no column, by name: numbers, texts, models.
        origins: The output that each column came with, by the column's name; the index came with none.
    """

    table: pd.DataFrame | None
    index: tuple[str, ...]
    values: dict[str, Any]
    origins: dict[str, str] = field(default_factory=dict)


def require_columns(nodes: Mapping[str, Node], outputs: Mapping[str, Any]) -> None:
    """Make sure that what is declared to be a column or a table is one: else tables would silently lack it.

    Raises:
        NodeFailed: An output is something else.
    """
    for name, value in outputs.items():
        node = nodes[name]
        told = node.type.name
        if told.partition(".")[0] not in _OF_COLUMNS:
            continue
        if value is None or is_instance(value, Type(told, live=node.type.live)) is False:
            raise NodeFailed(
                f"{node.where} declares '{name}' as {told}, but it came out as {type(value).__name__}. "
                f"Return {told}, or correct the annotation.",
                name,
            )


def arrange(outputs: Mapping[str, Any]) -> Outputs:
    """Put the columns among some outputs into one table, and the other values beside it.

    Raises:
        InvalidInput: Two columns have different indexes, or one name.
    """
    columns: dict[str, pd.Series[Any]] = {}
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
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
            columns[column] = series
            origins[column] = name
    if not columns:
        return Outputs(None, (), values)
    _require_one_index(columns)
    return replace(_tabulate(columns, values), origins=origins)


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
    return f"{len(series):,} row{'' if len(series) == 1 else 's'}{named}"


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
                "output": outputs.origins.get(str(name)),
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


def save(table: pd.DataFrame, path: Path) -> None:
    """Write a table to an Arrow file, which appears when it is whole.

    Raises:
        InvalidInput: A column holds what no table file can.
        OSError: There is no room for it.
    """
    import pyarrow as pa  # type: ignore[import-untyped]

    columns = [_as_arrow(name, table.iloc[:, place]) for place, name in enumerate(table.columns)]
    made = pa.Table.from_arrays(columns, names=list(table.columns))
    partial = path.with_name(path.name + ".partial")
    try:
        with pa.ipc.new_file(str(partial), made.schema) as writer:
            writer.write_table(made, max_chunksize=_ROWS)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)  # so that on a full disk there is room to say why


def _as_arrow(name: str, column: pd.Series[Any]) -> Any:
    """Return a column as Arrow holds it; pandas' missing values are missing there, too."""
    import pyarrow as pa

    try:
        name.encode()
        made = pa.Array.from_pandas(column)
    except Exception as error:  # what cells hold is up to the repository, and so is what comes of them
        raise InvalidInput(
            f"Column '{_shown(name, _CELL)}' cannot be saved: it holds {_kinds(column)}, which no table file "
            f"can hold ({_first_line(error)}). Return values of one kind: numbers, texts, dates, or lists of "
            "them."
        ) from error
    chunks = made.chunks if isinstance(made, pa.ChunkedArray) else [made]
    return pa.chunked_array([_unified(chunk) for chunk in chunks], type=None if chunks else made.type)


def _unified(array: Any) -> Any:
    """Return values without a dictionary, of which an Arrow file can have but one for each column."""
    return array.dictionary_decode() if str(array.type).startswith("dictionary") else array


def _kinds(column: pd.Series[Any]) -> str:
    """Say which kinds of values a column holds, the most frequent first."""
    counts = Counter(type(value).__name__ for value in column.head(_LOOKED_AT) if value is not None)
    told = ", ".join(f"{kind} ({count:,})" for kind, count in counts.most_common(5))
    return (told or "nothing") + (f" in its first {_LOOKED_AT:,} rows" if len(column) > _LOOKED_AT else "")


def _first_line(error: Exception) -> str:
    return (str(error).strip().split("\n")[0] or type(error).__name__)[:_CELL]
