"""How dataset versions stand at main, kept in the store, so that whoever asks need not work it out again."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from headwater_catalog.commit_refs import CommitRef
from headwater_catalog.datasets import newest_versions
from headwater_catalog.lineage_scheme import MADE_BY
from headwater_catalog.standings import ColumnNow, Standing, Step, Stretch, Way
from headwater_catalog.store.models import Dataset, DatasetVersion, KeptStanding, Repository, Run

if TYPE_CHECKING:
    from headwater_catalog.settings import Settings
    from headwater_catalog.store.database import Database

__all__ = ["keep_standing", "keep_standing_of_run", "keep_standings", "kept_stale", "standing_of_version"]

logger = logging.getLogger("headwater.datasets")

_FORM: Final = "2"
"""Another one whenever the same commits are told of in another way."""

_MOST_SECONDS: Final = 60.0  # that one scan spends on it


def standing_of_version(session: Session, settings: Settings, version: DatasetVersion) -> Standing:
    """Return how a dataset version with a stamp stands at main: as it is kept, or else worked out.

    Args:
        session: An open session.
        settings: Where the mirror is.
        version: The version.
    """
    kept = session.get(KeptStanding, version.id)
    repository = version.dataset.repository
    if kept is not None and kept.made_by != _made_by(repository):
        kept = None
    if kept is not None and kept.sha == repository.scanned_sha:
        return Standing(kept.sha, _columns(kept.content))
    # Imported where it is needed: it takes longer than to read what is kept.
    from headwater_catalog.stale import standing_of

    earlier = Standing(kept.sha, (), ways=_ways(kept.content, kept.ways)) if kept is not None else None
    return standing_of(session, settings, repository.name, version.stamp or {}, earlier)


def kept_stale(session: Session, versions: Iterable[DatasetVersion]) -> dict[int, tuple[str, ...]]:
    """Return the columns that would come out otherwise now, by version, where that is kept and true."""
    now = {
        each.id: (each.dataset.repository.scanned_sha, _made_by(each.dataset.repository)) for each in versions
    }
    rows = session.scalars(select(KeptStanding).where(KeptStanding.version_id.in_(now)))
    return {
        kept.version_id: tuple(column.name for column in _columns(kept.content) if column.is_stale)
        for kept in rows
        if (kept.sha, kept.made_by) == now[kept.version_id]
    }


def keep_standing(database: Database, version_id: int, standing: Standing) -> None:
    """Keep how a dataset version stands, in place of what was kept of it.

    What could not be found out is not kept; and neither is what was found out of another main line than the
    scanned one, or of a version that is there no more.
    """
    if standing.reason:
        return
    # Where another worker keeps the same at this moment, or somebody removes the version, nothing is lost.
    with contextlib.suppress(IntegrityError), database.write() as session:
        version = session.get(DatasetVersion, version_id)
        if version is None or version.dataset.repository.scanned_sha != standing.sha:
            return
        told = {"sha": standing.sha, "made_by": _made_by(version.dataset.repository), **_data(standing)}
        kept = session.get(KeptStanding, version_id)
        if kept is None:
            session.add(KeptStanding(version_id=version_id, **told))
        elif (kept.sha, kept.made_by) != (told["sha"], told["made_by"]):
            for name, value in told.items():
                setattr(kept, name, value)


def keep_standings(
    database: Database, settings: Settings, repository: str, stopping: Callable[[], bool] = lambda: False
) -> int:
    """Work out how datasets of a repository stand at its scanned head, and keep it.

    They are the newest version of each dataset, and every version that was kept before. It takes a minute at
    most; those that are left are worked out when somebody asks.

    Args:
        database: The catalog.
        settings: Where the mirror is.
        repository: Name of the repository.
        stopping: Asked before each of them; true ends it.

    Returns:
        How many were worked out.
    """
    begun, found = time.monotonic(), 0
    with database.read() as session:
        wanted = _to_be_kept(session, repository)
    for number in wanted:
        if stopping() or time.monotonic() - begun > _MOST_SECONDS:
            break
        with database.read() as session:
            version = session.get(DatasetVersion, number)
            if version is None:
                continue
            standing = standing_of_version(session, settings, version)
        if standing.reason:
            logger.warning("How a dataset of '%s' stands is not known: %s", repository, standing.reason)
        keep_standing(database, number, standing)
        found += 1
    return found


def keep_standing_of_run(database: Database, settings: Settings, job_id: int) -> None:
    """Keep how what a run has saved stands, where the run was made at the scanned head: that costs little.

    Args:
        database: The catalog.
        settings: Where the mirror is.
        job_id: The job of the run.
    """
    saved = select(DatasetVersion).join(Run, Run.id == DatasetVersion.run_id).where(Run.job_id == job_id)
    with database.read() as session:
        version = session.scalars(saved).one_or_none()
        if version is None or version.stamp is None:
            return
        if version.run.commit.sha != version.dataset.repository.scanned_sha:
            return
        standing = standing_of_version(session, settings, version)
    keep_standing(database, version.id, standing)


def _to_be_kept(session: Session, repository: str) -> list[int]:
    """Return the versions whose standing is to be worked out, the newest first."""
    place = session.scalars(select(Repository).where(Repository.name == repository)).one_or_none()
    if place is None or place.scanned_sha is None:
        return []
    newest = {version.id for version in newest_versions(session, place) if version.stamp is not None}
    kept = session.execute(
        select(KeptStanding.version_id, KeptStanding.sha, KeptStanding.made_by)
        .join(DatasetVersion, DatasetVersion.id == KeptStanding.version_id)
        .join(Dataset, Dataset.id == DatasetVersion.dataset_id)
        .where(Dataset.repository_id == place.id)
    ).all()
    now = (place.scanned_sha, _made_by(place))
    done = {row.version_id for row in kept if (row.sha, row.made_by) == now}
    return sorted({*newest, *(row.version_id for row in kept)} - done, reverse=True)


def _made_by(repository: Repository) -> str:
    """Return by what a standing is found: nothing that something else has found is taken for true."""
    return f"{MADE_BY} {repository.reader_version} {_FORM}"


# As plain data: each commit is told once, and mentioned by its place in the list of commits.

_COMMIT: Final = tuple(field.name for field in fields(CommitRef))
_COLUMN: Final = tuple(
    field.name for field in fields(ColumnNow) if field.name not in ("commits", "stretches")
)


def _data(standing: Standing) -> dict[str, Any]:
    places: dict[CommitRef, int] = {}

    def mentioned(commits: Iterable[CommitRef]) -> list[int]:
        return [places.setdefault(commit, len(places)) for commit in commits]

    def step_data(step: Step) -> list[Any]:
        (place,) = mentioned((step.commit,))
        return [place, step.meaning, mentioned((step.after,))[0] if step.after is not None else None]

    columns = [
        {
            **{name: getattr(column, name) for name in _COLUMN},
            "commits": mentioned(column.commits),
            "stretches": [mentioned((stretch.after, stretch.until)) for stretch in column.stretches],
        }
        for column in standing.columns
    ]
    ways = {key: [way.begin, [step_data(step) for step in way.steps]] for key, way in standing.ways.items()}
    commits = [{name: getattr(commit, name) for name in _COMMIT} for commit in places]
    return {"content": {"commits": commits, "columns": columns}, "ways": ways}


def _commits(content: Mapping[str, Any]) -> list[CommitRef]:
    return [CommitRef(**told) for told in content["commits"]]


def _columns(content: Mapping[str, Any]) -> tuple[ColumnNow, ...]:
    commits = _commits(content)
    return tuple(_column(told, commits) for told in content["columns"])


def _column(told: Mapping[str, Any], commits: Sequence[CommitRef]) -> ColumnNow:
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in told.items()
    }
    values["commits"] = tuple(commits[place] for place in told["commits"])
    values["stretches"] = tuple(Stretch(commits[after], commits[until]) for after, until in told["stretches"])
    return ColumnNow(**values)


def _ways(content: Mapping[str, Any], ways: Mapping[str, Any]) -> dict[str, Way]:
    commits = _commits(content)

    def step(place: int, meaning: str | None, after: int | None) -> Step:
        return Step(commits[place], meaning, None if after is None else commits[after])

    return {key: Way(begin, tuple(step(*each) for each in steps)) for key, (begin, steps) in ways.items()}
