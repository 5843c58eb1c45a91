"""What the catalog itself has written down of runs, and that quotes values: previews, profiles, messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, aliased

from headwater_catalog.erasure.items import DERIVED, UNKNOWN, Item, Standing, weightier
from headwater_catalog.erasure.looks import Look
from headwater_catalog.jobs import FINISHED, State
from headwater_catalog.store.bulk import chunks, select_in
from headwater_catalog.store.models import (
    CheckResult,
    DatasetVersion,
    Job,
    Repository,
    Reproduction,
    Run,
    RunNode,
    ValueComparison,
)

__all__ = ["ERASED_VALUE", "trace_items"]

ERASED_VALUE: Final = "erased: personal data"
"""What stands in place of a value that somebody gave to a run."""

_PRINTED: Final = "feature code may have printed what it computed, or said it in an error"
_QUOTED: Final = "an error may say what was computed"


def trace_items(session: Session, repository: Repository, looks: Sequence[Look]) -> Iterator[Item]:
    """Yield what is written down of runs that computed something made from the columns, run by run.

    Args:
        session: An open session.
        repository: The repository.
        looks: Its runs.
    """
    touched = {look.run.id: look for look in looks if look.whole is not None}
    yield from _given(repository, looks)
    yield from _previews(repository, touched.values())
    printed = _printed(session, touched)
    for number in sorted(printed):
        yield _item(repository, "log", touched[number], Standing(UNKNOWN, touched[number].why or _PRINTED))
    profiled = select_in(session, (RunNode.run_id, RunNode.name, RunNode.profile), RunNode.run_id, touched)
    names = ((run, name) for run, name, profile in profiled if profile and profile["columns"])
    yield from _by_nodes(repository, "profiles", touched, names)
    said = CheckResult.run_id, CheckResult.node, CheckResult.message
    checked = select_in(session, said, CheckResult.run_id, touched)
    nodes = ((run, node) for run, node, message in checked if message != ERASED_VALUE)
    yield from _by_nodes(repository, "checks", touched, nodes)
    yield from _compared(session, repository, touched)
    yield from _again(session, repository, touched)


def _item(
    repository: Repository, kind: str, look: Look, standing: Standing, columns: Iterable[str] = ()
) -> Item:
    run = look.run
    name, place = f"run {run.id}", f"/runs/{run.id}"
    told = tuple(dict.fromkeys(columns))
    return Item(repository.id, kind, str(run.id), name, standing, told, run.id, run.commit.sha, place)


def _given(repository: Repository, looks: Iterable[Look]) -> Iterator[Item]:
    """Yield the runs to which somebody gave the columns themselves, as values."""
    for look in looks:
        given = {
            name for name, each in look.run.inputs.items() if each.get("value") not in (None, ERASED_VALUE)
        }
        given |= {name for name, value in look.run.config.items() if value not in (None, ERASED_VALUE)}
        mine = sorted(given & look.columns)
        if mine:
            yield _item(repository, "given", look, Standing(DERIVED), mine)


def _previews(repository: Repository, looks: Iterable[Look]) -> Iterator[Item]:
    for look in looks:
        state = look.run.job.state
        if state == State.FAILED:
            yield _item(repository, "preview", look, Standing(UNKNOWN, look.why or _QUOTED))
        elif state == State.SUCCEEDED and look.run.origin is None:
            standing = look.standing(look.run.outputs)
            if look.index and not look.why:
                standing = Standing(DERIVED)
            if standing is not None:
                columns = [
                    name
                    for name in look.run.outputs
                    if (found := look.standing((name,))) is not None and found.word == standing.word
                ]
                yield _item(repository, "preview", look, standing, columns)


def _printed(session: Session, touched: Iterable[int]) -> set[int]:
    """Return the runs that have printed something, or that tell why they failed."""
    found: set[int] = set()
    for some in chunks(touched):
        wanted = (
            select(Run.id)
            .join(Job, Job.id == Run.job_id)
            .where(Run.id.in_(some), Job.state.in_(FINISHED), or_(Run.log != "", Job.error.is_not(None)))
        )
        found.update(session.scalars(wanted))
    return found


def _by_nodes(
    repository: Repository, kind: str, touched: dict[int, Look], told: Iterable[tuple[int, str]]
) -> Iterator[Item]:
    """Yield what is written down of nodes, as one thing for each run."""
    names: dict[int, list[str]] = {}
    for run, name in told:
        names.setdefault(run, []).append(name)
    for run, those in sorted(names.items()):
        look = touched[run]
        standing = look.standing(those)
        if standing is None and not set(those) <= look.names and look.whole is not None:
            standing = Standing(UNKNOWN, "a node is called otherwise than in the code")
        if standing is not None:
            reached = [name for name in those if name not in look.names or look.standing((name,)) is not None]
            yield _item(repository, kind, look, standing, reached)


def _compared(session: Session, repository: Repository, touched: dict[int, Look]) -> Iterator[Item]:
    before, after = ValueComparison.before_id, ValueComparison.run_id
    found: dict[int, int] = {}
    for some in chunks(touched):
        wanted = select(after, before).where(or_(after.in_(some), before.in_(some)))
        rows = session.execute(wanted.where(ValueComparison.verdict.is_not(None)))
        found.update((run, first) for run, first in rows)
    for run, first in sorted(found.items()):
        sides = [touched[number] for number in (run, first) if number in touched]
        standing = None
        for look in sides:
            standing = weightier(standing, look.standing(look.run.outputs))
        if standing is not None:
            yield replace(_item(repository, "comparison", sides[0], standing), target=str(run))


def _again(session: Session, repository: Repository, touched: dict[int, Look]) -> Iterator[Item]:
    version = aliased(DatasetVersion)
    for some in chunks(touched):
        wanted = (
            select(Reproduction.run_id)
            .join(version, version.id == Reproduction.version_id)
            .where(Reproduction.verdict.is_not(None), Reproduction.run_id.in_(some))
        )
        for number in session.scalars(wanted):
            look = touched[number]
            standing = look.standing(look.run.outputs)
            if standing is not None:
                yield _item(repository, "reproduction", look, standing, look.run.outputs)
