"""The hits of a search as a page shows them: what each is called, and why it matched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from headwater_catalog.search import Match, SearchHit

__all__ = ["HitRow", "hit_row"]

Pieces = tuple[tuple[str, bool], ...]
"""A text cut into pieces, each with whether the query asked for it."""


@dataclass(frozen=True, slots=True)
class HitRow:
    """A hit, and what a page marks of it.

    Attributes:
        hit: The hit.
        name: Its name.
        summary: The first line of its documentation; empty where it has none.
        tags: Its tags but the owner, which stands elsewhere.
        others: Why it matched, where neither the name nor the summary shows it.
    """

    hit: SearchHit
    name: Pieces
    summary: Pieces
    tags: tuple[tuple[str, Any], ...]
    others: tuple[Match, ...]


def hit_row(hit: SearchHit) -> HitRow:
    """Return what a page shows of a hit."""
    others = (each for each in hit.matches if each.field != "name" and each.fragment != hit.summary)
    return HitRow(
        hit=hit,
        name=_pieces(hit, hit.name, "name"),
        summary=_pieces(hit, hit.summary) if hit.summary else (),
        tags=tuple((key, value) for key, value in hit.tags.items() if key != "owner"),
        others=tuple(others),
    )


def _pieces(hit: SearchHit, text: str, field: str | None = None) -> Pieces:
    """Return a text with what matched in it, if anything did."""
    meant = (each for each in hit.matches if each.fragment == text and field in (None, each.field))
    found = next(meant, None)
    return found.pieces if found is not None else ((text, False),)
