"""What differs between two states of a feature in its signature and its tags, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from headwater_catalog.records import DependencyRecord
from headwater_catalog.snapshot import SnapshotFeature
from headwater_catalog.views import shown_tag

__all__ = ["pair_variants", "signature_differences", "tag_differences"]

VariantPair = tuple[SnapshotFeature | None, SnapshotFeature | None]
"""What a function made of a feature before, and what it makes of it now."""


def pair_variants(
    before: Sequence[SnapshotFeature], after: Sequence[SnapshotFeature]
) -> tuple[VariantPair, ...]:
    """Return the variants of two states, those together that go on from each other."""
    old = {variant.variant: variant for variant in before}
    new = {variant.variant: variant for variant in after}
    gone, come = (
        [v for v in some if v.variant not in other] for some, other in ((before, new), (after, old))
    )
    same: list[VariantPair] = [(old[name], new[name]) for name in new if name in old]
    if len(gone) == len(come) == 1:  # a renamed function
        return (*same, (gone[0], come[0]))
    return (*same, *((None, variant) for variant in come), *((variant, None) for variant in gone))


def signature_differences(old: SnapshotFeature, new: SnapshotFeature) -> Iterator[str]:
    """Yield in clauses what changed of type, condition, needs and parts."""
    if old.type != new.type:
        yield f"its type is {new.type or 'not said'}, and was {old.type or 'not said'}"
    if old.condition != new.condition:
        yield f"it exists {_where(new.condition)}, and existed {_where(old.condition)}"
    yield from _needs(_by_name(old.dependencies), _by_name(new.dependencies))
    yield from _parts(*({part.name: part.type for part in each.parts} for each in (old, new)))


def tag_differences(old: SnapshotFeature, new: SnapshotFeature) -> Iterator[str]:
    """Yield in clauses what changed of the tags."""
    for name in dict.fromkeys((*old.tags, *new.tags)):
        if name not in old.tags:
            yield f"tag {name} is new: {shown_tag(new.tags[name])}"
        elif name not in new.tags:
            yield f"tag {name} is gone; it was {shown_tag(old.tags[name])}"
        elif old.tags[name] != new.tags[name]:
            yield f"tag {name} is {shown_tag(new.tags[name])}, and was {shown_tag(old.tags[name])}"


def _where(condition: str) -> str:
    return f"where {condition}" if condition else "always"


def _by_name(dependencies: Iterable[DependencyRecord]) -> dict[str, DependencyRecord]:
    return {needed.name: needed for needed in dependencies}


def _needs(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"it needs {name} now" for name in new if name not in old)
    yield from (f"it no longer needs {name}" for name in old if name not in new)
    for name in (name for name in new if name in old):
        was, now = old[name], new[name]
        if was.type != now.type:
            yield f"it asks for {name} as {now.type or 'anything'}, and did as {was.type or 'anything'}"
        if was.optional != now.optional:
            yield f"{name} is {'optional' if now.optional else 'required'} now"


def _parts(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    yield from (f"it has a part {name} now" for name in new if name not in old)
    yield from (f"it has no part {name} any more" for name in old if name not in new)
    for name in (name for name in new if name in old and old[name] != new[name]):
        yield f"its part {name} is {new[name] or 'of no type'}, and was {old[name] or 'of no type'}"
