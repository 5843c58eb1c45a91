"""Columns added to polars tables."""

from headwater.modifiers.with_columns import WithColumns

__all__ = ["with_columns"]


class with_columns(WithColumns):
    """Add columns to a polars table before a function gets it; each is `polars.Series`.

    The arguments are those of `WithColumns`.
    """

    label = "h_polars.with_columns"
    table = "polars.DataFrame"
    method = "with_columns"
