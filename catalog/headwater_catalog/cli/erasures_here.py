"""Erasures of the catalog of this machine, as commands ask of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from headwater_catalog.cli.context import Workspace, now
from headwater_catalog.cli.users import asked

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

__all__ = ["ErasuresHere"]

_MOST_LISTED = 1_000
_MOST_ITEMS = 10_000_000


class ErasuresHere:
    """The erasures of the catalog of this machine.

    Args:
        workspace: The catalog.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def request(self, repository: str, columns: Sequence[str], reference: str) -> dict[str, Any]:
        """Store the plan of an erasure, and return the erasure."""
        from headwater_catalog.erasure.requests import request_erasure
        from headwater_catalog.repositories import get_repository

        with self._workspace.database.write() as session:
            place = get_repository(session, repository)
            settings = self._workspace.settings
            erasure = request_erasure(session, settings, place, columns, reference, asked(), now())
            number, job = erasure.id, erasure.job_id
        return self._performed(number, job)

    def listed(self) -> list[dict[str, Any]]:
        """Return the erasures, the latest first."""
        from headwater_catalog.answers.erasures import erasure_json
        from headwater_catalog.erasure.requests import count_all_items, list_erasures

        with self._workspace.reading() as session:
            found = list_erasures(session, limit=_MOST_LISTED)
            counts = count_all_items(session, [each.id for each in found])
            return [erasure_json(each, counts[each.id]) for each in found]

    def shown(self, number: int) -> dict[str, Any]:
        """Return an erasure."""
        with self._workspace.reading() as session:
            return _told(session, number)

    def items(self, number: int, kind: str, standing: str, state: str) -> list[dict[str, Any]]:
        """Return the items of an erasure, or only those of a kind, a standing and a state."""
        from headwater_catalog.answers.erasures import item_json
        from headwater_catalog.erasure.requests import Chosen, list_items

        chosen = Chosen(kind, standing, state)
        with self._workspace.reading() as session:
            return [item_json(item) for item in list_items(session, number, chosen, limit=_MOST_ITEMS)]

    def erase(self, number: int, also: Sequence[str]) -> dict[str, Any]:
        """Erase what is held here, and return the erasure."""
        from headwater_catalog.erasure.requests import begin_erasure

        with self._workspace.database.write() as session:
            job = begin_erasure(session, number, also, asked(), now()).job_id
        return self._performed(number, job)

    def mark(self, number: int, items: Sequence[int], kind: str, standing: str, state: str, note: str) -> int:
        """Say of items what became of them, and return of how many."""
        from headwater_catalog.erasure.requests import Chosen, mark_items

        chosen = Chosen(kind, standing, "" if items else "open" if state != "open" else "", items)
        with self._workspace.database.write() as session:
            return mark_items(session, number, chosen, state, note, asked(), now())

    def close(self, number: int) -> dict[str, Any]:
        """End an erasure, and return it."""
        from headwater_catalog.erasure.requests import close_erasure

        with self._workspace.database.write() as session:
            close_erasure(session, number, asked(), now())
        return self.shown(number)

    def withdraw(self, number: int) -> dict[str, Any]:
        """Give up an erasure, and return it."""
        from headwater_catalog.erasure.requests import withdraw_erasure

        with self._workspace.database.write() as session:
            withdraw_erasure(session, number, asked(), now())
        return self.shown(number)

    def record(self, number: int, *, signed: bool) -> dict[str, Any]:
        """Return the record of an erasure."""
        from headwater_catalog.erasure_records import record_of, signed_record

        with self._workspace.reading() as session:
            if signed:
                return signed_record(session, self._workspace.settings, number)
            return record_of(session, number)

    def _performed(self, number: int, job: int | None) -> dict[str, Any]:
        """Perform a job here, unless a worker has taken it already, and return its erasure."""
        from headwater_catalog.errors import JobError
        from headwater_catalog.jobs import get_job
        from headwater_catalog.worker import Worker

        Worker(self._workspace.database, self._workspace.settings).perform_next(job)
        with self._workspace.reading() as session:
            told = _told(session, number)
            done = get_job(session, told["job"])
            if done.state == "failed":
                raise JobError(done.error or f"Job {done.id} has failed.")
        return told


def _told(session: Session, number: int) -> dict[str, Any]:
    from headwater_catalog.answers.erasures import erasure_json
    from headwater_catalog.erasure.requests import count_items, get_erasure

    return erasure_json(get_erasure(session, number), count_items(session, number))
