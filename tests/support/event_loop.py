"""Coroutines in tests, apart from the event loop that a browser's test leaves running in the main thread."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

__all__ = ["run_apart"]


def run_apart(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Return what a coroutine returns, run in an event loop and a thread of its own."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()
