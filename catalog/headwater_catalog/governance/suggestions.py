"""What looks like classified data and says nothing of it: names, docs, types, values; nothing is applied."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from headwater_catalog.governance.kinds_of_data import KINDS, MEASURES, NOT_SO, PLACES, Kind
from headwater_catalog.governance.usual_rules import place_of
from headwater_catalog.query.classified import Classified, classify, flow_of
from headwater_catalog.snapshot import Snapshot
from headwater_catalog.tokens import name_parts

__all__ = ["NO_EVIDENCE", "Evidence", "Suggestion", "suggestions", "would_reach"]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Something that looks classified, and says nothing of it.

    Attributes:
        key: The feature, or an input.
        classification: What it looks like.
        value: What its tag would be.
        reasons: Why, in clauses.
        path: The file; empty of an input that no code declares.
        line: Its first line there; 0 where there is none.
        owners: Whom to ask.
        reaches: How many features downstream would be classified with it.
    """

    key: str
    classification: str
    value: str
    reasons: tuple[str, ...]
    path: str
    line: int
    owners: tuple[str, ...]
    reaches: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for a classification that no source says.

    Attributes:
        reasons: Clauses, by classification and then by the key of a feature or an input.
        imported: The levels of inputs that come from other repositories, by classification and input.
    """

    reasons: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    imported: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


NO_EVIDENCE: Final = Evidence()
"""What is known of a folder."""

_NUMBERS: Final = frozenset(("int", "float", "complex", "Decimal", "int64", "float64", "int32", "float32"))
_TRUTHS: Final = frozenset(("bool", "bool_", "boolean"))
_NAME: Final = re.compile(r"[^\W\d]\w*")
_WORD: Final = re.compile(r"\w+")  # columns may have blanks and dashes in their names


def suggestions(snapshot: Snapshot, day: str, evidence: Evidence = NO_EVIDENCE) -> tuple[Suggestion, ...]:
    """Return what looks classified and says nothing of it, by path and line.

    What something reaches already, and what says anything of the classification itself, is left out; so is
    what another suggestion would reach once it is accepted.

    Args:
        snapshot: The features.
        day: The day on which barriers must hold, as YYYY-MM-DD.
        evidence: What a catalog knows beside the sources.
    """
    found: list[Suggestion] = []
    for tag in dict.fromkeys(kind.classification for kind in KINDS):
        if tag in snapshot.declared.rules.classifications:
            classified = classify(snapshot, tag, day, evidence.imported.get(tag))
            found += _of(snapshot, classified, evidence.reasons.get(tag, {}))
    return tuple(sorted(found, key=lambda each: (not each.path, each.path, each.line, each.key)))


def _of(
    snapshot: Snapshot, classified: Classified, known: Mapping[str, Sequence[str]]
) -> Iterator[Suggestion]:
    tag, said = classified.classification.key, classified.said
    reasons = {}
    for key in snapshot.graph.nodes:
        is_told = key in classified.levels or key in said.levels or key in said.barriers
        if not is_told and (why := (*_reasons(snapshot, tag.casefold(), key), *known.get(key, ()))):
            reasons[key] = why
    reached: dict[str, frozenset[str]] = {}
    beyond: set[str] = set()  # what others bring that a tag can be put on
    for key in reasons:
        if key not in beyond:
            reached[key] = _reached(snapshot, classified, key)
            beyond |= reached[key] if place_of(snapshot, key) is not None else frozenset()
    for key in reached.keys() - beyond:
        place = place_of(snapshot, key)
        where = ("", 0, ()) if place is None else (place.path, place.line, place.owners)
        new = sum(there not in classified.levels for there in reached[key])
        yield Suggestion(key, tag, classified.classification.names[-1], reasons[key], *where, new)


def _reached(snapshot: Snapshot, classified: Classified, key: str) -> frozenset[str]:
    stops = classified.barriers, classified.guarded
    return frozenset(flow_of(snapshot.graph, {key: 1}, *stops).levels) - {key}


def would_reach(
    snapshot: Snapshot, suggestion: Suggestion, day: str, imported: Mapping[str, Mapping[str, int]]
) -> tuple[str, ...]:
    """Return the keys of the features that `reaches` of a suggestion counts, in order."""
    tag = suggestion.classification
    classified = classify(snapshot, tag, day, imported.get(tag))
    return tuple(sorted(_reached(snapshot, classified, suggestion.key) - classified.levels.keys()))


def _reasons(snapshot: Snapshot, tag: str, key: str) -> Iterator[str]:
    node = snapshot.graph.nodes[key]
    written = [part for word in _WORD.findall(node.name) for part in name_parts(word)]
    parts = [part.rstrip("0123456789") or part for part in written]
    types = frozenset(_NAME.findall(node.type))
    if types & _TRUTHS:
        return
    place = place_of(snapshot, key)
    doc = (place.doc if place is not None else "").partition("\n\n")[0].casefold()
    is_measure = NOT_SO.search(_without_numbers(doc)) is not None
    for kind in KINDS:
        if kind.classification != tag or (types & _NUMBERS and not kind.may_be_number):
            continue
        if typed := sorted(kind.types & types):
            yield f"its type {typed[0]} is that of {kind.name}"
        matched = _match(kind, parts)
        if matched is None:
            if not is_measure and MEASURES.isdisjoint(parts) and PLACES.isdisjoint(parts):
                said = (text for text in sorted(kind.said) if _says(doc, text))
                yield from (f"its docs speak of {kind.name} ('{text}')" for text in said)
            continue
        rest = [part for at, part in enumerate(parts) if at not in matched]
        if not is_measure and MEASURES.isdisjoint(rest) and PLACES.isdisjoint(rest):
            phrase = " ".join(written[at] for at in matched)
            yield f"its name looks like that of {kind.name} ('{phrase}')"


def _match(kind: Kind, parts: Sequence[str]) -> range | None:
    """Return the parts of a name that are the longest phrase of a kind; None where none is in it."""
    if tuple(parts) in kind.whole:
        return range(len(parts))
    spans = (range(a, b) for a in range(len(parts)) for b in range(a + 1, min(a + 4, len(parts)) + 1))
    found = [span for span in spans if tuple(parts[at] for at in span) in kind.phrases]
    return max(found, key=len, default=None)


def _says(doc: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(text)}(?!\w)", doc) is not None


def _without_numbers(doc: str) -> str:
    """Return docs without the phrases of which a part would be a measure."""
    return doc.replace("social security number", "").replace("phone number", "").replace("card number", "")
