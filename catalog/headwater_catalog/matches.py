"""Why a hit matched: the piece of text that a query's words stand in, and where in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from headwater_catalog.query.words import Expression, Phrase, holds, phrases_of
from headwater_catalog.tokens import Word, normal, text_tokens, words_in

__all__ = ["Match", "explain"]

_WIDTH = 160  # characters of a fragment


@dataclass(frozen=True, slots=True)
class Match:
    """Where some words of a query stand.

    Attributes:
        field: One of "name", "owner", "tags", "module", "variant", "part", "docs" and "code".
        fragment: A line, or a piece of it, around the first place.
        spans: Where the words begin and end in the fragment, in order and apart from each other.
    """

    field: str
    fragment: str
    spans: tuple[tuple[int, int], ...]

    @property
    def pieces(self) -> tuple[tuple[str, bool], ...]:
        """The fragment cut into pieces, each with whether it matched."""
        cuts = [(0, 0), *self.spans, (len(self.fragment), len(self.fragment))]
        found: list[tuple[str, bool]] = []
        for (start, end), (following, _) in pairwise(cuts):
            found += [(self.fragment[start:end], True), (self.fragment[end:following], False)]
        return tuple(piece for piece in found if piece[0])


def explain(wanted: Sequence[Expression], texts: Iterable[tuple[str, str]]) -> tuple[Match, ...]:
    """Return where the wanted expressions hold.

    Args:
        wanted: What the query looks for.
        texts: What a feature is found by: pairs of field and text, the most telling first. Later texts are
            looked at only for what earlier ones do not explain.
    """
    matches: list[Match] = []
    left = list(wanted)
    for field, text in texts:
        if not left:
            break
        tokens = text_tokens(text)
        here = [expression for expression in left if holds(expression, tokens)]
        if here:
            left = [expression for expression in left if expression not in here]
            phrases = [phrase for found in here for phrase in phrases_of(found)]
            matches.append(_match(field, normal(text), phrases))
    return tuple(matches)


def _match(field: str, text: str, phrases: Sequence[Phrase]) -> Match:
    for line in text.splitlines():
        if not any(_is_meant(token, phrases) for token in text_tokens(line)):
            continue
        spans = _merged([span for word in words_in(line) if (span := _meant(word, phrases))])
        if spans:
            return _cut(field, line, spans)
    return Match(field, text[:_WIDTH], ())


def _is_meant(token: str, phrases: Sequence[Phrase]) -> bool:
    return any(
        token in phrase.tokens or (phrase.prefix and token.startswith(phrase.tokens[-1]))
        for phrase in phrases
    )


def _meant(word: Word, phrases: Sequence[Phrase]) -> tuple[int, int] | None:
    """Return the part of a word that a phrase asks for: all of it, or the beginning that was typed."""
    token, start, end = word
    if any(token in phrase.tokens for phrase in phrases):
        return start, end
    begun = [len(p.tokens[-1]) for p in phrases if p.prefix and token.startswith(p.tokens[-1])]
    return (start, min(end, start + max(begun))) if begun else None


def _merged(found: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    for start, end in sorted(found, key=lambda span: (span[0], -span[1])):
        if spans and start < spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    return spans


def _cut(field: str, line: str, spans: Sequence[tuple[int, int]]) -> Match:
    """Return the match with a line cut to what is worth showing around the first span."""
    start = max(0, spans[0][0] - _WIDTH // 3) if len(line) > _WIDTH else 0
    start += len(line[start:]) - len(line[start:].lstrip())
    fragment = line[start : start + _WIDTH].rstrip()
    inside = ((s - start, e - start) for s, e in spans if e - start <= len(fragment))
    return Match(field, fragment, tuple(inside))
