"""Lineage of a repository at a commit of its main line."""

from __future__ import annotations

from sqlalchemy.orm import Session

from headwater_catalog.lineage_graph import (
    DRAWABLE,
    INPUT_PREFIX,
    Closure,
    Hidden,
    LineageEdge,
    LineageGraph,
    LineageNode,
    Neighbourhood,
    input_key,
)
from headwater_catalog.moments import snapshot_at
from headwater_catalog.store.models import Repository

__all__ = [
    "DRAWABLE",
    "INPUT_PREFIX",
    "Closure",
    "Hidden",
    "LineageEdge",
    "LineageGraph",
    "LineageNode",
    "Neighbourhood",
    "input_key",
    "load_graph",
]


def load_graph(
    session: Session, repository: Repository, position: int, dataflow: str | None = None
) -> LineageGraph:
    """Return the graph of a repository at a position of its main line.

    A name that a feature asks for is answered inside each dataflow, by whatever its modules make of this
    name: where several do (variants in modules of their own), the graph has an edge from each.

    Args:
        session: An open session.
        repository: The repository.
        position: Place on the main line.
        dataflow: Only this dataflow; None for all of them together.

    Raises:
        NotFound: The repository has no dataflow of this name at this position.
    """
    snapshot = snapshot_at(session, repository, position)
    return snapshot.graph if dataflow is None else snapshot.graph_of(dataflow)
