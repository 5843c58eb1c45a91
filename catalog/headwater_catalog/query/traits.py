"""What a feature may have and may be: the words after `has:` and `is:`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from headwater_catalog.query.subjects import Scope, Subject, tag_values
from headwater_catalog.snapshot import SnapshotFeature

__all__ = ["HAS", "IS", "Trait"]


@dataclass(frozen=True, slots=True)
class Trait:
    """Something that a feature has or is, with what to tell people of it."""

    help: str
    test: Callable[[Scope, Subject], bool]


def _any(test: Callable[[SnapshotFeature], object]) -> Callable[[Scope, Subject], bool]:
    return lambda _scope, subject: any(test(variant) for variant in subject.variants)


def _needs_features(scope: Scope, subject: Subject) -> bool:
    return any(not scope.graph[key].is_input for key in scope.graph.parents(subject.key))


def _is_used(scope: Scope, subject: Subject) -> bool:
    return bool(scope.graph.children(subject.key))


def _is_deprecated(variant: SnapshotFeature) -> bool:
    return any(value.casefold() != "false" for value in tag_values(variant.tags, "deprecated"))


HAS: Final[Mapping[str, Trait]] = {
    "doc": Trait("documentation", _any(lambda variant: variant.doc.strip())),
    "owner": Trait("an owner", lambda _scope, subject: bool(subject.owners)),
    "tag": Trait("any tag but the owner", _any(lambda variant: set(variant.tags) - {"owner"})),
    "type": Trait("a type", _any(lambda variant: variant.type)),
    "check": Trait("a check of its values", _any(lambda variant: any(p.is_check for p in variant.parts))),
    "parts": Trait("nodes that a modifier makes", _any(lambda variant: variant.parts)),
    "columns": Trait("columns that its body reads or writes", _any(lambda variant: variant.columns)),
    "variants": Trait("several functions", lambda _scope, subject: len(subject.variants) > 1),
    "dependencies": Trait("names that it needs", _any(lambda variant: variant.dependencies)),
    "users": Trait("features that need it", _is_used),
}
"""What a feature may have."""

IS: Final[Mapping[str, Trait]] = {
    "partial": Trait("not wholly understood by reading its source", _any(lambda variant: variant.partial)),
    "conditional": Trait("there under some configurations only", _any(lambda variant: variant.condition)),
    "deprecated": Trait("tagged `deprecated`, with any value but false", _any(_is_deprecated)),
    "root": Trait("in need of no other feature", lambda *of: not _needs_features(*of)),
    "leaf": Trait("needed by no other feature", lambda *of: not _is_used(*of)),
    "isolated": Trait("both", lambda *of: not _needs_features(*of) and not _is_used(*of)),
    "output": Trait("declared as an output of a dataflow", lambda scope, it: it.name in scope.outputs),
    "shared": Trait(
        "in several dataflows",
        lambda _scope, subject: len({flow for each in subject.variants for flow in each.dataflows}) > 1,
    ),
}
"""What a feature may be."""
