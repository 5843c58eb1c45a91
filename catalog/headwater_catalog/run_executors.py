"""What may compute the nodes of a repository's runs: this machine in several ways, and clusters by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from headwater.errors import did_you_mean
from headwater_catalog.errors import Conflict, JobError, NotFound

if TYPE_CHECKING:
    from headwater_catalog.cluster_settings import Cluster
    from headwater_catalog.settings import Settings
    from headwater_catalog.store.models import Repository

__all__ = ["EXECUTORS", "cluster_of_run", "executors_of", "require_executor"]

EXECUTORS: Final = {
    "synchronous": "one node after the other",
    "threads": "nodes side by side in threads",
    "processes": "what fan-outs repeat in processes",
}
"""What computes the nodes of a run on the machine of its worker, by name."""


def executors_of(settings: Settings, repository: Repository) -> dict[str, str]:
    """Return what may compute the nodes of a repository's runs, by name, with what it means."""
    return {
        **EXECUTORS,
        **{
            name: f"on a cluster of {cluster.title}"
            for name, cluster in _clusters(settings, repository).items()
            if repository.is_trusted
        },
    }


def require_executor(settings: Settings, repository: Repository, name: str) -> None:
    """Refuse what may not compute the nodes of a repository's runs.

    Raises:
        NotFound: There is no such executor.
        Conflict: It is a cluster, and nobody has marked the repository as trusted.
    """
    if name in EXECUTORS:
        return
    clusters = _clusters(settings, repository)
    known = [*EXECUTORS, *clusters]
    if name not in clusters:
        raise NotFound(
            f"There is no executor '{name:.80}'.{did_you_mean(name, known)} There are: {', '.join(known)}."
        )
    if not repository.is_trusted:
        raise Conflict(
            f"Runs of {repository.name} may not use the cluster '{name}': code on a cluster is outside of "
            "what holds a run, so only trusted repositories may. An administrator can trust it: headwater "
            f"repo trust {repository.name}. Or choose one of: {', '.join(EXECUTORS)}."
        )


def cluster_of_run(settings: Settings, repository: str, name: str, *, is_trusted: bool) -> Cluster | None:
    """Return the cluster that computes a run that is about to begin; None where none does.

    Raises:
        JobError: There is none of that name any more, or the repository is trusted no more.
    """
    if name in EXECUTORS:
        return None
    cluster = settings.clusters.of(repository).get(name)
    if cluster is None:
        raise JobError(
            f"The worker knows no cluster '{name}' that runs of {repository} may use. It may have been taken "
            "out of the setting HEADWATER_CLUSTERS since the run was asked for, or this worker lacks it."
        )
    if not is_trusted:
        raise JobError(
            f"Runs of {repository} may not use the cluster '{name}' any more: the repository is not trusted."
        )
    return cluster


def _clusters(settings: Settings, repository: Repository) -> dict[str, Cluster]:
    return settings.clusters.of(repository.name)
