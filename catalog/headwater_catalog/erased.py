"""What was erased, told where somebody looks for it: not that it is absent, but by which erasure and when."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from headwater_catalog.store.models import Erasure, ErasureItem

__all__ = ["Erased", "erased_in_runs", "erased_of", "standing_erasures"]


@dataclass(frozen=True, slots=True)
class Erased:
    """That something was erased.

    Attributes:
        erasure: The number of the erasure, whose record tells more.
        reference: Why.
        at: When, in seconds since 1970.
        kind: What was erased.
    """

    erasure: int
    reference: str
    at: int
    kind: str

    def __str__(self) -> str:
        """Say it in words."""
        return f"erased on {_instant(self.at)[:10]} by erasure {self.erasure} ({self.reference})"

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        told = {"erasure": self.erasure, "reference": self.reference}
        return {**told, "at": _instant(self.at), "kind": self.kind}


def _instant(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


def erased_of(session: Session, kind: str, targets: Collection[str]) -> dict[str, Erased]:
    """Return by what things of a kind were erased, those that were."""
    if not targets:
        return {}
    done = ErasureItem.kind == kind, ErasureItem.target.in_(targets), ErasureItem.state == "done"
    return {item.target: found for item, found in _found(session, *done)}


def erased_in_runs(session: Session, run_id: int) -> list[Erased]:
    """Return what was erased of what is written down of a run."""
    kinds = ("preview", "profiles", "checks", "log", "comparison", "reproduction", "given")
    done = ErasureItem.kind.in_(kinds), ErasureItem.target == str(run_id), ErasureItem.state == "done"
    return [found for _, found in _found(session, *done)]


def _found(session: Session, *conditions: Any) -> Iterable[tuple[ErasureItem, Erased]]:
    wanted = (
        select(ErasureItem, Erasure)
        .join(Erasure, Erasure.id == ErasureItem.erasure_id)
        .where(*conditions)
        .order_by(ErasureItem.id)
    )
    for item, erasure in session.execute(wanted):
        told = erasure.id, erasure.reference, item.settled_at or erasure.requested_at, item.kind
        yield item, Erased(*told)


def standing_erasures(session: Session, repository: str) -> list[Erasure]:
    """Return the erasures that have begun, or are over, and are about columns of a repository."""
    wanted = select(Erasure).where(or_(Erasure.begun_at.is_not(None), Erasure.closed_at.is_not(None)))
    return [each for each in session.scalars(wanted.order_by(Erasure.id)) if repository in each.counts_as]
