"""The index of a scope: its features as bits of integers, by their tokens and by the values of fields."""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any

from headwater_catalog.query.fields import FIELDS, ValueField
from headwater_catalog.query.postings import Postings, bits_of
from headwater_catalog.query.subjects import Scope, Subject, TextField
from headwater_catalog.query.words import Phrase
from headwater_catalog.spelling import Vocabulary

__all__ = ["FacetIndex", "Index"]

_END = "\0"  # of a text: no phrase goes on in the next


class _Characters(dict[str, str]):
    """A character for each token: a phrase is then a piece of a string, never found between two tokens."""

    def __missing__(self, token: str) -> str:
        # There are a million characters; a token beyond them would be in no phrase.
        found = self[token] = chr(len(self) + 1) if len(self) < sys.maxunicode else _END
        return found


class TextIndex:
    """The tokens of one text of every feature, and their order.

    Args:
        texts: For each feature in turn, the tokens of its text, a list for each variant.
    """

    def __init__(self, texts: Iterable[Sequence[Sequence[str]]]) -> None:
        characters = _Characters()
        features: defaultdict[str, list[int]] = defaultdict(list)
        flat: list[str] = []
        lengths = [0]
        for number, lists in enumerate(texts):
            # The end of a text, which no phrase crosses, is also that of a feature without any.
            pieces = ["".join(map(characters.__getitem__, tokens)) + _END for tokens in lists or [()]]
            flat += pieces
            lengths.append(sum(map(len, pieces)))
            for token in set().union(*lists):
                features[token].append(number)
        self.postings = Postings(features, len(lengths) - 1)
        self._starts = array("I", accumulate(lengths[:-1]))
        self._characters = "".join(characters[token] for token in self.postings.values)
        self._flat = "".join(flat)

    def find(self, phrase: Phrase) -> int:
        """Return the features that have a phrase in the text, as bits."""
        *before, last = phrase.tokens
        if not before:
            return self.postings.starting(last) if phrase.prefix else self.postings.of(last)
        assert not phrase.prefix  # the language has beginnings of words only
        needle = "".join(map(self._character, phrase.tokens))
        return 0 if _END in needle else bits_of(self._places(needle), len(self._starts))

    def _character(self, token: str) -> str:
        at = self.postings.place(token)
        return _END if at is None else self._characters[at]

    def _places(self, needle: str) -> Iterator[int]:
        at = self._flat.find(needle)
        while at >= 0:
            number = bisect_right(self._starts, at) - 1
            yield number
            if number + 1 == len(self._starts):
                return
            at = self._flat.find(needle, self._starts[number + 1])


@dataclass(frozen=True, slots=True)
class FacetIndex:
    """The values of a field that are counted among hits.

    Attributes:
        postings: The features by value, whatever its case.
        shown: Each of these values as it is written.
    """

    postings: Postings
    shown: Mapping[str, str]


class Index:
    """What finds the features of a scope; each piece is made when it is first asked for."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self._texts: dict[TextField, TextIndex] = {}
        self._values: dict[str, Postings] = {}
        self._facets: dict[str, FacetIndex] = {}
        self.gone: Index | None = None
        """That of the features that are there no more, once a query has asked for them."""

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
        return self._postings(lambda subject: (subject.name.casefold(),))

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The words of names, for what is misspelled."""
        postings = self.text(TextField.NAME).postings
        return Vocabulary(zip(postings.values, postings.counts(self.everything), strict=True))

    def text(self, field: TextField) -> TextIndex:
        """Return the index of a text."""
        found = self._texts.get(field)
        if found is None:
            found = self._texts[field] = TextIndex(each.tokens(field) for each in self.scope.subjects)
        return found

    def values(self, field: ValueField) -> Postings:
        """Return the features by their values of a field."""
        if field.facet is field.values:  # which differ in case only, and no term looks at that
            return self._facet(field, field.facet).postings
        found = self._values.get(field.name)
        if found is None:
            found = self._postings(lambda subject: field.values(self.scope, subject))
            if not field.needs_history or self.scope.pasts is not None:
                self._values[field.name] = found
        return found

    def facets(self) -> Iterator[tuple[ValueField, FacetIndex]]:
        """Yield the fields whose values are counted among hits, with these."""
        for field in FIELDS.values():
            if isinstance(field, ValueField) and field.facet is not None:
                yield field, self._facet(field, field.facet)

    def _facet(self, field: ValueField, read: Callable[[Scope, Subject], Iterable[str]]) -> FacetIndex:
        found = self._facets.get(field.name)
        if found is None:
            shown: dict[str, str] = {}

            def folded(subject: Subject) -> Iterator[str]:
                for value in read(self.scope, subject):
                    key = value.casefold()
                    shown.setdefault(key, value)
                    yield key

            found = self._facets[field.name] = FacetIndex(self._postings(folded), shown)
        return found

    def _postings(self, values: Callable[[Subject], Iterable[Any]]) -> Postings:
        numbers: dict[Any, list[int]] = {}
        for number, subject in enumerate(self.scope.subjects):
            for value in set(values(subject)):
                numbers.setdefault(value, []).append(number)
        return Postings(numbers, self.size)
