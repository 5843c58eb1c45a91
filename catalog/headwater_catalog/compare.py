"""What changed between two commits, feature by feature: in which way, and by what else than its own text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import starmap
from operator import attrgetter
from typing import Any, Final

from headwater_catalog.collection import without_collection
from headwater_catalog.felt import felt
from headwater_catalog.hashing import Traits, change_classes
from headwater_catalog.lineage_hash import Meaning, Revision, signature_of
from headwater_catalog.mentions import may_name
from headwater_catalog.merkle import circles_first
from headwater_catalog.pairs import Edge, pair
from headwater_catalog.reach import UnitKey, unit_name
from headwater_catalog.records import FeatureKey
from headwater_catalog.snapshot import SnapshotEdge, SnapshotFeature
from headwater_catalog.views import DataflowView

__all__ = ["CLASSES", "Comparison", "DataflowChange", "FeatureChange", "compare"]

CLASSES: Final = (
    *("added", "removed", "moved", "logic", "signature", "tags", "docs"),
    *("formatting", "upstream only"),
)
"""All change classes, in the order in which they are told."""

_OF_MEANING: Final = frozenset(("added", "removed", "logic", "signature"))
_MOST_CAUSES: Final = 20


@dataclass(frozen=True, slots=True)
class FeatureChange:
    """How a feature differs between two commits.

    Attributes:
        key: Its `module:name`; of one that was removed, the key that it had.
        classes: Some of `CLASSES`, in their order.
        origin: Its key before, if it was moved or renamed.
        because: What beside its own text made the difference, in clauses.
        upstream: The nearest features upstream that changed themselves; of those only some where there are
            many.
        before: What the functions made of it; nothing if it was added.
        after: What they make of it; nothing if it was removed.
    """

    key: str
    classes: tuple[str, ...]
    origin: str | None = None
    because: tuple[str, ...] = ()
    upstream: tuple[str, ...] = ()
    before: tuple[SnapshotFeature, ...] = ()
    after: tuple[SnapshotFeature, ...] = ()

    @property
    def is_of_meaning(self) -> bool:
        """Tell whether its own definition, or something that this reaches, means something else now."""
        return not _OF_MEANING.isdisjoint(self.classes)


@dataclass(frozen=True, slots=True)
class DataflowChange:
    """How a dataflow differs between two commits.

    Attributes:
        name: Its name.
        change: "added", "removed" or "changed".
        details: What changed of it, in clauses.
    """

    name: str
    change: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """What changed between two commits.

    Attributes:
        features: The features that changed, by key.
        dataflows: The dataflows that changed, by name.
        added_edges: Who needs whom only now.
        removed_edges: Who needed whom only before; features that moved have their keys of now.
        moved: The keys before of features that moved, with those of now.
    """

    features: tuple[FeatureChange, ...]
    dataflows: tuple[DataflowChange, ...]
    added_edges: tuple[SnapshotEdge, ...]
    removed_edges: tuple[SnapshotEdge, ...]
    moved: Mapping[str, str]

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """How many features changed in each class."""
        said = [name for change in self.features for name in change.classes]
        return {name: said.count(name) for name in CLASSES if name in said}

    @cached_property
    def without_formatting(self) -> Comparison:
        """The same without what changed in layout and comments only."""
        told = (
            replace(change, classes=tuple(name for name in change.classes if name != "formatting"))
            for change in self.features
        )
        return replace(self, features=tuple(change for change in told if change.classes))


def compare(before: Revision, after: Revision, *, formatting: bool = False) -> Comparison:
    """Return what changed from one commit to another.

    Args:
        before: The first commit.
        after: The second.
        formatting: Whether changes of layout and comments are told, too.
    """
    with without_collection():
        return _Comparing(before, after, frozenset(() if formatting else ("formatting",))).comparison()


class _Comparing:
    """Compares two commits; some classes are left out."""

    def __init__(self, before: Revision, after: Revision, left_out: frozenset[str]) -> None:
        self._before, self._after, self._left_out = before, after, left_out
        self._old = {_key(feature): feature for feature in before.snapshot.features}
        self._new = {_key(feature): feature for feature in after.snapshot.features}
        self._origins = self._moves()
        # Of a feature that was there before, a variant that came from elsewhere does not make it another.
        self._moved = {
            old.key: feature.key
            for new, old in self._origins.items()
            if (feature := self._new[new]).key not in before.snapshot.variants
            and old.key not in after.snapshot.variants
        }
        self._was = {now: then for then, now in self._moved.items()}
        self._doubtful = frozenset(self._doubted(before, after))
        self._look()
        changed = frozenset(new.key for new in (self._new[key] for key in self._doubtful))
        self._felt = felt(before, after, self._moved, changed)

    def _doubted(self, before: Revision, after: Revision) -> Iterator[FeatureKey]:
        """Yield what was there before and may mean something else now, which a look into the code tells."""
        differ = before.lineages.may_differ(after.lineages)
        for key, new in self._new.items():
            old = self._old.get(key)
            if (old or self._origins.get(key)) and (
                old is None
                or (new.module, new.variant) in differ
                or (old is not new and _told(old) != _told(new))
                or self._is_set_otherwise(old, new)
            ):
                yield key

    def _is_set_otherwise(self, old: SnapshotFeature, new: SnapshotFeature) -> bool:
        """Tell whether a configuration may give a feature another value than it did."""
        was, now = self._before.lineages.settings(old), self._after.lineages.settings(new)
        if was is now or was == now:
            return False
        keys = {key for key in was.keys() | now.keys() if was.get(key) != now.get(key)}
        return any(needed.name in keys for needed in new.dependencies) or may_name(new.source, keys)

    def _look(self) -> None:
        pairs = [(self._old.get(key) or self._origins[key], self._new[key]) for key in self._doubtful]
        self._before.lineages.look_at(old for old, _ in pairs)
        self._after.lineages.look_at(new for _, new in pairs)

    def comparison(self) -> Comparison:
        changes = {key: self._change(key) for key in self._after.snapshot.variants}
        removed = (key for key in self._before.snapshot.variants if key not in changes)
        gone = {
            key: FeatureChange(key, ("removed",), before=self._before.snapshot.variants[key])
            for key in removed
            if key not in self._moved
        }
        found = self._with_causes({**changes, **gone})
        edges, earlier = set(self._edges(self._after)), set(self._edges(self._before))
        return Comparison(
            features=tuple(found[key] for key in sorted(found) if found[key].classes),
            dataflows=tuple(_dataflows(self._before.snapshot.dataflows, self._after.snapshot.dataflows)),
            added_edges=tuple(starmap(SnapshotEdge, sorted(edges - earlier))),
            removed_edges=tuple(starmap(SnapshotEdge, sorted(earlier - edges))),
            moved=self._moved,
        )

    def _edges(self, revision: Revision) -> Iterator[tuple[str, str, str]]:
        """Yield source, target and dataflow of each edge, by the keys of now where features moved."""
        moved = self._moved if revision is self._before else {}
        for (source, target), dataflows in revision.snapshot.graph.edges.items():
            for dataflow in dataflows:
                yield moved.get(source, source), moved.get(target, target), dataflow

    def _moves(self) -> dict[FeatureKey, SnapshotFeature]:
        """Return what is new and was elsewhere before, with what it was."""
        gone = [key for key in self._old if key not in self._new]
        come = [key for key in self._new if key not in self._old]
        if not gone or not come:
            return {}
        found = pair(_ends(gone, self._old, self._before), _ends(come, self._new, self._after))
        return {come[new]: self._old[gone[old]] for new, old in found.items()}

    # One feature

    def _change(self, key: str) -> FeatureChange:
        variants = self._after.snapshot.variants[key]
        origin = self._was.get(key)
        before = self._before.snapshot.variants.get(origin or key, ())
        if not before:
            return FeatureChange(key, ("added",), after=variants)
        pairs = [(self._old.get(_key(new)) or self._origins.get(_key(new)), new) for new in variants]
        classes = {"moved"} if origin else set()
        because: dict[str, None] = {}
        for old, new in pairs:
            if old is None:
                classes.add("logic")
                because[f"its variant '{new.variant}' was added"] = None
            else:
                classes |= self._classes(old, new)
                because.update(dict.fromkeys(self._reached(old, new)))
        kept = [old for old, _ in pairs]
        for lost in (old for old in before if old not in kept):
            classes.add("logic")
            because[f"its variant '{lost.variant}' was removed"] = None
        if because:
            classes.add("logic")
        return FeatureChange(key, _ordered(classes), origin, tuple(because), (), before, variants)

    def _meanings(self, old: SnapshotFeature, new: SnapshotFeature) -> tuple[Meaning, Meaning]:
        return self._before.lineages.meaning(old), self._after.lineages.meaning(new)

    def _classes(self, old: SnapshotFeature, new: SnapshotFeature) -> set[str]:
        hashes = "", ""
        signatures = signature_of(old), signature_of(new)
        if _key(new) in self._doubtful:
            was, now = self._meanings(old, new)
            hashes = was.code_hash, now.code_hash
        traits = (_traits(*each) for each in zip((old, new), hashes, signatures, strict=True))
        found = set(change_classes(*traits))
        # A renamed function differs in its own name, which is no change of layout.
        return found - (self._left_out if _key(old) == _key(new) else {"formatting"})

    def _reached(self, old: SnapshotFeature, new: SnapshotFeature) -> Iterator[str]:
        """Yield what changed of all that a definition reaches."""
        if _key(new) not in self._doubtful:
            return
        was, now = self._meanings(old, new)
        if was.definition == now.definition:
            return
        clauses = [*self._changed_units(old, new), *_configured(was.needs, now.needs)]
        # Where the code itself changed, that it names something else now says nothing more.
        same_code = was.code_hash == now.code_hash
        clauses += self._other_units(old, new) if same_code else ()
        same_text = same_code and was.signature == now.signature
        yield from clauses or (("what its name or those in it stand for changed",) if same_text else ())

    def _changed_units(self, old: SnapshotFeature, new: SnapshotFeature) -> Iterator[str]:
        before, after = self._before.lineages, self._after.lineages
        then = before.differing(old, after.known_hash)
        for key, unit in after.differing(new, before.known_hash).items():
            if key in then and then[key].digest != unit.digest:
                yield f"{unit_name(key)} changed"

    def _other_units(self, old: SnapshotFeature, new: SnapshotFeature) -> Iterator[str]:
        before, after = self._before.lineages, self._after.lineages
        was, now = (meaning.needs for meaning in self._meanings(old, new))
        come = [key for key in now if key not in was]
        come += (key for key in after.differing(new, before.hash_of) if before.hash_of(key) is None)
        gone = [key for key in was if key not in now]
        gone += (key for key in before.differing(old, after.hash_of) if after.hash_of(key) is None)
        for clause, keys in (("it reaches {} now", come), ("it no longer reaches {}", gone)):
            names = dict.fromkeys(unit_name(key) for key in keys if key[0] != "config")
            yield from map(clause.format, names)

    # All of them

    def _with_causes(self, changes: Mapping[str, FeatureChange]) -> dict[str, FeatureChange]:
        """Add what is upstream of features to what changed in them."""
        found = {**changes}
        felt = {key: change for key, change in changes.items() if self._means_another(change)}
        parents = {key: tuple(above for above in self._parents(key) if above in felt) for key in felt}
        rewired = {key: tuple(self._rewired(key)) for key in felt}
        nearest: dict[str, dict[str, None]] = {}
        for circle in circles_first(felt, {key: {"": above} for key, above in parents.items()}):
            causes: dict[str, None] = {}
            for above in dict.fromkeys(above for key in circle for above in parents[key]):
                if felt[above].is_of_meaning or rewired[above]:
                    causes[above] = None
                else:
                    causes.update(nearest.get(above, {}))
            for key in circle:
                nearest[key] = dict(list(causes.items())[:_MOST_CAUSES])
                upstream = tuple(cause for cause in nearest[key] if cause != key)
                found[key] = _felt(felt[key], upstream, rewired[key])
        return found

    def _means_another(self, change: FeatureChange) -> bool:
        """Tell whether a feature means something else than before, of itself or by what is upstream."""
        if not change.before or not change.after:
            return True
        return change.key in self._felt

    def _parents(self, key: str) -> tuple[str, ...]:
        """Return the features that a feature needs directly, or needed."""
        now, before = self._after.snapshot.graph, self._before.snapshot.graph
        was = self._was.get(key, key)
        found = now.parents(key) if key in now.nodes else ()
        if was in before.nodes:
            found = (*found, *(self._moved.get(above, above) for above in before.parents(was)))
        return tuple(dict.fromkeys(found))

    def _rewired(self, key: str) -> Iterator[str]:
        """Yield which names that a feature asks for are answered by others now."""
        answers = self._after.snapshot.graph.resolved.get(key, {})
        earlier = self._before.snapshot.graph.resolved.get(self._was.get(key, key), {})
        for name in sorted(answers.keys() & earlier.keys()):
            then = tuple(sorted(self._moved.get(source, source) for source in earlier[name]))
            now = tuple(sorted(answers[name]))
            if then != now:
                yield f"'{name}' comes from {', '.join(now)} in place of {', '.join(then)}"


def _key(feature: SnapshotFeature) -> FeatureKey:
    return feature.module, feature.name, feature.variant


def _felt(change: FeatureChange, upstream: tuple[str, ...], rewired: tuple[str, ...]) -> FeatureChange:
    """Return a change with what upstream of it changed."""
    if not change.before or not change.after:
        return change
    classes = change.classes if change.is_of_meaning else _ordered({*change.classes, "upstream only"})
    return replace(change, classes=classes, because=(*change.because, *rewired), upstream=upstream)


def _ordered(classes: set[str]) -> tuple[str, ...]:
    return tuple(name for name in CLASSES if name in classes)


def _ends(
    keys: Iterable[FeatureKey], features: Mapping[FeatureKey, SnapshotFeature], revision: Revision
) -> Iterator[Edge]:
    for number, key in enumerate(keys):
        feature, code_hash = features[key], revision.lineages.code_hash(features[key])
        yield Edge(number, number, feature.name, feature.variant, feature.digest, code_hash)


def _traits(feature: SnapshotFeature, code_hash: str, signature: str) -> Traits:
    return Traits(feature.digest, code_hash, signature, feature.doc, feature.tags)


_told = attrgetter("source", "type", "condition", "parts", "dependencies", "partial")
"""What a feature says of its meaning by itself."""


def _configured(before: Iterable[UnitKey], after: Iterable[UnitKey]) -> Iterator[str]:
    then, now = (
        {name: [key[2] for key in units if key[:2] == ("config", name)] for name in names}
        for units, names in ((p, sorted({k[1] for k in p if k[0] == "config"})) for p in (before, after))
    )
    for name in sorted(then.keys() | now.keys()):
        was, is_ = (" or ".join(sorted(said.get(name, ()))) or "not set" for said in (then, now))
        if was != is_:
            yield f"the configuration '{name}' is {is_}, and was {was}"


# Dataflows


def _dataflows(before: Iterable[DataflowView], after: Iterable[DataflowView]) -> Iterator[DataflowChange]:
    old, new = {flow.name: flow for flow in before}, {flow.name: flow for flow in after}
    for name in sorted(old.keys() | new.keys()):
        if name not in old:
            yield DataflowChange(name, "added")
        elif name not in new:
            yield DataflowChange(name, "removed")
        elif details := tuple(_details(old[name], new[name])):
            yield DataflowChange(name, "changed", details)


def _details(old: DataflowView, new: DataflowView) -> Iterator[str]:
    for what, then, now in (("module", old.modules, new.modules), ("output", old.outputs, new.outputs)):
        yield from (f"{what} {name} was added" for name in now if name not in then)
        yield from (f"{what} {name} was removed" for name in then if name not in now)
    for what, was, is_ in (
        ("configuration", old.config, new.config),
        ("source", old.sources, new.sources),
    ):
        for key in sorted(was.keys() | is_.keys()):
            if was.get(key) != is_.get(key):
                yield f"{what} '{key}' is {_said(is_, key)}, and was {_said(was, key)}"


def _said(values: Mapping[str, Any], key: str) -> str:
    return repr(values[key]) if key in values else "not set"
