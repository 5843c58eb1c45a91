"""What a cache keeps in memory, for one process: for tests, notebooks and services."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator
from typing import Any, Final, Self

from headwater.caching.stores.base import MetadataStore, ResultStore, UnknownRun
from headwater.caching.stores.file import FileResultStore
from headwater.caching.stores.sqlite import SQLiteMetadataStore
from headwater.errors import InvalidInput

__all__ = ["InMemoryMetadataStore", "InMemoryResultStore"]

_DEFAULT_PATH: Final = ".hamilton_cache"
"""Where a cache is unless it is told otherwise."""


class InMemoryResultStore(ResultStore):
    """Keeps values in memory, as they are when they are put in."""

    def __init__(self) -> None:
        """Start empty."""
        self._results: dict[str, bytes] = {}

    def exists(self, data_version: str) -> bool:
        """Tell whether a value is kept."""
        return data_version in self._results

    def get(self, data_version: str, **kwargs: Any) -> Any:
        """Return a copy of a value; None where it is not kept."""
        content = self._results.get(data_version)
        return None if content is None else pickle.loads(content)  # noqa: S301 - it never left this process

    def set(self, data_version: str, result: Any, **kwargs: Any) -> None:
        """Keep a copy of a value, which nothing that happens to the value reaches."""
        self._results[data_version] = pickle.dumps(result, protocol=pickle.HIGHEST_PROTOCOL)

    def delete(self, data_version: str) -> None:
        """Forget a value."""
        self._results.pop(data_version, None)

    def delete_all(self) -> None:
        """Forget all values."""
        self._results.clear()

    def persist_to(self, result_store: ResultStore | None = None) -> None:
        """Put all values into another store, or else into files in the usual folder."""
        kept = FileResultStore(_DEFAULT_PATH) if result_store is None else result_store
        for data_version in self._results:
            kept.set(data_version, self.get(data_version))

    @classmethod
    def load_from(
        cls,
        result_store: ResultStore,
        metadata_store: MetadataStore | None = None,
        data_versions: Iterable[str] | None = None,
    ) -> Self:
        """Return a store with values of another one; what is not kept there is left out.

        Args:
            result_store: The other store.
            metadata_store: Whose runs made values that are wanted.
            data_versions: Fingerprints of values that are wanted.

        Raises:
            InvalidInput: Nothing says which values are wanted.
        """
        if metadata_store is None and data_versions is None:
            raise InvalidInput(
                "load_from() must know which values to load. Give it a metadata_store or data_versions."
            )
        made = cls()
        for data_version in {*(data_versions or ()), *_made_in_runs(metadata_store)}:
            if result_store.exists(data_version):
                made.set(data_version, result_store.get(data_version))
        return made


def _made_in_runs(metadata_store: MetadataStore | None) -> Iterator[str]:
    if metadata_store is not None:
        for run_id in metadata_store.get_run_ids():
            for entry in metadata_store.get_run(run_id):
                yield entry["data_version"]


class InMemoryMetadataStore(MetadataStore):
    """Knows in memory which value belongs to each key."""

    def __init__(self) -> None:
        """Start empty."""
        self._entries: dict[str, dict[str, Any]] = {}
        self._runs: dict[str, list[str]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def initialize(self, run_id: str) -> None:
        """Take note of a run that begins."""
        self._runs.setdefault(run_id, [])

    def set(self, cache_key: str, data_version: str, **kwargs: Any) -> None:
        """Take note of a value."""
        self._runs.setdefault(kwargs["run_id"], []).append(cache_key)
        self._entries[cache_key] = {
            "cache_key": cache_key,
            "data_version": data_version,
            "node_name": kwargs.get("node_name"),
            "code_version": kwargs.get("code_version"),
        }

    def get(self, cache_key: str, **kwargs: Any) -> str | None:
        """Return the fingerprint of the value of a key; None where it is not known."""
        entry = self._entries.get(cache_key)
        return None if entry is None else str(entry["data_version"])

    def delete(self, cache_key: str) -> None:
        """Forget a key."""
        self._entries.pop(cache_key, None)

    def delete_all(self) -> None:
        """Forget all keys and runs."""
        self._entries.clear()
        self._runs.clear()

    def exists(self, cache_key: str) -> bool:
        """Tell whether a key is known."""
        return cache_key in self._entries

    def get_run_ids(self) -> list[str]:
        """Return the runs, from the oldest to the newest."""
        return list(self._runs)

    def get_run(self, run_id: str) -> list[dict[str, Any]]:
        """Return what is known of each node that a run computed.

        Raises:
            UnknownRun: There was no such run.
        """
        if run_id not in self._runs:
            raise UnknownRun(run_id)
        return [dict(self._entries[key]) for key in self._runs[run_id] if key in self._entries]

    def persist_to(self, metadata_store: MetadataStore | None = None) -> None:
        """Tell another store all that is known, or else the database in the usual folder."""
        told = SQLiteMetadataStore(_DEFAULT_PATH) if metadata_store is None else metadata_store
        for run_id in self._runs:
            told.initialize(run_id)
            for entry in self.get_run(run_id):
                told.set(**entry, run_id=run_id)

    @classmethod
    def load_from(cls, metadata_store: MetadataStore) -> Self:
        """Return a store that knows what another one knows."""
        made = cls()
        for run_id in metadata_store.get_run_ids():
            made.initialize(run_id)
            for entry in metadata_store.get_run(run_id):
                made.set(**entry, run_id=run_id)
        return made
