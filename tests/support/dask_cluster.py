"""Dask clusters of real processes, on loopback."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from support.missing import missing


def imported_dask() -> Any:
    """Import Dask with its settings for clusters; without it the test is skipped, in CI it fails."""
    try:
        importlib.import_module("distributed")
    except ImportError:
        missing("Dask", "pip install 'headwater[dask]'")
    return importlib.import_module("dask")


@contextmanager
def local_cluster(workers: int = 2, memory_limit: str = "600MiB", **options: Any) -> Iterator[Any]:
    """Start a cluster, give a client of it, and end both."""
    imported_dask()
    distributed: Any = importlib.import_module("distributed")
    with (
        distributed.LocalCluster(
            n_workers=workers,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            memory_limit=memory_limit,
            silence_logs="CRITICAL",
            **{"threads_per_worker": 1, **options},
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        client.submit(int).result()
        yield client
