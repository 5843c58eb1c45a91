"""What a classification reaches at a moment, also what comes from other repositories."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from headwater_catalog.cross_repository import Drawn, drawn_from
from headwater_catalog.days import today
from headwater_catalog.moments import Moment
from headwater_catalog.query.classified import Classified, classify
from headwater_catalog.rules import Classification
from headwater_catalog.snapshot import Snapshot

__all__ = ["classify_all", "classify_at", "draws_from_others", "imported_levels"]


def classify_at(moment: Moment, tag: str, day: str | None = None) -> Classified:
    """Return what a classification reaches at a moment.

    Args:
        moment: The moment.
        tag: Key of the classification, or of any other tag, in letters of any case.
        day: The day on which barriers must hold, as YYYY-MM-DD; None: today.
    """
    return classify(moment.snapshot, tag, day, imported_levels(moment, (tag,), day)[tag])


def classify_all(moment: Moment, day: str | None = None) -> dict[str, Classified]:
    """Return what each declared classification reaches at a moment, by its key."""
    imported = imported_levels(moment, moment.snapshot.declared.rules.classifications, day)
    return {tag: classify(moment.snapshot, tag, day, levels) for tag, levels in imported.items()}


def imported_levels(
    moment: Moment, tags: Iterable[str], day: str | None = None
) -> dict[str, Mapping[str, int]]:
    """Return the levels of inputs and tables that come from other repositories, by tag and their keys.

    Repositories may draw from each other in circles: what flows is followed until nothing more does. Levels
    of other repositories are told apart by their names, and one that is not known here is the highest.
    """
    if not draws_from_others(moment.snapshot):
        return {tag: {} for tag in tags}
    drawn = drawn_from(moment)
    return {tag: _imported(drawn, tag, day or today()) for tag in tags}


def draws_from_others(snapshot: Snapshot) -> bool:
    """Tell whether anything may come from another repository, by a declared source or by a table."""
    if any(flow.upstream for flow in snapshot.dataflows):
        return True
    return bool(snapshot.tables.shared(is_filled=False))


def _imported(drawn: Drawn, tag: str, day: str) -> Mapping[str, int]:
    found: dict[str, dict[str, int]] = {label: {} for label in drawn.moments}
    pending = dict.fromkeys(drawn.moments)
    while pending:
        label = next(iter(pending))
        del pending[label]
        classified = classify(drawn.moments[label].snapshot, tag, day, found[label])
        for source, theirs in classified.levels.items():
            for there, key in drawn.targets(label, source):
                known = drawn.moments[there].snapshot.declared.rules.classification(tag)
                level = _translated(classified.classification, theirs, known)
                if level > found[there].get(key, 0):
                    found[there][key] = level
                    pending[there] = None
    return found[drawn.label]


def _translated(theirs: Classification, level: int, ours: Classification) -> int:
    """Return what a level of one repository is in another: what flows there flows here."""
    if theirs.names == ours.names:
        return level
    return max(1, ours.level(theirs.names[level]))
