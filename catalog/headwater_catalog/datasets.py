"""Datasets: the tables that runs have saved, version by version."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from headwater.errors import did_you_mean
from headwater_catalog.errors import NotFound
from headwater_catalog.store.models import Dataset, DatasetVersion, Repository, Run

if TYPE_CHECKING:
    from headwater_catalog.settings import Settings

__all__ = [
    "file_of",
    "file_sha256",
    "get_dataset",
    "list_datasets",
    "list_versions",
    "new_path",
    "record_version",
    "version_of_run",
]


def new_path(repository: str, dataset: str, run_id: int, format: str) -> str:
    """Return where the file of a run's dataset goes, relative to the home folder."""
    slug = re.sub(r"[^A-Za-z0-9_]+", "-", dataset).strip("-")[:80] or "dataset"
    return f"datasets/{repository}/{slug}-{run_id}.{format}"


def file_of(settings: Settings, version: DatasetVersion) -> Path:
    """Return the file of a dataset version."""
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
    return version


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


def version_of_run(session: Session, run_id: int) -> DatasetVersion | None:
    """Return the dataset version that a run has saved, with its dataset; None where it saved none."""
    wanted = (
        select(DatasetVersion)
        .options(joinedload(DatasetVersion.dataset))
        .where(DatasetVersion.run_id == run_id)
    )
    return session.scalars(wanted).one_or_none()
