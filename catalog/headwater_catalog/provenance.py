"""Where the columns of a saved table come from: the stamp of a run's table, but for its content."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from headwater.normal_form import digest
from headwater_catalog.answers.commits import instant_json
from headwater_catalog.lineage_scheme import MADE_BY
from headwater_catalog.meanings import Meanings, meanings
from headwater_catalog.moments import Moment
from headwater_catalog.reports import TableReport
from headwater_catalog.repositories import open_mirror
from headwater_catalog.storable import clean
from headwater_catalog.store.intervals import holds_at
from headwater_catalog.store.models import Commit, Feature, FeatureVersion, Repository, Run

if TYPE_CHECKING:
    from headwater_catalog.settings import Settings
    from headwater_catalog.snapshot import Snapshot

__all__ = ["draft_stamp", "joined_hash"]

_MOST_PATCH: Final = 100_000
"""Bytes of changes that are told; all of them are in the mirror."""


def draft_stamp(
    session: Session,
    settings: Settings,
    run: Run,
    dataset: str,
    table: TableReport,
    recipe: Mapping[str, Any],
    inputs: Mapping[str, Any],
    environment: Mapping[str, Any],
    now: int,
) -> dict[str, Any]:
    """Return the stamp of a run's table without what only the content tells.

    Args:
        session: An open session.
        settings: Where the mirror is.
        run: The run.
        dataset: Name of the dataset.
        table: Where the columns came from, as the runner says.
        recipe: What to execute, to make it again.
        inputs: The inputs as used, with their hashes.
        environment: Versions of Python and of packages.
        now: The present instant.
    """
    commit = run.commit
    return {
        "version": uuid.uuid4().hex,
        "dataset": dataset,
        "repository": run.repository.name,
        "commit": commit.sha,
        "patch": _patch_of(settings, run.repository, commit),
        "run": run.id,
        "made_at": instant_json(now),
        "made_by": run.job.requested_by,
        "dataflow": run.dataflow,
        "config": dict(run.config),
        "outputs": list(run.outputs),
        "inputs": dict(inputs),
        "environment": dict(environment),
        "recipe": dict(recipe),
        "lineage_scheme": MADE_BY,
        "columns": _columns(session, settings, run, table, recipe),
    }


def _patch_of(settings: Settings, repository: Repository, commit: Commit) -> dict[str, Any] | None:
    """Return the changes of a working tree that a commit has on top of another; None where it has none."""
    if commit.changes_on is None:
        return None
    with open_mirror(settings, repository) as source:
        text = source.patch(commit.sha, commit.changes_on, _MOST_PATCH)
    return {"on": commit.changes_on, "text": clean(text), "is_whole": len(text.encode()) < _MOST_PATCH}


def _columns(
    session: Session, settings: Settings, run: Run, table: TableReport, recipe: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """Return what made each column, by name."""
    indexes = {declared["index"]: name for name, declared in recipe["sources"].items()}
    found: dict[str, dict[str, Any]] = {
        name: {"kind": "index", "source": indexes.get(name)} for name in table.index
    }
    with meanings(session, settings, run.repository) as known:
        snapshot = known.revision(run.commit.sha).snapshot
        made = _features_of(snapshot, recipe["modules"], table.origins.values())
        bound = {output: _bound(known, run.commit, output, keys) for output, keys in made.items()}
    for column, output in table.origins.items():
        found[column] = bound[output]
    return found


def _features_of(
    snapshot: Snapshot, modules: Iterable[str], outputs: Iterable[str]
) -> dict[str, tuple[str, ...]]:
    """Return the features that make nodes of a dataflow, by node: several where the configuration decides."""
    inside = frozenset(modules)
    found: dict[str, dict[str, None]] = {output: {} for output in outputs}
    for feature in snapshot.features:
        if feature.module in inside:
            for node in feature.nodes:
                if node in found:
                    found[node][feature.key] = None
    return {node: tuple(keys) for node, keys in found.items()}


def _bound(known: Meanings, commit: Commit, output: str, keys: tuple[str, ...]) -> dict[str, Any]:
    if not keys:
        return {"kind": "source", "node": output}  # handed through as the dataflow was given it
    hashes = known.hashes(commit.sha, keys)
    doubts = dict.fromkeys(reason for key in keys for reason in known.doubts(commit.sha, key))
    if len(keys) > 1:
        doubts[f"one of {', '.join(keys)} made it, as the configuration decides"] = None
    return {
        "kind": "feature",
        "node": output,
        "feature": keys[0] if len(keys) == 1 else None,
        "features": list(keys),
        "introduced": _introduced(known, commit, keys),
        "lineage": joined_hash(hashes, keys),
        "opaque": list(doubts),
    }


def joined_hash(hashes: Mapping[str, str | None], keys: Iterable[str]) -> str | None:
    """Return one lineage hash for what several features may make; None where one is not there."""
    found = [hashes.get(key) for key in keys]
    told = [each for each in found if each is not None]
    if not told or len(told) < len(found):
        return None
    return told[0] if len(told) == 1 else digest(sorted(told))


def _introduced(known: Meanings, commit: Commit, keys: Collection[str]) -> str | None:
    """Return the commit that introduced the newest definition of some features as of a commit.

    None where that is beside the main line: it is on the way from there to the commit.
    """
    session, position = known.session, commit.position
    if position is None:
        moment = Moment(session, known.settings, known.repository, commit)
        since = [feature.since for key in keys for feature in moment.snapshot.variants.get(key, ())]
        if moment.base < 0 or not since or None in since:
            return None
        position = moment.base
    names = [key.partition(":") for key in keys]
    written = func.coalesce(FeatureVersion.introduced_id, FeatureVersion.commit_id)
    wanted = (
        select(Commit.sha)
        .join(FeatureVersion, Commit.id == written)
        .join(Feature, Feature.id == FeatureVersion.feature_id)
        .where(
            Feature.repository_id == commit.repository_id,
            Feature.module.in_([module for module, _, _ in names]),
            Feature.name.in_([name for _, _, name in names]),
            holds_at(FeatureVersion, position),
        )
        .order_by(FeatureVersion.valid_from.desc())
        .limit(1)
    )
    return session.scalar(wanted)
