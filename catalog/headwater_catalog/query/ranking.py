"""The order of hits: how well a feature meets the words of a query, in stages."""

from __future__ import annotations

from enum import StrEnum

from headwater_catalog.query.subjects import Subject, TextField

__all__ = ["RANKS", "Rank", "by_name", "name_rank", "order", "text_rank"]


class Rank(StrEnum):
    """How well a feature meets the words of a query, the best first."""

    EXACT = "exact name"
    SAME_LETTERS = "name in other case"
    PREFIX = "name begins so"
    NAME = "name"
    TAGS = "tags"
    DOCS = "docs"
    CODE = "code"


RANKS = tuple(Rank)


def name_rank(asked: str, subject: Subject) -> Rank | None:
    """Return the rank that a feature has by its name as a whole, if any."""
    if not asked:
        return None
    if asked in (subject.name, subject.key):
        return Rank.EXACT
    name, asked = subject.name.casefold(), asked.casefold()
    if name == asked:
        return Rank.SAME_LETTERS
    return Rank.PREFIX if name.startswith(asked) else None


def text_rank(weakest: TextField) -> Rank:
    """Return the rank of what meets a query by its texts up to one of them."""
    return RANKS[RANKS.index(Rank.NAME) + weakest]


def order(rank: Rank, subject: Subject, repository: str) -> tuple[int, int, str, str, str]:
    """Return by what hits that have ranks are sorted: shorter names first within a rank."""
    return RANKS.index(rank), len(subject.name), subject.name, repository, subject.module


def by_name(subject: Subject, repository: str) -> tuple[str, str, str]:
    """Return by what hits are sorted where a query has no words to rank them by."""
    return subject.name, repository, subject.module
