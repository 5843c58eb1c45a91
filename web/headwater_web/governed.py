"""Classifications, policies and findings of the repositories that a reader may see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from headwater_catalog.classified_at import classify_all
from headwater_catalog.datasets import columns_made_by
from headwater_catalog.found_findings import PolicyStanding, policies_at
from headwater_catalog.governance.inventory import Inventory, inventory_of
from headwater_catalog.moments import Moment
from headwater_catalog.search import heads
from headwater_web.reading import catalog, moment_named, reading

__all__ = ["inventories", "place_names", "places", "standings"]


def inventories(moment: Moment, day: str) -> Iterator[tuple[Inventory, Mapping[str, int]]]:
    """Yield the classifications of a repository, each with how many columns of each dataset have it."""
    for found in classify_all(moment, day).values():
        levels = found.levels
        datasets = columns_made_by(moment.session, moment.repository, levels) if levels else {}
        yield inventory_of(moment.snapshot, found), datasets


def places(repo: str | None) -> list[Moment]:
    """Return the repositories that have been scanned, each at its head; or the one of this name.

    Raises:
        NotFound: There is none of this name, or it has not been scanned, so that nothing is known of it.
    """
    return heads(reading(), catalog().settings) if repo is None else [moment_named(repo, None)]


def place_names() -> list[str]:
    """Return the names of the repositories that have been scanned."""
    return [moment.repository.name for moment in heads(reading(), catalog().settings)]


def standings(repo: str | None) -> list[PolicyStanding]:
    """Return the policies that hold, by repository."""
    return [each for moment in places(repo) for each in policies_at(moment, catalog().settings)]
