"""Functions that do the same, or almost: the same meaning under two names, copied code, near relations."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from headwater.normal_form import digest
from headwater_catalog.governance.bodies import Body, body_of
from headwater_catalog.governance.near_functions import Likeness, near_pairs
from headwater_catalog.lineage_hash import input_hashes
from headwater_catalog.merkle import merkle_hashes
from headwater_catalog.snapshot import Snapshot, SnapshotFeature, owners_of

__all__ = ["KINDS", "SMALLEST_COPY", "Duplicates", "Function", "Group", "functions_of", "group_functions"]

SAME: Final = "same"
COPY: Final = "copy"
NEAR: Final = "near"
KINDS: Final[Mapping[str, str]] = {
    SAME: "They mean the same: the same code on the same data, down to the inputs.",
    COPY: "The same code but for names, on other data, or with other functions of its own around it.",
    NEAR: "Almost the same code, under like names, on much the same data.",
}
"""What there is of duplicates, with what that means."""

SMALLEST_COPY: Final = 5
"""How large a function is at least that is told as a copy, or as near to another; see `Body.size`."""


@dataclass(frozen=True, eq=False)
class Function:
    """A function of a repository, and what it is compared by.

    Attributes:
        repository: Name of the repository.
        made: What it makes, of one feature or of several.
        body: Its code.
        meaning: The same for functions that mean the same; None where that is not known.
        needs: The keys of what it needs directly.
    """

    repository: str
    made: tuple[SnapshotFeature, ...]
    body: Body
    meaning: str | None
    needs: frozenset[str]

    @property
    def first(self) -> SnapshotFeature:
        """What it makes, or the first of that."""
        return self.made[0]

    @property
    def name(self) -> str:
        """What it is called in its module."""
        return self.first.variant

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the features that it makes."""
        return tuple(each.key for each in self.made)

    @property
    def place(self) -> str:
        """What tells it apart from all others."""
        return f"{self.repository}:{self.first.module}:{self.name}"

    @property
    def owners(self) -> tuple[str, ...]:
        """Whom to ask about it."""
        return owners_of(self.made)


@dataclass(frozen=True, eq=False)
class Group:
    """Functions that do the same, or almost.

    Attributes:
        kind: One of `KINDS`.
        members: The functions, by repository, module and name.
        likeness: How like those are that are least alike of the pairs that are near; None of other kinds.
    """

    kind: str
    members: tuple[Function, ...]
    likeness: Likeness | None = None

    @cached_property
    def id(self) -> str:
        """A short text that stays the same as long as these are duplicates of this kind."""
        first = self.members[0]
        said = {
            SAME: (first.meaning or "",),
            COPY: (first.body.shape,),
            NEAR: tuple(each.place for each in self.members),
        }
        return hashlib.sha256("\0".join((self.kind, *said[self.kind])).encode()).hexdigest()[:16]

    @property
    def size(self) -> int:
        """How much code there is more than once."""
        return self.members[0].body.size * (len(self.members) - 1)

    @cached_property
    def differing(self) -> tuple[str, ...]:
        """In what the members differ."""
        found = tuple(what for what, of in _TRAITS.items() if len({of(each) for each in self.members}) > 1)
        if self.kind == COPY and not {"code", "data", "types"} & {*found}:
            # Nothing that stands in the function itself.
            known = all(each.meaning is not None for each in self.members)
            return (*found, "what they call" if known else "perhaps what they call")
        return found

    def is_in(self, repository: str) -> bool:
        """Tell whether a repository has one of the members."""
        return any(each.repository == repository for each in self.members)


_TRAITS: Final[Mapping[str, Callable[[Function], Hashable]]] = {
    "repositories": lambda it: it.repository,
    "modules": lambda it: it.first.module,
    "names": lambda it: tuple(each.name for each in it.made),
    "code": lambda it: it.body.code,
    "data": lambda it: it.needs,
    "types": lambda it: tuple(each.type for each in it.made),
    "tags": lambda it: tuple(repr(sorted(each.tags.items())) for each in it.made),
    "docs": lambda it: it.first.doc,
    "owners": lambda it: it.owners,
}
"""What is told of members where it differs."""


@dataclass(frozen=True)
class Duplicates:
    """The duplicates among some functions.

    Attributes:
        groups: The groups: of the same meaning first, then those with most code that is there twice.
        crowded: How many functions have too many others of like names on the same data, so that these were
            not compared with each other to see whether they are near.
    """

    groups: tuple[Group, ...]
    crowded: int = 0
    _of: dict[tuple[str, str], list[Group]] = field(default_factory=dict, init=False, repr=False)

    def of(self, repository: str, key: str) -> Sequence[Group]:
        """Return the groups that a feature is in."""
        if not self._of:
            for group in self.groups:
                for place in {(each.repository, k) for each in group.members for k in each.keys}:
                    self._of.setdefault(place, []).append(group)
        return self._of.get((repository, key), ())


def functions_of(
    repository: str, snapshot: Snapshot, definitions: Mapping[str, Mapping[str, str]] | None
) -> tuple[Function, ...]:
    """Return the functions of a snapshot, as they are compared.

    Those whose text cannot be read are left out, and those that do nothing.

    Args:
        repository: Name of the repository.
        snapshot: The features.
        definitions: The hashes of functions with all that they reach in the repository, by module and name,
            those left out that reach something unknown; None where nothing is known of this.
    """
    made: dict[tuple[str, str], list[SnapshotFeature]] = defaultdict(list)
    for feature in snapshot.features:
        made[feature.module, feature.variant].append(feature)
    resolved = snapshot.graph.resolved
    meanings = _Meanings(snapshot, definitions) if definitions is not None else None
    found = []
    for some in made.values():
        body = body_of(some[0].source, some[0].digest)
        if body is None or not body.size:
            continue
        answers = (
            resolved.get(each.key, {}).get(need.name, ()) for each in some for need in each.dependencies
        )
        needs = frozenset(key for keys in answers for key in keys)
        meaning = meanings.of(some) if meanings is not None else None
        found.append(Function(repository, tuple(some), body, meaning, needs))
    return tuple(found)


class _Meanings:
    """What functions of a snapshot mean, with all that is upstream of them."""

    def __init__(self, snapshot: Snapshot, definitions: Mapping[str, Mapping[str, str]]) -> None:
        graph = snapshot.graph
        self._definitions, self._graph = definitions, graph
        own: dict[str, str] = dict(input_hashes(graph))
        unknown: list[str] = []
        for key, variants in snapshot.variants.items():
            hashes = [self._own(each) for each in variants]
            own[key] = digest(sorted(filter(None, hashes)))
            if None in hashes:
                unknown.append(key)
        self._hashes = merkle_hashes(own, graph.resolved)
        self._unknown = set(unknown)
        while unknown:
            new = [key for key in graph.children(unknown.pop()) if key not in self._unknown]
            self._unknown.update(new)
            unknown += new

    def of(self, made: Sequence[SnapshotFeature]) -> str | None:
        """Return what a function means; None where that is not all known."""
        own = self._own(made[0])
        if own is None:
            return None
        form = [own]
        for each in made:
            answers = self._graph.resolved.get(each.key, {})
            for need in each.dependencies:
                keys = answers.get(need.name, ())
                if not self._unknown.isdisjoint(keys):
                    return None
                form += [need.name, *sorted(self._hashes[key] for key in keys)]
        return digest(form)

    def _own(self, feature: SnapshotFeature) -> str | None:
        return self._definitions.get(feature.module, {}).get(feature.variant)


def group_functions(functions: Iterable[Function]) -> Duplicates:
    """Return the duplicates among functions of one repository or of several."""
    ordered = sorted(functions, key=lambda each: (each.repository, each.first.module, each.name))
    same = _alike(ordered, SAME, lambda each: each.meaning)
    known = [{each.place for each in group.members} for group in same]
    large = [each for each in ordered if each.body.size >= SMALLEST_COPY]
    copies = [
        group
        for group in _alike(large, COPY, lambda each: each.body.shape)
        if not any({each.place for each in group.members} <= places for places in known)
    ]
    near, crowded = _near(large)
    groups = (*_largest_first(same), *_largest_first(copies), *_largest_first(near))
    return Duplicates(groups, crowded)


def _alike(functions: Iterable[Function], kind: str, by: Callable[[Function], str | None]) -> list[Group]:
    alike: dict[str, list[Function]] = defaultdict(list)
    for each in functions:
        if (value := by(each)) is not None:
            alike[value].append(each)
    return [Group(kind, tuple(some)) for some in alike.values() if len(some) > 1 and _of_several(some)]


def _of_several(functions: Sequence[Function]) -> bool:
    """Tell whether functions are more than the variants of one feature."""
    return len({(each.repository, each.keys) for each in functions}) > 1


def _largest_first(groups: Iterable[Group]) -> list[Group]:
    return sorted(groups, key=lambda group: (-group.size, group.members[0].place))


def _near(functions: Sequence[Function]) -> tuple[list[Group], int]:
    """Return those that are near to each other, also by way of others between, within each repository."""
    of: dict[str, list[Function]] = defaultdict(list)
    for each in functions:
        of[each.repository].append(each)
    groups: list[Group] = []
    crowded = 0
    for some in of.values():
        found = near_pairs([(each.first.name, each.needs, each.body) for each in some])
        crowded += found.crowded
        pairs = {
            pair: likeness
            for pair, likeness in found.pairs.items()
            if _of_several([some[number] for number in pair])
        }
        for numbers in _linked(pairs):
            least = min(likeness for pair, likeness in pairs.items() if pair[0] in numbers)
            groups.append(Group(NEAR, tuple(some[number] for number in sorted(numbers)), least))
    return groups, crowded


def _linked(pairs: Iterable[tuple[int, int]]) -> list[set[int]]:
    """Return the sets of what is linked by pairs, directly or not."""
    beside: dict[int, list[int]] = defaultdict(list)
    for one, other in pairs:
        beside[one].append(other)
        beside[other].append(one)
    found: list[set[int]] = []
    seen: set[int] = set()
    for number in beside:
        if number not in seen:
            pending, linked = [number], {number}
            while pending:
                new = [each for each in beside[pending.pop()] if each not in linked]
                linked.update(new)
                pending += new
            seen |= linked
            found.append(linked)
    return found
