"""Which addresses of the server are files of an exported site, and which files these are."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from headwater_catalog.lineage_graph import INPUT_PREFIX
from headwater_web.lists import KINDS
from headwater_web.site.file_names import file_name

__all__ = ["Addresses", "Target"]

_FINDINGS_BY: Final = ("rule", "owner", "severity", "key", "state")
"""What a page of findings may be narrowed down by; the site has none that are by several."""


_OF_NO_FILE: Final = ("at", "v", "sort")
"""What an address may say that makes no other file of it: there is one commit, and one order."""


@dataclass(frozen=True, slots=True)
class Target:
    """A file of the site.

    Attributes:
        file: Its path from the top of the site, with slashes.
        url: The address that the server gives it at; empty where it is a file of the server's own.
    """

    file: str
    url: str = ""


class Addresses:
    """The files that addresses of one repository lead to.

    Args:
        app: The application.
        repository: Name of the repository.
        named: The names of its modules and dataflows: one may end like the address of a list.
    """

    def __init__(self, app: Flask, repository: str, named: Collection[str] = ()) -> None:
        self._named = named
        self._map = app.url_map.bind("localhost")
        self._repository = repository
        self._lineage = f"/r/{repository}/lineage"
        self._known: dict[str, Target | None] = {}

    def target(self, url: str) -> Target | None:
        """Return the file that an address leads to; None where the site has none."""
        if url not in self._known:
            self._known[url] = self._target(url)
        return self._known[url]

    def page(self, endpoint: str, **named: str) -> Target:
        """Return the file of a page that a site has."""
        found = self._of(endpoint, named)
        assert found is not None
        return found

    def _target(self, url: str) -> Target | None:
        parts = urlsplit(url)
        if parts.scheme or parts.netloc or not parts.path.startswith("/"):
            return None
        args = parse_qsl(parts.query)
        if parts.path == self._lineage:
            return self._around(args)
        try:
            endpoint, named = self._map.match(unquote(parts.path), method="GET")
        except (HTTPException, RequestRedirect):
            return None
        return self._of(endpoint, {**dict(args), **named})

    def _of(self, endpoint: str, given: Mapping[str, str]) -> Target | None:
        args = {name: value for name, value in given.items() if value and name not in _OF_NO_FILE}
        if endpoint == "static":
            return Target(f"static/{args['filename']}")
        if endpoint == "site.search":
            return Target("search.html", "/search/site")
        if args.pop("repo", self._repository) != self._repository:
            return None
        kind = (
            endpoint.rpartition("_")[2] if endpoint.endswith(tuple(f"_{kind}" for kind in KINDS)) else "html"
        )
        page = endpoint.removesuffix(f"_{kind}")
        if page in _LISTS and f"{args['name']}.{kind}" in self._named:
            args["name"] = f"{args['name']}.{kind}"
            given, page, kind = {**given, "name": args["name"]}, _LISTS[page], "html"
        name = self._name(page, args)
        offset = args.pop("offset", "")
        if name is None or args:
            return None
        return Target(f"{name}{f'~{offset}' if offset else ''}.{kind}", self._url(page, given, kind))

    def _name(self, page: str, args: dict[str, str]) -> str | None:
        """Return the name of a file without its ending, and take away the arguments that it is for."""
        if page in _SINGLE:
            return _SINGLE[page]
        if page in _NAMED:
            folder, argument = _NAMED[page]
            return f"{folder}/{file_name(args.pop(argument))}"
        if page == "features.feature":
            return f"features/{_path_of(args.pop('key'))}"
        if page in ("search.search", "search.found"):
            query = args.pop("q", "").strip()
            return f"lists/{file_name(query)}" if query else "features"
        if page in ("governance.findings", "governance.all_findings"):
            return self._findings(args)
        return None

    def _findings(self, args: dict[str, str]) -> str | None:
        by = [name for name in _FINDINGS_BY if name in args]
        if len(by) > 1:
            return None
        return f"findings/{by[0]}-{file_name(args.pop(by[0]))}" if by else "findings"

    def _url(self, page: str, given: Mapping[str, str], kind: str) -> str:
        """Return the address to ask for: that of this repository alone, in an order that says nothing."""
        args = {name: value for name, value in given.items() if name not in (*_OF_NO_FILE, "repo")}
        repo = self._repository
        if page in _PATHS:
            path = _PATHS[page].format(repo=repo, **{name: quote(value) for name, value in args.items()})
            args = {name: value for name, value in args.items() if f"{{{name}}}" not in _PATHS[page]}
        else:
            path, args = _PLAIN[page], {"repo": repo, **args}
        if page.startswith("search.") and not args.get("q"):
            args["sort"] = "name"
        query = urlencode(sorted(args.items()))
        ending = "" if kind == "html" else f".{kind}"
        return f"{path}{ending}?{query}" if query else f"{path}{ending}"

    def _around(self, args: list[tuple[str, str]]) -> Target | None:
        """Return the page around what a lineage page looks at, or would bring or choose next."""
        said = dict(args)
        if "to" in said or "group" in said:
            return None
        chosen = said.get("node") or said.get("open", "").partition(":")[2] or said.get("focus", "")
        return self.lineage(chosen) if chosen else None

    def lineage(self, key: str) -> Target:
        """Return the page of the lineage around a feature or an input."""
        is_input = key.startswith(INPUT_PREFIX)
        name = (
            f"inputs/{file_name(key.removeprefix(INPUT_PREFIX))}" if is_input else f"lineage/{_path_of(key)}"
        )
        return Target(f"{name}.html", f"{self._lineage}?{urlencode({'focus': key})}")


def _path_of(key: str) -> str:
    module, _, name = key.partition(":")
    return f"{file_name(module)}/{file_name(name)}"


_SINGLE: Final[Mapping[str, str]] = {
    "home.home": "index",
    "repositories.repository": "index",
    "repositories.dataflows": "dataflows",
    "repositories.modules": "modules",
    "repositories.problems": "problems",
    "tables.tables": "tables",
    "governance.overview": "governance",
    "governance.classified": "governance",
    "governance.policies": "policies",
    "governance.all_policies": "policies",
}
"""Pages and lists that there is one of."""

_NAMED: Final[Mapping[str, tuple[str, str]]] = {
    "modules.module": ("modules", "name"),
    "modules.features": ("modules", "name"),
    "dataflows.dataflow": ("dataflows", "name"),
    "dataflows.nodes": ("dataflows", "name"),
    "tables.table": ("tables", "name"),
}
"""Pages and lists of something that has a name, each with its folder and the argument that names it."""

_LISTS: Final[Mapping[str, str]] = {
    "modules.features": "modules.module",
    "dataflows.nodes": "dataflows.dataflow",
}
"""Lists of things that may be named like one, and their pages."""

_PATHS: Final[Mapping[str, str]] = {
    "home.home": "/r/{repo}",
    "repositories.repository": "/r/{repo}",
    "repositories.dataflows": "/r/{repo}/dataflows",
    "repositories.modules": "/r/{repo}/modules",
    "repositories.problems": "/r/{repo}/problems",
    "features.feature": "/r/{repo}/f/{key}",
    "modules.module": "/r/{repo}/m/{name}",
    "modules.features": "/r/{repo}/m/{name}",
    "dataflows.dataflow": "/r/{repo}/d/{name}",
    "dataflows.nodes": "/r/{repo}/d/{name}",
    "tables.table": "/r/{repo}/t/{name}",
    "tables.tables": "/r/{repo}/tables",
}
"""Addresses that name the repository in their path."""

_PLAIN: Final[Mapping[str, str]] = {
    "search.search": "/search",
    "search.found": "/search",
    "governance.overview": "/governance",
    "governance.classified": "/governance",
    "governance.findings": "/findings",
    "governance.all_findings": "/findings",
    "governance.policies": "/policies",
    "governance.all_policies": "/policies",
}
"""Addresses that name it in an argument."""
