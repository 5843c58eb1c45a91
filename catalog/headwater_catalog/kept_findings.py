"""Findings kept with their history: from which commit of the main line until which each is there.

All history is judged by the policies that hold at its end, as a change is judged by those that it leaves, and
by one day. The end is judged first; then one commit after the other on the way back, as far as there is time,
so that what began before the first of them is known to be at least as old.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from headwater_catalog.days import today
from headwater_catalog.finding_rows import Held, held_row, held_rows, storable
from headwater_catalog.governance.changed import moved_features, renamed
from headwater_catalog.governance.check import policies_of
from headwater_catalog.governance.fail_closed import unread_declarations
from headwater_catalog.governance.findings import UNREAD, Finding
from headwater_catalog.governance.policies import Ground, is_about_changes, judge, needs_history
from headwater_catalog.governance.usual_rules import usual_findings
from headwater_catalog.line_changes import changed_positions
from headwater_catalog.moments import snapshot_at
from headwater_catalog.past import load_pasts
from headwater_catalog.query.classified import classify
from headwater_catalog.query.index import Index
from headwater_catalog.query.subjects import Scope
from headwater_catalog.repositories import get_repository
from headwater_catalog.rules import Policy
from headwater_catalog.snapshot import Snapshot
from headwater_catalog.storable import clean
from headwater_catalog.store import models
from headwater_catalog.store.bulk import insert_rows, update_by_id
from headwater_catalog.store.models import Commit, Judgement, Repository

if TYPE_CHECKING:
    from headwater_catalog.settings import Settings
    from headwater_catalog.store.database import Database

__all__ = ["keep_findings", "to_be_judged"]

logger = logging.getLogger("headwater.governance")

_FORM: Final = "2"
"""Another one whenever the same commits are judged in another way."""

_MOST_NEWS: Final = 200  # changes at once that are followed; of more, only the last is judged, and then back
_MOST_SECONDS: Final = 10.0  # that one scan spends on it
_UNREAD_SECONDS: Final = 0.2  # of a commit, to see whether what cannot be checked at the end cannot be there

_Found = dict[str, Finding]
"""Findings of a moment by their fingerprints."""


def keep_findings(
    database: Database,
    settings: Settings,
    repository: str,
    stopping: Callable[[], bool] = lambda: False,
    *,
    seconds: float = _MOST_SECONDS,
    day: str | None = None,
) -> bool:
    """Judge what of a main line is not judged yet, and keep it.

    Args:
        database: The catalog.
        settings: Where the mirror is, and the policies of the platform.
        repository: Name of the repository.
        stopping: Asked before each commit; true ends it.
        seconds: How long it may take; it judges one commit at least.
        day: The day on which barriers and exceptions must hold, as YYYY-MM-DD; None: today.

    Returns:
        Whether something is left to be judged.
    """
    end = time.monotonic() + seconds
    with database.read() as session:
        place = get_repository(session, repository)
        if place.scanned_sha is None:
            return False
        line = _Line(session, settings, place, day or today())
        before = line.told
        line.follow(lambda: stopping() or time.monotonic() > end)
    if line.told == before:
        return False
    with database.write() as session:
        return not line.write(session, before) or not line.is_done


def to_be_judged(
    session: Session, settings: Settings, day: str, passed: Collection[tuple[str, str]] = ()
) -> tuple[str, str] | None:
    """Return a repository of which something is not judged yet, or not by a day, and its scanned head.

    Args:
        session: An open session.
        settings: The policies of the platform.
        day: The day.
        passed: What is passed over.
    """
    rows = session.execute(
        select(Repository.name, Repository.scanned_sha)
        .outerjoin(Judgement, Judgement.repository_id == Repository.id)
        .where(Repository.scanned_sha.is_not(None))
        .where(
            or_(
                Judgement.repository_id.is_(None),
                Judgement.sha != Repository.scanned_sha,
                Judgement.day != day,
                Judgement.has_ended.is_(False),
                ~Judgement.made_by.startswith(_platform(settings)),
            )
        )
        .order_by(Repository.id)
    )
    return next(((name, sha) for name, sha in rows if sha and (name, sha) not in passed), None)


@dataclass(frozen=True, slots=True)
class _Head:
    """What is said of the end of a line: findings, policies that cannot be judged, exceptions that hold."""

    found: _Found
    unknown: Mapping[str, str]
    excepted: Mapping[str, int]


class _Line:
    """The findings of a main line at work: what the store has of them, and what is new."""

    def __init__(self, session: Session, settings: Settings, repository: Repository, day: str) -> None:
        self._session, self._repository = session, repository
        self._head = repository.scanned_position
        self._snapshot = snapshot_at(session, repository, self._head)
        self._policies = policies_of(self._snapshot, settings.policies)
        self._with_history = any(map(needs_history, self._policies))
        self._made_by = _made_by(repository, settings, self._policies)
        self._changes: Sequence[int] = ()
        self._held: list[Held] = []
        self._unread: _Found = {}
        self._is_new = False
        self._state: dict[str, Any] = {}
        self._day = day
        judgement = session.get(Judgement, repository.id)
        if judgement is not None:
            self._state = {name: getattr(judgement, name) for name in _STATE}

    @property
    def told(self) -> Mapping[str, Any]:
        """What of the line is judged, by what."""
        return dict(self._state)

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to be judged."""
        return self._state["position"] == self._head and bool(self._state["has_ended"])

    def follow(self, stopping: Callable[[], bool]) -> None:
        """Judge what came since, and then what was before, until told to stop; one commit at least."""
        known = self._state
        now = self._repository.scanned_sha, self._made_by, self._day
        is_current = bool(known) and (known["sha"], known["made_by"], known["day"]) == now
        if is_current and known["has_ended"]:
            return
        self._changes = _changes(self._session, self._repository, self._with_history)
        if is_current:
            self._held = list(held_rows(self._session, self._repository.id, known["since"]))
        else:
            head = self._judged_head()
            if not self._goes_on(head):
                self._begin(head)
            for position in self._news():
                self._step(position)
                if stopping():
                    return
        while not self._state["has_ended"]:
            self._step_back()
            if stopping():
                return

    def _goes_on(self, head: _Head) -> bool:
        """Take up what the store has, where that was found in the same way; tell whether it was."""
        known = self._state
        if not known or known["made_by"] != self._made_by or known["unknown"].keys() != head.unknown.keys():
            return False
        if known["ends"] and known["ends"] < self._day:
            return (
                False  # a barrier or an exception has ended, of main or long ago: all is judged by this day
            )
        if len(self._news()) > _MOST_NEWS:
            return False
        self._held = list(held_rows(self._session, self._repository.id, known["since"]))
        known |= {"day": self._day, "unknown": dict(head.unknown), "excepted": dict(head.excepted)}
        if not self._news():
            known |= {"position": self._head, "sha": self._repository.scanned_sha}
        return True

    def _judged_head(self) -> _Head:
        """Judge the end of the line as a check of it does."""
        ground = Ground(self._index(self._head), self._day, teams=self._snapshot.declared.rules.teams)
        judged = judge(self._policies, ground)
        found = _by_fingerprint((*judged.findings, *self._usual(self._snapshot)))
        self._unread = {key: each for key, each in found.items() if each.rule == UNREAD}
        unread = {each.about: each.message for each in judged.findings if each.rule == UNREAD}
        unknown = {each.rule: each.reason for each in judged.unknown} | unread
        return _Head(found, unknown, Counter(each.rule for each in judged.excepted))

    def _begin(self, head: _Head) -> None:
        """Begin at the end of the line, with nothing that was known before."""
        since = self._changes[bisect_right(self._changes, self._head) - 1]
        self._is_new = True
        self._state = {
            "sha": self._repository.scanned_sha,
            "position": self._head,
            "since": since,
            "has_ended": since == 0,
            "day": self._day,
            "made_by": self._made_by,
            "unknown": dict(head.unknown),
            "excepted": dict(head.excepted),
            "ends": _first_end(*self._ends(self._snapshot), *self._ends_of_exceptions()),
        }
        self._held = [
            Held(each, since, key) for key, each in head.found.items() if each.rule not in self._left_out
        ]

    @property
    def _left_out(self) -> frozenset[str]:
        """The policies of which nothing is kept: those that only changes break, and that cannot be judged."""
        about_changes = (policy.name for policy in self._policies if is_about_changes(policy))
        return frozenset((*about_changes, *self._state["unknown"]))

    def _news(self) -> list[int]:
        """Return where something changed since the last position that was judged."""
        return [each for each in self._changes if self._state["position"] < each <= self._head]

    def _step(self, position: int) -> None:
        """Go on to the next change."""
        found = self._judged(position)
        if found is None:  # it is begun anew the next time
            self._state["made_by"] = ""
            return
        found |= {key: each for key, each in self._unread.items() if key in found}  # as the end tells it
        held = {each.finding.fingerprint: each for each in self._open()}
        pairs = self._pairs({key: each.finding for key, each in held.items()}, found, position)
        for key, each in held.items():
            now = found.get(pairs.get(key, ""))
            if now is None:
                each.until, each.has_changed = position, True
            elif now != each.finding:
                each.finding, each.has_changed = now, True
        come = found.keys() - pairs.values()
        self._held += (Held(found[key], position, key) for key in sorted(come))
        following = next((each for each in self._changes if each > position), self._head + 1)
        self._state["position"] = min(following - 1, self._head)
        self._state["sha"] = _sha(self._session, self._repository, self._state["position"])

    def _step_back(self) -> None:
        """Judge what was before the first change that is judged."""
        since = self._state["since"]
        position = self._changes[bisect_right(self._changes, since - 1) - 1]
        found = self._judged(position)
        if found is None:
            self._state["has_ended"] = True
            return
        going_on = {each.begun_as: each for each in self._held if each.begin == since}
        later = self._pairs(found, going_on, since)
        for key, finding in found.items():
            held = going_on.get(later.get(key, ""))
            if held is None:
                self._held.append(Held(finding, position, key, since))
            else:
                held.begin, held.begun_as, held.has_changed = position, key, True
        self._state |= {"since": position, "has_ended": position == 0}

    def _pairs(self, then: _Found, now: Collection[str], position: int) -> dict[str, str]:
        """Return which findings go on at a change, also where features moved: as what, by what they were."""
        pairs = {key: key for key in then if key in now}
        gone, come = then.keys() - pairs.keys(), set(now) - pairs.keys()
        if gone and come:
            before, after = (self._snapshot_at(each) for each in (position - 1, position))
            moved = moved_features(before, after)
            new = {key: renamed(then[key], moved).fingerprint for key in gone}
            pairs |= {key: there for key, there in new.items() if there in come}
        return pairs

    def _snapshot_at(self, position: int) -> Snapshot:
        return snapshot_at(self._session, self._repository, position)

    def _open(self) -> list[Held]:
        return [each for each in self._held if each.until is None]

    def _judged(self, position: int) -> _Found | None:
        """Return what is wrong at a position; None where that cannot be known."""
        index = self._index(position)
        snapshot = index.scope.snapshot
        policies = [policy for policy in self._policies if policy.name not in self._left_out]
        ground = Ground(index, self._day, teams=snapshot.declared.rules.teams, is_past=True)
        judged = judge(policies, ground)
        if judged.unknown:
            logger.warning("Commit %s of '%s': %s", position, self._repository.name, judged.unknown[0].reason)
            return None
        self._state["ends"] = _first_end(self._state["ends"], *self._ends(snapshot))
        return _by_fingerprint((*judged.findings, *self._usual(snapshot), *self._unread_at(index)))

    def _usual(self, snapshot: Snapshot) -> Iterator[Finding]:
        yield from usual_findings(snapshot, self._day)
        yield from unread_declarations(snapshot)

    def _unread_at(self, index: Index) -> Iterator[Finding]:
        """Return which policies were there and could not be checked, of those that cannot be at the end."""
        names = {each.finding.about for each in self._held if each.finding.rule == UNREAD}
        rules = index.scope.snapshot.declared.rules
        there = {policy.name for policy in rules.policies}
        policies = [
            policy
            for policy in self._policies
            if clean(policy.name) in names and (policy.name in there or not policy.path)
        ]
        judged = judge(policies, Ground(index, self._day, teams=rules.teams), seconds=_UNREAD_SECONDS)
        return (each for each in judged.findings if each.rule == UNREAD)

    def _ends_of_exceptions(self) -> Iterator[str]:
        exceptions = (each for policy in self._policies for each in policy.exceptions)
        return (each.until for each in exceptions if each.until >= self._day)

    def _ends(self, snapshot: Snapshot) -> Iterator[str]:
        """Yield the last days of barriers that hold, the first of each classification."""
        for tag in snapshot.declared.rules.classifications:
            yield classify(snapshot, tag, self._day).said.next_end

    def _index(self, position: int) -> Index:
        snapshot = self._snapshot_at(position)
        pasts = None
        if self._with_history:
            review = snapshot.declared.rules.review
            pasts = load_pasts(self._session, self._repository, position, review)
        at = Commit.repository_id == self._repository.id, Commit.position == position
        now = self._session.scalar(select(Commit.authored_at).where(*at)) or 0
        return Index(Scope(self._repository.name, snapshot, now, pasts, day=self._day))

    def write(self, session: Session, before: Mapping[str, Any]) -> bool:
        """Write down what is new; false where the store is no longer what it was, and nothing is written."""
        wanted = select(Repository).where(Repository.id == self._repository.id).with_for_update()
        place = session.scalars(wanted).one_or_none()
        if place is None or place.scanned_sha != self._repository.scanned_sha:
            return False
        judgement = session.get(Judgement, place.id)
        stored = {} if judgement is None else {name: getattr(judgement, name) for name in _STATE}
        if stored != before:
            return False
        if self._is_new:
            session.execute(delete(models.Finding).where(models.Finding.repository_id == place.id))
        new = (each for each in self._held if each.row is None)
        insert_rows(session, models.Finding, (held_row(place.id, each) for each in new))
        known = (each for each in self._held if each.row is not None and each.has_changed)
        update_by_id(
            session, models.Finding, ({"id": each.row, **held_row(place.id, each)} for each in known)
        )
        if judgement is None:
            session.add(Judgement(repository_id=place.id, **self._state))
        else:
            session.execute(
                update(Judgement).where(Judgement.repository_id == place.id).values(**self._state)
            )
        return True


_STATE: Final = ("sha", "position", "since", "has_ended", "day", "made_by", "unknown", "excepted", "ends")


def _first_end(*days: str) -> str:
    """Return the first of some days; none, where all are empty."""
    return min(filter(None, days), default="")


def _made_by(repository: Repository, settings: Settings, policies: Sequence[Policy]) -> str:
    """Return by what findings are found: of nothing else they are gone on from."""
    return f"{_platform(settings)}{repository.reader_version} {_digest(policies)}"


def _platform(settings: Settings) -> str:
    return f"{_FORM} {_digest(settings.policies)} "


def _digest(policies: Sequence[Policy]) -> str:
    told = json.dumps([asdict(policy) for policy in policies], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:20]


def _changes(session: Session, repository: Repository, with_history: bool) -> list[int]:
    """Return the positions at which something changed that findings depend on, the first one included."""
    if with_history:  # ages change by every commit
        return list(range(repository.scanned_position + 1))
    return changed_positions(session, repository)


def _sha(session: Session, repository: Repository, position: int) -> str:
    wanted = select(Commit.sha).where(Commit.repository_id == repository.id, Commit.position == position)
    return session.scalars(wanted).one()


def _by_fingerprint(findings: Collection[Finding]) -> _Found:
    return {each.fingerprint: each for each in map(storable, findings)}
