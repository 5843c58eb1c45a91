"""Findings as rows of the store, from one position of the main line until another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from headwater_catalog.governance.findings import Finding
from headwater_catalog.storable import clean
from headwater_catalog.store import models

__all__ = ["Held", "finding_of", "held_row", "held_rows", "storable"]

_LONGEST_WAY: Final = 100  # steps of a way that are kept


@dataclass(slots=True)
class Held:
    """A finding over a stretch of the main line.

    Attributes:
        finding: The finding, as it was seen last.
        begin: The position from which it is there.
        begun_as: Its fingerprint there, which is another one where a feature moved since.
        until: The position from which it is there no more; None while it is.
        row: What the store knows it by; None where it does not.
        has_changed: Whether it is another one than the store has.
    """

    finding: Finding
    begin: int
    begun_as: str
    until: int | None = None
    row: int | None = None
    has_changed: bool = True


def storable(finding: Finding) -> Finding:
    """Return a finding as the store gives it back."""
    way = finding.because
    if len(way) > _LONGEST_WAY:
        way = (*way[: _LONGEST_WAY // 2], "...", *way[-_LONGEST_WAY // 2 :])
    texts: dict[str, Any] = {name: clean(getattr(finding, name)) for name in _TEXTS}
    return replace(finding, **texts, because=tuple(map(clean, way)), owners=tuple(map(clean, finding.owners)))


def finding_of(row: models.Finding) -> Finding:
    """Return the finding of a row."""
    texts: dict[str, Any] = {name: getattr(row, name) for name in (*_TEXTS, *_LINES)}
    return Finding(**texts, because=tuple(row.because), owners=tuple(row.owners))


def held_rows(session: Session, repository_id: int, since: int) -> Iterator[Held]:
    """Yield what is kept that may go on: at the end of what is judged, or before its beginning, `since`."""
    table = models.Finding
    wanted = select(table).where(
        table.repository_id == repository_id, or_(table.valid_until.is_(None), table.valid_from == since)
    )
    for row in session.scalars(wanted):
        yield Held(finding_of(row), row.valid_from, row.begun_as, row.valid_until, row.id, has_changed=False)


def held_row(repository_id: int, held: Held) -> dict[str, Any]:
    """Return what is stored of a finding."""
    finding = held.finding
    return {
        "repository_id": repository_id,
        "fingerprint": finding.fingerprint,
        "begun_as": held.begun_as,
        **{name: getattr(finding, name) for name in (*_TEXTS, *_LINES)},
        "because": list(finding.because),
        "owners": list(finding.owners),
        "valid_from": held.begin,
        "valid_until": held.until,
    }


_TEXTS: Final = ("rule", "severity", "message", "key", "about", "path", "owner")
_LINES: Final = ("line", "end_line")
