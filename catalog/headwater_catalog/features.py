"""Features as people see them: one feature with all that the catalog knows, and lists of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, select, true
from sqlalchemy.orm import Session, joinedload

from headwater_catalog.commit_refs import CommitRef
from headwater_catalog.errors import Conflict, NotFound
from headwater_catalog.lineage_graph import LineageGraph, input_key
from headwater_catalog.moments import Moment
from headwater_catalog.snapshot import SnapshotFeature
from headwater_catalog.spelling import nearest_keys
from headwater_catalog.store.intervals import holds_at
from headwater_catalog.store.models import (
    Commit,
    Dataflow,
    DataflowVersion,
    Feature,
    FeatureVersion,
    Repository,
)
from headwater_catalog.tokens import storable
from headwater_catalog.views import ColumnUse, PartView, summary_of

__all__ = [
    "AmbiguousName",
    "DependencyView",
    "FeatureView",
    "ModuleRow",
    "RepositoryView",
    "VariantView",
    "base_of",
    "count_by_module",
    "find_key",
    "find_repository",
    "get_feature",
    "list_modules",
    "list_repositories",
]

_MOST_LISTED: Final = 10  # keys in a message; an attribute holds them all


class AmbiguousName(Conflict):
    """A bare name means several features; `candidates` holds their keys `module:name`."""

    def __init__(self, name: str, candidates: Iterable[str]) -> None:
        self.name = name
        self.candidates = tuple(candidates)
        lines = [f"'{name}' is the name of {len(self.candidates)} features. Say which:"]
        lines += [f"  {key}" for key in self.candidates[:_MOST_LISTED]]
        if len(self.candidates) > _MOST_LISTED:
            lines.append(f"  ... and {len(self.candidates) - _MOST_LISTED} more")
        super().__init__("\n".join(lines))


@dataclass(frozen=True, slots=True)
class DependencyView:
    """A name that a variant needs, and the features that answer it.

    For an external input there are none; `summary` says what it means where code declares it.
    """

    name: str
    type: str
    optional: bool
    features: tuple[str, ...]
    summary: str = ""


@dataclass(frozen=True, slots=True)
class VariantView:
    """What one function makes of a feature.

    Attributes:
        name: Name of the function, with its suffix.
        type: Type of the value, as text.
        doc: Documentation.
        condition: Configurations it exists under, as text; empty for all.
        tags: Tags by key.
        source: The code, decorators included.
        path: File of the repository; empty if the module cannot be placed at this commit.
        line: First line of the code in that file, from 1.
        end_line: Last line of the code.
        dependencies: The names it needs, in order.
        parts: Nodes folded into it.
        partial: Reasons why reading the source does not say all that running it would.
        columns: The columns of tables that its body reads and writes.
        commit: The last commit of the main line that changed it; None if that came beside the main line.
        introduced: The commit that brought the change, where the main line merged it.
    """

    name: str
    type: str
    doc: str
    condition: str
    tags: Mapping[str, Any]
    source: str
    path: str
    line: int
    end_line: int
    dependencies: tuple[DependencyView, ...]
    parts: tuple[PartView, ...]
    partial: tuple[str, ...]
    columns: tuple[ColumnUse, ...]
    commit: CommitRef | None
    introduced: CommitRef | None


@dataclass(frozen=True, slots=True)
class FeatureView:
    """A feature at one commit.

    Attributes:
        key: `module:name`.
        repository: Name of its repository.
        module: Its module.
        name: Its name.
        type: Type of its value; the types of its variants joined where they differ.
        owner: Whom to ask about it, as one text.
        summary: First line of the documentation.
        variants: What its functions make of it; more than one where the configuration decides.
        dataflows: Names of the dataflows that contain it.
        users: Keys of the features that need it directly.
        owners: Whom to ask about it.
        owned_by: What says so: `tag`, or a file, with the line where it is known; empty where nothing does.
        commit: The last commit of the main line that changed it; None if that came beside the main line.
        base: Of a commit beside the main line, the last commit there that it builds on.
    """

    key: str
    repository: str
    module: str
    name: str
    type: str
    owner: str
    summary: str
    variants: tuple[VariantView, ...]
    dataflows: tuple[str, ...]
    users: tuple[str, ...]
    owners: tuple[str, ...]
    owned_by: str
    commit: CommitRef | None
    base: CommitRef | None


@dataclass(frozen=True, slots=True)
class ModuleRow:
    """A module that defines features."""

    name: str
    path: str
    features: int


@dataclass(frozen=True, slots=True)
class RepositoryView:
    """A repository with what the home page counts; `head` is None until it is scanned."""

    name: str
    url: str
    features: int
    dataflows: int
    commits: int
    scanned_at: int | None
    head: CommitRef | None


def find_key(moment: Moment, key: str) -> tuple[str, str]:
    """Return module and name of the feature that a key means.

    Args:
        moment: Where to look.
        key: `module:name`, or a bare name where it is unique; `repository:` may stand before it.

    Raises:
        NotFound: There is no such feature at this commit; tells the nearest names.
        AmbiguousName: Several modules have a feature of this name.
    """
    found = _variants(moment, key)[0]
    return found.module, found.name


def _variants(moment: Moment, key: str) -> tuple[SnapshotFeature, ...]:
    snapshot, repository = moment.snapshot, moment.repository.name
    asked = key.removeprefix(f"{repository}:") if key.count(":") == 2 else key
    if asked in snapshot.variants:
        return snapshot.variants[asked]
    module, _, name = asked.rpartition(":")
    named = snapshot.keys.get(name, ())
    if len(named) == 1 and not module:
        return snapshot.variants[named[0]]
    if named and not module:
        raise AmbiguousName(name, named)
    hint = ""
    if named:
        hint = f" There is {named[0]}."
    elif input_key(asked) in snapshot.graph.nodes:
        hint = f" There is the external input '{input_key(asked)}'."
    else:
        hint = nearest_keys(asked, snapshot.keys)
    raise NotFound(f"No feature '{asked}' in repository '{repository}' at this commit.{hint}")


def find_repository(session: Session, key: str) -> str | None:
    """Return the repository that alone has a feature `module:name` or of a bare name at its scanned head.

    Returns:
        Its name, or None if no repository has such a feature.

    Raises:
        AmbiguousName: Several repositories have one.
    """
    module, _, name = storable(key).rpartition(":")
    wanted = (
        select(Repository.name, Feature.module, Feature.name.label("feature"))
        .join(Repository, Repository.id == Feature.repository_id)
        .where(Feature.name == name, _is_live(Repository.scanned_position))
        .order_by(Repository.name, Feature.module)
    )
    found = session.execute(wanted.where(Feature.module == module) if module else wanted).all()
    if len({row.name for row in found}) > 1:
        raise AmbiguousName(key, (f"{row.name}:{row.module}:{row.feature}" for row in found))
    return found[0].name if found else None


def _is_live(position: Any) -> Any:
    return (
        select(FeatureVersion.id)
        .where(FeatureVersion.feature_id == Feature.id, holds_at(FeatureVersion, position))
        .exists()
    )


def get_feature(moment: Moment, key: str) -> FeatureView:
    """Return a feature as it is at a commit.

    Args:
        moment: Where to look.
        key: `module:name`, or a bare name where it is unique.

    Raises:
        NotFound: There is no such feature at this commit.
        AmbiguousName: The bare name means several features.
    """
    found = _variants(moment, key)
    graph, changes = moment.graph(), _changes(moment, found)
    variants = tuple(_variant(each, graph, changes.get(each.variant)) for each in found)
    commits = [variant.commit for variant in variants]
    first = found[0]
    owners = tuple(dict.fromkeys(owner for each in found for owner in each.owners))
    return FeatureView(
        key=first.key,
        repository=moment.repository.name,
        module=first.module,
        name=first.name,
        type=" | ".join(dict.fromkeys(variant.type for variant in variants)),
        owner=", ".join(owners),
        summary=summary_of(first.doc),
        variants=variants,
        dataflows=first.dataflows,
        users=graph.children(first.key),
        owners=owners,
        owned_by=moment.snapshot.declared.ownership.of(first.path, first.module, first.tags).why,
        commit=None if None in commits else max(filter(None, commits), key=lambda c: c.position or 0),
        base=base_of(moment),
    )


def base_of(moment: Moment) -> CommitRef | None:
    """Return, of a commit beside the main line, the last commit there that it builds on."""
    if moment.position is not None:
        return None
    found = moment.session.scalar(
        select(Commit).where(Commit.repository_id == moment.repository.id, Commit.position == moment.base)
    )
    return CommitRef.of(found) if found is not None else None


def _changes(moment: Moment, variants: Collection[SnapshotFeature]) -> dict[str, FeatureVersion]:
    """Return what is stored of each variant that the main line has had, with its commits."""
    since = {each.variant: each.since for each in variants}
    module, name = next((each.module, each.name) for each in variants)
    statement = (
        select(FeatureVersion)
        .join(FeatureVersion.feature)
        .where(Feature.repository_id == moment.repository.id, Feature.module == module, Feature.name == name)
        .where(FeatureVersion.valid_from.in_({place for place in since.values() if place is not None}))
        .options(joinedload(FeatureVersion.commit), joinedload(FeatureVersion.introduced))
    )
    versions = moment.session.scalars(statement)
    return {each.variant: each for each in versions if since.get(each.variant) == each.valid_from}


def _variant(feature: SnapshotFeature, graph: LineageGraph, version: FeatureVersion | None) -> VariantView:
    resolved = graph.resolved.get(feature.key, {})
    introduced = version.introduced if version is not None else None
    return VariantView(
        name=feature.variant,
        type=feature.type,
        doc=feature.doc,
        condition=feature.condition,
        tags=feature.tags,
        source=feature.source,
        path=feature.path,
        line=feature.line,
        end_line=feature.end_line,
        dependencies=tuple(
            DependencyView(
                name=needed.name,
                type=needed.type,
                optional=needed.optional,
                features=tuple(k for k in resolved.get(needed.name, ()) if not graph[k].is_input),
                summary=_meaning(graph, needed.name),
            )
            for needed in feature.dependencies
        ),
        parts=feature.parts,
        partial=feature.partial,
        columns=feature.columns,
        commit=CommitRef.of(version.commit) if version is not None else None,
        introduced=CommitRef.of(introduced) if introduced is not None else None,
    )


def _meaning(graph: LineageGraph, name: str) -> str:
    declared = graph.nodes.get(input_key(name))
    return declared.summary if declared is not None else ""


def list_modules(moment: Moment) -> list[ModuleRow]:
    """Return the modules that define features at a commit, by name, with how many."""
    counts: Counter[str] = Counter()
    paths: dict[str, str] = {}
    for variants in moment.snapshot.variants.values():
        module = variants[0].module
        counts[module] += 1
        paths[module] = paths.get(module) or max(variant.path for variant in variants)
    return [ModuleRow(module, paths[module], counts[module]) for module in sorted(counts)]


def count_by_module(session: Session) -> Mapping[str, Mapping[str, int]]:
    """Return how many features each module has at the scanned head, by the repository's name."""
    rows = session.execute(
        select(Repository.name, Feature.module, func.count(Feature.id))
        .join(Feature, Feature.repository_id == Repository.id)
        .where(_is_live(Repository.scanned_position))
        .group_by(Repository.name, Feature.module)
    )
    counts: dict[str, dict[str, int]] = {}
    for repository, module, features in rows:
        counts.setdefault(repository, {})[module] = features
    return counts


def list_repositories(session: Session, name: str | None = None) -> list[RepositoryView]:
    """Return every repository, or that of a name, at its scanned head, with the counts of the home page."""
    head = Repository.scanned_position
    features = (
        select(func.count(func.distinct(FeatureVersion.feature_id)))
        .join(FeatureVersion.feature)
        .where(Feature.repository_id == Repository.id, holds_at(FeatureVersion, head))
    )
    dataflows = (
        select(func.count(DataflowVersion.id))
        .join(DataflowVersion.dataflow)
        .where(Dataflow.repository_id == Repository.id, holds_at(DataflowVersion, head))
    )
    rows = session.execute(
        select(Repository, Commit, features.scalar_subquery(), dataflows.scalar_subquery())
        .outerjoin(Commit, (Commit.repository_id == Repository.id) & (Commit.position == head))
        .where(Repository.name == name if name is not None else true())
        .order_by(Repository.name)
    )
    return [
        RepositoryView(
            name=repository.name,
            url=repository.url,
            features=feature_count,
            dataflows=dataflow_count,
            commits=repository.scanned_position + 1,
            scanned_at=repository.scanned_at,
            head=CommitRef.of(commit) if commit is not None else None,
        )
        for repository, commit, feature_count, dataflow_count in rows
    ]
