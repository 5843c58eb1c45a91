"""Datasets: the list, the page of one with its versions, and its files."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from headwater_catalog import datasets as kept
from headwater_catalog.accounts import Role
from headwater_catalog.answers.datasets import dataset_json
from headwater_catalog.erased import erased_of
from headwater_catalog.errors import NotFound
from headwater_catalog.input_places import kept_inputs_of
from headwater_catalog.kept_looks import shown_looks
from headwater_catalog.kept_standings import standing_of_version
from headwater_catalog.personal import shown_run
from headwater_catalog.repositories import get_repository
from headwater_catalog.reproduce import (
    Verdict,
    list_reproductions,
    request_reproduction,
)
from headwater_catalog.runs import get_run
from headwater_catalog.shown_values import shown_verdict
from headwater_catalog.store.models import DatasetVersion, Reproduction
from headwater_catalog.table_datasets import sent_to
from headwater_web.access import actor, require, sees_personal, writing
from headwater_web.downloading import saved_stamp
from headwater_web.listed_datasets import listed_datasets
from headwater_web.lists import Table, as_files
from headwater_web.reading import NUMBER, catalog, number_asked, reading

__all__ = ["blueprint"]

blueprint = Blueprint("datasets", __name__)

_COLUMNS = (
    *("repository", "dataset", "run", "version", "commit", "format", "rows", "columns", "fingerprint"),
    *("sha256", "created_at", "stale"),
)


@blueprint.get("/datasets")
def datasets() -> str:
    """List the datasets, by name."""
    only_stale = request.args.get("stale") == "yes"
    rows = [row for row in listed_datasets() if row.stale or not only_stale]
    return render_template("datasets.html", rows=rows, only_stale=only_stale)


@as_files(blueprint, "/datasets")
def all_datasets() -> Table:
    """Give the datasets as a table."""
    only_stale = request.args.get("stale") == "yes"
    rows = (
        tuple(dataset_json(row.version, row.stale).values())
        for row in listed_datasets()
        if row.stale or not only_stale
    )
    return Table("datasets", _COLUMNS, rows)


@blueprint.get("/datasets/<repo>/<path:name>")
def dataset(repo: str, name: str) -> str:
    """Show a dataset: one of its versions, and the list of all."""
    repository = get_repository(reading(), repo)
    versions = kept.list_versions(reading(), kept.get_dataset(reading(), repository, name))
    version = _chosen(versions, number_asked("run"), name)
    standing = None
    if version.stamp is not None:
        standing = standing_of_version(reading(), catalog().settings, version)
    return render_template(
        "dataset.html",
        repository=repository,
        name=name,
        versions=versions,
        shown=version,
        stamp=version.stamp,
        made=shown_run(version.run, sees_personal(version)),
        kept=kept_inputs_of(catalog().settings, version),
        standing=standing,
        again=_again(version),
        went_to=sent_to(reading(), version),
        erased=erased_of(reading(), "dataset", [str(version.id)]).get(str(version.id)),
        looks=shown_looks(version, sees_personal(version)),
        states={column.name: column for column in standing.columns} if standing else {},
    )


def _chosen(versions: Sequence[DatasetVersion], run: int | None, name: str) -> DatasetVersion:
    for version in versions:
        if run is None or version.run_id == run:
            return version
    raise NotFound(f"Dataset '{name}' has no version of run {run}. Its page lists those it has.")


def _again(version: DatasetVersion) -> list[tuple[Reproduction, Verdict]]:
    sees = sees_personal(version)
    return [(each, shown_verdict(each, sees)) for each in list_reproductions(reading(), version)]


@blueprint.get(f"/runs/{NUMBER}/again")
def verdicts(number: int) -> str:
    """Give the part of a dataset's page that tells how what a run has saved was made again."""
    version = kept.version_of_run(reading(), get_run(reading(), number).id)
    if version is None:
        raise NotFound(f"Run {number} saved no table, so nothing was made again.")
    return render_template("dataset_again.html", shown=version, again=_again(version))


@blueprint.post(f"/runs/{NUMBER}/again")
def reproduce(number: int) -> ResponseReturnValue:
    """Queue the run that makes again what a run has saved, and lead to the page of the dataset."""
    with writing() as session:
        run = get_run(session, number)
        require(Role.RUNNER, run.repository)
        version = kept.version_of_run(session, number)
        if version is None:
            raise NotFound(f"Run {number} saved no table, so there is nothing to make again.")
        request_reproduction(session, catalog().settings, version, actor().name, g.now)
        repo, name = run.repository.name, version.dataset.name
    return redirect(url_for("datasets.dataset", repo=repo, name=name, run=number, _anchor="again"), 303)


@blueprint.get(f"/runs/{NUMBER}/stamp")
def stamp(number: int) -> ResponseReturnValue:
    """Give the stamp of what a run has saved, as the file that stands beside a CSV or JSON file."""
    return saved_stamp(number)
