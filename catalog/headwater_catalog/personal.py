"""Personal data in runs: what is shown of a run, and of what it saved, to whom may not see such data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from headwater_catalog.errors import Forbidden

if TYPE_CHECKING:
    from headwater_catalog.store.models import CheckResult, Run, RunNode

__all__ = [
    "HIDDEN",
    "Hidden",
    "ShownRun",
    "hidden_in",
    "masked_columns",
    "require_whole",
    "shown_run",
]

HIDDEN: Final = "hidden: personal data"

_UNKNOWN: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("rows", "bytes", "sample")),
    "columns": [],
    "columns_left_out": 0,
}


@dataclass(frozen=True, slots=True)
class Hidden:
    """The names in a run that are hidden from somebody; it is true where there are any.

    Attributes:
        names: Those names, of nodes, inputs and columns.
        everything: Whether all are, since nobody knows what is personal.
    """

    names: frozenset[str] = frozenset()
    everything: bool = False

    def __contains__(self, name: object) -> bool:
        return self.everything or name in self.names

    def __bool__(self) -> bool:
        return self.everything or bool(self.names)

    def __or__(self, other: Hidden) -> Hidden:
        return Hidden(self.names | other.names, self.everything or other.everything)

    def column(self, column: Mapping[str, Any]) -> bool:
        """Tell whether a column is hidden: by its name, or that of the output or node that it is of."""
        return any(column.get(key) in self for key in ("name", "output", "node") if column.get(key))

    def config(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return a configuration without the values that are hidden."""
        return {key: HIDDEN if key in self else value for key, value in config.items()}

    def inputs(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Return inputs without the values that are hidden; files are told by their hashes, not by these."""
        return {name: _input(given) if name in self else given for name, given in inputs.items()}

    def stamp(self, stamp: Mapping[str, Any]) -> dict[str, Any]:
        """Return the stamp of a dataset version without the values that are hidden."""
        told = {"config": self.config(stamp["config"]), "inputs": self.inputs(stamp["inputs"])}
        return {**stamp, **told} if self else dict(stamp)

    def columns(self, told: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Return what is told of columns by `name`; of those that are hidden, nothing but this."""
        return [{"name": each["name"], "masked": True} if each["name"] in self else each for each in told]


def hidden_in(run: Run, sees_personal: bool) -> Hidden:
    """Return what is hidden in a run from somebody.

    Args:
        run: The run; of one for which nobody has noted what is personal, everything may be.
        sees_personal: Whether they may see personal data in its repository.
    """
    if sees_personal:
        return Hidden()
    return Hidden(everything=True) if run.personal is None else Hidden(frozenset(run.personal))


@dataclass(frozen=True, slots=True)
class ShownRun:
    """What somebody may see of what came of a run.

    Attributes:
        hidden: What is hidden from them.
        config: The configuration.
        inputs: The inputs.
        table: First rows; a column that is hidden has `masked`, and no cells or statistics. None: no table.
        values: What is no column.
        failure: What feature code did wrong; None where it did nothing wrong.
        checks: The outcomes of checks, as `CheckResult` has them.
        profiles: Statistics of what each node made, in the order of `Run.nodes`; None where there are none.
        log: The last of what it printed.
    """

    hidden: Hidden
    config: Mapping[str, Any]
    inputs: Mapping[str, Any]
    table: Mapping[str, Any] | None
    values: tuple[Mapping[str, Any], ...]
    failure: Mapping[str, Any] | None
    checks: tuple[Mapping[str, Any], ...]
    profiles: tuple[Mapping[str, Any] | None, ...]
    log: str

    @property
    def is_masked(self) -> bool:
        """Whether something of it is hidden from them."""
        return bool(self.hidden)

    def summary(self, node: RunNode) -> str:
        """Return what is said of the value of a node."""
        return HIDDEN if node.summary and node.name in self.hidden else node.summary


def shown_run(run: Run, sees_personal: bool) -> ShownRun:
    """Return what somebody may see of a run.

    Where a run computes personal data and they may not see that, its columns, values and inputs are hidden,
    and so are the log and what errors and checks say, which may quote any of it. Profiles are hidden as a
    whole: the nodes that modifiers make carry other names than what is classified.
    """
    preview = run.preview or {}
    failure = preview.get("failure")
    whole = ShownRun(
        hidden=hidden_in(run, sees_personal),
        config=run.config,
        inputs=run.inputs,
        table=None if failure else preview.get("table"),
        values=() if failure else tuple(preview.get("values") or ()),
        failure=failure,
        checks=tuple(_check(check) for check in run.checks),
        profiles=tuple(node.profile for node in run.nodes),
        log=run.log,
    )
    return _masked(whole) if whole.is_masked else whole


def require_whole(run: Run, sees_personal: bool, what: str = "") -> None:
    """Make sure that somebody may have all that a run has saved, or all that is written of it.

    Args:
        run: The run.
        sees_personal: Whether they may see personal data in its repository.
        what: What is asked for that tells of configuration, inputs and content as a whole, such as its stamp;
            empty: the file that it saved.

    Raises:
        Forbidden: It holds personal data, which they may not see.
    """
    hidden = hidden_in(run, sees_personal)
    table = (run.preview or {}).get("table")
    # A file of other columns has the stamp inside, with the configuration and the inputs as they were given.
    told = {*run.config, *(name for name, given in run.inputs.items() if "value" in given)}
    is_bare = not any(name in hidden for name in told)
    if not hidden or (not what and is_bare and table and not any(masked_columns(table, hidden))):
        return
    raise Forbidden(
        f"The {what or 'file'} of run {run.id} holds personal data, which needs the role steward in "
        f"'{run.repository.name}'. Its page shows the rest."
    )


def masked_columns(table: Mapping[str, Any], hidden: Hidden) -> list[bool]:
    """Tell of each column of a table whether it is hidden."""
    return [hidden.column(column) for column in table["columns"]]


def _masked(whole: ShownRun) -> ShownRun:
    hidden = whole.hidden
    return replace(
        whole,
        config=hidden.config(whole.config),
        inputs=hidden.inputs(whole.inputs),
        table=None if whole.table is None else _table(whole.table, hidden),
        values=tuple(
            {**value, "text": HIDDEN} if value["name"] in hidden else value for value in whole.values
        ),
        failure=None if whole.failure is None else {**whole.failure, "message": HIDDEN},
        checks=tuple({**check, "message": HIDDEN, "diagnostics": {}} for check in whole.checks),
        profiles=tuple(each and {**each, **_UNKNOWN, "reason": HIDDEN} for each in whole.profiles),
        log=f"[{HIDDEN}]" if whole.log else "",
    )


def _input(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an input without its value, or what a report says of it."""
    shown = {key: value for key, value in given.items() if key not in ("value", "summary", "fingerprint")}
    return given if len(shown) == len(given) else {**shown, "value": HIDDEN}


def _table(table: Mapping[str, Any], hidden: Hidden) -> Mapping[str, Any]:
    masked = masked_columns(table, hidden)
    columns = [
        {**column, "masked": True, "stats": None} if is_hidden else column
        for column, is_hidden in zip(table["columns"], masked, strict=True)
    ]
    rows = [
        [None if is_hidden else cell for cell, is_hidden in zip(row, masked, strict=True)]
        for row in table["rows"]
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
