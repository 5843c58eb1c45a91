"""Where on its main line a repository changed in what features, policies and findings depend on."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from headwater_catalog.store.models import (
    Dataflow,
    DataflowVersion,
    Declaration,
    DeclaredInput,
    Diagnostic,
    Feature,
    FeatureVersion,
    FileOfTests,
    ModuleVersion,
    Repository,
)

__all__ = ["changed_positions"]


def changed_positions(session: Session, repository: Repository, after: int = -1) -> list[int]:
    """Return the positions after one at which something changed.

    Args:
        session: An open session.
        repository: The repository.
        after: A position of its main line; -1 for all, of which the first always counts.
    """
    features = select(Feature.id).where(Feature.repository_id == repository.id)
    dataflows = select(Dataflow.id).where(Dataflow.repository_id == repository.id)
    owned = (
        (FeatureVersion, FeatureVersion.feature_id.in_(features)),
        (DataflowVersion, DataflowVersion.dataflow_id.in_(dataflows)),
        (ModuleVersion, ModuleVersion.repository_id == repository.id),
        (DeclaredInput, DeclaredInput.repository_id == repository.id),
        (Declaration, Declaration.repository_id == repository.id),
        (Diagnostic, Diagnostic.repository_id == repository.id),
        (FileOfTests, FileOfTests.repository_id == repository.id),
    )
    found = {0} if after < 0 else set()
    for model, ours in owned:
        for edge in (model.valid_from, model.valid_until):
            found.update(session.scalars(select(edge).where(ours, edge > after).distinct()))
    return sorted(found)
