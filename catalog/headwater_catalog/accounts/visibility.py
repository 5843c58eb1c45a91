"""The one filter on what somebody may see: it stands in the session, so that no query can forget it."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

from sqlalchemy import event
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria

from headwater_catalog.store.models import Base, Grant, Repository

__all__ = ["owned", "restrict"]


def restrict(session: Session, visible: Collection[int] | None) -> None:
    """Let a session find only what belongs to some repositories, given by their numbers; None means all.

    Every query for rows of a repository, also as columns, in joins and by relationships, has the condition;
    rows that belong to no repository directly, such as versions of features, are found through those that do.
    """
    if visible is None:
        return
    numbers = sorted(visible)
    # Functions, not conditions: each is asked anew for every alias under which a query has its table.
    options = [
        with_loader_criteria(Repository, lambda table: table.id.in_(numbers), include_aliases=True),
        *(
            with_loader_criteria(model, lambda table: table.repository_id.in_(numbers), include_aliases=True)
            for model in owned()
        ),
    ]

    @event.listens_for(session, "do_orm_execute")
    def _limit(state: ORMExecuteState) -> None:
        if state.is_select:
            state.statement = state.statement.options(*options)


@cache
def owned() -> tuple[type[Base], ...]:
    """Return the tables whose rows belong to a repository; roles in it belong to accounts."""
    models = [mapper.class_ for mapper in Base.registry.mappers]
    return tuple(model for model in models if hasattr(model, "repository_id") and model is not Grant)
