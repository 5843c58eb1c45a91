"""Lists as files: a page that shows a list also answers as CSV and as JSON, by the same filter."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlencode

from flask import Blueprint, Flask, Response, request
from flask.typing import ResponseReturnValue

from headwater_web.spreadsheets import csv_answer

__all__ = ["KINDS", "MOST_ROWS", "Table", "as_files", "register_lists"]

KINDS: Final = ("csv", "json")
"""The endings of addresses that give a list as a file."""

MOST_ROWS: Final = 50_000
"""Of a file; more than spreadsheets are good for."""

_OF_A_PAGE: Final = ("offset", "before")
"""Parameters that say which part of a list a page shows; a file has all of it."""


@dataclass(frozen=True, slots=True)
class Table:
    """A list as a file has it.

    Attributes:
        name: The name of the file, without its ending.
        columns: The names of the columns.
        rows: The rows; lists and mappings among their values become texts in CSV.
    """

    name: str
    columns: Sequence[str]
    rows: Iterable[Sequence[Any]]


Maker = TypeVar("Maker", bound=Callable[..., Table | ResponseReturnValue])


def as_files(blueprint: Blueprint, rule: str) -> Callable[[Maker], Maker]:
    """Let a page's address with `.csv` and `.json` behind it answer with what a function makes.

    Args:
        blueprint: The blueprint of the page.
        rule: The address of the page. The function gets what stands in it; where it returns another answer
            than a table, that is the answer.
    """

    def register(make: Maker) -> Maker:
        for kind in KINDS:
            view = _view(make, kind)
            blueprint.add_url_rule(f"{rule}.{kind}", f"{make.__name__}_{kind}", view)
        return make

    return register


def register_lists(app: Flask) -> None:
    """Give templates `page_as(kind)`."""
    app.add_template_global(_page_as, "page_as")


def _view(make: Callable[..., Table | ResponseReturnValue], kind: str) -> Callable[..., ResponseReturnValue]:
    def view(**named: str) -> ResponseReturnValue:
        found = make(**named)
        if not isinstance(found, Table):
            return found
        return csv_answer(found.name, found.columns, found.rows) if kind == "csv" else _json_answer(found)

    return view


def _json_answer(table: Table) -> Response:
    items = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    answer = Response(json.dumps({"items": items}, default=str), content_type="application/json")
    answer.headers.set("Content-Disposition", "attachment", filename=f"{table.name}.json")
    return answer


def _page_as(kind: str, path: str | None = None) -> str:
    """Return the address of a list as a file, by default of that on this page; its filter is the page's."""
    kept = {name: value for name, value in request.args.items() if name not in _OF_A_PAGE and value}
    place = quote(request.script_root + request.path, safe="/:") if path is None else path
    return f"{place}.{kind}?{urlencode(kept)}" if kept else f"{place}.{kind}"
