"""Which saved datasets hold values that a change reaches."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from headwater_catalog.datasets import newest_versions
from headwater_catalog.impact import Impact, affected_names
from headwater_catalog.snapshot import Snapshot
from headwater_catalog.store.models import Repository

__all__ = ["ImpactedDataset", "impacted_datasets"]


@dataclass(frozen=True, slots=True)
class ImpactedDataset:
    """A dataset that would come out otherwise.

    Attributes:
        name: Its name.
        run: The run that saved its newest version.
        sha: The commit of that run.
        outputs: Those of its columns or values that are reached.
    """

    name: str
    run: int
    sha: str
    outputs: tuple[str, ...]


def impacted_datasets(
    session: Session, repository: Repository, impact: Impact, before: Snapshot, after: Snapshot
) -> list[ImpactedDataset]:
    """Return the datasets whose newest version has an output that changed or is reached, by name.

    Args:
        session: An open session.
        repository: The repository.
        impact: What changed, and what that reaches.
        before: The features before: a dataset may hold one that is gone.
        after: The features now.
    """
    found = []
    for version in newest_versions(session, repository):
        run = version.run
        names = (
            affected_names(snapshot, run.dataflow, run.outputs, impact.keys) for snapshot in (before, after)
        )
        outputs = tuple(dict.fromkeys(name for made in names for name in made))
        if outputs:
            found.append(ImpactedDataset(version.dataset.name, run.id, run.commit.sha, outputs))
    return found
