"""Erasures of a catalog that is served elsewhere, as commands ask of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from headwater_catalog.cli.remote_runs import FINISHED, POLL_SECONDS
from headwater_catalog.errors import JobError

if TYPE_CHECKING:
    from headwater_catalog.client import Client, Erasure

__all__ = ["RemoteErasures"]


class RemoteErasures:
    """The erasures of a catalog that is served elsewhere.

    Args:
        client: Asks it.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    def request(self, repository: str, columns: Sequence[str], reference: str) -> dict[str, Any]:
        """Have the plan of an erasure stored, wait for it, and return the erasure."""
        return self._followed(self._client.request_erasure(repository, columns, reference))

    def listed(self) -> list[dict[str, Any]]:
        """Return the erasures, the latest first."""
        return [dict(each) for each in self._client.erasures()]

    def shown(self, number: int) -> dict[str, Any]:
        """Return an erasure."""
        return dict(self._client.erasure(number))

    def items(self, number: int, kind: str, standing: str, state: str) -> list[dict[str, Any]]:
        """Return the items of an erasure, or only those of a kind, a standing and a state."""
        asked = {"kind": kind or None, "standing": standing or None, "state": state or None}
        found = [dict(each) for each in self._client.erasure_items(number, **asked)]
        return sorted(found, key=lambda each: (each["kind"], each["standing"], each["state"], each["item"]))

    def erase(self, number: int, also: Sequence[str]) -> dict[str, Any]:
        """Have erased what the catalog holds, wait for it, and return the erasure."""
        return self._followed(self._client.begin_erasure(number, also))

    def mark(self, number: int, items: Sequence[int], kind: str, standing: str, state: str, note: str) -> int:
        """Say of items what became of them, and return of how many."""
        return self._client.mark_erasure_items(number, state, note, items=items, kind=kind, standing=standing)

    def close(self, number: int) -> dict[str, Any]:
        """End an erasure, and return it."""
        return dict(self._client.close_erasure(number))

    def withdraw(self, number: int) -> dict[str, Any]:
        """Give up an erasure, and return it."""
        return dict(self._client.withdraw_erasure(number))

    def record(self, number: int, *, signed: bool) -> dict[str, Any]:
        """Return the record of an erasure."""
        return self._client.erasure_record(number, signed=signed)

    def _followed(self, erasure: Erasure) -> dict[str, Any]:
        """Wait for the end of the job of an erasure, and return how that stands then."""
        while erasure["job"] is not None:
            job = self._client.job(erasure["job"])
            if job["state"] == "failed":
                raise JobError(job["error"] or f"Job {job['id']} has failed.")
            if job["state"] in FINISHED:
                break
            time.sleep(POLL_SECONDS)
        return self.shown(erasure["erasure"])
