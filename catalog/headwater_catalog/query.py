"""The query language: what people type into the search box, read into terms."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from headwater.errors import did_you_mean
from headwater_catalog.errors import QueryError
from headwater_catalog.tokens import storable

__all__ = ["FIELDS", "Query", "Term", "parse_query"]

FIELDS = {
    "owner": "owner:growth",
    "tag": "tag:pii=true",
    "module": "module:features.spend",
    "type": "type:Series",
}
"""The fields that a term may name, each with an example."""

_TERM = re.compile(r'(?P<minus>-?)(?:(?P<field>[A-Za-z_]+):)?(?:"(?P<phrase>[^"]*)(?P<end>"?)|(?P<word>\S*))')


@dataclass(frozen=True, slots=True)
class Term:
    """One condition of a query.

    Attributes:
        field: What it looks at; empty for the text of the feature.
        value: What it looks for.
        is_phrase: Whether the value stood in quotes, so that its words must stand together.
        negated: Whether matches are to be left out.
        position: Where the term begins in the query, from 0.
    """

    field: str
    value: str
    is_phrase: bool
    negated: bool
    position: int


@dataclass(frozen=True, slots=True)
class Query:
    """All terms of a query; a feature must meet every one."""

    text: str
    terms: tuple[Term, ...]

    @property
    def wanted(self) -> tuple[Term, ...]:
        """The words and phrases to look for."""
        return tuple(term for term in self.terms if not term.field and not term.negated)

    @property
    def unwanted(self) -> tuple[Term, ...]:
        """The words and phrases to leave out."""
        return tuple(term for term in self.terms if not term.field and term.negated)

    @property
    def filters(self) -> tuple[Term, ...]:
        """The terms that name a field."""
        return tuple(term for term in self.terms if term.field)

    @property
    def name(self) -> str:
        """The feature name that the query may be: its plain words joined by underscores."""
        return "_".join(term.value for term in self.wanted if not term.is_phrase)


MOST_TERMS: Final = 20
"""Terms of one query; each is a subquery, and a database plans many of them slowly."""


def parse_query(text: str) -> Query:
    """Read a query.

    Raises:
        QueryError: A quote is not closed, a field is unknown or has no value, or there are too many terms;
            tells the position.
    """
    text = storable(text)
    terms: dict[tuple[str, str, bool, bool], Term] = {}
    position = 0
    while (position := _skip_space(text, position)) < len(text):
        match = _TERM.match(text, position)
        assert match is not None  # every part of the pattern may be empty
        term = _term(match)
        if term.value:
            # A term said twice means no more than said once, and would cost as much again; it stands where
            # it was said last, since the last word of a query may still be growing.
            key = term.field, term.value, term.is_phrase, term.negated
            terms.pop(key, None)
            terms[key] = term
        if len(terms) > MOST_TERMS:
            raise QueryError(
                f"The query has more than {MOST_TERMS} terms, the next at position {term.position}. "
                "Ask for fewer at once.",
                term.position,
            )
        position = match.end()
    return Query(text.strip(), tuple(terms.values()))


def _skip_space(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position


def _term(match: re.Match[str]) -> Term:
    position = match.start()
    field, phrase = match["field"] or "", match["phrase"]
    if phrase is not None and not match["end"]:
        raise QueryError(f"The quote at position {position} is not closed. Add a closing quote.", position)
    value = match["word"] if phrase is None else phrase.strip()
    if field:
        _check_field(field, value, position)
    return Term(field.lower(), value, phrase is not None, bool(match["minus"]), position)


def _check_field(field: str, value: str, position: int) -> None:
    known = FIELDS.get(field.lower())
    if known is None:
        hint = did_you_mean(field.lower(), FIELDS) or f" Known fields: {', '.join(FIELDS)}."
        raise QueryError(
            f"Unknown field '{field}' at position {position}.{hint} "
            "Put the words in quotes to look for them as text.",
            position,
        )
    if not value:
        raise QueryError(
            f"The field '{field}' at position {position} needs a value, such as {known}.", position
        )
