"""Columns added to pandas tables."""

from headwater.modifiers.with_columns import WithColumns

__all__ = ["with_columns"]


class with_columns(WithColumns):
    """Add columns to a pandas table before a function gets it; each is `pandas.Series`.

    The arguments are those of `WithColumns`.
    """

    label = "h_pandas.with_columns"
    table = "pandas.DataFrame"
    method = "assign"
