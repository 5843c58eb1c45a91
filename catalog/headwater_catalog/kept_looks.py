"""What the values of dataset versions look like: kept without any value, and told to who may know."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session, defaultload, defer, joinedload

from headwater_catalog.accounts.events import note
from headwater_catalog.governance.kinds_of_data import KINDS
from headwater_catalog.lineage_graph import INPUT_PREFIX
from headwater_catalog.personal import hidden_in
from headwater_catalog.store.models import Dataset, DatasetVersion, Repository, Run

if TYPE_CHECKING:
    from headwater_catalog.accounts.events import Asked

__all__ = ["keep_looks", "reasons_by_values", "shown_looks"]

_CLASSIFICATIONS: Final = {kind.name: kind.classification for kind in KINDS}
_Look = Mapping[str, Any]


def keep_looks(
    session: Session, version: DatasetVersion, looks: Sequence[_Look], asked: Asked, now: int
) -> None:
    """Keep what the values of a dataset version look like, and who wanted to know.

    Args:
        session: An open write transaction.
        version: The version, of this session.
        looks: What `looked_values` has found.
        asked: Who asks, and from where.
        now: The present instant.
    """
    version.looks = [dict(each) for each in looks]
    subject = f"{version.dataset.name} of run {version.run_id} in {version.run.repository.name}"
    note(session, "values looked at", asked, subject, now, columns=sorted({e["column"] for e in looks}))


def shown_looks(version: DatasetVersion, sees_personal: bool) -> list[_Look] | None:
    """Return what somebody may know of how values of a version look; None where nobody has looked.

    Whoever may not see the values of a column is not told what they look like either.
    """
    if version.looks is None:
        return None
    hidden = hidden_in(version.run, sees_personal)
    columns = {column["name"]: column for column in version.columns}
    return [each for each in version.looks if not hidden.column(columns.get(each["column"], {"name": ""}))]


def reasons_by_values(
    session: Session, repository: Repository, sees_personal: bool
) -> dict[str, dict[str, list[str]]]:
    """Return why features and inputs look classified by values that were looked at.

    Of each dataset the version counts that was saved last of those that were looked at.

    Args:
        session: An open session.
        repository: The repository.
        sees_personal: Whether who asks may see personal data in it.

    Returns:
        Clauses, by classification and by the key of the feature or the input.
    """
    found: dict[str, dict[str, list[str]]] = {}
    for version in _looked_at(session, repository):
        columns = {column["name"]: column for column in version.columns}
        for look in shown_looks(version, sees_personal) or ():
            if (classification := _CLASSIFICATIONS.get(look["kind"])) is None:
                continue
            for key in _made_by(columns.get(look["column"], {})):
                clauses = found.setdefault(classification, {}).setdefault(key, [])
                clauses.append(_clause(version, look))
    return found


def _looked_at(session: Session, repository: Repository) -> Iterator[DatasetVersion]:
    newest = (
        select(func.max(DatasetVersion.id))
        .join(Dataset, Dataset.id == DatasetVersion.dataset_id)
        .where(Dataset.repository_id == repository.id, DatasetVersion.looks.is_not(None))
        .group_by(DatasetVersion.dataset_id)
    )
    run = defaultload(DatasetVersion.run)
    wanted = (
        select(DatasetVersion)
        .where(DatasetVersion.id.in_(newest))
        .options(joinedload(DatasetVersion.dataset), joinedload(DatasetVersion.run))
        .options(defer(DatasetVersion.stamp), run.defer(Run.preview), run.defer(Run.log))
        .order_by(DatasetVersion.id)
    )
    yield from session.scalars(wanted)


def _made_by(column: Mapping[str, Any]) -> Sequence[str]:
    """Return the keys of the features, or of the input, that a column has its values of."""
    if column.get("kind") == "source":
        return (f"{INPUT_PREFIX}{column['node']}",)
    return tuple(column.get("features", ()))


def _clause(version: DatasetVersion, look: _Look) -> str:
    share = f"{math.floor(look['share'] * 100)} % of {look['looked_at']:,}"
    return f"its values in {version.dataset.name}@{version.run_id} look like {look['kind']}: {share}"
