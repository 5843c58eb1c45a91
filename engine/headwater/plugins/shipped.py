"""The adapters that come with the engine, with the cache of the old kind among them."""

from __future__ import annotations

import os
from collections.abc import Collection

from headwater.caching.adapter import HamiltonCacheAdapter
from headwater.lifecycle.default import (
    INJECTION_ALLOWED,
    SENTINEL_DEFAULT,
    FunctionInputOutputTypeChecker,
    GracefulErrorAdapter,
    NodeFilter,
    NoEdgeAndInputTypeChecking,
    PDBDebugger,
    PrintLn,
    SlowDownYouMoveTooFast,
    accept_error_sentinels,
    should_run_node,
)

__all__ = [
    "INJECTION_ALLOWED",
    "SENTINEL_DEFAULT",
    "CacheAdapter",
    "FunctionInputOutputTypeChecker",
    "GracefulErrorAdapter",
    "NoEdgeAndInputTypeChecking",
    "NodeFilter",
    "PDBDebugger",
    "PrintLn",
    "SlowDownYouMoveTooFast",
    "accept_error_sentinels",
    "should_run_node",
]


class CacheAdapter(HamiltonCacheAdapter):
    """Keeps the values of nodes between executions; `Builder.with_cache` does the same and more.

    Args:
        cache_vars: The nodes whose values are taken from the cache; by default all.
        cache_path: Folder of the cache.
    """

    def __init__(
        self,
        cache_vars: Collection[str] | None = None,
        cache_path: str | os.PathLike[str] = "./hamilton-cache",
    ) -> None:
        """Open the stores."""
        super().__init__(path=cache_path, default=cache_vars or True, default_behavior="recompute")
