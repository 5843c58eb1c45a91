"""Which columns an erasure is about, by what people call them, and by what they were called before."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from headwater.errors import did_you_mean
from headwater_catalog.erasure.reach import Seeds
from headwater_catalog.errors import Conflict, NotFound
from headwater_catalog.lineage_graph import INPUT_PREFIX
from headwater_catalog.moves import moves_at
from headwater_catalog.storable import clean
from headwater_catalog.store.models import (
    Dataflow,
    DataflowVersion,
    Dependency,
    Feature,
    FeatureVersion,
    Repository,
)

__all__ = ["MOST_COLUMNS", "seeds_of", "split_column"]

MOST_COLUMNS = 50
_LONGEST = 500


def split_column(text: str) -> tuple[str, str]:
    """Return the repository and the column that `REPOSITORY:COLUMN` names.

    Raises:
        Conflict: It is of another form.
    """
    repository, colon, column = text.partition(":")
    if not colon or not repository or not column:
        raise Conflict(
            f"{text!r:.80} names no column. Say REPOSITORY:COLUMN, such as shop:email, or "
            "shop:features.customers:email for a feature of one module."
        )
    return repository, column


def seeds_of(session: Session, repository: Repository, columns: Sequence[str]) -> Seeds:
    """Return what columns are called in a repository, at whatever commit.

    Args:
        session: An open session.
        repository: The repository.
        columns: Each the name of an input or a feature, `module:name` of a feature, or `input:name`. A
            feature counts by what it was called before it moved, too.

    Raises:
        NotFound: Nothing there has ever been called so.
        Conflict: There are none, or too many.
    """
    if not 0 < len(columns) <= MOST_COLUMNS:
        raise Conflict(f"An erasure is about one to {MOST_COLUMNS} columns, and these are {len(columns)}.")
    names, keys, inputs = set[str](), set[str](), set[str]()
    for column in columns:
        if clean(column) != column or len(column) > _LONGEST:
            raise NotFound(
                f"No column is called {column!r:.80}: no name is that long, or has such characters."
            )
        if column.startswith(INPUT_PREFIX):
            inputs.add(column.removeprefix(INPUT_PREFIX))
            _require(session, repository, column.removeprefix(INPUT_PREFIX), is_input=True)
        elif ":" in column:
            keys |= _keys_of(session, repository, column)
        else:
            names.add(column)
            _require(session, repository, column, is_input=False)
    return Seeds(frozenset(names), frozenset(keys), {}, frozenset(inputs))


def _keys_of(session: Session, repository: Repository, key: str) -> set[str]:
    """Return a feature's key, and those that it had before it moved."""
    feature = _feature(session, repository, key)
    if feature is None:
        known = [f"{module}:{name}" for module, name in session.execute(_features(repository))]
        raise NotFound(
            f"Repository '{repository.name}' never had a feature '{key}'.{did_you_mean(key, known)}"
        )
    found = {key}
    while feature is not None:
        first = session.scalar(
            select(func.min(FeatureVersion.valid_from)).where(FeatureVersion.feature_id == feature.id)
        )
        feature = None if first is None else _before(session, repository, feature, first)
        if feature is None or f"{feature.module}:{feature.name}" in found:
            break
        found.add(f"{feature.module}:{feature.name}")
    return found


def _before(session: Session, repository: Repository, feature: Feature, first: int) -> Feature | None:
    """Return the feature as which one went on before a place on the main line."""
    moved = moves_at(session, repository, first)
    begun = select(FeatureVersion.id).where(
        FeatureVersion.feature_id == feature.id, FeatureVersion.valid_from == first
    )
    earlier = next((moved[number] for number in session.scalars(begun) if number in moved), None)
    return None if earlier is None else session.get_one(FeatureVersion, earlier).feature


def _feature(session: Session, repository: Repository, key: str) -> Feature | None:
    module, _, name = key.rpartition(":")
    mine = Feature.repository_id == repository.id, Feature.module == module, Feature.name == name
    return session.scalars(select(Feature).where(*mine)).one_or_none()


def _features(repository: Repository) -> Select[str, str]:
    return select(Feature.module, Feature.name).where(Feature.repository_id == repository.id)


def _require(session: Session, repository: Repository, name: str, *, is_input: bool) -> None:
    """Make sure that an input, or else also a feature, has ever had a name."""
    mine = Feature.repository_id == repository.id
    needed = (
        select(Dependency.name)
        .join(FeatureVersion, FeatureVersion.id == Dependency.feature_version_id)
        .join(Feature, Feature.id == FeatureVersion.feature_id)
        .where(mine)
    )
    if session.scalar(needed.where(Dependency.name == name).limit(1)) is not None:
        return
    if not is_input and session.scalar(select(Feature.id).where(mine, Feature.name == name).limit(1)):
        return
    declared = _declared(session, repository)
    if name in declared:
        return
    known = {*session.scalars(needed.distinct()), *declared}
    if not is_input:
        known |= {each for _, each in session.execute(_features(repository))}
    what = "an input" if is_input else "an input or a feature"
    raise NotFound(
        f"Repository '{repository.name}' never had {what} '{name}'.{did_you_mean(name, known)} A column of a "
        "file that no feature has ever read is in nothing that was made here."
    )


def _declared(session: Session, repository: Repository) -> set[str]:
    """Return the columns that declarations of sources name: indices and dates."""
    rows = session.scalars(
        select(DataflowVersion.sources)
        .join(Dataflow, Dataflow.id == DataflowVersion.dataflow_id)
        .where(Dataflow.repository_id == repository.id)
    )
    sources = [source for each in rows for source in each.values()]
    return {name for each in sources for name in (each.get("index"), *each.get("dates", ())) if name}
