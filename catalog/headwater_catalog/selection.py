"""The outputs of a run as a query selects them."""

from __future__ import annotations

from typing import Final

from headwater_catalog.errors import Conflict, NotFound
from headwater_catalog.moments import Moment
from headwater_catalog.search import SearchHit, search

__all__ = ["MOST_OUTPUTS", "select_outputs"]

MOST_OUTPUTS: Final = 1_000


def select_outputs(moment: Moment, query: str, dataflow: str | None = None) -> list[str]:
    """Return the features that meet a query, as `module:name`, in the order of their names.

    Args:
        moment: The repository at a commit.
        query: A query as docs/query.md has it.
        dataflow: Only features of this dataflow.

    Raises:
        QueryError: It is no query.
        NotFound: Nothing meets it, or a word of it is unknown, or there is no such dataflow.
        Conflict: It selects more than a run computes.
    """
    modules = None if dataflow is None else frozenset(moment.snapshot.dataflow(dataflow).modules)
    found = search([moment], query, limit=len(moment.snapshot.variants) + 1)
    # A search looks for what is nearest to a word that nothing has; a run must not guess.
    for correction in found.corrections:
        raise NotFound(f"No feature has the word '{correction.asked}', so '{query}' selects nothing to run.")
    keys = sorted(hit.key for hit in found.hits if _is_there(hit, modules))
    if not keys:
        where = f"dataflow '{dataflow}'" if dataflow else f"'{moment.repository.name}'"
        raise NotFound(f"No feature of {where} at this commit meets '{query}'. Try it in the search first.")
    if len(keys) > MOST_OUTPUTS:
        raise Conflict(f"'{query}' selects {len(keys):,} features; a run computes {MOST_OUTPUTS:,} at most.")
    return keys


def _is_there(hit: SearchHit, modules: frozenset[str] | None) -> bool:
    return hit.last_sha is None and (modules is None or hit.module in modules)
