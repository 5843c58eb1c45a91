"""Dask clusters of real processes, on loopback."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from support.missing import missing


@contextmanager
def local_cluster(workers: int = 2, memory_limit: str = "600MiB", **options: Any) -> Iterator[Any]:
    """Start a cluster, give a client of it, and end both."""
    try:
        distributed: Any = importlib.import_module("distributed")
    except ImportError:
        missing("Dask", "pip install 'headwater[dask]'")
    with (
        distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address=None,
            memory_limit=memory_limit,
            silence_logs="CRITICAL",
            **options,
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        client.submit(int).result()
        yield client
