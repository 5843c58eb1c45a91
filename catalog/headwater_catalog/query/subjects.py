"""What a query looks at: the features of a repository at one moment, and what is known of their past."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from typing import Any

from headwater_catalog.days import today
from headwater_catalog.lineage_graph import LineageGraph
from headwater_catalog.snapshot import Snapshot, SnapshotFeature, owners_of
from headwater_catalog.tokens import text_tokens

__all__ = ["MOST_TOKENS", "Base", "Past", "Scope", "Subject", "TextField", "tag_values"]

MOST_TOKENS = 3000
"""Of one text: a catalog of enormous documents still fits into memory."""

_MOST_REACHED = 64  # sets of keys that are kept of one moment


class TextField(IntEnum):
    """The texts of a feature that words are looked for in, the most telling first."""

    NAME = 0
    TAGS = 1
    DOC = 2
    CODE = 3

    @property
    def has_order(self) -> bool:
        """Tell whether its words are prose or code, in which each counts where it stands."""
        return self >= TextField.DOC


@dataclass(frozen=True, slots=True)
class Past:
    """What the history says of a feature; instants in seconds since 1970.

    Attributes:
        added: When the first version of it began.
        changed: When the present one began.
        authors: Names and addresses of who wrote the present versions of its variants.
        removed: When it went away, if it did.
        last_sha: The last commit that had it, if it went away.
        upkeep: What is to be said of its upkeep, of `UPKEEP`.
    """

    added: int
    changed: int
    authors: tuple[str, ...]
    removed: int | None = None
    last_sha: str | None = None
    upkeep: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Subject:
    """A feature with all its variants: a query finds it as a whole."""

    key: str
    variants: tuple[SnapshotFeature, ...]

    @property
    def name(self) -> str:
        """Its name."""
        return self.variants[0].name

    @property
    def module(self) -> str:
        """Its module."""
        return self.variants[0].module

    @property
    def owners(self) -> tuple[str, ...]:
        """Whom to ask about it."""
        return owners_of(self.variants)

    def texts(self, field: TextField) -> list[list[str]]:
        """Return what the tokens of a field are cut from; a list for each variant where they may differ."""
        return _TEXTS[field](self)

    def tokens(self, field: TextField) -> list[list[str]]:
        """Return the tokens of a field; a list for each variant where they may differ."""
        found = ([token for text in texts for token in text_tokens(text)] for texts in self.texts(field))
        if not field.has_order:
            found = (list(dict.fromkeys(tokens)) for tokens in found)
        return [tokens[:MOST_TOKENS] for tokens in found]


def tag_values(tags: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Return the values of a tag as texts: none, one, or each of a list."""
    value = tags.get(key, ())
    if isinstance(value, str):
        return (value,)
    return tuple(map(str, value)) if isinstance(value, (list, tuple)) else (str(value),)


def _name(subject: Subject) -> list[list[str]]:
    return [[subject.name]]


def _placing(subject: Subject) -> list[list[str]]:
    """Return what places each variant beside its name: module, function, parts, owners and tags."""
    return [_placing_texts(variant) for variant in subject.variants]


def _placing_texts(variant: SnapshotFeature) -> list[str]:
    names = (variant.variant, *[part.name for part in variant.parts])
    texts = [variant.module, *[name for name in names if name != variant.name], *variant.owners]
    for key in variant.tags:
        texts += (key, *tag_values(variant.tags, key))
    return texts


def _docs(subject: Subject) -> list[list[str]]:
    return [[doc] for doc in dict.fromkeys(variant.doc for variant in subject.variants)]


def _code(subject: Subject) -> list[list[str]]:
    return [[variant.source] for variant in subject.variants]


_TEXTS = {
    TextField.NAME: _name,
    TextField.TAGS: _placing,
    TextField.DOC: _docs,
    TextField.CODE: _code,
}


@dataclass(eq=False)
class Scope:
    """The features of a repository at one moment, as a query looks at them.

    Attributes:
        repository: Name of the repository.
        snapshot: Its features.
        now: The instant that ages count from: that of the commit.
        pasts: What the history says of each feature, by key; None where no history is known.
        imported: The levels of inputs that come from other repositories, by classification and input.
        day: The day on which barriers must hold, as YYYY-MM-DD; None: whenever it is asked.
    """

    repository: str
    snapshot: Snapshot
    now: int = 0
    pasts: Mapping[str, Past] | None = field(default=None, repr=False)
    imported: Mapping[str, Mapping[str, int]] = field(default_factory=dict, repr=False)
    day: str | None = None
    _reached: dict[tuple[str, str, str], frozenset[str]] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def subjects(self) -> Sequence[Subject]:
        """The features: shorter names first, then by name and module."""
        found = (Subject(key, variants) for key, variants in self.snapshot.variants.items())
        return sorted(found, key=_shortest_first)

    @cached_property
    def variants(self) -> tuple[Sequence[int], Sequence[SnapshotFeature]]:
        """All variants, and for each the number of its feature."""
        numbers = [number for number, subject in enumerate(self.subjects) for _ in subject.variants]
        return numbers, [variant for subject in self.subjects for variant in subject.variants]

    @property
    def graph(self) -> LineageGraph:
        """Who needs whom."""
        return self.snapshot.graph

    @cached_property
    def used(self) -> frozenset[str]:
        """The keys of the features and inputs that a feature needs."""
        return frozenset(source for source, _ in self.graph.edges)

    @cached_property
    def needing(self) -> frozenset[str]:
        """The keys of the features that need another one."""
        is_input = {node.key: node.is_input for node in self.graph.nodes.values()}
        return frozenset(target for source, target in self.graph.edges if not is_input[source])

    @cached_property
    def keys_by_name(self) -> Mapping[str, Sequence[str]]:
        """The keys of features and inputs by each name that lineage can be asked of."""
        found: dict[str, list[str]] = {}
        for node in self.graph.nodes.values():
            for name in dict.fromkeys((node.key, f"{self.repository}:{node.key}", node.name, *node.parts)):
                found.setdefault(name, []).append(node.key)
        return found

    def reach(self, field: str, value: str, find: Callable[[Scope, str], frozenset[str]]) -> frozenset[str]:
        """Return the keys that a term of lineage means; those asked for last are kept.

        Raises:
            UnknownName: What it names is not there.
        """
        asked = field, value, self.day or today()
        found = self._reached.get(asked)
        if found is None:
            if len(self._reached) >= _MOST_REACHED:
                self._reached.clear()
            found = self._reached[asked] = find(self, value)
        return found

    @cached_property
    def outputs(self) -> frozenset[str]:
        """The names that dataflows declare as what they are for."""
        return frozenset(name for dataflow in self.snapshot.dataflows for name in dataflow.outputs)


def _shortest_first(subject: Subject) -> tuple[int, str, str]:
    first = subject.variants[0]
    return len(first.name), first.name, first.module


@dataclass(frozen=True, eq=False)
class Base:
    """What a query compares with: an earlier moment of the same repository.

    Attributes:
        scope: The features then.
        changers: Names and addresses of who has changed each feature since, by key.
    """

    scope: Scope
    changers: Mapping[str, Sequence[str]]
