"""What a word or phrase of a query asks of a text: tokens that stand there, alone or one after the other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from headwater_catalog.tokens import fold, name_parts, normal, text_tokens

__all__ = ["AllOf", "AnyOf", "Expression", "Phrase", "holds", "phrase", "phrases_of", "word"]

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Phrase:
    """Tokens that stand one after the other; with `prefix` the last may go on."""

    tokens: tuple[str, ...]
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every one of some expressions."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of some expressions."""

    parts: tuple[Expression, ...]


Expression = Phrase | AllOf | AnyOf


@lru_cache(maxsize=1024)  # a search asks again and again what its terms mean
def word(text: str, *, prefix: bool = False) -> Expression | None:
    """Return what a word asks for: itself or all of its parts; with `prefix` it may go on.

    Returns:
        None if the text has no letter and no digit.
    """
    words = [found for found in _WORD.findall(normal(text)) if fold(found).strip("_")]
    asked = [_word(found, prefix and at == len(words)) for at, found in enumerate(words, 1)]
    if not asked:
        return None
    return asked[0] if len(asked) == 1 else AllOf(tuple(asked))


def _word(found: str, prefix: bool) -> Expression:
    whole, parts = Phrase((fold(found),), prefix), name_parts(found)
    if len(parts) < 2:
        return whole
    split = (Phrase((part,), prefix and at == len(parts)) for at, part in enumerate(parts, 1))
    return AnyOf((whole, AllOf(tuple(split))))


@lru_cache(maxsize=1024)
def phrase(text: str) -> Expression | None:
    """Return what a phrase asks for: its words side by side; None if it has no letter and no digit."""
    # A text has the parts of a compound after it, which a name in the phrase may or may not mean to say.
    whole = tuple(token for token in map(fold, _WORD.findall(normal(text))) if token.strip("_"))
    expanded = tuple(text_tokens(text))
    if not whole:
        return None
    return Phrase(whole) if whole == expanded else AnyOf((Phrase(whole), Phrase(expanded)))


def holds(expression: Expression, tokens: Sequence[str]) -> bool:
    """Tell whether an expression holds in a list of tokens."""
    if isinstance(expression, AllOf):
        return all(holds(part, tokens) for part in expression.parts)
    if isinstance(expression, AnyOf):
        return any(holds(part, tokens) for part in expression.parts)
    *before, last = expression.tokens
    return any(
        (tokens[at] == last or (expression.prefix and tokens[at].startswith(last)))
        and list(tokens[at - len(before) : at]) == before
        for at in range(len(before), len(tokens))
    )


def phrases_of(expression: Expression) -> Iterator[Phrase]:
    """Yield the phrases that an expression is made of."""
    if isinstance(expression, Phrase):
        yield expression
    else:
        for part in expression.parts:
            yield from phrases_of(part)
