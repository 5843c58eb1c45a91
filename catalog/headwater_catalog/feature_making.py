"""Features and inputs of a snapshot, made from what is stored of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any, Protocol

from headwater_catalog.owners import Ownership
from headwater_catalog.records import (
    DependencyRecord,
    FeatureKey,
)
from headwater_catalog.snapshot import Place, SnapshotFeature, SnapshotInput
from headwater_catalog.views import ColumnUse, DataflowView, PartView, column_uses

__all__ = ["FeatureMaker"]


class StoredInput(Protocol):
    """What is stored of an input: a record, or a row with columns of these names."""

    @property
    def type(self) -> str: ...
    @property
    def doc(self) -> str: ...
    @property
    def condition(self) -> str: ...
    @property
    def tags(self) -> str: ...


class StoredFeature(StoredInput, Protocol):
    """What is stored of a variant of a feature; structured values are JSON texts."""

    @property
    def parts(self) -> str: ...
    @property
    def partial(self) -> str: ...
    @property
    def columns(self) -> str: ...
    @property
    def digest(self) -> str: ...


class FeatureMaker:
    """Makes the features and inputs of one snapshot from what is stored of them.

    Few of their tags, owners and so on are unlike all others, so equal ones are made once and shared.

    Args:
        ownership: What the files of the repository say of owners.
        dataflows: Its dataflows.
    """

    def __init__(self, ownership: Ownership, dataflows: Iterable[DataflowView]) -> None:
        self._ownership = ownership
        self._dataflows = _users(dataflows)
        self._tags: Callable[[str], Mapping[str, Any]] = cache(json.loads)
        self._parts = cache(_parts)
        self._columns = cache(_columns)
        self._partial = cache(_texts)
        self._owners = cache(self._owners_of)
        self._shared_owners: dict[tuple[str, str, int], tuple[str, ...]] = {}

    def feature(
        self,
        key: FeatureKey,
        place: Place,
        source: str,
        stored: StoredFeature,
        dependencies: tuple[DependencyRecord, ...],
        since: int | None = None,
    ) -> SnapshotFeature:
        """Return one variant of a feature."""
        module, name, variant = key
        path, line, end_line = place
        tags = stored.tags
        return SnapshotFeature(
            module=module,
            name=name,
            variant=variant,
            path=path,
            line=line,
            end_line=end_line,
            type=stored.type,
            doc=stored.doc,
            condition=stored.condition,
            tags=self._tags(tags),
            parts=self._parts(stored.parts),
            dependencies=dependencies,
            dataflows=self._dataflows.get(module, ()),
            partial=self._partial(stored.partial),
            source=source,
            digest=stored.digest,
            columns=self._columns(stored.columns),
            owners=self._owners(path, module, tags),
            since=since,
        )

    def moved(self, feature: SnapshotFeature, place: Place) -> SnapshotFeature:
        """Return the same version of a feature as it stands here, which may be where it stood."""
        path, module = place[0], feature.module
        shared = self._shared_owners.get(key := (path, module, id(feature.tags)))
        if shared is None:
            shared = self._shared_owners[key] = self._ownership.of(path, module, feature.tags).owners
        here = (*place, self._dataflows.get(module, ()), shared)
        if here == (feature.path, feature.line, feature.end_line, feature.dataflows, feature.owners):
            return feature
        path, line, end_line, dataflows, owners = here
        return replace(feature, path=path, line=line, end_line=end_line, dataflows=dataflows, owners=owners)

    def input(self, key: FeatureKey, place: Place, stored: StoredInput) -> SnapshotInput:
        """Return an input that a function declares."""
        module, name, variant = key
        path, line, end_line = place
        return SnapshotInput(
            module=module,
            name=name,
            variant=variant,
            path=path,
            line=line,
            end_line=end_line,
            type=stored.type,
            doc=stored.doc,
            condition=stored.condition,
            tags=self._tags(stored.tags),
            owners=self._owners(path, module, stored.tags),
        )

    def _owners_of(self, path: str, module: str, tags: str) -> tuple[str, ...]:
        return self._ownership.of(path, module, self._tags(tags)).owners


def _users(dataflows: Iterable[DataflowView]) -> Mapping[str, tuple[str, ...]]:
    """Return the names of the dataflows that each module is in."""
    found: dict[str, dict[str, None]] = {}
    for dataflow in dataflows:
        for module in dataflow.modules:
            found.setdefault(module, {})[dataflow.name] = None
    shared: dict[tuple[str, ...], tuple[str, ...]] = {}
    named = ((module, tuple(names)) for module, names in found.items())
    return {module: shared.setdefault(names, names) for module, names in named}


def _parts(text: str) -> tuple[PartView, ...]:
    return tuple(PartView(p["name"], p.get("type", ""), p.get("doc", "")) for p in json.loads(text))


def _columns(text: str) -> tuple[ColumnUse, ...]:
    return column_uses(json.loads(text))


def _texts(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text))
