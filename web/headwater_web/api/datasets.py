"""Datasets: lists of them, and their versions."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Response, g, url_for
from sqlalchemy.orm import Session

from headwater_catalog import datasets as kept
from headwater_catalog.accounts import Role
from headwater_catalog.answers.datasets import (
    dataset_json,
    reproduction_json,
    version_json,
    version_row_json,
)
from headwater_catalog.errors import NotFound
from headwater_catalog.input_places import kept_inputs_of
from headwater_catalog.kept_standings import standing_of_version
from headwater_catalog.repositories import get_repository
from headwater_catalog.reproduce import (
    get_reproduction,
    list_reproductions,
    request_reproduction,
)
from headwater_catalog.store.models import DatasetVersion
from headwater_web.access import actor, require, sees_personal, writing
from headwater_web.api.answering import answer
from headwater_web.api.cursors import cursor_of
from headwater_web.api.listing import slice_answer
from headwater_web.api.resources import DATASET, REPOSITORY, RUN, Resource
from headwater_web.api.schemas.datasets import (
    DatasetPageSchema,
    DatasetsQuery,
    NewReproductionSchema,
    ReproductionPageSchema,
    ReproductionSchema,
    VersionPageSchema,
    VersionSchema,
)
from headwater_web.api.schemas.fields import NoQuery, PageQuery
from headwater_web.listed_datasets import listed_datasets
from headwater_web.reading import catalog, reading

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
    found = _version(reading(), repo, name, number)
    standing = None
    if found.stamp is not None:
        standing = standing_of_version(reading(), catalog().settings, found)
    kept_inputs = kept_inputs_of(catalog().settings, found)
    return answer(version_json(found, standing, kept_inputs, sees_personal=sees_personal(found)))


@resource.get(
    "/datasets/<repo>/<path:name>/versions/<int(max=2147483647):number>/reproductions",
    *(ReproductionPageSchema, PageQuery, (REPOSITORY, DATASET, RUN)),
)
def list_version_reproductions(args: dict[str, Any], repo: str, name: str, number: int) -> Response:
    """List how a dataset version was made again, and with which verdict, the newest first."""
    version = _version(reading(), repo, name, number)
    told = partial(reproduction_json, sees_personal=sees_personal(version))
    return slice_answer(args, cursor_of(args), list_reproductions(reading(), version), told)


@resource.send(
    "POST",
    "/datasets/<repo>/<path:name>/versions/<int(max=2147483647):number>/reproductions",
    *(202, ReproductionSchema, NewReproductionSchema),
    path=(REPOSITORY, DATASET, RUN),
    errors=(404, 405, 409),
)
def reproduce_version(body: dict[str, Any], repo: str, name: str, number: int) -> Response:
    """Make a dataset version again, at its commit and from its inputs, and compare it cell by cell."""
    with writing() as session:
        version = _version(session, repo, name, number)
        require(Role.RUNNER, version.dataset.repository)
        asked = (version, actor().name, g.now)
        run = request_reproduction(session, catalog().settings, *asked, tolerance=body["tolerance"])
        run_id = run.id
    made = get_reproduction(reading(), run_id)
    assert made is not None
    told = answer(reproduction_json(made, sees_personal=sees_personal(made.version)), 202)
    told.headers["Location"] = url_for("api_runs.show_run", number=run_id)
    return told


def _version(session: Session, repo: str, name: str, number: int) -> DatasetVersion:
    """Return the version of a dataset that a run saved."""
    versions = kept.list_versions(session, kept.get_dataset(session, get_repository(session, repo), name))
    found = next((version for version in versions if version.run_id == number), None)
    if found is None:
        raise NotFound(f"Dataset '{name}' has no version of run {number}. Its list of versions has them all.")
    return found
