"""Polars frames as results, and columns added to them, under the name of Hamilton's plug-in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headwater.lifecycle.api import LegacyResultMixin
from headwater.modifiers.h_polars import with_columns

if TYPE_CHECKING:
    import polars as pl

__all__ = ["PolarsDataFrameResult", "with_columns"]


class PolarsDataFrameResult(LegacyResultMixin):
    """A polars frame with a column for every output; a single frame is handed back as it is, collected."""

    @staticmethod
    def build_result(**outputs: Any) -> pl.DataFrame:
        """Return the frame.

        Raises:
            polars.exceptions.ShapeError: The outputs are of different lengths.
        """
        import polars as pl

        if len(outputs) == 1:
            ((name, only),) = outputs.items()
            if isinstance(only, pl.DataFrame):
                return only
            if isinstance(only, pl.LazyFrame):
                return only.collect()
            if not isinstance(only, pl.Series):
                return pl.DataFrame({name: [only]})
        return pl.DataFrame(outputs)

    def output_type(self) -> Any:
        """Return the type of the result."""
        import polars as pl

        return pl.DataFrame
