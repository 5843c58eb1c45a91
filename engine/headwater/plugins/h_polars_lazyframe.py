"""Lazy polars frames as results, and columns added to them, under the name of Hamilton's plug-in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headwater.lifecycle.api import LegacyResultMixin
from headwater.modifiers.h_polars_lazyframe import with_columns

if TYPE_CHECKING:
    import polars as pl

__all__ = ["PolarsLazyFrameResult", "with_columns"]


class PolarsLazyFrameResult(LegacyResultMixin):
    """A lazy polars frame with a column for every output; a single lazy frame is handed back as it is."""

    @staticmethod
    def build_result(**outputs: Any) -> pl.LazyFrame:
        """Return the frame, not collected."""
        import polars as pl

        if len(outputs) == 1:
            (only,) = outputs.values()
            if isinstance(only, pl.LazyFrame):
                return only
        return pl.LazyFrame(outputs)

    def output_type(self) -> Any:
        """Return the type of the result."""
        import polars as pl

        return pl.LazyFrame
