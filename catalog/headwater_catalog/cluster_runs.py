"""Clusters as the process of a run reaches them, with the feature modules that they have not got."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from headwater.errors import HeadwaterError

if TYPE_CHECKING:
    from headwater.builder import Builder
    from headwater.executors.shipments import Shipment

__all__ = ["ENDING", "ClusterOfRun", "compute_on", "end_what_is_left"]

ENDING: Final = "ending.json"
"""In a runner's folder: of what is left where the process of a run was ended, and of which run."""

_SECONDS: Final = 20
"""How long a cluster may take to answer."""


@dataclass(frozen=True, slots=True)
class ClusterOfRun:
    """A cluster that computes a run. All of it is JSON.

    Attributes:
        name: What an administrator calls it.
        kind: What it is a cluster of.
        place: Its host and port.
        execution: By what it knows the run.
    """

    name: str
    kind: str
    place: str
    execution: str


def compute_on(cluster: ClusterOfRun, builder: Builder, tree: Path, roots: Iterable[str]) -> None:
    """Let a builder make drivers that compute every node on a cluster.

    Args:
        cluster: The cluster.
        builder: The builder.
        tree: The files of the commit, of which workers get those of Python.
        roots: Folders inside it from which modules are imported.

    Raises:
        HeadwaterError: The cluster cannot be reached.
        MissingExtra: What speaks to it is not installed.
    """
    from headwater.executors import SingleExecutionManager
    from headwater.executors.dask_tasks import DaskExecutor
    from headwater.executors.fusing import GroupByCost

    client = _dask_client(cluster)
    if not client.scheduler_info(n_workers=-1)["workers"]:
        client.close()
        raise HeadwaterError(f"The cluster '{cluster.name}' has no workers. Start some, and run again.")
    executor = DaskExecutor(client=client, shipment=_shipment(tree, roots), name=cluster.execution)
    builder.with_execution_manager(SingleExecutionManager(executor))
    builder.with_grouping_strategy(GroupByCost(executor.slots, executor.cost_of_task))


def end_what_is_left() -> None:
    """End what a cluster still computes of a run whose process is gone: as a program of its own."""
    cluster = ClusterOfRun(**json.loads(Path(sys.argv[1], ENDING).read_text("utf-8")))
    from headwater.executors.dask_tasks import end_execution

    with contextlib.closing(_dask_client(cluster)) as client:
        end_execution(client, cluster.execution)


def _dask_client(cluster: ClusterOfRun) -> Any:
    from headwater.materialize.packages import needed

    distributed = needed("distributed", f"A run on the cluster '{cluster.name}'")
    try:
        return distributed.Client(f"tcp://{cluster.place}", timeout=_SECONDS, set_as_default=False)
    except Exception as error:  # which names the address
        raise HeadwaterError(
            f"The cluster '{cluster.name}' was not reached within {_SECONDS} seconds "
            f"({type(error).__name__}). Is its scheduler running, is the address in the setting "
            "HEADWATER_CLUSTERS right, and does the machine of the worker reach it?"
        ) from None


def _shipment(tree: Path, roots: Iterable[str]) -> Shipment:
    from headwater.executors.shipments import shipment_of

    files = {name: getattr(module, "__file__", None) for name, module in list(sys.modules.items())}
    loaded = [name for name, file in files.items() if file and Path(file).is_relative_to(tree)]
    return shipment_of(tree, roots, loaded)
