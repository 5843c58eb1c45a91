"""Features as people see them: one feature with all that the catalog knows, and lists of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from headwater.errors import did_you_mean
from headwater_catalog.errors import Conflict, NotFound
from headwater_catalog.lineage import LineageGraph, load_graph
from headwater_catalog.moments import list_dataflows
from headwater_catalog.store.intervals import holds_at
from headwater_catalog.store.models import (
    BlobDefinition,
    Commit,
    Dataflow,
    DataflowVersion,
    Feature,
    FeatureVersion,
    ModuleVersion,
    Repository,
)
from headwater_catalog.tokens import storable
from headwater_catalog.views import PartView, summary_of

__all__ = [
    "AmbiguousName",
    "CommitRef",
    "DependencyView",
    "FeatureRow",
    "FeatureView",
    "ModuleRow",
    "RepositoryView",
    "VariantView",
    "find_key",
    "find_repository",
    "get_feature",
    "list_features",
    "list_modules",
    "list_repositories",
    "owner_of",
    "shown",
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
class CommitRef:
    """What a page says of a commit in passing."""

    sha: str
    author: str
    authored_at: int
    subject: str
    position: int | None

    @classmethod
    def of(cls, commit: Commit) -> CommitRef:
        """Return the reference to a stored commit."""
        return cls(commit.sha, commit.author_name, commit.authored_at, commit.subject, commit.position)


@dataclass(frozen=True, slots=True)
class DependencyView:
    """A name that a variant needs, and the features that answer it; none for an external input."""

    name: str
    type: str
    optional: bool
    features: tuple[str, ...]


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
        commit: The last commit that changed it.
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
    commit: CommitRef


@dataclass(frozen=True, slots=True)
class FeatureView:
    """A feature at one commit.

    Attributes:
        key: `module:name`.
        repository: Name of its repository.
        module: Its module.
        name: Its name.
        type: Type of its value; the types of its variants joined where they differ.
        owner: The tag `owner`, or an empty string.
        summary: First line of the documentation.
        variants: What its functions make of it; more than one where the configuration decides.
        dataflows: Names of the dataflows that contain it.
        users: Keys of the features that need it directly.
        commit: The last commit that changed it.
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
    commit: CommitRef


@dataclass(frozen=True, slots=True)
class FeatureRow:
    """A feature in a list."""

    key: str
    module: str
    name: str
    type: str
    owner: str
    summary: str


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


def owner_of(tags: Mapping[str, Any]) -> str:
    """Return the owner that the tags name, or an empty string."""
    return shown(tags.get("owner", ""))


def shown(value: Any) -> str:
    """Return a tag's value as one text."""
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def find_key(session: Session, repository: Repository, key: str, position: int) -> tuple[str, str]:
    """Return module and name of the feature that a key means at a position.

    Args:
        session: An open session.
        repository: The repository.
        key: `module:name`, or a bare name where it is unique; `repository:` may stand before it.
        position: Place on the main line.

    Raises:
        NotFound: No feature of this repository has this key at this position; tells the nearest names.
        AmbiguousName: Several modules have a feature of this name.
    """
    key = storable(key)
    asked = key.removeprefix(f"{repository.name}:") if key.count(":") == 2 else key
    module, _, name = asked.rpartition(":")
    features = select(Feature.module, Feature.name).where(
        Feature.repository_id == repository.id, _is_live(position)
    )
    wanted = features.where(Feature.name == name).order_by(Feature.module)
    if module:
        wanted = wanted.where(Feature.module == module)
    found = session.execute(wanted).all()
    if len(found) > 1:
        raise AmbiguousName(name, (f"{row.module}:{row.name}" for row in found))
    if not found:
        known = {row.name: f"{row.module}:{row.name}" for row in session.execute(features)}
        hint = did_you_mean(asked, known.values() if module else known)
        if module and name in known:
            hint = f" There is {known[name]}."
        raise NotFound(f"No feature '{asked}' in repository '{repository.name}' at this commit.{hint}")
    return found[0].module, found[0].name


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


def get_feature(session: Session, repository: Repository, key: str, position: int) -> FeatureView:
    """Return a feature as it is at a position of the main line.

    Args:
        session: An open session.
        repository: The repository.
        key: `module:name`, or a bare name where it is unique.
        position: Place on the main line.

    Raises:
        NotFound: There is no such feature at this position.
        AmbiguousName: The bare name means several features.
    """
    module, name = find_key(session, repository, key, position)
    versions = _versions(session, repository, module, name, position)
    graph = load_graph(session, repository, position)
    places = _places(session, repository, module, position)
    variants = tuple(_variant(version, graph, places) for version in versions)
    first = variants[0]
    dataflows = (d.name for d in list_dataflows(session, repository, position) if module in d.modules)
    return FeatureView(
        key=f"{module}:{name}",
        repository=repository.name,
        module=module,
        name=name,
        type=" | ".join(dict.fromkeys(variant.type for variant in variants)),
        owner=owner_of(first.tags),
        summary=summary_of(first.doc),
        variants=variants,
        dataflows=tuple(dataflows),
        users=graph.children(f"{module}:{name}"),
        commit=max((v.commit for v in variants), key=lambda commit: commit.position or 0),
    )


def _versions(
    session: Session, repository: Repository, module: str, name: str, position: int
) -> list[FeatureVersion]:
    statement = (
        select(FeatureVersion)
        .join(FeatureVersion.feature)
        .where(Feature.repository_id == repository.id, Feature.module == module, Feature.name == name)
        .where(holds_at(FeatureVersion, position))
        .options(joinedload(FeatureVersion.definition), joinedload(FeatureVersion.commit))
        .options(selectinload(FeatureVersion.dependencies))
        .order_by(FeatureVersion.variant)
    )
    return list(session.scalars(statement))


@dataclass(frozen=True, slots=True)
class _Place:
    path: str = ""
    line: int = 0
    end_line: int = 0


def _places(session: Session, repository: Repository, module: str, position: int) -> dict[int, _Place]:
    """Return where each definition of a module stands, by the definition's id."""
    rows = session.execute(
        select(BlobDefinition.definition_id, ModuleVersion.path, BlobDefinition.line, BlobDefinition.end_line)
        .join(BlobDefinition, BlobDefinition.blob_id == ModuleVersion.blob_id)
        .where(ModuleVersion.repository_id == repository.id, ModuleVersion.module == module)
        .where(holds_at(ModuleVersion, position))
        .order_by(BlobDefinition.ordinal)
    )
    # Of two equal definitions in one file the later one counts, as it does in Python.
    return {row.definition_id: _Place(row.path, row.line, row.end_line) for row in rows}


def _variant(version: FeatureVersion, graph: LineageGraph, places: Mapping[int, _Place]) -> VariantView:
    feature = version.feature
    resolved = graph.resolved.get(f"{feature.module}:{feature.name}", {})
    place = places.get(version.definition_id, _Place())
    return VariantView(
        name=version.variant,
        type=version.type,
        doc=version.doc,
        condition=version.condition,
        tags=version.tags,
        source=version.definition.source,
        path=place.path,
        line=place.line,
        end_line=place.end_line,
        dependencies=tuple(
            DependencyView(
                name=needed.name,
                type=needed.type,
                optional=needed.optional,
                features=tuple(k for k in resolved.get(needed.name, ()) if not graph[k].is_input),
            )
            for needed in version.dependencies
        ),
        parts=tuple(PartView(p["name"], p.get("type", ""), p.get("doc", "")) for p in version.parts),
        partial=tuple(version.partial),
        commit=CommitRef.of(version.commit),
    )


def list_features(
    session: Session, repository: Repository, position: int, module: str | None = None
) -> list[FeatureRow]:
    """Return the features at a position in the order of module and name, one row for all variants."""
    statement = (
        select(Feature.module, Feature.name, FeatureVersion.type, FeatureVersion.tags, FeatureVersion.doc)
        .join(FeatureVersion.feature)
        .where(Feature.repository_id == repository.id, holds_at(FeatureVersion, position))
        .order_by(FeatureVersion.variant)
    )
    if module is not None:
        statement = statement.where(Feature.module == module)
    rows: dict[tuple[str, str], FeatureRow] = {}
    for row in session.execute(statement):
        listed = FeatureRow(
            key=f"{row.module}:{row.name}",
            module=row.module,
            name=row.name,
            type=row.type,
            owner=owner_of(row.tags),
            summary=summary_of(row.doc),
        )
        rows.setdefault((row.module, row.name), listed)
    return [rows[key] for key in sorted(rows)]


def list_modules(session: Session, repository: Repository, position: int) -> list[ModuleRow]:
    """Return the modules that define features at a position, by name, with how many."""
    counted = session.execute(
        select(Feature.module, func.count(Feature.id).label("features"))
        .where(Feature.repository_id == repository.id, _is_live(position))
        .group_by(Feature.module)
    )
    counts = {row.module: row.features for row in counted}
    paths = session.execute(
        select(ModuleVersion.module, ModuleVersion.path).where(
            ModuleVersion.repository_id == repository.id, holds_at(ModuleVersion, position)
        )
    )
    return sorted(
        (ModuleRow(row.module, row.path, counts[row.module]) for row in paths if row.module in counts),
        key=lambda row: row.name,
    )


def list_repositories(session: Session) -> list[RepositoryView]:
    """Return every repository at its scanned head, by name, with the counts of the home page."""
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
