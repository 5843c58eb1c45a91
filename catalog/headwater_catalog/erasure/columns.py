"""Which columns an erasure is about, by what people call them, and by what they were called before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from headwater.errors import did_you_mean
from headwater_catalog.erasure.reach import Seeds
from headwater_catalog.errors import Conflict, NotFound
from headwater_catalog.lineage_graph import INPUT_PREFIX
from headwater_catalog.moves import moves_at
from headwater_catalog.source_specs import is_frame
from headwater_catalog.storable import clean
from headwater_catalog.store.models import (
    Dataflow,
    DataflowVersion,
    Declaration,
    DeclaredInput,
    Dependency,
    Feature,
    FeatureVersion,
    Repository,
)

__all__ = ["MOST_COLUMNS", "seeds_of", "split_column", "told_of"]

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
        NotFound: Nothing there has ever been called so, nor may a table have such a column.
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


def told_of(session: Session, repository: Repository, seeds: Seeds) -> Iterator[str]:
    """Yield what is to be told of columns that nothing has ever been called, and that tables may have."""
    for name in sorted(seeds.names | seeds.inputs):
        known = _names_like(session, repository, name, is_input=name not in seeds.names)
        if known is not None:
            tables = ", ".join(f"'{each}'" for each in _open_tables(session, repository))
            yield (
                f"Nothing in '{repository.name}' was ever called '{name}'.{did_you_mean(name, known)} It may "
                f"be a column of a table whose columns nothing declares: {tables}."
            )


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
    """Make sure that a column, an input, or else also a feature, has or may ever have had a name."""
    known = _names_like(session, repository, name, is_input=is_input)
    if known is None or _open_tables(session, repository):
        return
    what = "an input" if is_input else "an input or a feature"
    raise NotFound(
        f"Repository '{repository.name}' never had {what} '{name}'.{did_you_mean(name, known)} A column of a "
        "file that no feature has ever read is in nothing that was made here."
    )


def _names_like(session: Session, repository: Repository, name: str, *, is_input: bool) -> set[str] | None:
    """Return all that inputs, columns, or else also features were ever called; None: one was called so."""
    mine = Feature.repository_id == repository.id
    needed = (
        select(Dependency.name)
        .join(FeatureVersion, FeatureVersion.id == Dependency.feature_version_id)
        .join(Feature, Feature.id == FeatureVersion.feature_id)
        .where(mine)
    )
    if session.scalar(needed.where(Dependency.name == name).limit(1)) is not None:
        return None
    if not is_input and session.scalar(select(Feature.id).where(mine, Feature.name == name).limit(1)):
        return None
    declared = _declared(session, repository)
    if name in declared:
        return None
    known = {*session.scalars(needed.distinct()), *declared}
    if not is_input:
        known |= {each for _, each in session.execute(_features(repository))}
    return known


def _open_tables(session: Session, repository: Repository) -> list[str]:
    """Return the inputs that were ever tables as a whole, but for those whose columns are always declared."""
    mine = Feature.repository_id == repository.id
    asked = (
        select(Dependency.name, Dependency.type)
        .join(FeatureVersion, FeatureVersion.id == Dependency.feature_version_id)
        .join(Feature, Feature.id == FeatureVersion.feature_id)
        .where(mine)
        .distinct()
    )
    declared = select(DeclaredInput.name, DeclaredInput.type).where(
        DeclaredInput.repository_id == repository.id
    )
    pairs = (*session.execute(asked), *session.execute(declared.distinct()))
    sure = {name for name, type_ in pairs if is_frame(type_)}
    sources: dict[str, list[str]] = {name: [] for name, type_ in pairs if is_frame(type_) is not False}
    if not sources:
        return []
    for name, source in chain.from_iterable(each.items() for each in _sources(session, repository)):
        if name in sources:
            sources[name].append(source.get("table", ""))
    told = _always_told(_tables(session, repository))
    made = set(session.scalars(select(Feature.name).where(mine, Feature.name.in_(sure))))
    return sorted(
        name
        for name, of in sources.items()
        if (not told.issuperset(of) if of else name in sure and name not in made)
    )


def _always_told(tables: Sequence[Mapping[str, Any]]) -> set[str]:
    """Return the logical tables that have never been declared without their columns."""
    named = {name for each in tables for name in each}
    return {name for name in named if all(each[name]["columns"] for each in tables if name in each)}


def _declared(session: Session, repository: Repository) -> set[str]:
    """Return the columns that declarations name: indices and dates of sources, and columns of tables."""
    sources = [source for each in _sources(session, repository) for source in each.values()]
    found = {name for each in sources for name in (each.get("index"), *each.get("dates", ())) if name}
    tables = _tables(session, repository)
    return found.union(*(table["columns"] for each in tables for table in each.values()))


def _sources(session: Session, repository: Repository) -> Sequence[Mapping[str, Any]]:
    """Return the sources by name that dataflows have ever declared."""
    return session.scalars(
        select(DataflowVersion.sources)
        .join(Dataflow, Dataflow.id == DataflowVersion.dataflow_id)
        .where(Dataflow.repository_id == repository.id)
    ).all()


def _tables(session: Session, repository: Repository) -> Sequence[Mapping[str, Any]]:
    """Return the logical tables by name, as they were ever declared."""
    return session.scalars(
        select(Declaration.content).where(
            Declaration.repository_id == repository.id, Declaration.kind == "tables"
        )
    ).all()
