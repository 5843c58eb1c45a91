"""What a feature may have and may be: the words after `has:` and `is:`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import compress
from typing import Any, Final

from headwater_catalog.query.subjects import Scope, Subject, tag_values
from headwater_catalog.snapshot import SnapshotFeature

__all__ = [
    "DRIFTED",
    "HAS",
    "IS",
    "UNREVIEWED",
    "UNSIGNED",
    "UPKEEP",
    "FeatureTrait",
    "Trait",
    "VariantTrait",
    "is_deprecated",
]


@dataclass(frozen=True, slots=True)
class FeatureTrait:
    """Something that a feature has or is as a whole, with what to tell people of it."""

    help: str
    of: Callable[[Scope, Subject], object]

    def test(self, scope: Scope, subject: Subject) -> bool:
        """Tell whether a feature has it."""
        return bool(self.of(scope, subject))

    def find(self, scope: Scope) -> Iterable[int]:
        """Return the numbers of the features that have it."""
        return [number for number, subject in enumerate(scope.subjects) if self.of(scope, subject)]


@dataclass(frozen=True, slots=True)
class VariantTrait:
    """Something that a feature has or is if any of its variants does."""

    help: str
    of: Callable[[SnapshotFeature], object]

    def test(self, _scope: Scope, subject: Subject) -> bool:
        """Tell whether a feature has it."""
        return any(map(self.of, subject.variants))

    def find(self, scope: Scope) -> Iterable[int]:
        """Return the numbers of the features that have it."""
        numbers, variants = scope.variants
        return dict.fromkeys(compress(numbers, map(self.of, variants)))


Trait = FeatureTrait | VariantTrait


def is_deprecated(tags: Mapping[str, Any]) -> bool:
    """Tell whether tags say that what has them is deprecated."""
    return any(value.casefold() != "false" for value in tag_values(tags, "deprecated"))


HAS: Final[Mapping[str, Trait]] = {
    "doc": VariantTrait("documentation", lambda variant: variant.doc.strip()),
    "owner": VariantTrait("an owner", lambda variant: variant.owners),
    "tag": VariantTrait("any tag but the owner", lambda variant: set(variant.tags) - {"owner"}),
    "type": VariantTrait("a type", lambda variant: variant.type),
    "check": VariantTrait("a check of its values", lambda variant: any(p.is_check for p in variant.parts)),
    "test": FeatureTrait("a test that names it", lambda scope, it: it.key in scope.snapshot.tested),
    "parts": VariantTrait("nodes that a modifier makes", lambda variant: variant.parts),
    "columns": VariantTrait("columns that its body reads or writes", lambda variant: variant.columns),
    "variants": FeatureTrait("several functions", lambda _scope, subject: len(subject.variants) > 1),
    "dependencies": VariantTrait("names that it needs", lambda variant: variant.dependencies),
    "users": FeatureTrait("features that need it", lambda scope, it: it.key in scope.used),
}
"""What a feature may have."""

DRIFTED: Final = "drifted"
UNSIGNED: Final = "unsigned"
UNREVIEWED: Final = "unreviewed"

UPKEEP: Final[Mapping[str, str]] = {
    DRIFTED: "its logic changed after its documentation last did",
    UNSIGNED: "the commit that its present logic was written in has no signature",
    UNREVIEWED: "nobody but its author has reviewed that commit, as far as git knows",
}
"""What the history may say of how a feature is kept up, with what that means."""

IS: Final[Mapping[str, Trait]] = {
    "partial": VariantTrait("not wholly understood by reading its source", lambda variant: variant.partial),
    "conditional": VariantTrait("there under some configurations only", lambda variant: variant.condition),
    "deprecated": VariantTrait(
        "tagged `deprecated`, with any value but false", lambda it: is_deprecated(it.tags)
    ),
    "root": FeatureTrait("in need of no other feature", lambda scope, it: it.key not in scope.needing),
    "leaf": FeatureTrait("needed by no other feature", lambda scope, it: it.key not in scope.used),
    "isolated": FeatureTrait(
        "both", lambda scope, it: it.key not in scope.needing and it.key not in scope.used
    ),
    "output": FeatureTrait("declared as an output of a dataflow", lambda scope, it: it.name in scope.outputs),
    "shared": FeatureTrait(
        "in several dataflows",
        lambda _scope, it: len({flow for each in it.variants for flow in each.dataflows}) > 1,
    ),
}
"""What a feature may be."""
