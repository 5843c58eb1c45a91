"""Finding fast what meets a query: the reference's meaning, computed on sets of bits."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from headwater_catalog.query.evaluate import Ranked, Sets, find_sets, require_known, require_time
from headwater_catalog.query.fields import FIELDS, KeyField, LabelField, ValueField, WordField
from headwater_catalog.query.index import Index
from headwater_catalog.query.postings import bits_of, flags_of, numbers_of
from headwater_catalog.query.ranking import Rank, Sort, text_rank
from headwater_catalog.query.subjects import Base, TextField
from headwater_catalog.query.syntax import NEW_FEATURE, And, Node, Not, Query, Term, parse_query
from headwater_catalog.query.words import AllOf, Expression, Phrase

__all__ = ["Found", "find", "has_word"]


class Found:
    """The features of one scope that meet a query.

    Attributes:
        index: The index that they were found in.
        stages: Each rank with its features as bits, the best first; a feature is in one of them.
        bits: All of them.
    """

    def __init__(self, index: Index, stages: Sequence[tuple[Rank | None, int]]) -> None:
        self.index = index
        self.stages = stages
        self.bits = 0
        for _, bits in stages:
            self.bits |= bits

    @property
    def total(self) -> int:
        """How many there are."""
        return self.bits.bit_count()

    def __iter__(self) -> Iterator[Ranked]:
        """Yield the features, the best first."""
        subjects = self.index.scope.subjects
        for rank, bits in self.stages:
            numbers = numbers_of(bits) if rank is not None else self._by_name(bits)
            for number in numbers:
                yield Ranked(subjects[number], rank)

    def in_order(self, sort: Sort) -> Iterator[Ranked]:
        """Yield the features in the order that is asked for."""
        if sort is Sort.RELEVANCE:
            yield from self
            return
        flags, subjects = flags_of(self.bits, self.index.size), self.index.scope.subjects
        for number in self.index.in_order(sort):
            if flags[number]:
                rank = next(rank for rank, bits in self.stages if bits >> number & 1)
                yield Ranked(subjects[number], rank)

    def _by_name(self, bits: int) -> Iterator[int]:
        flags = flags_of(bits, self.index.size)
        return (number for number in self.index.by_name if flags[number])


def find(
    query: Query,
    index: Index,
    sets: Sets | None = None,
    base: tuple[Base, Index] | None = None,
    until: float = math.inf,
) -> Found:
    """Return the features that meet a query, as `evaluate` does.

    Args:
        query: The query.
        index: The index of the features.
        sets: What the terms of lineage mean there; None to look now, and to insist that they name something.
        base: What to compare with, and its index.
        until: When to give up, as the clock `time.monotonic` has it; a single term is done in no time.

    Raises:
        QueryError: The query asks for what is not known here, or that takes longer.
    """
    require_known(query, index.scope, base and base[0])
    if sets is None:
        sets, problems = find_sets(query, index.scope, base and base[0].scope, until)
        if problems:
            raise problems[0].error()
    finder = _Finder(index, sets, base, until)
    return Found(index, list(finder.stages(query)))


def has_word(index: Index, term: Term) -> bool:
    """Tell whether any feature has the word or phrase of a term."""
    return _Finder(index, {}, None).has(term)


class _Finder:
    def __init__(
        self, index: Index, sets: Sets, base: tuple[Base, Index] | None, until: float = math.inf
    ) -> None:
        self._until = until
        self._index = index
        self._sets = sets
        self._base = base
        self._done: dict[Term | tuple[Expression, TextField], int] = {}

    def stages(self, query: Query) -> Iterator[tuple[Rank | None, int]]:
        """Yield the ranks with what has them."""
        hits = self._meeting(query.root, TextField.CODE)
        if not query.has_words:
            yield None, hits
            return
        for rank, named in self._named(query.name):
            yield rank, hits & named
            hits &= ~named
        for weakest in TextField:
            here = hits & self._meeting(query.root, weakest) if hits else 0
            yield text_rank(weakest), here
            hits &= ~here

    def has(self, term: Term) -> bool:
        """Tell whether any feature meets a term of words."""
        return self._term(term, TextField.CODE) != 0

    def _named(self, asked: str) -> Iterator[tuple[Rank, int]]:
        """Yield the features that are named so as a whole, by rank; a later one may hold an earlier one's."""
        if not asked:
            return
        names, subjects = self._index.names, self._index.scope.subjects
        same = names.of(asked.casefold())
        exact = [number for number in numbers_of(same) if subjects[number].name == asked]
        exact += [self._index.numbers[asked]] if asked in self._index.numbers else []
        yield Rank.EXACT, self._bits(exact)
        yield Rank.SAME_LETTERS, same
        yield Rank.PREFIX, names.starting(asked.casefold())

    def _meeting(self, node: Node, weakest: TextField) -> int:
        if isinstance(node, Term):
            require_time(self._until)
            return self._term(node, weakest)
        if isinstance(node, Not):
            return self._index.everything & ~self._meeting(node.part, TextField.CODE)
        if isinstance(node, And):
            found = self._index.everything
            for part in node.parts:
                found &= self._meeting(part, weakest)
            return found
        found = 0
        for part in node.parts:
            found |= self._meeting(part, weakest)
        return found

    def _term(self, term: Term, weakest: TextField) -> int:
        field = FIELDS.get(term.field)
        if field is None or isinstance(field, WordField):
            texts = tuple(TextField)[: weakest + 1] if field is None else (field.text,)
            assert term.expression is not None  # the parser leaves out what asks for nothing
            return self._standing(term.expression, texts)
        if term not in self._done:
            self._done[term] = self._valued(term)
        return self._done[term]

    def _valued(self, term: Term) -> int:
        field = FIELDS[term.field]
        if isinstance(field, LabelField):  # one may take long that nobody asks for
            return self._index.label(field, term.value.casefold())
        if isinstance(field, ValueField):
            accepts = field.read(term.value, term.is_phrase, self._index.scope.now)
            return self._index.values(field).accepted(accepts)
        if isinstance(field, KeyField):
            return self._bits_of_keys(self._sets[term.field, term.value])
        return self._based(term)

    def _based(self, term: Term) -> int:
        assert self._base is not None
        base, before = self._base
        if term.field == "changed_by":
            author = FIELDS["author"]
            assert isinstance(author, ValueField)
            accepts = author.read(term.value, term.is_phrase, 0)
            return self._bits_of_keys(
                key for key, people in base.changers.items() if any(map(accepts, people))
            )
        if term.value == NEW_FEATURE:
            return self._index.everything & ~self._bits_of_keys(before.numbers)
        query = parse_query(term.value)
        until = self._until
        now, then = (
            find(query, index, find_sets(query, index.scope, until=until)[0], until=until)
            for index in (self._index, before)
        )
        return now.bits & ~self._bits_of_keys(ranked.subject.key for ranked in then)

    def _standing(self, expression: Expression, texts: Sequence[TextField]) -> int:
        if isinstance(expression, Phrase):
            found = 0
            for text in texts:
                found |= self._phrase(expression, text)
            return found
        first, *others = (self._standing(part, texts) for part in expression.parts)
        for other in others:
            first = first & other if isinstance(expression, AllOf) else first | other
        return first

    def _phrase(self, phrase: Phrase, text: TextField) -> int:
        key = phrase, text
        if key not in self._done:
            self._done[key] = self._index.text(text).find(phrase)
        return self._done[key]

    def _bits(self, numbers: Sequence[int]) -> int:
        return bits_of(numbers, self._index.size)

    def _bits_of_keys(self, keys: Iterable[str]) -> int:
        numbers = map(self._index.numbers.get, keys)
        return self._bits([number for number in numbers if number is not None])
