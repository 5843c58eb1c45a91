"""What loaders and savers tell about the files, tables and queries they worked on."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from headwater.materialize.secrets import hidden, secrets_in

__all__ = [
    "DATAFRAME_METADATA",
    "FILE_METADATA",
    "SQL_METADATA",
    "get_dataframe_metadata",
    "get_file_and_dataframe_metadata",
    "get_file_metadata",
    "get_sql_metadata",
]

DATAFRAME_METADATA = "dataframe_metadata"
FILE_METADATA = "file_metadata"
SQL_METADATA = "sql_metadata"
_VERSION = {"__version__": "1.0.0"}


def get_file_metadata(path: Any) -> dict[str, Any]:
    """Describe a file: size in bytes, path without secrets, times in seconds since 1970, scheme, and notes.

    Args:
        path: A path or an address; of an open file or a buffer nothing is known but the time.
    """
    text = os.fspath(path) if isinstance(path, (str, os.PathLike)) else None
    shown = None if text is None else hidden(text, secrets_in(text))
    scheme = urlparse(text).scheme if text is not None else ""
    now = time.time()
    size, modified, notes = None, now, f"File metadata is unsupported for scheme: {scheme} or path: {shown}."
    # The letter of a Windows drive reads like a scheme.
    if text is not None and len(scheme) < 2 and Path(text).exists():
        found = Path(text).stat()
        size, modified, notes = found.st_size, found.st_mtime, ""
    described = {
        "size": size,
        "path": shown,
        "last_modified": modified,
        "timestamp": now,
        "scheme": scheme,
        "notes": notes,
    }
    return {FILE_METADATA: {**described, **_VERSION}}


def get_dataframe_metadata(df: Any) -> dict[str, Any]:
    """Describe a table: rows, columns, column names and data types; None for what it cannot tell."""
    schema = _schema(df)
    described = {
        "rows": _rows(df),
        "columns": None if schema is None else len(schema),
        "column_names": None if schema is None else [name for name, _ in schema],
        "datatypes": None if schema is None else [dtype for _, dtype in schema],
    }
    return {DATAFRAME_METADATA: {**_VERSION, **described}}


def _rows(df: Any) -> int | None:
    """Return how many rows there are; None for a lazy table, and for what has no rows."""
    return len(df) if hasattr(df, "__len__") and not isinstance(df, (str, bytes)) else None


def _schema(df: Any) -> list[tuple[Any, str]] | None:
    if hasattr(df, "collect_schema"):  # of a lazy table the columns are known, but not the rows
        return [(name, str(dtype)) for name, dtype in df.collect_schema().items()]
    if hasattr(df, "schema") and hasattr(df, "column_names"):  # an Arrow table
        return [(field.name, str(field.type)) for field in df.schema]
    if not hasattr(df, "columns") or not hasattr(df, "dtypes"):
        return None
    return [(name, str(dtype)) for name, dtype in zip(df.columns, df.dtypes, strict=False)]


def get_file_and_dataframe_metadata(path: Any, df: Any) -> dict[str, Any]:
    """Describe a file and the table that was read from it or written to it."""
    return {**get_file_metadata(path), **get_dataframe_metadata(df)}


_QUERY = re.compile(r"\b(select|with|values)\b", re.IGNORECASE)


def get_sql_metadata(query_or_table: Any, results: Any) -> dict[str, Any]:
    """Describe a query or a table of a database, and how many rows were read or written.

    Args:
        query_or_table: The text of a query, or the name of a table.
        results: The number of rows, or the table that was read.
    """
    text = str(query_or_table)
    is_query = _QUERY.search(text) is not None
    described = {
        "rows": results if isinstance(results, int) else _rows(results),
        "query": text if is_query else None,
        "table_name": None if is_query else text,
        "timestamp": time.time(),
    }
    return {SQL_METADATA: {**described, **_VERSION}}
