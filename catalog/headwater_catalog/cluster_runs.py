"""Clusters as the process of a run reaches them, with the feature modules that they have not got."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from headwater_catalog.clusters_of_runs import SECONDS, ClusterOfRun, not_reached, without_workers

if TYPE_CHECKING:
    from headwater.builder import Builder
    from headwater.executors.dask_tasks import DaskExecutor
    from headwater.executors.ray_tasks import RayTaskExecutor
    from headwater.executors.shipments import Shipment
    from headwater.executors.spark_tasks import SparkTaskExecutor

__all__ = ["ENDING", "compute_on", "end_what_is_left"]

ENDING: Final = "ending.json"
"""In a runner's folder: of what is left where the process of a run was ended, and of which run."""


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
    from headwater.executors.fusing import GroupByCost

    shipment = _shipment(tree, roots)  # of what is loaded of the commit, before anything else is
    executor, slots = _EXECUTORS[cluster.kind](cluster, shipment)
    builder.with_execution_manager(SingleExecutionManager(executor))
    builder.with_grouping_strategy(GroupByCost(slots, executor.cost_of_task))


def _on_dask(cluster: ClusterOfRun, shipment: Shipment) -> tuple[DaskExecutor, int]:
    from headwater.executors.dask_tasks import DaskExecutor

    client = _dask_client(cluster)
    if not client.scheduler_info(n_workers=-1)["workers"]:
        client.close()
        raise without_workers(cluster.name)
    executor = DaskExecutor(client=client, shipment=shipment, name=cluster.execution)
    return executor, executor.slots()


def _on_spark(cluster: ClusterOfRun, shipment: Shipment) -> tuple[SparkTaskExecutor, int]:
    from headwater.executors.spark_tasks import SparkTaskExecutor
    from headwater_catalog.spark_sessions import session_on

    session, places = session_on(cluster)
    return SparkTaskExecutor(session, shipment=shipment), places


def _on_ray(cluster: ClusterOfRun, shipment: Shipment) -> tuple[RayTaskExecutor, int]:
    from headwater.executors.ray_tasks import RayTaskExecutor
    from headwater_catalog.ray_clients import connect

    connect(cluster)
    executor = RayTaskExecutor(skip_init=True, shipment=shipment)
    return executor, executor.slots()


_EXECUTORS: Final[Mapping[str, Callable[[ClusterOfRun, Shipment], tuple[Any, int]]]] = {
    "dask": _on_dask,
    "ray": _on_ray,
    "spark": _on_spark,
}


def end_what_is_left() -> None:
    """End what a cluster still computes of a run whose process is gone: as a program of its own."""
    cluster = ClusterOfRun(**json.loads(Path(sys.argv[1], ENDING).read_text("utf-8")))
    if cluster.kind != "dask":  # the others end what they do for a program that is gone
        return
    from headwater.executors.dask_clusters import end_execution

    with contextlib.closing(_dask_client(cluster)) as client:
        end_execution(client, cluster.execution)


def _dask_client(cluster: ClusterOfRun) -> Any:
    from headwater.materialize.packages import needed

    distributed = needed("distributed", f"A run on the cluster '{cluster.name}'")
    try:
        return distributed.Client(f"tcp://{cluster.place}", timeout=SECONDS, set_as_default=False)
    except Exception as error:
        raise not_reached(cluster.name, error) from None


def _shipment(tree: Path, roots: Iterable[str]) -> Shipment:
    from headwater.executors.shipments import shipment_of

    files = {name: getattr(module, "__file__", None) for name, module in list(sys.modules.items())}
    loaded = [name for name, file in files.items() if file and Path(file).is_relative_to(tree)]
    return shipment_of(tree, roots, loaded)
