"""The query language: what people type into the search box, read into a tree of terms."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from headwater.errors import did_you_mean
from headwater_catalog.errors import QueryError
from headwater_catalog.query import words
from headwater_catalog.query.fields import FIELDS, BaseField, ValueField, WordField
from headwater_catalog.tokens import storable

__all__ = ["NEW_FEATURE", "And", "Node", "Not", "Or", "Query", "Term", "parse_query", "term_text"]

LONGEST: Final = 4000
MOST_TERMS: Final = 200
DEEPEST: Final = 20

NEW_FEATURE: Final = "feature"
"""What `new:` is asked for when the feature itself is to be new."""

_FIELD = re.compile(r"([A-Za-z_]+):")
_PLAIN = re.compile(r"[\w.=@/+-]+")


@dataclass(frozen=True, slots=True)
class Term:
    """One condition of a query.

    Attributes:
        field: What it looks at; empty for the texts of the feature.
        value: What it looks for.
        is_phrase: Whether the value stood in quotes: its words stand together, a star is no beginning.
        is_prefix: Whether a word may go on.
        position: Where the term begins in the query, from 0.
    """

    field: str
    value: str
    is_phrase: bool = False
    is_prefix: bool = False
    position: int = 0

    @property
    def expression(self) -> words.Expression | None:
        """What it asks of texts; None if that is nothing."""
        return words.phrase(self.value) if self.is_phrase else words.word(self.value, prefix=self.is_prefix)

    @property
    def is_word(self) -> bool:
        """Whether it looks for words anywhere in a feature's texts."""
        return not self.field


@dataclass(frozen=True, slots=True)
class Not:
    """What does not meet a condition."""

    part: Node


@dataclass(frozen=True, slots=True)
class And:
    """What meets every one of some conditions; of none, everything."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """What meets at least one of some conditions; of none, nothing."""

    parts: tuple[Node, ...]


Node = Term | Not | And | Or


@dataclass(frozen=True, slots=True)
class Query:
    """A query as it was read.

    Attributes:
        text: What was typed.
        root: The condition that features must meet.
        at: The moment that it asks for, if it does.
    """

    text: str
    root: Node
    at: Term | None = None

    @property
    def terms(self) -> tuple[Term, ...]:
        """Its terms in order, but the one for the moment."""
        return tuple(term for term, _ in _terms(self.root, wanted=True))

    @property
    def wanted(self) -> tuple[Term, ...]:
        """The words and phrases that are looked for, those to be left out not among them."""
        return tuple(term for term, wanted in _terms(self.root, wanted=True) if wanted and term.is_word)

    @property
    def unwanted(self) -> tuple[Term, ...]:
        """Its terms that features must not meet."""
        return tuple(term for term, wanted in _terms(self.root, wanted=True) if not wanted)

    @property
    def has_words(self) -> bool:
        """Whether there are words to rank what is found by."""
        return any(wanted and term.field in ("", "name") for term, wanted in _terms(self.root, wanted=True))

    @property
    def name(self) -> str:
        """The feature name that the query may be: its words joined by underscores."""
        terms = (term for term, wanted in _terms(self.root, wanted=True) if wanted and not term.is_phrase)
        return "_".join(term.value for term in terms if term.field in ("", "name"))

    @property
    def needs_history(self) -> bool:
        """Whether it asks for what only the history knows."""
        fields = (FIELDS.get(term.field) for term in self.terms)
        return any(isinstance(field, ValueField) and field.needs_history for field in fields)

    @property
    def base_term(self) -> Term | None:
        """The first term that compares with a base, if any."""
        return next((t for t in self.terms if isinstance(FIELDS.get(t.field), BaseField)), None)

    def narrowed(self, term: str) -> str:
        """Write the query that finds those of its hits which also meet a term."""
        # The term comes first: a word at the end may still be growing.
        if self.at is not None or not isinstance(self.root, Or):
            return f"{term} {self.text}".strip()
        grows = self.terms[-1].is_prefix and not self.text.endswith(("*", ")"))
        return f"{term} ({self.text}{'*' if grows else ''})"

    def names(self, field: str) -> bool:
        """Tell whether a term names a field."""
        return any(term.field == field for term in self.terms)


def _terms(node: Node, *, wanted: bool) -> Iterator[tuple[Term, bool]]:
    """Yield the terms below a node, each with whether it is looked for rather than left out."""
    if isinstance(node, Term):
        yield node, wanted
    elif isinstance(node, Not):
        yield from _terms(node.part, wanted=not wanted)
    else:
        for part in node.parts:
            yield from _terms(part, wanted=wanted)


def parse_query(text: str, *, growing: bool = False) -> Query:
    """Read a query.

    Args:
        text: The query.
        growing: Whether somebody is still typing, so that a word at the very end may go on.

    Raises:
        QueryError: It cannot be understood; tells the position and what to do.
    """
    return _parse(text, growing=growing)


def _parse(text: str, *, growing: bool = False, is_inner: bool = False) -> Query:
    text = storable(text)
    if len(text) > LONGEST:
        raise QueryError(f"The query is longer than {LONGEST:,} characters. Ask for less at once.", LONGEST)
    root, at = _moment_of(_Parser(text, growing, is_inner).parse())
    if root is None:
        # Signs alone find nothing; an empty query finds everything.
        root = Or(()) if text.strip() and at is None else And(())
    return Query(text.strip(), root, at)


def term_text(field: str, value: str) -> str | None:
    """Write a term; None for a value that no term can say."""
    if '"' in value or not value:
        return None
    return f"{field}:{value}" if _PLAIN.fullmatch(value) else f'{field}:"{value}"'


def _moment_of(root: Node | None) -> tuple[Node | None, Term | None]:
    """Take the term for the moment out of a tree; it holds for all of it, and so stands at its top."""
    parts = root.parts if isinstance(root, And) else (root,)
    moments = [part for part in parts if isinstance(part, Term) and part.field == "at"]
    left = [part for part in parts if not (isinstance(part, Term) and part.field == "at")]
    hidden = [term for part in left if part is not None for term, _ in _terms(part, wanted=True)]
    for wrong in (*moments[1:], *(term for term in hidden if term.field == "at")):
        raise QueryError(
            f"The 'at:' at position {wrong.position} must be the only one, and stand outside of parentheses, "
            "OR and NOT: a query looks at one moment. Move it to the end.",
            wrong.position,
        )
    return _joined(And, left), moments[0] if moments else None


def _joined(kind: type[And] | type[Or], parts: Iterable[Node | None]) -> Node | None:
    """Return one node for some; a term said twice means no more than said once."""
    found: dict[Node, Node] = {}
    for part in parts:
        if part is not None:
            key = replace(part, position=0) if isinstance(part, Term) else part
            found.pop(key, None)
            found[key] = part
    return kind(tuple(found.values())) if len(found) > 1 else next(iter(found.values()), None)


class _Parser:
    """Reads a text from left to right; each method leaves its place behind what it has read."""

    def __init__(self, text: str, growing: bool, is_inner: bool) -> None:
        self._text = text
        self._growing = growing
        self._is_inner = is_inner  # what a term asks for, in which no such term may stand
        self._at = 0
        self._depth = 0
        self._count = 0
        self._field = ""  # of a group in parentheses, for the words in it

    def parse(self) -> Node | None:
        """Return the tree; None if there is nothing in it."""
        root = self._choice()
        if self._at < len(self._text):
            raise self._error("The ')'", " closes nothing. Remove it, or put the words in quotes.", self._at)
        return root

    def _choice(self) -> Node | None:
        found = [self._sequence()]
        while self._keyword("OR"):
            found.append(self._sequence(required=True))
        return _joined(Or, found)

    def _sequence(self, *, required: bool = False) -> Node | None:
        found: list[Node | None] = []
        while not self._is_end() and not self._is_keyword("OR"):
            if not self._keyword("AND"):
                found.append(self._condition())
        if not found and (required or self._is_keyword("OR")):
            raise self._error(
                "The place", " beside the OR is empty. Say what else to find, or remove the OR.", self._at
            )
        return _joined(And, found)

    def _condition(self) -> Node | None:
        negated = False
        while self._keyword("NOT") or self._minus():
            negated = not negated
        if self._is_end() or self._is_keyword("OR"):
            raise self._error("The place", " behind the NOT is empty. Say what to leave out.", self._at)
        found = self._operand(negated=negated)
        return Not(found) if negated and found is not None else found

    def _minus(self) -> bool:
        here = self._text[self._at : self._at + 2]
        if len(here) < 2 or here[0] != "-" or here[1].isspace() or here[1] == ")":
            return False
        self._at += 1
        return True

    def _operand(self, *, negated: bool) -> Node | None:
        start = self._at
        match = _FIELD.match(self._text, start)
        field = match[1].lower() if match else ""
        if match:
            self._check_field(match[1], start)
            self._at = match.end()
        if self._text[self._at : self._at + 1] == "(":
            return self._group(field)
        return self._term(field or self._field, start, negated)

    def _group(self, field: str) -> Node | None:
        start, outer = self._at, self._field
        self._depth, self._field, self._at = self._depth + 1, field or outer, self._at + 1
        if self._depth > DEEPEST:
            most = f" is one of more than {DEEPEST} inside each other. Ask in fewer."
            raise self._error("The '('", most, start)
        found = self._choice()
        if self._at >= len(self._text):
            raise self._error("The '('", " is not closed. Add a ')'.", start)
        self._depth, self._field, self._at = self._depth - 1, outer, self._at + 1
        return found

    def _term(self, field: str, start: int, negated: bool) -> Term | None:
        value, quoted = self._value(bool(field))
        self._count += 1
        if self._count > MOST_TERMS:
            most = f" is one of more than {MOST_TERMS} in this query. Ask for fewer at once."
            raise self._error("The term", most, start)
        term = Term(field, value, is_phrase=quoted, position=start)
        if field:
            self._check_value(term)
        if field and not isinstance(FIELDS[field], WordField):
            return term
        if not quoted:
            ends = not self._text[self._at :].strip()
            grows = value.endswith("*") or (self._growing and ends and not field and not negated)
            term = replace(term, value=value.rstrip("*"), is_prefix=grows)
        return term if term.expression is not None else None

    def _value(self, is_field: bool) -> tuple[str, bool]:
        """Read up to white space or a parenthesis that closes a group; what stands in quotes goes on."""
        found, quoted, open_ = "", False, 0
        while self._at < len(self._text):
            here = self._text[self._at]
            if here == '"' and (is_field or not found):
                found += self._quoted()
                quoted = True
                if not is_field:
                    break
                continue
            open_ += (here == "(") - (here == ")")
            if here.isspace() or (open_ < 0 and self._depth):
                break
            found += here
            self._at += 1
        return found.strip() if quoted else found, quoted

    def _quoted(self) -> str:
        start = self._at
        end = self._text.find('"', start + 1)
        if end < 0:
            raise self._error("The quote", " is not closed. Add a closing quote.", start)
        self._at = end + 1
        return self._text[start + 1 : end]

    def _check_field(self, name: str, position: int) -> None:
        if name.lower() not in FIELDS:
            hint = did_you_mean(name.lower(), FIELDS) or f" Known fields: {', '.join(FIELDS)}."
            message = f".{hint} Put the words in quotes to look for them as text."
            raise self._error(f"Unknown field '{name}'", message, position)

    def _check_value(self, term: Term) -> None:
        field = FIELDS[term.field]
        if not term.value:
            message = f" needs a value, such as {field.example}."
            raise self._error(f"The field '{field.name}'", message, term.position)
        try:
            field.check(term.value)
            if isinstance(field, BaseField) and not self._is_inner:
                _check_base_term(term)
        except ValueError as error:
            message = f" cannot have the value '{term.value}'. Expected: {error}"
            raise self._error(f"The field '{field.name}'", message, term.position) from None

    def _is_end(self) -> bool:
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1
        # A word takes the parentheses that it opens; one more closes the group.
        return self._at >= len(self._text) or self._text[self._at] == ")"

    def _is_keyword(self, word: str) -> bool:
        after = self._text[self._at + len(word) :][:1]
        return self._text.startswith(word, self._at) and (not after.strip() or after in "()")

    def _keyword(self, word: str) -> bool:
        self._is_end()
        if not self._is_keyword(word):
            return False
        self._at += len(word)
        self._is_end()
        return True

    def _error(self, what: str, wrong: str, position: int) -> QueryError:
        position = min(position, max(len(self._text) - 1, 0))
        return QueryError(f"{what} at position {position}{wrong}", position)


def _check_base_term(term: Term) -> None:
    if term.field != "new":
        FIELDS["author"].check(term.value)
    elif term.value != NEW_FEATURE:
        inner = _parse(term.value, is_inner=True)
        if inner.at is not None or inner.base_term is not None:
            raise ValueError("a term that looks at one moment, such as new:tag:pii.")
