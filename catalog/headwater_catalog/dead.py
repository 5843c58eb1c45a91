"""Dead features: what nothing has needed for some days, with the proof; and where that cannot be known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select

from headwater_catalog.moments import Moment
from headwater_catalog.past import load_pasts
from headwater_catalog.query.subjects import Past
from headwater_catalog.recent import RecentOf
from headwater_catalog.snapshot import Snapshot, SnapshotFeature, owners_of
from headwater_catalog.store.models import (
    Dataset,
    DatasetVersion,
    Job,
    Ref,
    Repository,
    Run,
    RunNode,
)
from headwater_catalog.uses import Proof, Uses, uses_of

__all__ = ["DAYS", "DEAD", "STATES", "DeadFeatures", "LastUse", "Unneeded", "dead_features"]

DAYS: Final = 90
"""Over how many days, unless somebody says."""

DEAD: Final = "dead"
ELSEWHERE: Final = "elsewhere"
UNKNOWN: Final = "unknown"
NEW: Final = "new"
STATES: Final[Mapping[str, str]] = {
    DEAD: "Nothing has needed them for so long.",
    ELSEWHERE: "Only other branches need them.",
    UNKNOWN: "Nothing is known to need them, and something may.",
    NEW: "Nothing needs them, and they came less than so long ago.",
}
"""What is told of features that nothing is known to need on the main line."""

_MOST_RUNS: Final = 100  # before these days, that the last use of a feature is looked for in
_MOST_KEPT: Final = 200_000  # features of all answers


@dataclass(frozen=True, slots=True)
class LastUse:
    """The last run that computed a node of a feature's name.

    Attributes:
        run: Its number.
        at: When it was asked for.
        dataset: The dataset that it saved; empty for none.
    """

    run: int
    at: int
    dataset: str


@dataclass(frozen=True, slots=True)
class Unneeded:
    """A feature that nothing is known to need on the main line.

    Attributes:
        feature: What the first of its functions makes.
        owners: Whom to ask about it.
        state: One of `STATES`.
        reason: Why that is so, in a clause.
        past: When it came and when it changed; None where no history is known.
        last: The last run that computed it, of those that were looked at.
    """

    feature: SnapshotFeature
    owners: tuple[str, ...]
    state: str
    reason: str
    past: Past | None
    last: LastUse | None

    @property
    def key(self) -> str:
        """Its key."""
        return self.feature.key


@dataclass(frozen=True, slots=True)
class DeadFeatures:
    """What of a repository nothing is known to need on its main line.

    Attributes:
        repository: Its name.
        proof: What was looked at.
        found: These features: by state, then by module and name.
        needed: How many others there are.
    """

    repository: str
    proof: Proof
    found: tuple[Unneeded, ...]
    needed: int

    @property
    def counts(self) -> Mapping[str, int]:
        """How many there are of each state."""
        counted = Counter(each.state for each in self.found)
        return {state: counted[state] for state in STATES}


def dead_features(head: Moment, days: int, day: str) -> DeadFeatures:
    """Return what of a repository nothing has needed for some days; it is found once for a day.

    Args:
        head: The repository at its scanned head.
        days: For how many days before the beginning of `day`.
        day: The day, as YYYY-MM-DD.
    """
    stored = head.repository
    key = (stored.id, stored.name, stored.reader_version, head.commit.sha, days, day, *_signs(head))
    return _KEPT[head.session].get(key, lambda: _find(head, days, day))


def _signs(head: Moment) -> tuple[object, ...]:
    """Return what tells whether something new may need features."""
    session, number = head.session, head.repository.id
    refs = session.execute(select(Ref.name, Ref.sha).where(Ref.repository_id == number).order_by(Ref.name))
    run = select(func.max(Run.id)).where(Run.repository_id == number).scalar_subquery()
    dataset = select(func.max(DatasetVersion.id)).join(Dataset).where(Dataset.repository_id == number)
    last = session.execute(select(run, dataset.scalar_subquery())).one()
    drawing = session.execute(
        select(Repository.name, Repository.scanned_sha)
        .where(Repository.id != number, Repository.scanned_sha.is_not(None))
        .order_by(Repository.name)
    )
    return hash(tuple(map(tuple, refs))), *last, tuple(map(tuple, drawing))


def _find(head: Moment, days: int, day: str) -> DeadFeatures:
    uses = uses_of(head, days, day)
    snapshot = head.snapshot
    left = [variants[0] for key, variants in snapshot.variants.items() if key not in uses.needed]
    review = snapshot.declared.rules.review
    pasts = load_pasts(head.session, head.repository, head.require_position(), review) if left else {}
    lasts = _last_uses(head, left)
    judge = _Judge(uses, snapshot)
    found = []
    for feature in left:
        past = pasts.get(feature.key)
        owners = owners_of(snapshot.variants[feature.key])
        found.append(Unneeded(feature, owners, *judge.state(feature, past), past, lasts.get(feature.name)))
    order = list(STATES)
    found.sort(key=lambda each: (order.index(each.state), each.feature.module, each.feature.name))
    return DeadFeatures(head.repository.name, uses.proof, tuple(found), len(snapshot.variants) - len(left))


class _Judge:
    """Says of what nothing is known to need whether it is dead, and why."""

    def __init__(self, uses: Uses, snapshot: Snapshot) -> None:
        self._uses = uses
        self._flows = {name: flow.modules for name, flow in uses.main_line.flows.items() if flow.outputs}
        self._open = {name: flow.modules for name, flow in uses.main_line.flows.items() if not flow.outputs}
        # One that declared outputs, and declares none any more, may be for anything now.
        self._open |= {each.name: frozenset(each.modules) for each in snapshot.dataflows if not each.outputs}
        self._unsure: dict[str, tuple[str, str]] = {}
        for key in sorted(uses.needed & uses.main_line.unsure.keys()):
            module = key.rpartition(":")[0]
            for name in self._of(module, self._flows):
                self._unsure.setdefault(name, (key, uses.main_line.unsure[key]))

    def state(self, feature: SnapshotFeature, past: Past | None) -> tuple[str, str]:
        """Return one of `STATES`, and why that is so."""
        uses = self._uses
        branches = uses.elsewhere.get(feature.key) or uses.elsewhere_named.get(feature.name)
        if branches:
            more = f" and {len(branches) - 3} more" if len(branches) > 3 else ""
            return ELSEWHERE, f"needed on {', '.join(branches[:3])}{more}"
        if past is not None and past.added >= uses.proof.instant:
            return NEW, "it came after that"
        doubt = self._doubt(feature)
        if doubt:
            return UNKNOWN, doubt
        within = self._of(feature.module, self._flows)
        flows = ", ".join(f"'{name}'" for name in within)
        return DEAD, f"no output of {flows} needs it" if within else "it is in no dataflow"

    def _doubt(self, feature: SnapshotFeature) -> str:
        """Return why something may need a feature after all."""
        if self._uses.proof.doubts:
            return self._uses.proof.doubts[0]
        if not self._flows:
            return "no dataflow declares outputs, so that any feature may be what one is for"
        for name in self._of(feature.module, self._open):
            return f"dataflow '{name}' declares no outputs, so that any feature of it may be what it is for"
        for name in self._of(feature.module, self._flows):
            if name in self._unsure:
                key, reason = self._unsure[name]
                return f"'{key}' may need more than is known: {reason}"
        return ""

    def _of(self, module: str, flows: Mapping[str, frozenset[str]]) -> list[str]:
        return [name for name, modules in flows.items() if module in modules]


def _last_uses(head: Moment, features: Sequence[SnapshotFeature]) -> Mapping[str, LastUse]:
    """Return the last runs that computed nodes of the names of features, by that name."""
    session, names = head.session, {feature.name for feature in features}
    wanted = select(Run.id).where(Run.repository_id == head.repository.id).order_by(Run.id.desc())
    runs = list(session.scalars(wanted.limit(_MOST_RUNS))) if names else []
    if not runs:
        return {}
    rows = session.execute(
        select(RunNode.name, func.max(RunNode.run_id)).where(RunNode.run_id.in_(runs)).group_by(RunNode.name)
    )
    last = {name: run for name, run in rows if name in names}
    told = session.execute(
        select(Run.id, Job.created_at, Dataset.name)
        .join(Job, Job.id == Run.job_id)
        .outerjoin(DatasetVersion, DatasetVersion.run_id == Run.id)
        .outerjoin(Dataset, Dataset.id == DatasetVersion.dataset_id)
        .where(Run.id.in_(set(last.values())))
    )
    found = {run: LastUse(run, at, dataset or "") for run, at, dataset in told}
    return {name: found[run] for name, run in last.items() if run in found}


_KEPT: Final = RecentOf[DeadFeatures](lambda found: len(found.found) + 1, _MOST_KEPT)
