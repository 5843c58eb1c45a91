"""Columns added to lazy polars tables."""

from headwater.modifiers.with_columns import WithColumns

__all__ = ["with_columns"]


class with_columns(WithColumns):
    """Add columns to a lazy polars table before a function gets it; each is `polars.Expr`.

    The arguments are those of `WithColumns`.
    """

    label = "h_polars_lazyframe.with_columns"
    table = "polars.LazyFrame"
    method = "with_columns"
