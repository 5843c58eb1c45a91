"""Datasets: lists of them, and their versions."""

from __future__ import annotations

from typing import Any

from flask import Response

from headwater_catalog import datasets as kept
from headwater_catalog.answers.datasets import dataset_json, version_json, version_row_json
from headwater_catalog.errors import NotFound
from headwater_catalog.repositories import get_repository
from headwater_catalog.stale import standing_of
from headwater_web.api.answering import answer
from headwater_web.api.cursors import cursor_of
from headwater_web.api.listing import slice_answer
from headwater_web.api.resources import DATASET, REPOSITORY, RUN, Resource
from headwater_web.api.schemas.datasets import (
    DatasetPageSchema,
    DatasetsQuery,
    VersionPageSchema,
    VersionSchema,
)
from headwater_web.api.schemas.fields import NoQuery, PageQuery
from headwater_web.reading import catalog, reading
from headwater_web.views.datasets import listed_datasets

__all__ = ["resource"]

resource = Resource("datasets", "Tables that runs have saved.")


@resource.get("/datasets", DatasetPageSchema, DatasetsQuery)
def list_all_datasets(args: dict[str, Any]) -> Response:
    """List datasets by name, each by its newest version, with the columns that are stale at main."""
    found = [row for row in listed_datasets(args.get("repo")) if row.stale or not args["stale"]]
    return slice_answer(args, cursor_of(args), found, lambda row: dataset_json(row.version, row.stale))


@resource.get("/datasets/<repo>/<path:name>/versions", VersionPageSchema, PageQuery, (REPOSITORY, DATASET))
def list_dataset_versions(args: dict[str, Any], repo: str, name: str) -> Response:
    """List the versions of a dataset, the newest first."""
    repository = get_repository(reading(), repo)
    versions = kept.list_versions(reading(), kept.get_dataset(reading(), repository, name))
    return slice_answer(args, cursor_of(args), versions, version_row_json)


@resource.get(
    "/datasets/<repo>/<path:name>/versions/<int(max=2147483647):number>",
    *(VersionSchema, NoQuery, (REPOSITORY, DATASET, RUN)),
)
def show_dataset_version(_args: dict[str, Any], repo: str, name: str, number: int) -> Response:
    """Show the version of a dataset that a run saved: its columns, and how they stand at main."""
    repository = get_repository(reading(), repo)
    versions = kept.list_versions(reading(), kept.get_dataset(reading(), repository, name))
    found = next((version for version in versions if version.run_id == number), None)
    if found is None:
        raise NotFound(f"Dataset '{name}' has no version of run {number}. Its list of versions has them all.")
    standing = None
    if found.stamp is not None:
        standing = standing_of(reading(), catalog().settings, repo, found.stamp)
    return answer(version_json(found, standing))
