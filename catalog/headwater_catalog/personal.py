"""Personal data in runs: which names are classified so, and what is shown of a run to whom may not see it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from headwater_catalog.errors import Forbidden
from headwater_catalog.lineage_graph import LineageGraph
from headwater_catalog.query.classified import classify
from headwater_catalog.snapshot import Snapshot

if TYPE_CHECKING:
    from headwater_catalog.store.models import CheckResult, Run

__all__ = ["HIDDEN", "PERSONAL", "ShownRun", "masked_columns", "personal_names", "require_whole", "shown_run"]

PERSONAL: Final = ("pii", "hipaa")
"""Of the tags that flow downstream, those by which data is personal."""

HIDDEN: Final = "hidden: personal data"

_UNKNOWN: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("rows", "bytes", "sample")),
    "columns": [],
    "columns_left_out": 0,
}


def personal_names(snapshot: Snapshot, dataflow: str, outputs: Iterable[str]) -> list[str]:
    """Return the names that are classified personal among outputs of a dataflow and all that they need.

    Args:
        snapshot: The repository at the commit of the run.
        dataflow: The dataflow.
        outputs: Names of nodes.
    """
    if not any(key.casefold() in PERSONAL for key in _tag_keys(snapshot)):
        return []
    graph = snapshot.graph_of(dataflow)
    nodes = _nodes(snapshot, graph)
    needed: set[str] = set()
    for key in {key for name in outputs for key in nodes.get(name, ())}:
        needed |= {key, *graph.upstream(key)}
    found = {key for tag in PERSONAL for key in classify(snapshot, tag).keys}
    return sorted(name for name, keys in nodes.items() if found & needed & keys)


def _tag_keys(snapshot: Snapshot) -> set[str]:
    return {*snapshot.tag_keys, *(key for each in snapshot.inputs for key in each.tags)}


def _nodes(snapshot: Snapshot, graph: LineageGraph) -> Mapping[str, set[str]]:
    """Return the keys behind each name that a node may have: that of a feature, a part of it, or an input."""
    found: dict[str, set[str]] = {}
    for key, node in graph.nodes.items():
        found.setdefault(node.name, set()).add(key)
        for variant in snapshot.variants.get(key, ()):
            for part in variant.parts:
                found.setdefault(part.name, set()).add(key)
    return found


@dataclass(frozen=True, slots=True)
class ShownRun:
    """What somebody may see of what came of a run.

    Attributes:
        is_masked: Whether something of it is hidden from them.
        config: The configuration.
        inputs: The inputs.
        table: First rows; a column that is hidden has `masked`, and no cells or statistics. None: no table.
        values: What is no column.
        failure: What feature code did wrong; None where it did nothing wrong.
        checks: The outcomes of checks, as `CheckResult` has them.
        profiles: Statistics of what each node made, in the order of `Run.nodes`; None where there are none.
        log: The last of what it printed.
    """

    is_masked: bool
    config: Mapping[str, Any]
    inputs: Mapping[str, Any]
    table: Mapping[str, Any] | None
    values: tuple[Mapping[str, Any], ...]
    failure: Mapping[str, Any] | None
    checks: tuple[Mapping[str, Any], ...]
    profiles: tuple[Mapping[str, Any] | None, ...]
    log: str


def shown_run(run: Run, sees_personal: bool) -> ShownRun:
    """Return what somebody may see of a run.

    Where a run computes personal data and they may not see that, its columns, values and inputs are hidden,
    and so are the log and the messages of errors and checks, which may quote any of it. Profiles are hidden
    as a whole: the nodes that modifiers make carry other names than what is classified.
    """
    preview = run.preview or {}
    failure = preview.get("failure")
    whole = ShownRun(
        is_masked=False,
        config=run.config,
        inputs=run.inputs,
        table=None if failure else preview.get("table"),
        values=() if failure else tuple(preview.get("values") or ()),
        failure=failure,
        checks=tuple(_check(check) for check in run.checks),
        profiles=tuple(node.profile for node in run.nodes),
        log=run.log,
    )
    names = frozenset(run.personal or ())
    return whole if sees_personal or not names else _masked(whole, names)


def require_whole(run: Run, sees_personal: bool) -> None:
    """Make sure that somebody may have all that a run has saved.

    Raises:
        Forbidden: It holds personal data, which they may not see.
    """
    table = (run.preview or {}).get("table")
    names = frozenset(run.personal or ())
    if sees_personal or not names or (table and not any(masked_columns(table, names))):
        return
    raise Forbidden(
        f"The file of run {run.id} holds personal data, which needs the role steward in "
        f"'{run.repository.name}'. Its page shows the other columns."
    )


def masked_columns(table: Mapping[str, Any], names: Collection[str]) -> list[bool]:
    """Tell of each column of a table whether it is personal: by its name, or that of the output it is of."""
    return [column["name"] in names or column.get("output") in names for column in table["columns"]]


def _masked(whole: ShownRun, names: frozenset[str]) -> ShownRun:
    return replace(
        whole,
        is_masked=True,
        config={key: HIDDEN if key in names else value for key, value in whole.config.items()},
        inputs={key: _input(value) if key in names else value for key, value in whole.inputs.items()},
        table=None if whole.table is None else _table(whole.table, names),
        values=tuple(
            {**value, "text": HIDDEN} if value["name"] in names else value for value in whole.values
        ),
        failure=None if whole.failure is None else {**whole.failure, "message": HIDDEN},
        checks=tuple({**check, "message": HIDDEN, "diagnostics": {}} for check in whole.checks),
        profiles=tuple(each and {**each, **_UNKNOWN, "reason": HIDDEN} for each in whole.profiles),
        log=f"[{HIDDEN}]" if whole.log else "",
    )


def _input(given: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**given, "value": HIDDEN} if "value" in given else given


def _table(table: Mapping[str, Any], names: frozenset[str]) -> Mapping[str, Any]:
    masked = masked_columns(table, names)
    columns = [
        {**column, "masked": True, "stats": None} if hidden else column
        for column, hidden in zip(table["columns"], masked, strict=True)
    ]
    rows = [
        [None if hidden else cell for cell, hidden in zip(row, masked, strict=True)] for row in table["rows"]
    ]
    return {**table, "columns": columns, "rows": rows}


def _check(check: CheckResult) -> Mapping[str, Any]:
    return {
        "node": check.node,
        "validator": check.validator,
        "importance": check.importance,
        "passed": check.passed,
        "message": check.message,
        "diagnostics": check.diagnostics,
    }
