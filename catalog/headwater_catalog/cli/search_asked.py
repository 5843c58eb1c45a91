"""What `headwater search` is asked, here and of a catalog that is served elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["SORTS", "SearchAsked"]

SORTS: Final = ("relevance", "name", "module", "changed", "used")
"""The values of `headwater_catalog.search.Sort`, which loads more than `--help` should wait for."""


@dataclass(frozen=True, slots=True)
class SearchAsked:
    """A search.

    Attributes:
        query: In the query language.
        repo: Look in this repository only; None: in all.
        at: The commit, tag or branch to look at; None: what was scanned last.
        base: What `new:` and `changed_by:` compare with.
        limit: How many hits there are at most.
        offset: How many to leave out first.
        sort: By what they are sorted, one of `SORTS`.
        facets: Whether to count what all hits have in common.
    """

    query: str
    repo: str | None
    at: str | None
    base: str | None
    limit: int
    offset: int
    sort: str
    facets: bool
