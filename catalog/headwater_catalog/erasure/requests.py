"""Erasures that somebody asks for: planned, begun, settled item by item, closed; the log has each step."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.orm import Session, joinedload

from headwater_catalog import jobs
from headwater_catalog.accounts.events import Asked, note
from headwater_catalog.days import today
from headwater_catalog.erasure.columns import seeds_of
from headwater_catalog.erasure.items import BY_HAND, DONE, HERE, OPEN, STANDINGS, STATES, digest_of
from headwater_catalog.errors import Conflict, NotFound
from headwater_catalog.jobs import FINISHED
from headwater_catalog.storable import clean
from headwater_catalog.store.bulk import chunks
from headwater_catalog.store.models import Erasure, ErasureItem, Job, Repository

if TYPE_CHECKING:
    from headwater_catalog.settings import Settings

__all__ = [
    "KIND",
    "LONGEST_NOTE",
    "Chosen",
    "Stage",
    "begin_erasure",
    "close_erasure",
    "count_all_items",
    "count_items",
    "get_erasure",
    "items_digest",
    "list_erasures",
    "list_items",
    "mark_items",
    "request_erasure",
    "subject_of",
    "withdraw_erasure",
]

KIND: Final = "erasure"
"""The kind of the jobs that plan and erase."""

LONGEST_NOTE: Final = 500
_REFERENCE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/#-]{0,99}")
_BATCH: Final = 5_000


class Stage:
    """How far an erasure is."""

    PLANNING: Final = "planning"
    PLANNED: Final = "planned"
    ERASING: Final = "erasing"
    ERASED: Final = "erased"
    CLOSED: Final = "closed"
    WITHDRAWN: Final = "withdrawn"


@dataclass(frozen=True, slots=True)
class Chosen:
    """Some items of an erasure; what is empty leaves none out.

    Attributes:
        kind: Of this kind.
        standing: That stand so.
        state: Of which that became.
        items: With these numbers.
    """

    kind: str = ""
    standing: str = ""
    state: str = ""
    items: Collection[int] = field(default_factory=tuple)

    def conditions(self, number: int) -> list[ColumnElement[bool]]:
        """Return what items of an erasure must be."""
        found: list[ColumnElement[bool]] = [ErasureItem.erasure_id == number]
        if self.kind:
            found.append(ErasureItem.kind == self.kind)
        if self.standing:
            found.append(ErasureItem.standing == self.standing)
        if self.state:
            found.append(ErasureItem.state == self.state)
        if self.items:
            found.append(ErasureItem.id.in_(self.items))
        return found


def request_erasure(
    session: Session,
    settings: Settings,
    repository: Repository,
    columns: Sequence[str],
    reference: str,
    asked: Asked,
    now: int,
) -> Erasure:
    """Store that what was made from columns is to be erased, and queue the making of the plan.

    Args:
        session: An open write transaction.
        settings: Where files are.
        repository: The repository of the columns.
        columns: As `columns.seeds_of` takes them.
        reference: Why: a number or a name of your own for the request, which tells nothing of a person.
        asked: Who asks.
        now: The present instant.

    Raises:
        NotFound: There was never such a column.
        Conflict: The reference is none.
    """
    columns = list(dict.fromkeys(each.strip() for each in columns if each.strip()))
    seeds_of(session, repository, columns)
    if not _REFERENCE.fullmatch(reference):
        raise Conflict(
            f"{reference!r:.80} is no reference. Give the number of the request in your own register, such "
            "as DSR-2026-17: letters, digits and . _ / # - alone. It stays, so it must not tell of a person."
        )
    erasure = Erasure(
        repository_id=repository.id,
        columns=columns,
        reference=reference,
        state=Stage.PLANNING,
        requested_by=clean(asked[0]),
        requested_at=now,
        day=today(),
        counts_as={},
        unknown=[],
        standings=[],
    )
    session.add(erasure)
    session.flush()
    _enqueue(session, erasure, asked, now)
    note(session, "erasure requested", asked, subject_of(erasure), now, columns=columns, reference=reference)
    return erasure


def _enqueue(session: Session, erasure: Erasure, asked: Asked, now: int) -> Job:
    payload = {"erasure": erasure.id}
    job = jobs.enqueue(session, KIND, payload, erasure.repository_id, asked[0], now)
    erasure.job_id = job.id
    return job


def subject_of(erasure: Erasure) -> str:
    """Return what the event log calls an erasure."""
    return f"erasure {erasure.id} of {erasure.repository.name}"


def get_erasure(session: Session, number: int, *, for_update: bool = False) -> Erasure:
    """Return an erasure by its number.

    Raises:
        NotFound: There is none.
    """
    wanted = select(Erasure).options(joinedload(Erasure.repository)).where(Erasure.id == number)
    if for_update:
        wanted = wanted.with_for_update(of=Erasure)
    found = session.scalars(wanted.execution_options(populate_existing=True)).one_or_none()
    if found is None:
        raise NotFound(f"There is no erasure {number}. See the list of erasures for those there are.")
    return found


def list_erasures(
    session: Session,
    repositories: Collection[int] | None = None,
    *,
    before: int | None = None,
    limit: int = 50,
) -> list[Erasure]:
    """Return erasures, the latest first.

    Args:
        session: An open session.
        repositories: Only those of columns of these; None: of all.
        before: Only those with a lower number than this.
        limit: How many at most.
    """
    wanted = select(Erasure).options(joinedload(Erasure.repository)).order_by(Erasure.id.desc()).limit(limit)
    if repositories is not None:
        wanted = wanted.where(Erasure.repository_id.in_(repositories))
    if before is not None:
        wanted = wanted.where(Erasure.id < before)
    return list(session.scalars(wanted))


def list_items(
    session: Session,
    number: int,
    chosen: Chosen,
    *,
    after: int | None = None,
    offset: int = 0,
    limit: int = 50,
) -> list[ErasureItem]:
    """Return items of an erasure, by kind, standing and state.

    Args:
        session: An open session, which finds those of repositories that its reader may see.
        number: The erasure.
        chosen: Which ones.
        after: Only those with a higher number than this, and in the order of these.
        offset: How many to leave out first.
        limit: How many at most.
    """
    wanted = select(ErasureItem.id).where(*chosen.conditions(number))
    if after is None:
        grouped = ErasureItem.kind, ErasureItem.standing, ErasureItem.state
        wanted = wanted.order_by(*grouped, ErasureItem.id)
    else:
        wanted = wanted.where(ErasureItem.id > after).order_by(ErasureItem.id)
    # The index alone tells which rows a page has, however many come before.
    numbers = list(session.scalars(wanted.offset(offset).limit(limit)))
    found: dict[int, ErasureItem] = {}
    for some in chunks(numbers):
        rows = select(ErasureItem).options(joinedload(ErasureItem.repository))
        found |= {item.id: item for item in session.scalars(rows.where(ErasureItem.id.in_(some)))}
    return [found[each] for each in numbers if each in found]


def count_items(
    session: Session, number: int, chosen: Chosen | None = None
) -> dict[tuple[str, str, str], int]:
    """Return how many items an erasure has, by kind, standing and state."""
    columns = ErasureItem.kind, ErasureItem.standing, ErasureItem.state
    conditions = (chosen or Chosen()).conditions(number)
    rows = session.execute(select(*columns, func.count(ErasureItem.id)).where(*conditions).group_by(*columns))
    return {(kind, standing, state): count for kind, standing, state, count in rows}


def count_all_items(session: Session, numbers: Collection[int]) -> dict[int, dict[tuple[str, str, str], int]]:
    """Return how many items each of some erasures has, by kind, standing and state."""
    columns = ErasureItem.erasure_id, ErasureItem.kind, ErasureItem.standing, ErasureItem.state
    found: dict[int, dict[tuple[str, str, str], int]] = {number: {} for number in numbers}
    for some in chunks(numbers):
        wanted = select(*columns, func.count(ErasureItem.id)).where(ErasureItem.erasure_id.in_(some))
        for number, kind, standing, state, count in session.execute(wanted.group_by(*columns)):
            found[number][kind, standing, state] = count
    return found


def items_digest(session: Session, number: int) -> str:
    """Return one hash of what the items of an erasure are, and of what became of each."""

    def rows() -> Any:
        after = 0
        while found := list_items(session, number, Chosen(), after=after, limit=_BATCH):
            for item in found:
                told = {column.name: getattr(item, column.name) for column in ErasureItem.__table__.columns}
                yield {**told, "place": [item.place, item.state, item.note]}
            after = found[-1].id
            session.expunge_all()

    return digest_of(rows())


def begin_erasure(
    session: Session, number: int, standings: Collection[str], asked: Asked, now: int
) -> Erasure:
    """Confirm that Headwater erases what it holds itself, and queue that; the log has it before the act.

    Args:
        session: An open write transaction.
        number: The erasure.
        standings: Of which items; those that are derived always.
        asked: Who confirms.
        now: The present instant.

    Raises:
        NotFound: There is no such erasure.
        Conflict: It is not planned yet, goes on already, or is over.
    """
    erasure = get_erasure(session, number, for_update=True)
    goes_on = _job_goes_on(session, erasure)
    if erasure.state not in (Stage.PLANNED, Stage.ERASED) and not (
        erasure.state == Stage.ERASING and not goes_on
    ):
        raise Conflict(f"Erasure {number} cannot be begun: it is {erasure.state}.")
    chosen = {"derived", *erasure.standings, *standings}
    erasure.standings = [each for each in STANDINGS if each in chosen]
    erasure.state = Stage.ERASING
    erasure.begun_by, erasure.begun_at, erasure.erased_at = clean(asked[0]), now, None
    _enqueue(session, erasure, asked, now)
    told = {"reference": erasure.reference, "standings": erasure.standings, "items": erasure.digest}
    note(session, "erasure begun", asked, subject_of(erasure), now, columns=erasure.columns, **told)
    return erasure


def _job_goes_on(session: Session, erasure: Erasure) -> bool:
    job = session.get(Job, erasure.job_id) if erasure.job_id else None
    return job is not None and job.state not in FINISHED


def mark_items(
    session: Session, number: int, chosen: Chosen, state: str, why: str, asked: Asked, now: int
) -> int:
    """Say of items what became of them, and return of how many.

    What Headwater has erased stays so, and it alone says so of what it holds itself.

    Args:
        session: An open write transaction.
        number: The erasure.
        chosen: Which items.
        state: What became of them.
        why: Why they stay, or what was done.
        asked: Who says so.
        now: The present instant.

    Raises:
        NotFound: There is no such erasure, or no such item that can be marked so.
        Conflict: The erasure is over, or something is said that cannot be.
    """
    erasure = get_erasure(session, number, for_update=True)
    why = clean(why).strip()
    if erasure.state not in (Stage.PLANNED, Stage.ERASING, Stage.ERASED):
        raise Conflict(f"Erasure {number} is {erasure.state}, so nothing of it can be marked.")
    if state not in STATES:
        raise Conflict(f"An item is {', '.join(STATES)}, and not {state!r:.40}.")
    if (not why and state != OPEN) or len(why) > LONGEST_NOTE:
        raise Conflict(
            f"Say why in at most {LONGEST_NOTE} characters: for how long something stays and by which rule, "
            "or who has erased it and how. Tell nothing of a person: the note stays."
        )
    # What is done here was done by Headwater, and code needs nothing.
    kinds = list(BY_HAND) if state == DONE else [*BY_HAND, *HERE]
    conditions = [*chosen.conditions(number), ErasureItem.kind.in_(kinds)]
    conditions.append(ErasureItem.kind.in_(list(BY_HAND)) | (ErasureItem.state != DONE))
    marked = update(ErasureItem).where(*conditions)
    values = {"state": state, "note": why, "settled_by": clean(asked[0]), "settled_at": now}
    count = session.execute(
        marked.values(**values), execution_options={"synchronize_session": False}
    ).rowcount  # type: ignore[attr-defined]
    if not count:
        raise NotFound(
            "No such item can be marked so. What Headwater holds itself is done when it has erased it; see "
            "the list of items."
        )
    told = {"what": chosen.kind, "standing": chosen.standing, "numbers": sorted(chosen.items)[:100]}
    more = {name: value for name, value in told.items() if value}
    note(
        session, "erasure marked", asked, subject_of(erasure), now, state=state, why=why, count=count, **more
    )
    return int(count)


def close_erasure(session: Session, number: int, asked: Asked, now: int) -> Erasure:
    """End an erasure: nothing of it changes any more, and its record is what it is from then on.

    Raises:
        NotFound: There is no such erasure.
        Conflict: Something of it is still open.
    """
    erasure = get_erasure(session, number, for_update=True)
    if erasure.state not in (Stage.PLANNED, Stage.ERASED):
        raise Conflict(f"Erasure {number} cannot be closed: it is {erasure.state}.")
    still = sum(count_items(session, number, Chosen(state=OPEN)).values())
    if still:
        raise Conflict(
            f"{still:,} of its items {'is' if still == 1 else 'are'} still open. Have Headwater erase what "
            "it holds, and say of the others that they are done, or why they stay."
        )
    digest = items_digest(session, number)
    erasure = get_erasure(session, number)
    erasure.state = Stage.CLOSED
    erasure.closed_by, erasure.closed_at = clean(asked[0]), now
    counts = {state: sum(count_items(session, number, Chosen(state=state)).values()) for state in STATES}
    note(session, "erasure closed", asked, subject_of(erasure), now, items=digest, **counts)
    return erasure


def withdraw_erasure(session: Session, number: int, asked: Asked, now: int) -> Erasure:
    """Give up an erasure of which nothing is done yet; the log keeps that it was asked for.

    Raises:
        NotFound: There is no such erasure.
        Conflict: It has begun.
    """
    erasure = get_erasure(session, number, for_update=True)
    done = sum(count_items(session, number, Chosen(state=DONE)).values())
    if erasure.state not in (Stage.PLANNING, Stage.PLANNED) or done:
        raise Conflict(f"Erasure {number} cannot be withdrawn: it is {erasure.state}, or something is done.")
    if _job_goes_on(session, erasure) and erasure.job_id is not None:
        jobs.cancel(session, erasure.job_id, asked[0])
    session.execute(delete(ErasureItem).where(ErasureItem.erasure_id == number))
    erasure.state = Stage.WITHDRAWN
    note(session, "erasure withdrawn", asked, subject_of(erasure), now)
    return erasure
