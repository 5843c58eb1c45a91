"""The order of hits: how well a feature meets the words of a query, in stages, or another one."""

from __future__ import annotations

from enum import StrEnum

from headwater_catalog.query.subjects import Scope, Subject, TextField

__all__ = ["RANKS", "Rank", "Sort", "by_name", "name_rank", "order", "sort_key", "text_rank"]


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


class Sort(StrEnum):
    """By what hits can be sorted; equal ones are in the order of their names."""

    RELEVANCE = "relevance"
    NAME = "name"
    MODULE = "module"
    CHANGED = "changed"  # the latest first
    USED = "used"  # those that most features need directly first


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


def sort_key(sort: Sort, scope: Scope, subject: Subject) -> tuple[int | str, ...]:
    """Return by what a feature is sorted; relevance is no such thing, and is the name here."""
    name = by_name(subject, scope.repository)
    if sort is Sort.MODULE:
        return (subject.module, *name)
    if sort is Sort.CHANGED:
        past = (scope.pasts or {}).get(subject.key)
        return (-past.changed if past is not None else 0, *name)
    if sort is Sort.USED:
        is_there = subject.key in scope.graph.nodes
        return (-len(scope.graph.children(subject.key)) if is_there else 0, *name)
    return name
