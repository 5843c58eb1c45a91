"""What a cache asks of the places where it keeps values and what it knows of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from headwater.errors import HeadwaterError

__all__ = ["MetadataStore", "ResultRetrievalError", "ResultStore", "UnknownRun"]


class ResultRetrievalError(HeadwaterError):
    """A value that was kept cannot be had."""


class UnknownRun(ResultRetrievalError, IndexError):
    """A run that the store knows nothing of."""

    def __init__(self, run_id: str) -> None:
        """Say which."""
        super().__init__(f"There was no run {run_id!r} with this cache.")


class ResultStore(ABC):
    """Keeps values by their fingerprints."""

    @abstractmethod
    def set(self, data_version: str, result: Any, **kwargs: Any) -> None:
        """Keep a value; `saver_cls` and `loader_cls` may say in which format."""

    @abstractmethod
    def get(self, data_version: str, **kwargs: Any) -> Any:
        """Return a value; None where it is not kept.

        Raises:
            ResultRetrievalError: It is kept, but cannot be had.
        """

    @abstractmethod
    def delete(self, data_version: str) -> None:
        """Forget a value."""

    @abstractmethod
    def delete_all(self) -> None:
        """Forget all values."""

    @abstractmethod
    def exists(self, data_version: str) -> bool:
        """Tell whether a value is kept."""


class MetadataStore(ABC):
    """Knows the fingerprint of the value that belongs to each key, and which run made it."""

    @abstractmethod
    def __len__(self) -> int:
        """Return how many keys are known."""

    @abstractmethod
    def initialize(self, run_id: str) -> None:
        """Take note of a run that begins."""

    @abstractmethod
    def set(self, cache_key: str, data_version: str, **kwargs: Any) -> Any:
        """Take note of a value: its key, its fingerprint, and `run_id`, `node_name` and `code_version`."""

    @abstractmethod
    def get(self, cache_key: str, **kwargs: Any) -> str | None:
        """Return the fingerprint of the value of a key; None where it is not known."""

    @abstractmethod
    def delete(self, cache_key: str) -> None:
        """Forget a key."""

    @abstractmethod
    def delete_all(self) -> None:
        """Forget all keys and runs."""

    @abstractmethod
    def exists(self, cache_key: str) -> bool:
        """Tell whether a key is known."""

    @abstractmethod
    def get_run_ids(self) -> Sequence[str]:
        """Return the runs, from the oldest to the newest."""

    @abstractmethod
    def get_run(self, run_id: str) -> Sequence[dict[str, Any]]:
        """Return what is known of each node that a run computed: at least key and fingerprint.

        Raises:
            UnknownRun: There was no such run.
        """

    @property
    def size(self) -> int:
        """How many keys are known."""
        return len(self)

    @property
    def last_run_id(self) -> str:
        """The run that began last."""
        return self.get_run_ids()[-1]

    def get_last_run(self) -> Sequence[dict[str, Any]]:
        """Return what is known of the nodes that the last run computed."""
        return self.get_run(self.last_run_id)
