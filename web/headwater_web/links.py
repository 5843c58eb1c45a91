"""Addresses of things in the catalog; they stay at the commit that the reader looks at."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote, quote_plus, urlencode

from flask import Flask, g, request, url_for
from werkzeug.routing import PathConverter

from headwater_catalog.table_specs import TABLE_PREFIX, table_of

__all__ = [
    "commit_url",
    "compare_url",
    "downstream_of",
    "feature_url",
    "here",
    "lineage_url",
    "register_links",
    "table_url",
    "term",
    "with_args",
]


_KEY: Final = "HeadwaterKey"
"""Stands for a key in the addresses that are kept; it is no name of a repository, and quoting leaves it."""


class _Path(PathConverter):
    """The end of an address, slashes and ends of lines included: columns are named as they come."""

    regex = r"[^/][\s\S]*?"


def register_links(app: Flask) -> None:
    """Give templates the functions of this module, and addresses the form that these have."""
    app.url_map.converters["path"] = _Path
    for function in (
        *(commit_url, compare_url, downstream_of, feature_url, here, lineage_url, table_url, term),
        with_args,
    ):
        app.add_template_global(function, function.__name__)


def here(endpoint: str, **values: Any) -> str:
    """Return an address that keeps `at=` of this request unless told another."""
    values.setdefault("at", g.get("at"))
    return url_for(endpoint, **values)


def feature_url(repository: str, key: str, **values: Any) -> str:
    """Return the page of a feature; `key` is `module:name`."""
    return _keyed("features.feature", "key", repository, _in_path(key), values)


def lineage_url(repository: str, key: str, **values: Any) -> str:
    """Return the lineage page around a feature or an input."""
    # As routing quotes parameters.
    return _keyed("lineage.lineage", "focus", repository, quote_plus(key, safe="!$'()*,/:;?@"), values)


def table_url(repository: str, key: str, **values: Any) -> str:
    """Return the page of a table; `key` is its own, or that of a column of it."""
    name = table_of(key).removeprefix(TABLE_PREFIX).removeprefix("./")  # which browsers would leave out
    return _keyed("tables.table", "name", repository, _in_path(name), values)


def _in_path(key: str) -> str:
    """Quote a key as routing quotes what stands in a path."""
    return quote(key, safe="!$&'()*+,/:;=@")


def _keyed(endpoint: str, name: str, repository: str, quoted: str, values: dict[str, Any]) -> str:
    """Return an address with a key in it: lists link thousands, and routing takes its time for each."""
    values.setdefault("at", g.get("at"))
    pattern = _pattern(request.script_root, endpoint, name, repository, tuple(values.items()))
    return pattern.replace(_KEY, quoted, 1)


@lru_cache(maxsize=1000)
def _pattern(
    _root: str, endpoint: str, name: str, repository: str, values: tuple[tuple[str, Any], ...]
) -> str:
    named: dict[str, Any] = {"repo": repository, name: _KEY, **dict(values)}
    return url_for(endpoint, **named)


def commit_url(repository: str, sha: str) -> str:
    """Return the page of a commit, which is the same whatever commit the reader looks at."""
    return url_for("commits.commit", repo=repository, sha=sha)


def compare_url(repository: str, before: str | None, after: str, **values: Any) -> str:
    """Return the page that compares two commits; None means the parent of the second one."""
    named: dict[str, Any] = {"a": before, "b": after, **values}
    return url_for("compare.compare", repo=repository, **named)


def with_args(**changes: Any) -> str:
    """Return this page's address with some of its parameters changed; None removes one."""
    if "this_page" not in g:
        # Not `url_for`, which would take parameters like `_scheme` and `endpoint` for its own.
        g.this_page = quote(request.script_root + request.path, safe="/:"), request.args.to_dict()
    path, args = g.this_page
    kept = {name: value for name, value in {**args, **changes}.items() if value is not None}
    return f"{path}?{urlencode(kept)}" if kept else path


def term(field: str, value: str) -> str:
    """Write a term of the search language, in quotes where the value needs them."""
    plain = value.replace('"', "")
    return f'{field}:"{plain}"' if any(c.isspace() for c in plain) else f"{field}:{plain}"


def downstream_of(names: Iterable[str]) -> str:
    """Write a condition of the search language: what is downstream of one of some names."""
    terms = [term("downstream", name) for name in names]
    return terms[0] if len(terms) == 1 else f"({' OR '.join(terms)})"
