"""Result builders: the shape in which an execution hands back what was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headwater.columns import package_of
from headwater.errors import HeadwaterError

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "DefaultAdapter",
    "DictResult",
    "PandasDataFrameResult",
    "ResultBuilder",
    "SimplePythonDataFrameGraphAdapter",
    "SimplePythonGraphAdapter",
]


class ResultBuilder:
    """Builds the result of an execution from the values by name, in the order of the request."""

    def build_result(self, **outputs: Any) -> Any:
        """Return the result."""
        raise NotImplementedError


class DictResult(ResultBuilder):
    """The values by name."""

    @staticmethod
    def build_result(**outputs: Any) -> dict[str, Any]:
        """Return the values as they are."""
        return outputs


class PandasDataFrameResult(ResultBuilder):
    """A pandas table with a column for every output.

    Series are joined on their indexes (an outer join, as pandas does), single values fill a column,
    and a table becomes columns named `output.column`. Only single values make a table of one row.
    """

    @staticmethod
    def build_result(**outputs: Any) -> pd.DataFrame:
        """Return the table.

        Raises:
            HeadwaterError: Two outputs make a column of the same name.
        """
        import pandas as pd

        if len(outputs) == 1:
            (only,) = outputs.values()
            if isinstance(only, pd.DataFrame):
                return only
        if not any(pd.api.types.is_list_like(value) for value in outputs.values()):
            return pd.DataFrame([outputs])
        _warn_of_indexes(outputs)
        return pd.DataFrame(_flattened(outputs))


def _flattened(outputs: dict[str, Any]) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for name, value in outputs.items():
        is_table = package_of(value) == "pandas" and hasattr(value, "columns")
        parts = {f"{name}.{column}": value[column] for column in value} if is_table else {name: value}
        for column, part in parts.items():
            if column in columns:
                raise HeadwaterError(
                    f"Two outputs make the column '{column}' of the result. Ask for one of them, or "
                    "rename it."
                )
            columns[column] = part
    return columns


def _warn_of_indexes(outputs: dict[str, Any]) -> None:
    indexed = {
        name: value.index
        for name, value in outputs.items()
        if hasattr(value, "index") and hasattr(value, "reindex")
    }
    first = next(iter(indexed.items()), None)
    if first is None:
        return
    unlike = [name for name, index in indexed.items() if not index.equals(first[1])]
    if unlike:
        import logging

        logging.getLogger("headwater.results").warning(
            "The indexes of %s differ from that of '%s': the result is their outer join, with missing "
            "values where one has no row.",
            ", ".join(map(repr, unlike)),
            first[0],
        )


class SimplePythonGraphAdapter(ResultBuilder):
    """Runs in this process, with the result builder that it is given."""

    def __init__(self, result_builder: ResultBuilder | None = None) -> None:
        """Take a result builder; by default the values come back in a dictionary."""
        self.result_builder = result_builder or DictResult()

    def build_result(self, **outputs: Any) -> Any:
        """Return what the result builder makes."""
        return self.result_builder.build_result(**outputs)


class SimplePythonDataFrameGraphAdapter(PandasDataFrameResult):
    """Runs in this process and gives a pandas table."""


class DefaultAdapter(SimplePythonGraphAdapter):
    """Runs in this process and gives the values by name."""

    def __init__(self) -> None:
        """Take nothing."""
        super().__init__()
