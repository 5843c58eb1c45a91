"""Deprecated features: since when, who still needs them, and who came to need them since."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from headwater_catalog.commit_refs import CommitRef
from headwater_catalog.datasets import newest_versions
from headwater_catalog.history import history
from headwater_catalog.moments import Moment, snapshot_at
from headwater_catalog.moves import moves_along
from headwater_catalog.query.subjects import tag_values
from headwater_catalog.query.traits import is_deprecated
from headwater_catalog.recent import RecentOf
from headwater_catalog.snapshot import SnapshotFeature, owners_of
from headwater_catalog.store.models import Commit, DatasetVersion, Feature, FeatureVersion, Repository
from headwater_catalog.stored_snapshots import json_text
from headwater_catalog.uses import drawn_features

__all__ = ["Deprecation", "User", "deprecations"]

_MOST_KEPT: Final = 100_000
_FEW: Final = 400  # keys of one statement


@dataclass(frozen=True, slots=True)
class User:
    """A feature that needs a deprecated one directly.

    Attributes:
        feature: What the first of its functions makes.
        owners: Whom to ask about it.
        is_new: Whether it did not when that was deprecated.
    """

    feature: SnapshotFeature
    owners: tuple[str, ...]
    is_new: bool

    @property
    def key(self) -> str:
        """Its key."""
        return self.feature.key


@dataclass(frozen=True, slots=True)
class Deprecation:
    """A deprecated feature.

    Attributes:
        repository: Name of its repository.
        feature: What the first of its functions makes that say so.
        owners: Whom to ask about it.
        said: What its tag says, but for a mere yes.
        since: The commit of the main line that deprecated it.
        users: What needs it directly, what came to do so since first.
        datasets: The datasets whose newest versions hold it.
        repositories: Other repositories that declare it as a source.
    """

    repository: str
    feature: SnapshotFeature
    owners: tuple[str, ...]
    said: str
    since: CommitRef
    users: tuple[User, ...]
    datasets: tuple[str, ...]
    repositories: tuple[str, ...]

    @property
    def key(self) -> str:
        """Its key."""
        return self.feature.key

    @property
    def asked(self) -> tuple[str, ...]:
        """Whom to ask about what needs it."""
        return tuple(dict.fromkeys(owner for user in self.users for owner in user.owners))

    @property
    def new_users(self) -> tuple[User, ...]:
        """What came to need it since it is deprecated."""
        return tuple(user for user in self.users if user.is_new)


def deprecations(head: Moment) -> tuple[Deprecation, ...]:
    """Return the deprecated features of a repository at its scanned head, those with most users first."""
    session, stored = head.session, head.repository
    newest = newest_versions(session, stored)
    drawn = drawn_features(session, stored.name)
    signs = tuple(version.id for version in newest), tuple((name, *by) for name, by in sorted(drawn.items()))
    key = stored.id, stored.name, stored.reader_version, head.commit.sha, *signs
    return _KEPT[session].get(key, lambda: _find(head, newest, drawn))


def _find(
    head: Moment, newest: Sequence[DatasetVersion], drawn: Mapping[str, Sequence[str]]
) -> tuple[Deprecation, ...]:
    snapshot = head.snapshot
    keys = [key for key, some in snapshot.variants.items() if any(is_deprecated(each.tags) for each in some)]
    holding = _holding(newest, keys)
    found = [_deprecation(head, key, holding.get(key, ()), drawn) for key in keys]
    return tuple(sorted(found, key=lambda each: (-len(each.users), each.feature.module, each.feature.name)))


def _deprecation(
    head: Moment, key: str, datasets: Iterable[str], drawn: Mapping[str, Sequence[str]]
) -> Deprecation:
    snapshot = head.snapshot
    feature = next(each for each in snapshot.variants[key] if is_deprecated(each.tags))
    since, then = _since(head, feature)
    before = _users_then(head, then, since.position or 0)
    users = [
        User(snapshot.variants[user][0], owners_of(snapshot.variants[user]), user not in before)
        for user in snapshot.graph.children(key)
        if user in snapshot.variants
    ]
    users.sort(key=lambda user: (not user.is_new, user.key))
    said = ", ".join(value for value in tag_values(feature.tags, "deprecated") if value.casefold() != "true")
    drawing = (*drawn.get(key, ()), *drawn.get(feature.name, ()))
    return Deprecation(
        head.repository.name,
        feature,
        owners_of(snapshot.variants[key]),
        said,
        since,
        tuple(users),
        tuple(datasets),
        tuple(dict.fromkeys(drawing)),
    )


def _since(head: Moment, feature: SnapshotFeature) -> tuple[CommitRef, str]:
    """Return the commit from which on a feature is deprecated without a break, and its key there."""
    entries = history(head.session, head.repository, feature.module, feature.name, head.require_position())
    said = _deprecated(head.session, head.repository, {entry.key for entry in entries})
    since, key = entries[0].commit, entries[0].key
    for entry in entries:  # the newest first
        position = entry.commit.position or 0
        if not any(begin <= position < end for begin, end in said.get(entry.key, ())):
            break
        since, key = entry.commit, entry.key
    return since, key


def _deprecated(
    session: Session, repository: Repository, keys: Collection[str]
) -> Mapping[str, Collection[tuple[int, float]]]:
    """Return from which positions until which features had a function that says so, by their keys."""
    found: dict[str, list[tuple[int, float]]] = defaultdict(list)
    places = [(key.rpartition(":")[0], key.rpartition(":")[2]) for key in sorted(keys)]
    for first in range(0, len(places), _FEW):
        rows = session.connection().execute(
            select(
                *(Feature.module, Feature.name, FeatureVersion.valid_from, FeatureVersion.valid_until),
                json_text(FeatureVersion.tags),
            )
            .join(Feature, Feature.id == FeatureVersion.feature_id)
            .where(Feature.repository_id == repository.id)
            .where(tuple_(Feature.module, Feature.name).in_(places[first : first + _FEW]))
        )
        for module, name, begin, end, tags in rows.all():
            if is_deprecated(json.loads(tags)):
                found[f"{module}:{name}"].append((begin, inf if end is None else end))
    return found


def _users_then(head: Moment, key: str, position: int) -> frozenset[str]:
    """Return the keys that those have now which needed a feature directly at a position."""
    session, stored = head.session, head.repository
    wanted = select(Commit.sha).where(Commit.repository_id == stored.id, Commit.position == position)
    sha = session.scalar(wanted)

    def make() -> frozenset[str]:
        graph = snapshot_at(session, stored, position).graph
        return frozenset(graph.children(key)) if key in graph.nodes else frozenset()

    then = _THEN[session].get((stored.id, stored.name, stored.reader_version, sha, key), make)
    gone = then - head.snapshot.variants.keys()
    moved = moves_along(session, stored, gone, position, head.require_position()) if gone else {}
    return then.union(trail[-1] for trail in moved.values())


def _holding(versions: Iterable[DatasetVersion], keys: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """Return the datasets whose versions hold features, by the features' keys."""
    wanted = frozenset(keys)
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for version in versions:
        for column in version.columns:
            for key in wanted.intersection(column.get("features", ())):
                found[key][version.dataset.name] = None
    return {key: tuple(names) for key, names in found.items()}


_KEPT: Final = RecentOf[tuple[Deprecation, ...]](lambda found: len(found) + 1, _MOST_KEPT)
_THEN: Final = RecentOf[frozenset[str]](lambda keys: len(keys) + 1, _MOST_KEPT)
