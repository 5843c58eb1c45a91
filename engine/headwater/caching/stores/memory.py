"""What a cache keeps in memory, for one process: for tests, notebooks and services."""

from __future__ import annotations

import pickle
from typing import Any, Self

from headwater.caching.stores.base import MetadataStore, ResultRetrievalError, ResultStore

__all__ = ["InMemoryMetadataStore", "InMemoryResultStore"]


class InMemoryResultStore(ResultStore):
    """Keeps values in memory, as they are when they are put in."""

    def __init__(self) -> None:
        """Start empty."""
        self._results: dict[str, bytes] = {}

    def exists(self, data_version: str) -> bool:
        """Tell whether a value is kept."""
        return data_version in self._results

    def get(self, data_version: str, **kwargs: Any) -> Any:
        """Return a copy of a value.

        Raises:
            ResultRetrievalError: It is not kept.
        """
        try:
            content = self._results[data_version]
        except KeyError:
            raise ResultRetrievalError(f"There is no value {data_version} in memory.") from None
        return pickle.loads(content)  # noqa: S301 - it never left this process

    def set(self, data_version: str, result: Any, **kwargs: Any) -> None:
        """Keep a copy of a value, which nothing that happens to the value reaches."""
        self._results[data_version] = pickle.dumps(result, protocol=pickle.HIGHEST_PROTOCOL)

    def delete(self, data_version: str) -> None:
        """Forget a value."""
        self._results.pop(data_version, None)

    def delete_all(self) -> None:
        """Forget all values."""
        self._results.clear()

    def persist_to(self, result_store: ResultStore) -> None:
        """Put all values into another store."""
        for data_version in self._results:
            result_store.set(data_version, self.get(data_version))

    @classmethod
    def load_from(cls, result_store: ResultStore, metadata_store: MetadataStore) -> Self:
        """Return a store with the values of another one that the runs of a metadata store made."""
        made = cls()
        for run_id in metadata_store.get_run_ids():
            for entry in metadata_store.get_run(run_id):
                if result_store.exists(entry["data_version"]):
                    made.set(entry["data_version"], result_store.get(entry["data_version"]))
        return made


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
            ResultRetrievalError: There was no such run.
        """
        if run_id not in self._runs:
            raise ResultRetrievalError(f"There was no run {run_id!r} with this cache.")
        return [dict(self._entries[key]) for key in self._runs[run_id] if key in self._entries]

    def persist_to(self, metadata_store: MetadataStore) -> None:
        """Tell another store all that is known."""
        for run_id in self._runs:
            metadata_store.initialize(run_id)
            for entry in self.get_run(run_id):
                metadata_store.set(**entry, run_id=run_id)

    @classmethod
    def load_from(cls, metadata_store: MetadataStore) -> Self:
        """Return a store that knows what another one knows."""
        made = cls()
        for run_id in metadata_store.get_run_ids():
            made.initialize(run_id)
            for entry in metadata_store.get_run(run_id):
                made.set(**entry, run_id=run_id)
        return made
