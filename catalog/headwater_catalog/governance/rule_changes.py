"""What a change does to the rules themselves: policies, classifications, barriers, tags, teams, owners."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from headwater_catalog.governance.usual_rules import place_of
from headwater_catalog.lineage_graph import input_key
from headwater_catalog.query.classified import Barrier, Said, classify
from headwater_catalog.rules import (
    FOREVER,
    SEVERITIES,
    Anonymiser,
    Classification,
    Policy,
    PolicyException,
    Review,
    Rules,
)
from headwater_catalog.snapshot import Snapshot

__all__ = ["EITHER", "LOOSENS", "NEITHER", "TIGHTENS", "RuleChange", "rule_changes"]

LOOSENS: Final = "loosens"
"""Something is let through that was not."""
EITHER: Final = "either"
"""Which way it goes cannot be told without looking."""
TIGHTENS: Final = "tightens"
"""Something is not let through that was."""
NEITHER: Final = "neither"
"""Only what is said about a rule differs."""

_ORDER: Final = (LOOSENS, EITHER, TIGHTENS, NEITHER)
_OWNERS: Final = "owners"


@dataclass(frozen=True, slots=True)
class RuleChange:
    """A rule that came, went, or is another than it was.

    Attributes:
        kind: "policy", "exception", "classification", "anonymiser", "team", "review", "barrier", "tag" or
            "owners".
        name: Its name: of a barrier and of a tag the key of the feature; of owners and reviews empty.
        about: What else it is about: the policy of an exception, the classification of an anonymiser, of a
            barrier and of a tag.
        change: "added", "removed" or "changed".
        effect: `LOOSENS`, `EITHER`, `TIGHTENS` or `NEITHER`.
        details: What changed of it, in clauses.
        path: The file that says it now; empty where none does.
        line: Its line there; 0: unknown.
        keys: Of owners, the features that have others now.
    """

    kind: str
    name: str
    about: str
    change: str
    effect: str
    details: tuple[str, ...] = ()
    path: str = ""
    line: int = 0
    keys: tuple[str, ...] = ()


def rule_changes(
    before: Snapshot, after: Snapshot, day: str, moved: Mapping[str, str] | None = None
) -> tuple[RuleChange, ...]:
    """Return what a change does to the rules of a repository, what loosens them first.

    Args:
        before: The features before it.
        after: The features after it.
        day: The day on which barriers must hold, as YYYY-MM-DD.
        moved: Features that moved: their keys after, by those before.
    """
    moved = moved or {}
    then, now = before.declared.rules, after.declared.rules
    found = [
        *_policies(then, now),
        *_classifications(then, now),
        *_teams(then, now),
        *_review(then.review, now.review),
        *_tags(before, after, day, moved),
        *_owners(before, after, moved),
    ]
    return tuple(
        sorted(found, key=lambda each: (_ORDER.index(each.effect), each.kind, each.about, each.name))
    )


def _joined(effects: Iterable[str]) -> str:
    """Return the effect of several changes of one rule."""
    left = set(effects) - {NEITHER}
    if len(left) == 1:
        return left.pop()
    return EITHER if left else NEITHER


# Policies


def _policies(then: Rules, now: Rules) -> Iterator[RuleChange]:
    old, new = ({each.name: each for each in side.policies} for side in (then, now))
    for name in {**old, **new}:
        was, is_ = old.get(name), new.get(name)
        if is_ is None:
            yield RuleChange("policy", name, "", "removed", LOOSENS)
            continue
        if was is None:
            yield RuleChange("policy", name, "", "added", TIGHTENS, _said_of(is_), is_.path, is_.line)
        elif fields := dict(_differing(was, is_)):
            details, effect = tuple(fields), _joined(fields.values())
            yield RuleChange("policy", name, "", "changed", effect, details, is_.path, is_.line)
        yield from _exceptions(was.exceptions if was else (), is_)


def _said_of(policy: Policy) -> tuple[str, ...]:
    told = {"severity": policy.severity, "query": policy.query, "scope": policy.scope, "needs": policy.needs}
    return tuple(f"{name} {text}" for name, text in told.items() if text)


def _differing(was: Policy, now: Policy) -> Iterator[tuple[str, str]]:
    """Yield what two versions of a policy say differently, and what that does."""
    for name in ("severity", "query", "scope", "needs", "only_new", "changed_only_by", "message", "owner"):
        old, new = getattr(was, name), getattr(now, name)
        if old != new:
            yield f"{name} was {_text(old)}, now {_text(new)}", _effect_of(name, old, new)


def _effect_of(name: str, old: object, new: object) -> str:
    if name in ("message", "owner"):
        return NEITHER
    if name == "severity":
        return LOOSENS if SEVERITIES.index(str(new)) > SEVERITIES.index(str(old)) else TIGHTENS
    if name == "only_new":
        return LOOSENS if new else TIGHTENS
    if name == "changed_only_by" and old and new and isinstance(old, tuple) and isinstance(new, tuple):
        if set(old) < set(new):
            return LOOSENS
        if set(new) < set(old):
            return TIGHTENS
    return EITHER


def _exceptions(was: Iterable[PolicyException], policy: Policy) -> Iterator[RuleChange]:
    old, new = ({each.feature: each for each in side} for side in (was, policy.exceptions))
    where = policy.path, policy.line
    for feature in {**old, **new}:
        then, now = old.get(feature), new.get(feature)
        about = feature, policy.name
        if now is None:
            yield RuleChange("exception", *about, "removed", TIGHTENS)
        elif then is None:
            details = (f"until {now.until or 'for good'}", *([f"reason {now.reason}"] if now.reason else []))
            yield RuleChange("exception", *about, "added", LOOSENS, details, *where)
        elif then != now:
            effect = _prolonged(then.until or FOREVER, now.until or FOREVER)
            told = {_until(then.until, now.until): effect}
            if then.reason != now.reason:
                told[f"reason was {_text(then.reason)}, now {_text(now.reason)}"] = NEITHER
            yield RuleChange("exception", *about, "changed", _joined(told.values()), tuple(told), *where)


def _prolonged(was: str, now: str) -> str:
    """Return what another last day does to something that lets through."""
    if was == now:
        return NEITHER
    return LOOSENS if now > was else TIGHTENS


def _until(was: str, now: str) -> str:
    return f"until was {was or 'for good'}, now {now or 'for good'}"


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(value) or "nothing"
    return str(value).lower() if isinstance(value, bool) else str(value) or "nothing"


# Classifications and teams


def _classifications(then: Rules, now: Rules) -> Iterator[RuleChange]:
    old, new = then.classifications, now.classifications
    for key in {**old, **new}:
        was, is_ = old.get(key), new.get(key)
        if is_ is None:
            yield RuleChange("classification", key, "", "removed", LOOSENS)
            continue
        if was is None:
            levels = (f"levels {', '.join(is_.levels)}",) if is_.levels else ()
            yield RuleChange("classification", is_.key, "", "added", TIGHTENS, levels)
        else:
            yield from _levels(was, is_)
        yield from _anonymisers(was.anonymisers if was else (), is_)


def _levels(was: Classification, now: Classification) -> Iterator[RuleChange]:
    told = {}
    if was.levels != now.levels:
        told[f"levels were {_text(was.levels)}, now {_text(now.levels)}"] = EITHER
    if was.doc != now.doc:
        told[f"doc was {_text(was.doc)}, now {_text(now.doc)}"] = NEITHER
    if told:
        yield RuleChange("classification", now.key, "", "changed", _joined(told.values()), tuple(told))


def _anonymisers(was: Iterable[Anonymiser], now: Classification) -> Iterator[RuleChange]:
    old, new = ({each.name: each for each in side} for side in (was, now.anonymisers))
    for name in {**old, **new}:
        if name not in new:
            yield RuleChange("anonymiser", name, now.key, "removed", TIGHTENS)
        elif name not in old:
            asked = tuple(f"at least {key} = {least:g}" for key, least in new[name].at_least)
            yield RuleChange("anonymiser", name, now.key, "added", LOOSENS, asked)
        elif old[name] != new[name]:
            least, less = dict(new[name].at_least), dict(old[name].at_least)
            asked = tuple(
                f"at least {key} was {_least(less, key)}, now {_least(least, key)}"
                for key in {**less, **least}
            )
            effect = _joined(
                LOOSENS if least.get(key, float("-inf")) < less.get(key, float("-inf")) else TIGHTENS
                for key in {**less, **least}
                if least.get(key) != less.get(key)
            )
            yield RuleChange("anonymiser", name, now.key, "changed", effect, asked)


def _least(asked: Mapping[str, float], key: str) -> str:
    return f"{asked[key]:g}" if key in asked else "not asked"


def _teams(then: Rules, now: Rules) -> Iterator[RuleChange]:
    for name in {**then.teams, **now.teams}:
        was, is_ = set(then.teams.get(name, ())), set(now.teams.get(name, ()))
        come, gone = sorted(is_ - was), sorted(was - is_)
        if come or gone:
            change = "changed" if name in then.teams and name in now.teams else "added" if come else "removed"
            details = [f"with {', '.join(come)}"] if come else []
            details += [f"without {', '.join(gone)}"] if gone else []
            effect = _joined([*([LOOSENS] if come else []), *([TIGHTENS] if gone else [])])
            yield RuleChange("team", name, "", change, effect, tuple(details))


def _review(was: Review, now: Review) -> Iterator[RuleChange]:
    told = {}
    if was.trailers != now.trailers:
        more, fewer = set(now.trailers) - set(was.trailers), set(was.trailers) - set(now.trailers)
        effect = _joined([*([LOOSENS] if more else []), *([TIGHTENS] if fewer else [])])
        told[f"trailers were {_text(was.trailers)}, now {_text(now.trailers)}"] = effect
    if was.merges != now.merges:
        told[f"merges was {_text(was.merges)}, now {_text(now.merges)}"] = LOOSENS if now.merges else TIGHTENS
    if told:
        yield RuleChange("review", "", "", "changed", _joined(told.values()), tuple(told))


# What features say


def _tags(before: Snapshot, after: Snapshot, day: str, moved: Mapping[str, str]) -> Iterator[RuleChange]:
    tags = dict.fromkeys(tag for each in (before, after) for tag in each.declared.rules.classifications)
    for tag in tags:
        then, now = classify(before, tag, day), classify(after, tag, day)
        was_there = frozenset(moved.get(key, key) for key in _keys(before))
        said, there = _renamed(then.said, moved), _keys(after)
        scales = then.classification, now.classification
        found = (
            *_barriers(tag, said, now.said, there),
            *_levels_said(scales, said, now.said, there & was_there),
        )
        for change in found:
            place = place_of(after, change.name)
            yield change if place is None else replace(change, path=place.path, line=place.line)


def _renamed(said: Said, moved: Mapping[str, str]) -> Said:
    levels = {moved.get(key, key): level for key, level in said.levels.items()}
    barriers = {moved.get(key, key): barrier for key, barrier in said.barriers.items()}
    return Said(levels, barriers, said.unknown)


def _barriers(tag: str, then: Said, now: Said, there: frozenset[str]) -> Iterator[RuleChange]:
    for key in sorted((then.barriers.keys() | now.barriers.keys()) & there):
        was, is_ = then.barriers.get(key), now.barriers.get(key)
        if is_ is None:
            yield RuleChange("barrier", key, tag, "removed", TIGHTENS)
        elif was is None:
            yield RuleChange("barrier", key, tag, "added", LOOSENS, tuple(_explained(is_)))
        elif (was.reason, was.reviewer, was.until) != (is_.reason, is_.reviewer, is_.until):
            effect = _prolonged(was.last_day, is_.last_day)
            yield RuleChange("barrier", key, tag, "changed", effect, tuple(_said_anew(was, is_)))


def _levels_said(
    scales: tuple[Classification, Classification], then: Said, now: Said, there: frozenset[str]
) -> Iterator[RuleChange]:
    """Yield which of what is on both sides says another level; barriers are told apart."""
    tag, names = scales[1].key, [scale.names for scale in scales]
    stopped = then.barriers.keys() | now.barriers.keys()
    for key in sorted((then.levels.keys() | now.levels.keys()) & there - stopped):
        was, is_ = then.levels.get(key), now.levels.get(key)
        said, says = (None if at is None else scale[at] for at, scale in zip((was, is_), names, strict=True))
        if said != says:
            lower = LOOSENS if (is_ or 0) < (was or 0) else TIGHTENS
            effect = EITHER if names[0] != names[1] else lower if (is_ or 0) != (was or 0) else NEITHER
            told = f"says {says or 'nothing'}, said {said or 'nothing'}"
            yield RuleChange("tag", key, tag, "changed", effect, (told,))


def _keys(snapshot: Snapshot) -> frozenset[str]:
    return frozenset((*snapshot.variants, *(input_key(each.name) for each in snapshot.inputs)))


def _explained(barrier: Barrier) -> Iterator[str]:
    yield f"reason {barrier.reason}" if barrier.reason else "no reason is given"
    yield f"reviewer {barrier.reviewer}" if barrier.reviewer else "no reviewer is given"
    yield f"until {barrier.until or 'for good'}"


def _said_anew(was: Barrier, now: Barrier) -> Iterator[str]:
    if was.until != now.until:
        yield _until(was.until, now.until)
    for name in ("reason", "reviewer"):
        if getattr(was, name) != getattr(now, name):
            yield f"{name} was {_text(getattr(was, name))}, now {_text(getattr(now, name))}"


def _owners(before: Snapshot, after: Snapshot, moved: Mapping[str, str]) -> Iterator[RuleChange]:
    """Yield who is asked about features now instead of whom, for all that have the same ones together."""
    found: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for key in before.variants:
        there = moved.get(key, key)
        if there in after.variants:
            pair = _owners_of(before, key), _owners_of(after, there)
            if pair[0] != pair[1]:
                found.setdefault(pair, []).append(there)
    for (was, now), keys in found.items():
        told = f"was {', '.join(was) or 'nobody'}, now {', '.join(now) or 'nobody'}"
        effect = EITHER if now else LOOSENS
        yield RuleChange(_OWNERS, "", "", "changed", effect, (told,), keys=tuple(keys))


def _owners_of(snapshot: Snapshot, key: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(owner for variant in snapshot.variants[key] for owner in variant.owners))
