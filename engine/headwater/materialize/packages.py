"""Packages that a format needs, imported when it is used, and a clear word where one is not installed."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from headwater.errors import MissingExtra

__all__ = ["needed", "needing"]

_EXTRAS = {
    "dask": "dask",
    "deltalake": "delta",
    "distributed": "dask",
    "duckdb": "duckdb",
    "fsspec": "remote",
    "lxml": "xml",
    "openpyxl": "excel",
    "polars": "polars",
    "pyarrow": "parquet",
    "pyiceberg": "iceberg",
    "pyreadstat": "spss",
    "xlsx2csv": "excel",
    "xlsxwriter": "excel",
}
"""The extra of ours that brings a package."""


@contextmanager
def needing(package: str, purpose: str) -> Iterator[None]:
    """Tell what to install where the work inside finds that a package is missing.

    Args:
        package: The package that is most likely missing, where the error names none; empty for none.
        purpose: What it is needed for, as the beginning of a sentence.

    Raises:
        MissingExtra: A package is not installed.
    """
    try:
        yield
    except MissingExtra:
        raise
    except ImportError as error:
        # pandas and polars raise their own message from the failed import, which knows the name.
        name = error.name or getattr(error.__cause__ or error.__context__, "name", None) or package
        if not name:  # nothing is missing: a package is too old, or broken, and the message tells of it
            raise
        missing = name.partition(".")[0]
        raise MissingExtra(missing, _EXTRAS.get(missing, ""), purpose) from error


def needed(package: str, purpose: str) -> Any:
    """Return a package, imported.

    Raises:
        MissingExtra: It is not installed.
    """
    with needing(package, purpose):
        return importlib.import_module(package)
