"""The index of a scope: its features as bits of integers, by their tokens and by the values of fields."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import is_
from typing import Any

from headwater_catalog.collection import without_collection
from headwater_catalog.query.fields import FIELDS, LabelField, ValueField
from headwater_catalog.query.postings import Postings, bits_of
from headwater_catalog.query.ranking import Sort, sort_key
from headwater_catalog.query.subjects import Scope, Subject, TextField
from headwater_catalog.query.text_index import TextIndex
from headwater_catalog.query.traits import Trait
from headwater_catalog.snapshot import SnapshotFeature
from headwater_catalog.spelling import Vocabulary

__all__ = ["FacetIndex", "Index"]


@dataclass(frozen=True, slots=True)
class FacetIndex:
    """The values of a field that are counted among hits.

    Attributes:
        postings: The features by value, whatever its case.
        shown: Each of these values as it is written.
    """

    postings: Postings
    shown: Mapping[str, str]


Read = Callable[[Scope, Subject], Iterable[Any]]
Alike = Callable[[SnapshotFeature], Hashable]


class Index:
    """What finds the features of a scope; each piece is made when it is first asked for.

    Args:
        scope: The features.
        before: The index of another moment of the same repository, whose texts are taken over as far as
            the features are the same.
    """

    def __init__(self, scope: Scope, before: Index | None = None) -> None:
        self.scope = scope
        with without_collection():
            scope.subjects  # noqa: B018 - they are many, too, and always asked for
            self._texts = _texts(scope.subjects, before) if before is not None else {}
        self._values: dict[str, Postings] = {}
        self._facets: dict[str, FacetIndex] = {}
        self._labelled: dict[tuple[str, str], int] = {}
        self._orders: dict[Sort, Sequence[int]] = {}
        self.gone: Index | None = None
        """That of the features that are there no more, once a query has asked for them."""

    def prepare(self) -> None:
        """Make what searches for words need, facets included."""
        for field in TextField:
            self.text(field)
        for _ in self.facets():
            pass
        self.numbers, self.by_name, self.names, self.vocabulary  # noqa: B018 - they are kept from now on

    @property
    def size(self) -> int:
        """How many features there are."""
        return len(self.scope.subjects)

    @cached_property
    def everything(self) -> int:
        """All features, as bits."""
        return (1 << self.size) - 1

    @cached_property
    def numbers(self) -> Mapping[str, int]:
        """The number of each feature by its key."""
        return {subject.key: number for number, subject in enumerate(self.scope.subjects)}

    @cached_property
    def by_name(self) -> Sequence[int]:
        """The numbers of the features in the order of name and module."""
        subjects = self.scope.subjects
        return array("I", sorted(range(self.size), key=lambda n: (subjects[n].name, subjects[n].module)))

    @cached_property
    def names(self) -> Postings:
        """The names in small letters."""
        return self._postings(lambda _scope, subject: (subject.name.casefold(),))

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The words of names, for what is misspelled."""
        postings = self.text(TextField.NAME).postings
        return Vocabulary(zip(postings.values, postings.counts(self.everything), strict=True))

    def in_order(self, sort: Sort) -> Sequence[int]:
        """Return the numbers of the features in another order than that of relevance."""
        found = self._orders.get(sort)
        if found is None:
            subjects = self.scope.subjects
            found = array(
                "I", sorted(range(self.size), key=lambda n: sort_key(sort, self.scope, subjects[n]))
            )
            if sort is not Sort.CHANGED or self.scope.pasts is not None:
                self._orders[sort] = found
        return found

    def text(self, field: TextField) -> TextIndex:
        """Return the index of a text."""
        found = self._texts.get(field)
        if found is None:
            with without_collection():
                found = self._texts[field] = TextIndex.of(field, self.scope.subjects)
        return found

    def values(self, field: ValueField) -> Postings:
        """Return the features by their values of a field."""
        if field.facet is field.values:  # which differ in case only, and no term looks at that
            return self._facet(field, field.facet).postings
        found = self._values.get(field.name)
        if found is None:
            found = self._postings(field.values, field.alike)
            if not field.needs_history or self.scope.pasts is not None:
                self._values[field.name] = found
        return found

    def label(self, field: LabelField, label: str) -> int:
        """Return the features that have a label, as bits; what other labels mean is not looked at."""
        found = self._labelled.get((field.name, label))
        if found is None:
            found = bits_of(field.traits[label].find(self.scope), self.size)
            self._labelled[field.name, label] = found
        return found

    def facets(self) -> Iterator[tuple[ValueField, FacetIndex]]:
        """Yield the fields whose values are counted among hits, with these."""
        for field in FIELDS.values():
            if isinstance(field, ValueField) and field.facet is not None:
                yield field, self._facet(field, field.facet)

    def _facet(self, field: ValueField, read: Read) -> FacetIndex:
        found = self._facets.get(field.name)
        if found is None:
            with without_collection():
                found = (
                    self._labels(field.traits)
                    if isinstance(field, LabelField)
                    else self._folded(read, field.alike)
                )
            self._facets[field.name] = found
        return found

    def _folded(self, read: Read, alike: Alike | None) -> FacetIndex:
        shown: dict[str, str] = {}

        def folded(scope: Scope, subject: Subject) -> Iterator[str]:
            for value in read(scope, subject):
                key = value.casefold()
                shown.setdefault(key, value)
                yield key

        return FacetIndex(self._postings(folded, alike), shown)

    def _labels(self, traits: Mapping[str, Trait]) -> FacetIndex:
        found = {label: list(trait.find(self.scope)) for label, trait in traits.items()}
        numbers = {label: having for label, having in found.items() if having}
        return FacetIndex(Postings.collect(numbers, self.size), {label: label for label in numbers})

    def _postings(self, read: Read, alike: Alike | None = None) -> Postings:
        numbers: dict[Any, list[int]] = {}
        for subject, having in self._groups(alike):
            for value in set(read(self.scope, subject)):
                numbers.setdefault(value, []).extend(having)
        return Postings.collect(numbers, self.size)

    def _groups(self, alike: Alike | None) -> Iterator[tuple[Subject, list[int]]]:
        """Return the features with their numbers, those together that are alike, by one of them."""
        groups: dict[Hashable, tuple[Subject, list[int]]] = {}
        for number, subject in enumerate(self.scope.subjects):
            if alike is None or len(subject.variants) > 1:
                yield subject, [number]
            else:
                groups.setdefault(alike(subject.variants[0]), (subject, []))[1].append(number)
        yield from groups.values()


def _texts(subjects: Sequence[Subject], before: Index) -> dict[TextField, TextIndex]:
    """Return the texts that another index has, as these features have them."""
    earlier = before.scope.subjects
    numbers = [before.numbers.get(subject.key) for subject in subjects]
    stayed = [
        number if number is not None and _is_same(subject, earlier[number]) else None
        for number, subject in zip(numbers, subjects, strict=True)
    ]
    return {field: text.moved(subjects, stayed) for field, text in list(before._texts.items())}


def _is_same(subject: Subject, other: Subject) -> bool:
    ours, theirs = subject.variants, other.variants
    return len(ours) == len(theirs) and all(map(is_, ours, theirs))
