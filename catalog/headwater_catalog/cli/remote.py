"""A catalog that is served elsewhere, asked what commands ask; it answers as the one here, in JSON."""

from __future__ import annotations

import os
from itertools import chain, islice
from pathlib import Path
from typing import Any

import click

from headwater_catalog.cli.backfill_asked import BackfillAsked
from headwater_catalog.cli.remote_backfill import RemoteBackfill
from headwater_catalog.cli.remote_erasures import RemoteErasures
from headwater_catalog.cli.remote_runs import RemoteDatasets, RemoteRuns, range_ends
from headwater_catalog.cli.remote_subscriptions import RemoteSubscriptions
from headwater_catalog.cli.remote_suggestions import RemoteSuggestions
from headwater_catalog.cli.search_asked import SearchAsked
from headwater_catalog.client import Client
from headwater_catalog.errors import CatalogError, Conflict, NotFound
from headwater_catalog.table_specs import TABLE_PREFIX

__all__ = ["Remote"]

_LARGEST_PAGE = 500


class Remote:
    """A catalog that is served elsewhere.

    Args:
        url: Where.

    Attributes:
        runs: Its runs.
        datasets: Its datasets.
        erasures: Its erasures.
        subscriptions: One's own subscriptions there.

    Raises:
        SettingError: That is no address of a catalog.
    """

    def __init__(self, url: str) -> None:
        # Not by an option, which everybody on this machine could read in the list of processes.
        self._client = Client(url, token=os.environ.get("HEADWATER_TOKEN") or None)
        self.runs = RemoteRuns(self._client, self._repository_of)
        self.datasets = RemoteDatasets(self._client, self.runs, self._repository_of)
        self.erasures = RemoteErasures(self._client)
        self.subscriptions = RemoteSubscriptions(self._client)

    def repositories(self) -> list[Any]:
        """Return the repositories by name."""
        return list(self._client.repositories())

    def refs(self, repo: str) -> list[Any]:
        """Return the branches and tags of a repository."""
        return list(self._client.refs(repo))

    def export(self, repo: str | None, at: str | None, place: Path) -> None:
        """Write a repository at a commit as one SQLite file."""
        from headwater_catalog.artefact.placing import file_in_place
        from headwater_catalog.artefact.reading import is_artefact

        with file_in_place(place) as unfinished:
            with unfinished.open("wb") as file:
                self._client.download_catalog(self._one(repo), file, at=at)
            if not is_artefact(unfinished):
                raise CatalogError("What came is no exported catalog. Is one of this version served there?")

    def search(self, asked: SearchAsked) -> dict[str, Any]:
        """Return some of the features that meet a query, with what is told of all of them."""
        repo, last = asked.repo, asked.offset + asked.limit
        if asked.at is not None and repo is None:
            repo = self._only("--at needs one repository. Say which by --repo")
        query = {"q": asked.query, "repo": repo, "at": asked.at, "base": asked.base, "sort": asked.sort}
        if asked.facets:
            query["facets"] = "true"
        pages = self._client.pages("features", limit=min(last, _LARGEST_PAGE), **query)
        first = next(pages)
        items = (item for page in chain((first,), pages) for item in page["items"])
        hits = list(islice(items, asked.offset, last))
        told = {name: first[name] for name in first if name not in ("items", "next")}
        return {"query": told.pop("query"), "total": told.pop("total"), "hits": hits, **told}

    def feature(self, feature: str, repo: str | None, at: str | None) -> dict[str, Any]:
        """Return all about a feature."""
        return dict(self._client.feature(self._repository(feature, repo), feature, at=at))

    def history(self, feature: str, repo: str | None, at: str | None, with_diff: bool) -> list[Any]:
        """Return what commits did to a feature, also to its layout only."""
        where = self._repository(feature, repo)
        return list(self._client.history(where, feature, at=at, diff=with_diff, formatting=True))

    def lineage(self, feature: str, repo: str | None, **asked: Any) -> dict[str, Any]:
        """Return what a feature needs, and what needs it."""
        return dict(self._client.lineage(self._repository(feature, repo), feature, **asked))

    def paths(self, a: str, b: str, repo: str | None, **asked: Any) -> dict[str, Any]:
        """Return the ways from one feature to another."""
        return dict(self._client.paths(self._repository(a, repo), a, b, **asked))

    def compare(self, commits: str, repo: str | None, formatting: bool) -> dict[str, Any]:
        """Return what changed between the commits of a range."""
        return dict(self._client.compare(self._one(repo), **range_ends(commits), formatting=formatting))

    def impact(self, commits: str, repo: str | None) -> dict[str, Any]:
        """Return what changes between the commits of a range reach."""
        return dict(self._client.impact(self._one(repo), **range_ends(commits)))

    def duplicates(self, repo: str | None, kind: str | None) -> dict[str, Any]:
        """Return functions that do the same, or almost."""
        return self._whole("duplicates", repo=repo, kind=kind)

    def dead(self, repo: str | None, days: int, state: str | None) -> dict[str, Any]:
        """Return what nothing is known to have needed for some days."""
        return self._whole("dead", repo=repo, days=days, state=state)

    def _whole(self, *path: str, **query: Any) -> dict[str, Any]:
        """Return a list with all of its items, and what is told beside them."""
        pages = list(self._client.pages(*path, limit=_LARGEST_PAGE, **query))
        items = [item for page in pages for item in page["items"]]
        return {
            "items": items,
            **{name: pages[0][name] for name in pages[0] if name not in ("items", "next")},
        }

    def review(self, commits: str, repo: str | None, day: str) -> dict[str, Any]:
        """Return what a reviewer of the change between the commits of a range must know."""
        return dict(self._client.review(self._one(repo), **range_ends(commits), day=day))

    def suggestions(self, repo: str | None) -> RemoteSuggestions:
        """Return where the suggestions of a repository are."""
        return RemoteSuggestions(self._client, self.datasets, self._one(repo))

    def backfill(self, asked: BackfillAsked) -> RemoteBackfill:
        """Return where partitions are computed."""
        return RemoteBackfill(self._client, self.runs, self._one(asked.repo), asked)

    def _repository_of(self, feature: str | None, repo: str | None) -> str:
        return self._one(repo) if feature is None else self._repository(feature, repo)

    def _repository(self, feature: str, repo: str | None) -> str:
        """Return the repository of a feature, as the catalog here would find it."""
        is_whole = feature.count(":") == 2 and not feature.startswith(TABLE_PREFIX)
        named = feature.partition(":")[0] if is_whole else None
        if repo is not None and named not in (None, repo):
            raise click.UsageError(f"FEATURE names the repository '{named}', and --repo '{repo}'.")
        known = repo or named or self._holder(feature)
        return known or self._one(None)

    def _holder(self, feature: str) -> str | None:
        """Return the repository that alone has a feature of this name."""
        module, _, name = feature.rpartition(":")
        quoted = name.replace('"', "")
        holders = {
            hit["repository"]: f"{hit['repository']}:{hit['key']}"
            for hit in self._client.search(f'name:"{quoted}"')
            if hit["name"] == name and module in ("", hit["module"])
        }
        if len(holders) > 1:
            told = "\n".join(f"  {key}" for key in holders.values())
            raise Conflict(f"'{feature}' is the name of {len(holders)} features. Say which:\n{told}")
        return next(iter(holders), None)

    def _one(self, repo: str | None) -> str:
        return repo or self._only("The catalog follows several repositories. Say which by --repo")

    def _only(self, several: str) -> str:
        """Return the name of the only repository there is."""
        known = [repository["name"] for repository in self._client.repositories()]
        if len(known) > 1:
            raise click.UsageError(f"{several}: {', '.join(known)}")
        if not known:
            raise NotFound("The catalog follows no repository yet, or none that you may see.")
        return str(known[0])
