"""Two runs of one choice at two commits, and how what they made compares, cell by cell.

The second run waits for the first, so that it takes from there what means the same. The table of the first is
kept until then; the second compares both before it ends.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from headwater.errors import InvalidInput
from headwater_catalog import jobs
from headwater_catalog.confined_tables import compare_files
from headwater_catalog.errors import Conflict, JobError, QuotingError
from headwater_catalog.handover import is_file
from headwater_catalog.jobs import FINISHED, State
from headwater_catalog.repositories import resolve_at
from headwater_catalog.reproduce import (
    CANNOT,
    DIFFERS,
    IDENTICAL,
    TOLERANCE,
    WITHIN,
    Verdict,
    require_tolerance,
    word_of,
)
from headwater_catalog.runs import request_run
from headwater_catalog.store.models import Run, ValueComparison

if TYPE_CHECKING:
    from headwater_catalog.reports import Report
    from headwater_catalog.settings import Settings
    from headwater_catalog.store.database import Database
    from headwater_catalog.store.models import Repository
    from headwater_catalog.value_requests import RunPair, RunSide

__all__ = [
    "cancel_comparison",
    "compare_values",
    "comparison_with",
    "find_comparison",
    "is_awaited",
    "kept_table",
    "outcome_of",
    "request_comparison",
    "require_before",
    "sweep_tables",
    "values_apart",
]

_TABLE: Final = re.compile(r"run-(?P<run>[0-9]{1,9})\.arrow")
_NUMBERS: Final = re.compile(r"u?int[0-9]*|float[0-9]*")
_ADDRESS: Final = re.compile(r" at 0x[0-9a-f]+")  # of an object in memory, which says nothing of it


def request_comparison(
    session: Session,
    settings: Settings,
    repository: Repository,
    pair: RunPair,
    requested_by: str,
    now: int,
    *,
    tolerance: float = TOLERANCE,
) -> ValueComparison:
    """Queue two runs, and that what they make is compared.

    Args:
        session: An open write transaction.
        settings: Where files are.
        repository: The repository.
        pair: The two runs.
        requested_by: Who asks.
        now: The present instant.
        tolerance: By how much numbers with fractions may differ, relative to the larger one.

    Raises:
        NotFound: Something that is asked for is not there.
        Conflict: Something that is asked for cannot be, or the tolerance is none.
        RepositoryError: Runs at one of the commits are not possible.
    """
    require_tolerance(tolerance)
    if pair.options.sinks:
        raise Conflict("What is compared goes to no sink. Ask for a run of its own for that.")
    if pair.options.saver:
        raise Conflict("What is compared is not saved. Ask for a run of its own for that.")

    def requested(side: RunSide) -> Run:
        commit = resolve_at(session, settings, repository, side.sha)
        chosen = side.dataflow, side.outputs, side.config, side.inputs
        asked = (*chosen, None, requested_by, now)
        return request_run(session, settings, repository, commit, *asked, options=pair.options)

    before, after = requested(pair.before), requested(pair.after)
    after.job.waits_for = before.job_id
    after.job.payload = {**after.job.payload, "keys": list(pair.keys)}
    comparison = ValueComparison(
        run_id=after.id,
        before_id=before.id,
        tolerance=tolerance,
        renamed=dict(pair.renamed),
        details={},
    )
    session.add(comparison)
    session.flush()
    return comparison


def find_comparison(session: Session, before_id: int, run_id: int) -> ValueComparison | None:
    """Return the comparison of the values of two runs; None where nobody has asked for one."""
    found = _load(session, ValueComparison.run_id == run_id)
    return found if found is not None and found.before_id == before_id else None


def comparison_with(session: Session, run_id: int) -> ValueComparison | None:
    """Return the comparison that a run is one side of; None where it is of none."""
    return _load(session, or_(ValueComparison.run_id == run_id, ValueComparison.before_id == run_id))


def _load(session: Session, condition: Any) -> ValueComparison | None:
    sides = joinedload(ValueComparison.run), joinedload(ValueComparison.before)
    wanted = (
        select(ValueComparison)
        .options(*(side.joinedload(of) for side in sides for of in (Run.job, Run.commit)))
        .where(condition)
        .execution_options(populate_existing=True)
    )
    return session.scalars(wanted).one_or_none()


def cancel_comparison(session: Session, comparison: ValueComparison, requested_by: str) -> None:
    """Cancel those of both runs that have not ended.

    Raises:
        Conflict: Both have.
    """
    ongoing = [run for run in (comparison.before, comparison.run) if run.job.state not in FINISHED]
    if not ongoing:
        raise Conflict("Both runs have ended already.")
    for run in ongoing:
        jobs.cancel(session, run.job_id, requested_by)


def outcome_of(comparison: ValueComparison) -> Verdict:
    """Return the verdict, which the end of either run may tell that came to nothing."""
    if comparison.verdict is not None:
        return Verdict(comparison.verdict, "", comparison.details)
    for run in (comparison.before, comparison.run):
        state = run.job.state
        if state in FINISHED and (state != State.SUCCEEDED or run is comparison.run):
            return Verdict(CANNOT, f"run {run.id} {state}: {run.job.error or 'no reason is known.'}", {})
    return Verdict("", "", {})


# What the worker does


def is_awaited(session: Session, run: Run) -> bool:
    """Tell whether the table of a run is to be compared with that of another one."""
    wanted = select(ValueComparison.run_id).where(ValueComparison.before_id == run.id)
    return session.scalar(wanted) is not None


def require_before(session: Session, run: Run) -> bool:
    """Tell whether a run is to be compared with one before it, and make sure that this one has succeeded.

    Raises:
        JobError: It came to nothing, so there is no need for this one.
    """
    comparison = session.get(ValueComparison, run.id)
    if comparison is None:
        return False
    before = comparison.before
    if before.job.state != State.SUCCEEDED:
        raise JobError(
            f"Run {before.id}, with which this one was to be compared, {before.job.state}: "
            f"{before.job.error or 'no reason is known.'}"
        )
    return True


@contextlib.contextmanager
def kept_table(settings: Settings, run_id: int, made: Path) -> Iterator[None]:
    """Keep the table of a run, if it made one, and let go of it where what follows fails.

    Args:
        settings: Where files are.
        run_id: The run.
        made: The table, taken over from its runner.

    Raises:
        JobError: There is no room for it.
    """
    kept = _kept(settings, run_id)
    if not made.is_file():  # what it computed is no column
        yield
        return
    try:
        kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        made.replace(kept)
    except OSError as error:
        raise JobError(f"The table could not be kept for the comparison: {error}.") from error
    try:
        yield
    except BaseException:
        kept.unlink(missing_ok=True)
        raise


def sweep_tables(session: Session, settings: Settings) -> None:
    """Remove the tables for which no run waits any more."""
    for file in (settings.home / "compared").glob("*"):
        named = _TABLE.fullmatch(file.name)
        found = _load(session, ValueComparison.before_id == int(named["run"])) if named else None
        if found is None or found.run.job.state in FINISHED:
            file.unlink(missing_ok=True)


def _kept(settings: Settings, run_id: int) -> Path:
    return settings.home / "compared" / f"run-{run_id}.arrow"


def compare_values(
    database: Database,
    settings: Settings,
    run_id: int,
    folder: Path,
    made: str,
    report: Report,
    watch: Callable[[], str | None] | None,
) -> tuple[str, dict[str, Any]]:
    """Return the verdict on what a run made beside the one before it, and where it differs.

    Args:
        database: The catalog.
        settings: Where files are.
        run_id: The run.
        folder: The folder with what was taken over from its runner.
        made: The name of the Arrow file there, if it made a table.
        report: What its runner says.
        watch: Asked several times a second; a sentence that it returns ends it.

    Raises:
        JobError: What one of them made cannot be read.
    """
    with database.read() as session:
        comparison = session.get_one(ValueComparison, run_id)
        before, tolerance, renamed = comparison.before, comparison.tolerance, comparison.renamed
        then = before.preview or {}
        by = comparison.run.job.payload.get("keys", ())
    preview = report.preview or {}
    values = values_apart(then.get("values") or (), preview.get("values") or (), renamed, tolerance)
    tables = then.get("table"), preview.get("table")
    if None in tables:
        return _word(None, values, tables), {"values": values}
    files = _kept(settings, before.id), folder / made
    for file, number in zip(files, (before.id, run_id), strict=True):
        if not is_file(file):
            raise JobError(f"The table of run {number} is gone, so it cannot be compared. Ask again.")
    index = [renamed.get(name, name) for name in _index(tables[0])], _index(tables[1])
    try:
        found = compare_files(
            folder,
            (files[0], "arrow"),
            (files[1], "arrow"),
            None,
            tolerance,
            settings.runs,
            watch,
            renamed=renamed,
            keys=index,
            by=by,
            spread=True,
        )
    except InvalidInput as error:
        plain = "What came out cannot be compared"
        raise QuotingError(f"{plain}: {error}", f"{plain}.") from error
    return _word(found, values, tables), {**found, "values": values}


def _index(table: Mapping[str, Any] | None) -> list[str]:
    return [column["name"] for column in (table or {}).get("columns", ()) if column["index"]]


def values_apart(
    then: Sequence[Mapping[str, str]],
    now: Sequence[Mapping[str, str]],
    renamed: Mapping[str, str],
    tolerance: float,
) -> list[dict[str, Any]]:
    """Return how what is no column compares, by name, by the texts that were kept of it."""
    old = {renamed.get(value["name"], value["name"]): value for value in then}
    new = {value["name"]: value for value in now}
    return [_value(name, old.get(name), new.get(name), tolerance) for name in {**new, **old}]


def _value(
    name: str, then: Mapping[str, str] | None, now: Mapping[str, str] | None, tolerance: float
) -> dict[str, Any]:
    told = {"name": name, "then": then and then["text"], "now": now and now["text"]}
    nothing = {"difference": None, "relative": None}
    if then is None or now is None:
        return {**told, **nothing, "verdict": DIFFERS}
    numbers = [_number(value) for value in (then, now)]
    if None in numbers or then["text"] == now["text"]:
        is_same = _ADDRESS.sub("", then["text"]) == _ADDRESS.sub("", now["text"])
        return {**told, **nothing, "verdict": IDENTICAL if is_same else DIFFERS}
    first, second = (number for number in numbers if number is not None)
    try:
        apart, size = abs(first - second), max(abs(first), abs(second))
        if apart == 0:
            return {**told, **nothing, "verdict": IDENTICAL}
        is_near = float in map(type, numbers) and apart <= tolerance * float(size)
        known = {"difference": float(apart), "relative": float(apart / size)}
    except OverflowError:  # a whole number beyond all fractions
        return {**told, **nothing, "verdict": DIFFERS}
    if not math.isfinite(known["difference"]):
        return {**told, **nothing, "verdict": DIFFERS}
    return {**told, **known, "verdict": WITHIN if is_near else DIFFERS}


def _number(value: Mapping[str, str]) -> int | float | None:
    if not _NUMBERS.fullmatch(value["type"]):
        return None
    try:
        return float(value["text"]) if value["type"].startswith("float") else int(value["text"])
    except ValueError:
        return None


def _word(found: Mapping[str, Any] | None, values: Sequence[Mapping[str, Any]], tables: Sequence[Any]) -> str:
    words = [value["verdict"] for value in values]
    if found is not None:
        words.append(word_of(found))
    elif tables[0] is not tables[1]:  # one of them has a table
        words.append(DIFFERS)
    return next((word for word in (DIFFERS, WITHIN) if word in words), IDENTICAL)
