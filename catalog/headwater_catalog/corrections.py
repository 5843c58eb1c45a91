"""What is looked for instead of a misspelled word: the nearest word that the names of features have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from headwater_catalog.query.find import has_word
from headwater_catalog.query.index import Index
from headwater_catalog.query.syntax import And, Node, Not, Or, Query, Term
from headwater_catalog.storable import LONGEST_NAME
from headwater_catalog.tokens import fold, name_parts

__all__ = ["Correction", "corrected"]


@dataclass(frozen=True, slots=True)
class Correction:
    """A word that no feature has, and what was looked for instead."""

    asked: str
    used: str


def corrected(query: Query, indexes: Sequence[Index]) -> tuple[Query, tuple[Correction, ...]]:
    """Return a query with each word that nothing has replaced by the nearest one of a name.

    Words to be left out, phrases and the values of fields stay as they are.
    """
    changes = {term: better for term in query.wanted if (better := _better(term, indexes)) is not None}
    used = tuple(Correction(term.value, better.value) for term, better in changes.items())
    return replace(query, root=_replaced(query.root, changes)), used


def _better(term: Term, indexes: Sequence[Index]) -> Term | None:
    if term.is_phrase or len(term.value) > LONGEST_NAME or any(has_word(index, term) for index in indexes):
        return None
    whole = _nearest(fold(term.value), indexes)
    if whole is None:
        pieces = list(_pieces(term.value, indexes))
        if None in pieces:
            return None
        whole = "_".join(piece for piece in pieces if piece is not None)
    # A word whose parts are all known is not misspelled: nothing has them together.
    return replace(term, value=whole, is_prefix=False) if whole not in ("", fold(term.value)) else None


def _pieces(value: str, indexes: Sequence[Index]) -> Iterator[str | None]:
    for piece in name_parts(value):
        known = any(index.vocabulary.has(piece) for index in indexes)
        yield piece if known else _nearest(piece, indexes)


def _nearest(word: str, indexes: Sequence[Index]) -> str | None:
    found = [near for index in indexes if (near := index.vocabulary.nearest(word)) is not None]
    return min(found)[-1] if found else None


def _replaced(node: Node, changes: Mapping[Term, Term]) -> Node:
    if isinstance(node, Term):
        return changes.get(node, node)
    if isinstance(node, Not):
        return node
    parts = tuple(_replaced(part, changes) for part in node.parts)
    return And(parts) if isinstance(node, And) else Or(parts)
