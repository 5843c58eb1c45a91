"""What a query looks at: the features of a repository at one moment, and what is known of their past."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property, lru_cache
from typing import Any

from headwater_catalog.lineage_graph import LineageGraph
from headwater_catalog.snapshot import Snapshot, SnapshotFeature
from headwater_catalog.tokens import name_tokens, text_tokens

__all__ = ["Base", "Past", "Scope", "Subject", "TextField", "tag_values"]

_MOST_TOKENS = 3000  # of one text: a catalog of enormous documents still fits into memory
_MOST_REACHED = 64  # sets of keys that are kept of one moment


class TextField(IntEnum):
    """The texts of a feature that words are looked for in, the most telling first."""

    NAME = 0
    TAGS = 1
    DOC = 2
    CODE = 3


@dataclass(frozen=True, slots=True)
class Past:
    """What the history says of a feature; instants in seconds since 1970.

    Attributes:
        added: When the first version of it began.
        changed: When the present one began.
        authors: Names and addresses of who wrote the present versions of its variants.
        removed: When it went away, if it did.
        last_sha: The last commit that had it, if it went away.
    """

    added: int
    changed: int
    authors: tuple[str, ...]
    removed: int | None = None
    last_sha: str | None = None


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
        found = (owner for each in self.variants for owner in each.owners or tag_values(each.tags, "owner"))
        return tuple(dict.fromkeys(found))

    def tokens(self, text: TextField) -> list[list[str]]:
        """Return the tokens of a text; a list for each variant where they may differ."""
        return [tokens[:_MOST_TOKENS] for tokens in _TOKENS[text](self)]


def tag_values(tags: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Return the values of a tag as texts: none, one, or each of a list."""
    value = tags.get(key, ())
    return tuple(map(str, value)) if isinstance(value, (list, tuple)) else (str(value),)


def _name(subject: Subject) -> list[list[str]]:
    return [name_tokens(subject.name)]


def _placing(subject: Subject) -> list[list[str]]:
    """Return what places each variant beside its name: module, function, parts, owners and tags."""
    return [list(dict.fromkeys(_placing_tokens(variant))) for variant in subject.variants]


def _placing_tokens(variant: SnapshotFeature) -> Iterator[str]:
    yield from _few_tokens(variant.module)
    for name in (variant.variant, *(part.name for part in variant.parts)):
        if name != variant.name:
            yield from text_tokens(name)
    for owner in variant.owners:
        yield from _few_tokens(owner)
    for key in variant.tags:
        yield from _few_tokens(key)
        for value in tag_values(variant.tags, key):
            yield from _few_tokens(value)


@lru_cache(maxsize=4096)  # many features have the same modules, owners and tags
def _few_tokens(text: str) -> Sequence[str]:
    return text_tokens(text)


def _docs(subject: Subject) -> list[list[str]]:
    return [text_tokens(doc) for doc in dict.fromkeys(variant.doc for variant in subject.variants)]


def _code(subject: Subject) -> list[list[str]]:
    return [text_tokens(variant.source) for variant in subject.variants]


_TOKENS = {
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
    """

    repository: str
    snapshot: Snapshot
    now: int = 0
    pasts: Mapping[str, Past] | None = field(default=None, repr=False)
    _reached: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def subjects(self) -> Sequence[Subject]:
        """The features: shorter names first, then by name and module."""
        found = (Subject(key, variants) for key, variants in self.snapshot.variants.items())
        return sorted(found, key=lambda subject: (len(subject.name), subject.name, subject.module))

    @property
    def graph(self) -> LineageGraph:
        """Who needs whom."""
        return self.snapshot.graph

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
            LookupError: What it names is not there.
        """
        found = self._reached.get((field, value))
        if found is None:
            if len(self._reached) >= _MOST_REACHED:
                self._reached.clear()
            found = self._reached[field, value] = find(self, value)
        return found

    @cached_property
    def outputs(self) -> frozenset[str]:
        """The names that dataflows declare as what they are for."""
        return frozenset(name for dataflow in self.snapshot.dataflows for name in dataflow.outputs)


@dataclass(frozen=True, eq=False)
class Base:
    """What a query compares with: an earlier moment of the same repository.

    Attributes:
        scope: The features then.
        changers: Names and addresses of who has changed each feature since, by key.
    """

    scope: Scope
    changers: Mapping[str, Sequence[str]]
