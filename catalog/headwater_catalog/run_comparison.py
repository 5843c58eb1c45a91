"""Two runs side by side: what differs in code, configuration, inputs and surroundings, and in numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.orm import Session

from headwater_catalog.compared import compare_moments
from headwater_catalog.errors import Conflict
from headwater_catalog.moments import Moment
from headwater_catalog.personal import HIDDEN, ShownRun, shown_run
from headwater_catalog.shown_values import ShownValues, shown_values
from headwater_catalog.value_comparison import find_comparison

if TYPE_CHECKING:
    from headwater_catalog.compare import FeatureChange
    from headwater_catalog.settings import Settings
    from headwater_catalog.store.models import Run

__all__ = ["ColumnDifference", "Difference", "RunComparison", "compare_runs"]

_STATISTICS: Final = ("nulls", "distinct", "min", "mean", "max")
_UPSTREAM: Final = "upstream only"


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that two runs do not have alike, in words or plain values; None where one has it not."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class ColumnDifference:
    """A column of the tables of two runs, and which of its statistics differ.

    Attributes:
        name: Its name.
        is_masked: Whether it is hidden from who asks.
        figures: The statistics that differ; empty where all are the same.
        only_in: "before" or "after" where only one of the tables has it; empty for both.
    """

    name: str
    is_masked: bool
    figures: tuple[Difference, ...]
    only_in: str = ""


@dataclass(frozen=True, slots=True)
class RunComparison:
    """What differs between two runs of one repository.

    Attributes:
        before: The first run.
        after: The second.
        code: What computed nodes mean otherwise at the second commit.
        config: Keys of the configuration.
        inputs: Sources and values.
        surroundings: How and where it was executed: executor, sample, environment, versions of packages.
        rows: How many rows their tables have; None where they have the same number, or no tables.
        columns: The columns of their tables, those that differ first.
        values: How their values compare, cell by cell; None where nobody has asked for that.
    """

    before: Run
    after: Run
    code: tuple[FeatureChange, ...]
    config: tuple[Difference, ...]
    inputs: tuple[Difference, ...]
    surroundings: tuple[Difference, ...]
    rows: Difference | None
    columns: tuple[ColumnDifference, ...]
    values: ShownValues | None = None


def compare_runs(
    session: Session, settings: Settings, before: Run, after: Run, *, sees_personal: bool
) -> RunComparison:
    """Return what differs between two runs.

    Args:
        session: An open session.
        settings: Where the mirrors are.
        before: The first run.
        after: The second.
        sees_personal: Whether who asks may see personal data in what they made.

    Raises:
        Conflict: They are of different repositories.
        RepositoryError: The mirror cannot be read.
    """
    if before.repository_id != after.repository_id:
        raise Conflict(
            f"Run {before.id} is of '{before.repository.name}' and run {after.id} of "
            f"'{after.repository.name}'. Compare runs of one repository."
        )
    one, other = shown_run(before, sees_personal), shown_run(after, sees_personal)
    asked = find_comparison(session, before.id, after.id)
    return RunComparison(
        before,
        after,
        code=tuple(_code(session, settings, before, after)),
        config=tuple(_differences(one.config, other.config)),
        inputs=tuple(_differences(*_comparable(one.inputs, other.inputs))),
        surroundings=tuple(_differences(_surroundings(before), _surroundings(after))),
        rows=_rows(one, other),
        columns=tuple(sorted(_columns(one, other), key=lambda c: not (c.figures or c.only_in))),
        values=None if asked is None else shown_values(asked, sees_personal),
    )


def _code(session: Session, settings: Settings, before: Run, after: Run) -> Iterator[FeatureChange]:
    if before.commit_id == after.commit_id:
        return
    moments = [Moment(session, settings, run.repository, run.commit) for run in (before, after)]
    computed = {node.name for run in (before, after) for node in run.nodes}
    for change in compare_moments(*moments).found.features:
        names = {key.partition(":")[2] for key in (change.key, change.origin or change.key)}
        if (change.is_of_meaning or _UPSTREAM in change.classes) and names & computed:
            yield change


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    for name in sorted(before.keys() | after.keys()):
        one, other = before.get(name), after.get(name)
        if one != other:
            yield Difference(name, one, other)


def _comparable(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return inputs without what makes no difference.

    That is the commit that a file was taken of, whose bytes count, and how many rows a file has that only one
    run has read: the other had no need to.
    """
    unread = {
        name
        for name in before.keys() & after.keys()
        if any(given.get("rows") is None for given in (before[name], after[name]))
    }
    one, other = (
        {
            name: {key: value for key, value in given.items() if not _is_idle(key, given, name in unread)}
            for name, given in inputs.items()
        }
        for inputs in (before, after)
    )
    return one, other


def _is_idle(key: str, given: Mapping[str, Any], is_unread: bool) -> bool:
    return (key == "rows" and is_unread) or (key == "commit" and "sha256" in given)


def _surroundings(run: Run) -> dict[str, Any]:
    sample = "all rows" if run.sample is None else f"the first {run.sample:,} rows"
    packages = run.environment.get("packages") or {}
    return {
        "dataflow": run.dataflow,
        "executor": run.executor,
        "sample": sample,
        "environment": run.env,
        "Python": run.environment.get("python"),
        **packages,
    }


def _rows(before: ShownRun, after: ShownRun) -> Difference | None:
    counts = [shown.table["row_count"] if shown.table else None for shown in (before, after)]
    return None if counts[0] == counts[1] else Difference("rows", *counts)


def _columns(before: ShownRun, after: ShownRun) -> Iterator[ColumnDifference]:
    first, second = _described(before), _described(after)
    for name in dict.fromkeys((*first, *second)):
        one, other = first.get(name), second.get(name)
        if one is None or other is None:
            yield ColumnDifference(name, False, (), "after" if one is None else "before")
            continue
        if one.get("masked") or other.get("masked"):
            yield ColumnDifference(name, True, ())
            continue
        yield ColumnDifference(name, False, tuple(_differences(_figures(one), _figures(other))))


def _described(shown: ShownRun) -> dict[str, Mapping[str, Any]]:
    table = {column["name"]: column for column in shown.table["columns"]} if shown.table else {}
    # A value that is no column is compared as one with a single statistic.
    values = {v["name"]: {"type": v["type"], "text": v["text"]} for v in shown.values}
    return {**table, **{name: {**v, "masked": v["text"] == HIDDEN} for name, v in values.items()}}


def _figures(column: Mapping[str, Any]) -> dict[str, Any]:
    stats = column.get("stats") or {}
    figures = {key: stats.get(key) for key in _STATISTICS}
    return {"type": column["type"], "value": column.get("text"), **figures}
