"""Datasets: the tables that runs have saved, version by version."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Container, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Select, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, defaultload, defer, joinedload

from headwater.errors import did_you_mean
from headwater_catalog.accounts.events import note
from headwater_catalog.errors import NotFound
from headwater_catalog.store.models import Dataset, DatasetVersion, Repository, Run
from headwater_catalog.version_names import choose_version

if TYPE_CHECKING:
    from headwater_catalog.accounts.events import Asked
    from headwater_catalog.settings import Settings

__all__ = [
    "FOLDER",
    "file_of",
    "file_sha256",
    "find_version",
    "get_dataset",
    "list_datasets",
    "list_versions",
    "new_path",
    "newest_versions",
    "note_download",
    "record_version",
    "schemas_with",
    "version_named",
    "version_of_run",
    "versions_holding",
    "versions_with",
]

FOLDER: Final = "datasets"
"""The folder in the home with their files."""

_MOST_LOOKED_AT: Final = 2_000  # versions, for a file that does not say where it comes from
_MOST_SCHEMAS: Final = 20


def new_path(repository: str, dataset: str, run_id: int, format: str) -> str:
    """Return where the file of a run's dataset goes, relative to the home folder."""
    slug = re.sub(r"[^A-Za-z0-9_]+", "-", dataset).strip("-")[:80] or "dataset"
    return f"{FOLDER}/{repository}/{slug}-{run_id}.{format}"


def file_of(settings: Settings, version: DatasetVersion) -> Path:
    """Return the file of a dataset version; `handover.open_kept` opens it."""
    return settings.home / version.path


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def record_version(
    session: Session,
    run: Run,
    name: str,
    *,
    path: str,
    format: str,
    sha256: str,
    rows: int,
    columns: Sequence[dict[str, Any]],
    now: int,
) -> DatasetVersion:
    """Add the version of a dataset that a run has saved; the first one makes the dataset."""
    version = DatasetVersion(
        dataset_id=_ensure_dataset(session, run.repository_id, name).id,
        run_id=run.id,
        path=path,
        format=format,
        sha256=sha256,
        rows=rows,
        columns=list(columns),
        created_at=now,
    )
    session.add(version)
    session.flush()
    _note(session, "dataset saved", (run.job.requested_by, ""), version, run, now)
    return version


def note_download(session: Session, version: DatasetVersion, asked: Asked, now: int) -> None:
    """Note that somebody gets the file of a version, in a transaction that ends before they do."""
    _note(session, "dataset downloaded", asked, version, version.run, now)


def _note(session: Session, kind: str, asked: Asked, version: DatasetVersion, run: Run, now: int) -> None:
    subject = f"{version.dataset.name} of run {run.id} in {run.repository.name}"
    names = set(run.personal or ())
    personal = [c["name"] for c in version.columns if names & {c["name"], c.get("node")}]
    note(session, kind, asked, subject, now, sha256=version.sha256, personal=personal)


def _ensure_dataset(session: Session, repository_id: int, name: str) -> Dataset:
    wanted = select(Dataset).where(Dataset.repository_id == repository_id, Dataset.name == name)
    if found := session.scalars(wanted).one_or_none():
        return found
    dataset = Dataset(repository_id=repository_id, name=name)
    try:
        with session.begin_nested():
            session.add(dataset)
    except IntegrityError:  # another run made it in the meantime
        return session.scalars(wanted).one()
    return dataset


def list_datasets(session: Session, repository: Repository | None = None) -> list[Dataset]:
    """Return the datasets, of one repository or of all, by name."""
    wanted = select(Dataset).options(joinedload(Dataset.repository)).order_by(Dataset.name, Dataset.id)
    if repository is not None:
        wanted = wanted.where(Dataset.repository_id == repository.id)
    return list(session.scalars(wanted))


def get_dataset(session: Session, repository: Repository, name: str) -> Dataset:
    """Return a dataset by name.

    Raises:
        NotFound: The repository has no such dataset.
    """
    known = list_datasets(session, repository)
    for dataset in known:
        if dataset.name == name:
            return dataset
    raise NotFound(
        f"Repository '{repository.name}' has no dataset '{name}'."
        f"{did_you_mean(name, (dataset.name for dataset in known))} A run that saves its table makes one."
    )


def list_versions(session: Session, dataset: Dataset) -> list[DatasetVersion]:
    """Return the versions of a dataset, the newest first, each with its run and commit."""
    wanted = (
        select(DatasetVersion)
        .options(joinedload(DatasetVersion.run).joinedload(Run.commit))
        .where(DatasetVersion.dataset_id == dataset.id)
        .order_by(DatasetVersion.id.desc())
    )
    return list(session.scalars(wanted))


def newest_versions(session: Session, repository: Repository | None = None) -> list[DatasetVersion]:
    """Return the newest version of each dataset, of one repository or of all, by name of the dataset."""
    newest = select(func.max(DatasetVersion.id)).group_by(DatasetVersion.dataset_id)
    wanted = _visible().where(DatasetVersion.id.in_(newest)).order_by(Dataset.name, Dataset.id)
    if repository is not None:
        wanted = wanted.where(Dataset.repository_id == repository.id)
    return list(session.scalars(wanted))


def columns_made_by(session: Session, repository: Repository, features: Container[str]) -> dict[str, int]:
    """Return how many columns of the newest version of each dataset some features made, where any did."""
    found = {
        version.dataset.name: sum(
            any(feature in features for feature in column.get("features", ())) for column in version.columns
        )
        for version in newest_versions(session, repository)
    }
    return {name: count for name, count in found.items() if count}


def versions_holding(session: Session, repository: Repository, feature: str) -> list[DatasetVersion]:
    """Return the dataset versions with a column that a feature made, the newest first, of those made last."""
    wanted = _visible().where(Dataset.repository_id == repository.id).order_by(DatasetVersion.id.desc())
    # Their columns are enough to look at: of thousands of versions, all else is much.
    run = defaultload(DatasetVersion.run)
    wanted = wanted.options(defer(DatasetVersion.stamp), run.defer(Run.preview), run.defer(Run.log))
    return [
        version
        for version in session.scalars(wanted.limit(_MOST_LOOKED_AT))
        if any(feature in column.get("features", ()) for column in version.columns)
    ]


def find_version(session: Session, uid: str) -> DatasetVersion | None:
    """Return the dataset version of a name that no other has; None where it is not here."""
    return session.scalars(_visible().where(DatasetVersion.uid == uid)).one_or_none()


def versions_with(
    session: Session, *, fingerprint: str | None = None, sha256: str | None = None
) -> list[DatasetVersion]:
    """Return the dataset versions of a content, or of a file's bytes, the newest first."""
    wanted = _visible().order_by(DatasetVersion.id.desc())
    if fingerprint is not None:
        wanted = wanted.where(DatasetVersion.fingerprint == fingerprint)
    if sha256 is not None:
        wanted = wanted.where(DatasetVersion.sha256 == sha256)
    return list(session.scalars(wanted))


def schemas_with(session: Session, names: Collection[str]) -> list[str]:
    """Return the types of columns that dataset versions had which have columns of just these names."""
    wanted = _visible().where(DatasetVersion.stamp.is_not(None)).order_by(DatasetVersion.id.desc())
    found: dict[str, None] = {}
    for version in session.scalars(wanted.limit(_MOST_LOOKED_AT)):
        if {column["name"] for column in version.columns} == set(names) and version.stamp is not None:
            found[version.stamp["schema"]] = None
    return list(found)[:_MOST_SCHEMAS]


def _visible() -> Select[DatasetVersion]:
    # By way of what belongs to a repository, so that nobody finds what they may not see.
    return (
        select(DatasetVersion)
        .join(Dataset, Dataset.id == DatasetVersion.dataset_id)
        .join(Repository, Repository.id == Dataset.repository_id)
        .options(joinedload(DatasetVersion.dataset).joinedload(Dataset.repository))
        .options(joinedload(DatasetVersion.run).joinedload(Run.commit))
    )


def version_named(session: Session, repository: Repository, name: str) -> DatasetVersion:
    """Return a version of a dataset by `dataset`, which is the newest, or `dataset@run`.

    Raises:
        NotFound: There is no such dataset or version.
    """
    dataset = get_dataset(session, repository, name.rpartition("@")[0] or name)
    versions = list_versions(session, dataset)
    return versions[choose_version(name, [version.run_id for version in versions])]


def version_of_run(session: Session, run_id: int) -> DatasetVersion | None:
    """Return the dataset version that a run has saved, with its dataset; None where it saved none."""
    wanted = (
        select(DatasetVersion)
        .options(joinedload(DatasetVersion.dataset))
        .where(DatasetVersion.run_id == run_id)
    )
    return session.scalars(wanted).one_or_none()
