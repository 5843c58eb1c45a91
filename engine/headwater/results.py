"""Result builders and the adapters of the old kind: in which shape an execution hands back what was asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from headwater.columns import package_of
from headwater.errors import HeadwaterError, InvalidInput
from headwater.lifecycle.api import GraphAdapter, LegacyResultMixin, LocalGraphAdapter

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

__all__ = [
    "DefaultAdapter",
    "DictResult",
    "HamiltonGraphAdapter",
    "NumpyMatrixResult",
    "PandasDataFrameResult",
    "ResultMixin",
    "SimplePythonDataFrameGraphAdapter",
    "SimplePythonGraphAdapter",
    "StrictIndexTypePandasDataFrameResult",
]

ResultMixin = LegacyResultMixin
HamiltonGraphAdapter = GraphAdapter

MISALIGNED = "headwater.misaligned"
"""Key of a table's `attrs` that lists the outputs whose index is not that of the first."""


class DictResult(LegacyResultMixin):
    """The values by name."""

    @staticmethod
    def build_result(**outputs: Any) -> dict[str, Any]:
        """Return the values as they are."""
        return outputs

    def output_type(self) -> Any:
        """Return the type of the result."""
        return dict[str, Any]


class PandasDataFrameResult(LegacyResultMixin):
    """A pandas table with a column for every output.

    Series are joined on their indexes (an outer join, as pandas does), single values fill a column,
    and a table becomes columns named `output.column`. Only single values make a table of one row. Where
    indexes differ, a warning is logged and `table.attrs["headwater.misaligned"]` lists the outputs.

    Args:
        layout: "columns" keeps each column where it is, without a copy, which is the fastest; "block" copies
            columns of one type into one block, which is faster to compute with as a matrix.
    """

    def __init__(self, layout: Literal["columns", "block"] = "columns") -> None:
        """Choose the layout."""
        if layout not in ("columns", "block"):
            raise InvalidInput(f"layout={layout!r} is unknown. Give 'columns' or 'block'.")
        if layout == "block":
            self.build_result = _block_table  # type: ignore[method-assign]

    @staticmethod
    def build_result(**outputs: Any) -> pd.DataFrame:
        """Return the table.

        Raises:
            HeadwaterError: Two outputs make a column of the same name.
        """
        import pandas as pd

        table = _special(outputs)
        if table is not None:
            return table
        columns = _flattened(outputs)
        misaligned = _misaligned(columns)
        # Only pandas 3 copies a shared column before it is changed.
        if misaligned is None or misaligned or int(pd.__version__.split(".")[0]) < 3:
            return _told(pd.DataFrame(columns), columns, misaligned)
        joined: pd.DataFrame = pd.concat(columns, axis=1)
        return joined

    def output_type(self) -> Any:
        """Return the type of the result."""
        import pandas as pd

        return pd.DataFrame


def _block_table(**outputs: Any) -> pd.DataFrame:
    import numpy as np
    import pandas as pd

    table = _special(outputs)
    if table is not None:
        return table
    columns = _flattened(outputs)
    misaligned = _misaligned(columns)
    dtypes = {value.dtype for value in columns.values()} if misaligned == [] else set()
    if len(dtypes) != 1 or not all(isinstance(dtype, np.dtype) for dtype in dtypes):
        return _told(pd.DataFrame(columns), columns, misaligned)
    first = next(iter(columns.values()))
    block = np.empty((len(first), len(columns)), dtypes.pop(), order="F")
    for position, column in enumerate(columns.values()):
        block[:, position] = column.to_numpy()
    return pd.DataFrame(block, first.index, pd.Index(columns), copy=False)


def _special(outputs: Mapping[str, Any]) -> pd.DataFrame | None:
    """Return the table of one table alone, or of nothing but single values."""
    import pandas as pd

    if len(outputs) == 1:
        (only,) = outputs.values()
        if isinstance(only, pd.DataFrame):
            return only
    if any(pd.api.types.is_list_like(value) for value in outputs.values()):
        return None
    return pd.DataFrame([dict(outputs)])


def _flattened(outputs: Mapping[str, Any]) -> dict[str, Any]:
    import pandas as pd

    columns: dict[str, Any] = {}
    for name, value in outputs.items():
        is_table = isinstance(value, pd.DataFrame)
        parts = {f"{name}.{column}": value[column] for column in value} if is_table else {name: value}
        for column, part in parts.items():
            if column in columns:
                raise HeadwaterError(
                    f"Two outputs make the column '{column}' of the result. Ask for one of them, or "
                    "rename it."
                )
            columns[column] = part
    return columns


def _misaligned(columns: Mapping[str, Any]) -> list[str] | None:
    """Return the columns whose index is not that of the first; None where not all are Series."""
    import pandas as pd

    series = [(name, value.index) for name, value in columns.items() if isinstance(value, pd.Series)]
    index = series[0][1] if series else None
    unlike = [name for name, other in series if not other.is_(index) and not other.equals(index)]
    return unlike if unlike or len(series) == len(columns) else None


def _told(table: pd.DataFrame, columns: Mapping[str, Any], misaligned: list[str] | None) -> pd.DataFrame:
    if misaligned:
        import logging

        first = next(name for name, value in columns.items() if hasattr(value, "reindex"))
        table.attrs[MISALIGNED] = misaligned
        logging.getLogger("headwater.results").warning(
            "The indexes of %s differ from that of '%s': the result is their outer join, with missing "
            "values where one has no row.",
            ", ".join(map(repr, misaligned)),
            first,
        )
    return table


class StrictIndexTypePandasDataFrameResult(PandasDataFrameResult):
    """A pandas table of outputs whose indexes are of one type; others are refused, not joined."""

    @staticmethod
    def build_result(**outputs: Any) -> pd.DataFrame:
        """Return the table.

        Raises:
            InvalidInput: The indexes are of several types, or no output has one.
        """
        kinds: dict[str, list[str]] = {}
        for name, value in outputs.items():
            kinds.setdefault(_index_kind(value), []).append(name)
        indexed = [kind for kind in kinds if kind]
        if len(indexed) != 1:
            found = "; ".join(f"{kind or 'no index'}: {', '.join(names)}" for kind, names in kinds.items())
            raise InvalidInput(
                f"The outputs must have indexes of one type, but have {len(indexed)} ({found}). Convert "
                "them to one, or use PandasDataFrameResult, which joins them."
            )
        return PandasDataFrameResult.build_result(**outputs)


def _index_kind(value: Any) -> str:
    if package_of(value) != "pandas":
        return ""
    if hasattr(value, "index"):
        return f"{type(value.index).__name__} of {value.index.dtype}"
    return "Index of int64" if hasattr(value, "get_loc") else ""  # as a column, an index is numbered


class NumpyMatrixResult(LegacyResultMixin):
    """A numpy matrix with a column for every output; single numbers fill a column."""

    @staticmethod
    def build_result(**outputs: Any) -> np.matrix[Any, Any]:
        """Return the matrix, of shape (rows, outputs).

        Raises:
            InvalidInput: The outputs are of different lengths.
        """
        import numpy as np

        lengths = {name: len(value) for name, value in outputs.items() if not isinstance(value, (int, float))}
        rows = next(iter(lengths.values()), 1)
        for name, length in lengths.items():
            if length != rows:
                first = next(iter(lengths))
                raise InvalidInput(
                    f"'{name}' has {length:,} values, but '{first}' has {rows:,}. The columns of a matrix "
                    "are of one length."
                )
        columns = [list(value) if name in lengths else [value] * rows for name, value in outputs.items()]
        return np.asmatrix(columns).T

    def output_type(self) -> Any:
        """Return the type of the result."""
        import numpy as np

        return np.matrix


class SimplePythonDataFrameGraphAdapter(LocalGraphAdapter, PandasDataFrameResult):
    """Runs in this process and gives a pandas table."""

    def __init__(self) -> None:
        """Take nothing."""
        PandasDataFrameResult.__init__(self)


class SimplePythonGraphAdapter(SimplePythonDataFrameGraphAdapter):
    """Runs in this process, with the result builder that it is given."""

    def __init__(self, result_builder: LegacyResultMixin | None = None) -> None:
        """Take a result builder; by default the values come back in a dictionary."""
        super().__init__()
        self.result_builder = result_builder or DictResult()

    def build_result(self, **outputs: Any) -> Any:  # type: ignore[override]
        """Return what the result builder makes."""
        return self.result_builder.build_result(**outputs)

    def output_type(self) -> Any:
        """Return the type of the result."""
        return self.result_builder.output_type()


class DefaultAdapter(SimplePythonGraphAdapter):
    """Runs in this process and gives the values by name."""
