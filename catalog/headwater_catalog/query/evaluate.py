"""What a query means: the reference, one feature and one term at a time, without any index."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from headwater_catalog.errors import QueryError, TooSlow
from headwater_catalog.query.fields import FIELDS, KeyField, ValueField, WordField
from headwater_catalog.query.ranking import Rank, by_name, name_rank, order, text_rank
from headwater_catalog.query.reach import UnknownName
from headwater_catalog.query.subjects import Base, Scope, Subject, TextField
from headwater_catalog.query.syntax import NEW_FEATURE, And, Node, Not, Query, Term, parse_query
from headwater_catalog.query.words import AllOf, Expression, Phrase, holds

__all__ = ["Missing", "Ranked", "evaluate", "find_sets", "require_known", "require_time"]

Sets = Mapping[tuple[str, str], frozenset[str]]
"""The keys that the terms of lineage mean, by field and value."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A feature that meets a query, with its rank; None if the query has no words to look for."""

    subject: Subject
    rank: Rank | None


@dataclass(frozen=True, slots=True)
class Missing:
    """A term of lineage that names what is not there."""

    term: Term
    why: UnknownName

    @property
    def position(self) -> int:
        """Where the term begins in the query."""
        return self.term.position

    def error(self) -> QueryError:
        """Return the error that tells of it, with the nearest names."""
        return QueryError(f"{self.why} Asked for at position {self.position}.", self.position)


def evaluate(query: Query, scope: Scope, base: Base | None = None) -> list[Ranked]:
    """Return the features that meet a query, the best first.

    A feature meets a term if any of its variants does, and `-term` if none does.

    Raises:
        QueryError: The query asks for what is not known here.
    """
    require_known(query, scope, base)
    sets, problems = find_sets(query, scope, base.scope if base is not None else None)
    if problems:
        raise problems[0].error()
    meaning = _Meaning(scope, base, sets)
    found = [ranked for s in scope.subjects if (ranked := meaning.ranked(query, s)) is not None]
    return sorted(found, key=lambda hit: _order(hit, scope.repository))


def _order(hit: Ranked, repository: str) -> tuple[object, ...]:
    if hit.rank is None:
        return by_name(hit.subject, repository)
    return order(hit.rank, hit.subject, repository)


def require_known(query: Query, scope: Scope, base: Base | None) -> None:
    """Require that what the terms of a query ask for is known.

    Raises:
        QueryError: It is not; says what would make it so.
    """
    if scope.pasts is None and query.needs_history:
        term = next(t for t in query.terms if getattr(FIELDS.get(t.field), "needs_history", False))
        raise QueryError(
            f"'{term.field}:' at position {term.position} asks for the history, which is only known of "
            "commits on the scanned main line of a repository in the catalog. Leave it out, or look there.",
            term.position,
        )
    if base is None and (term_ := query.base_term) is not None:
        raise QueryError(
            f"'{term_.field}:' at position {term_.position} compares with a base, and none is given. "
            "Name an earlier commit, tag or branch as the base.",
            term_.position,
        )


def find_sets(
    query: Query, scope: Scope, base: Scope | None = None, until: float = math.inf
) -> tuple[Sets, list[Missing]]:
    """Return the keys that the terms of lineage mean, and those of them that name nothing there.

    What is only asked for by `new:` must have its names there or at the base.

    Raises:
        QueryError: That is not done when the clock `time.monotonic` says `until`.
    """
    sets: dict[tuple[str, str], frozenset[str]] = {}
    problems: list[Missing] = []
    for term in query.terms:
        field = FIELDS.get(term.field)
        require_time(until)
        if isinstance(field, KeyField):
            try:
                sets[term.field, term.value] = scope.reach(term.field, term.value, field.find)
            except UnknownName as why:
                sets[term.field, term.value] = frozenset()
                problems.append(Missing(term, why))
        elif term.field == "new" and base is not None:
            problems += [Missing(term, why) for why in _nowhere(parse_query(term.value), scope, base)]
    return sets, problems


def require_time(until: float) -> None:
    """Require that there is time left to look for more.

    Raises:
        TooSlow: There is none.
    """
    if time.monotonic() > until:
        raise TooSlow("Looking for all that the query asks for takes too long. Ask for less at once.")


def _nowhere(query: Query, scope: Scope, base: Scope) -> Iterator[UnknownName]:
    """Yield what is wrong with the terms of lineage that name nothing at either of two moments."""
    for term in query.terms:
        field = FIELDS.get(term.field)
        if isinstance(field, KeyField):
            here, there = (_reach_problem(field, term.value, scope) for scope in (scope, base))
            if here is not None and there is not None:
                yield here


def _reach_problem(field: KeyField, value: str, scope: Scope) -> UnknownName | None:
    try:
        scope.reach(field.name, value, field.find)
    except UnknownName as why:
        return why
    return None


class _Meaning:
    def __init__(self, scope: Scope, base: Base | None, sets: Sets) -> None:
        self._scope = scope
        self._base = base
        self._sets = sets

    def ranked(self, query: Query, subject: Subject) -> Ranked | None:
        if not query.has_words:
            return Ranked(subject, None) if self._meets(query.root, subject, TextField.CODE) else None
        for weakest in TextField:
            if self._meets(query.root, subject, weakest):
                return Ranked(subject, name_rank(query.name, subject) or text_rank(weakest))
        return None

    def _meets(self, node: Node, subject: Subject, weakest: TextField) -> bool:
        """Tell whether a feature meets a condition, words looked for in its texts up to one of them."""
        if isinstance(node, Term):
            return self._meets_term(node, subject, weakest)
        if isinstance(node, Not):
            # What is to be left out is so wherever it stands.
            return not self._meets(node.part, subject, TextField.CODE)
        test = all if isinstance(node, And) else any
        return test(self._meets(part, subject, weakest) for part in node.parts)

    def _meets_term(self, term: Term, subject: Subject, weakest: TextField) -> bool:
        field = FIELDS.get(term.field)
        if field is None or isinstance(field, WordField):
            texts = tuple(TextField)[: weakest + 1] if field is None else (field.text,)
            assert term.expression is not None  # the parser leaves out what asks for nothing
            return _stands(term.expression, subject, texts)
        if isinstance(field, ValueField):
            accepts = field.read(term.value, term.is_phrase, self._scope.now)
            return any(map(accepts, field.values(self._scope, subject)))
        if isinstance(field, KeyField):
            return subject.key in self._sets[term.field, term.value]
        return self._meets_base(term, subject)

    def _meets_base(self, term: Term, subject: Subject) -> bool:
        assert self._base is not None
        if term.field == "changed_by":
            accepts = FIELDS["author"].read(term.value, term.is_phrase, 0)  # type: ignore[attr-defined]
            return any(map(accepts, self._base.changers.get(subject.key, ())))
        before = {each.key for each in self._base.scope.subjects}
        if term.value == NEW_FEATURE:
            return subject.key not in before
        return subject.key in _keys(term.value, self._scope) - _keys(term.value, self._base.scope)


def _keys(text: str, scope: Scope) -> frozenset[str]:
    """Return the features that meet a query; a name that is not there yet reaches nothing."""
    query = parse_query(text)
    require_known(query, scope, None)
    meaning = _Meaning(scope, None, find_sets(query, scope)[0])
    return frozenset(s.key for s in scope.subjects if meaning.ranked(query, s) is not None)


def _stands(expression: Expression, subject: Subject, texts: tuple[TextField, ...]) -> bool:
    """Tell whether an expression holds: each phrase in some text of some variant."""
    if isinstance(expression, Phrase):
        return any(holds(expression, tokens) for text in texts for tokens in subject.tokens(text))
    parts = (_stands(part, subject, texts) for part in expression.parts)
    return all(parts) if isinstance(expression, AllOf) else any(parts)
