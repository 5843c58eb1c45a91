"""The whole story of a change for whoever reviews it: meaning, reach, whom to ask, classifications, rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from headwater_catalog.compare import Comparison, FeatureChange, compare
from headwater_catalog.governance.changed import Change, History
from headwater_catalog.governance.check import Checked, check
from headwater_catalog.governance.policies import Author
from headwater_catalog.governance.rule_changes import RuleChange, rule_changes
from headwater_catalog.impact import Impact, impact_of
from headwater_catalog.lineage_hash import Revision
from headwater_catalog.rules import Policy

__all__ = ["Asked", "Review", "owners_of", "review"]

_FELT = ("upstream only",)


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom to ask about a change.

    Attributes:
        name: The owner; empty: nobody owns these.
        changed: How many of its features changed themselves, or were its own before.
        reached: How many others the change reaches.
    """

    name: str
    changed: int
    reached: int


@dataclass(frozen=True)
class Review:
    """What a reviewer of a change must know.

    Attributes:
        comparison: What changed.
        impact: What changed in meaning, and what that reaches.
        checked: What it brings and clears of findings, and what it does to classifications.
        rules: What it does to the rules themselves.
        owners: Whom to ask, whoever has most at stake first.
    """

    comparison: Comparison
    impact: Impact
    checked: Checked
    rules: tuple[RuleChange, ...]
    owners: tuple[Asked, ...]

    @property
    def changed(self) -> tuple[FeatureChange, ...]:
        """The features that changed themselves, by key."""
        return tuple(change for change in self.comparison.features if change.classes != _FELT)


def review(
    repository: str,
    before: Revision,
    after: Revision,
    day: str,
    *,
    authors: Sequence[Author] = (),
    histories: tuple[History, History] = (History(), History()),
    more: Iterable[Policy] = (),
) -> Review:
    """Return what a reviewer of a change must know.

    Args:
        repository: Name of the repository, which queries may ask for.
        before: What it began from.
        after: What it leaves.
        day: The day on which barriers and exceptions must hold, as YYYY-MM-DD.
        authors: Who changed which features.
        histories: What a catalog knows of the history of both.
        more: Policies that hold beside those of the repository.
    """
    comparison = compare(before, after)
    impact = impact_of(comparison, before.snapshot, after.snapshot)
    change = Change(before, after, authors, histories)
    checked = check(repository, after.snapshot, day, change=change, more=more)
    rules = rule_changes(before.snapshot, after.snapshot, day, comparison.moved)
    return Review(comparison, impact, checked, rules, _asked(comparison, impact))


def owners_of(change: FeatureChange) -> tuple[str, ...]:
    """Return who owns a feature that changed, or owned it before: a change of owners concerns both."""
    return tuple(dict.fromkeys(o for variant in (*change.after, *change.before) for o in variant.owners))


def _asked(comparison: Comparison, impact: Impact) -> tuple[Asked, ...]:
    themselves = [change for change in comparison.features if change.classes != _FELT]
    told = {change.key for change in themselves}
    changed = Counter(owner for change in themselves for owner in owners_of(change) or ("",))
    others = (each for each in impact.reached if each.key not in told)
    reached = Counter(owner for each in others for owner in each.owners or ("",))
    found = (Asked(name, changed[name], reached[name]) for name in {**changed, **reached})
    return tuple(sorted(found, key=lambda each: (not each.name, -each.changed, -each.reached, each.name)))
