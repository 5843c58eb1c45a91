"""Tables as CSV that a spreadsheet opens without taking text for formulas."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from flask import Response

__all__ = ["csv_answer"]

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How texts begin that spreadsheets take for formulas, which may fetch and send things."""


def csv_answer(name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """Return a table as a file to keep.

    A text that a spreadsheet would take for a formula has an apostrophe before it; lists and mappings become
    one text.

    Args:
        name: The name of the file, without its ending.
        header: The names of the columns.
        rows: The rows.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([_cell(name) for name in header])
    writer.writerows([_cell(value) for value in row] for row in rows)
    answer = Response(text.getvalue(), mimetype="text/csv")
    answer.headers.set("Content-Disposition", "attachment", filename=f"{name}.csv")
    return answer


def _cell(value: object) -> str:
    text = _text(value)
    return f"'{text}" if text.startswith(_FORMULA) and not isinstance(value, int | float) else text


def _text(value: object) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{key}={each}" for key, each in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(map(str, value))
    return "" if value is None else str(value)
