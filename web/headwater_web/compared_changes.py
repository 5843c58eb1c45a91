"""The features that changed between two commits, as pages list them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from headwater_catalog.compare import FeatureChange
from headwater_catalog.compared import Compared
from headwater_catalog.differences import pair_variants, signature_differences, tag_differences
from headwater_catalog.history import code_diff
from headwater_catalog.views import summary_of

__all__ = ["ChangeRow", "CodeChange", "change_rows", "telling_first"]

_MOST_PAIRS: Final = 250_000  # of lines that a diff compares
_MOST_LINES: Final = 300  # of one difference
_LONGEST_LINE: Final = 1_000
_MOST_TEXT: Final = 250_000  # characters of code on a page


@dataclass(frozen=True, slots=True)
class CodeChange:
    """What changed of the code of one function; `left_out` counts lines that are not among them."""

    key: str
    variant: str
    lines: tuple[str, ...]
    left_out: int

    @property
    def size(self) -> int:
        """How many characters it has."""
        return sum(map(len, self.lines))


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A change with what a page says of it.

    Attributes:
        change: The change.
        module: The module of the feature.
        name: Its name.
        summary: The first line of its documentation, if it is new.
        downstream: How many features are downstream of it.
        words: What changed of its signature and its tags, in clauses.
        codes: What changed of the code of its functions.
        is_cut: Whether there is more code than the page has room for.
        opaque: Why not all is known that it reaches.
    """

    change: FeatureChange
    module: str
    name: str
    summary: str
    downstream: int
    words: tuple[str, ...]
    codes: tuple[CodeChange, ...]
    is_cut: bool
    opaque: tuple[str, ...]


def telling_first(changes: Iterable[FeatureChange]) -> list[FeatureChange]:
    """Return changes in the order in which people look at them: what means something else now comes first."""
    return sorted(changes, key=_rank)


def _rank(change: FeatureChange) -> int:
    if change.classes == ("upstream only",):
        return 4
    if not change.before or not change.after:
        return 3 if change.after else 2
    return 0 if change.is_of_meaning else 1


def change_rows(compared: Compared, changes: Sequence[FeatureChange]) -> list[ChangeRow]:
    """Return rows for some changes, with as much code as a page has room for."""
    room = _MOST_TEXT
    rows: list[ChangeRow] = []
    for change in changes:
        codes = tuple(_codes(change)) if room > 0 else ()
        room -= sum(code.size for code in codes)
        rows.append(_row(compared, change, codes, is_cut=room <= 0 and not codes))
    return rows


def _row(
    compared: Compared, change: FeatureChange, codes: tuple[CodeChange, ...], *, is_cut: bool
) -> ChangeRow:
    first = (change.after or change.before)[0]
    return ChangeRow(
        change=change,
        module=first.module,
        name=first.name,
        summary="" if change.before else summary_of(first.doc),
        downstream=compared.downstream_of(change) if change.is_of_meaning else 0,
        words=tuple(dict.fromkeys(_words(change))),
        codes=codes,
        is_cut=is_cut,
        opaque=compared.opaque.get(change.key, ()),
    )


def _words(change: FeatureChange) -> Iterator[str]:
    for old, new in pair_variants(change.before, change.after):
        if old is not None and new is not None:
            yield from signature_differences(old, new)
            yield from tag_differences(old, new)


def _codes(change: FeatureChange) -> Iterator[CodeChange]:
    for old, new in pair_variants(change.before, change.after):
        was, now = (side.source if side is not None else None for side in (old, new))
        if was != now:
            lines = code_diff(was, now, most=_MOST_PAIRS)
            shown = tuple(line[:_LONGEST_LINE] for line in lines[:_MOST_LINES])
            variant = (new or old or change.after[0]).variant
            yield CodeChange(change.key, variant, shown, len(lines) - len(shown))
