"""What pages, commands and snapshots show alike of features and dataflows, with or without a database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from headwater.checks import ValidationResult
from headwater.types import public_name

__all__ = [
    "ColumnUse",
    "DataflowView",
    "PartView",
    "change_label",
    "column_uses",
    "shown_tag",
    "summary_of",
]

_CHECK_TYPE: Final = public_name(ValidationResult)


@dataclass(frozen=True, slots=True)
class PartView:
    """A node that a modifier makes for itself, folded into its feature."""

    name: str
    type: str
    doc: str

    @property
    def is_check(self) -> bool:
        """Tell whether it is the outcome of a check; its documentation then says what is wanted."""
        return self.type == _CHECK_TYPE


@dataclass(frozen=True, slots=True)
class ColumnUse:
    """A column of a table that the body of a function reads or writes: nothing in its signature says so.

    Attributes:
        table: The parameter or variable that holds the table; empty where only the column is told.
        column: Its name.
        written: Whether it is set rather than read.
    """

    table: str
    column: str
    written: bool

    def __str__(self) -> str:
        """Write it as code would."""
        return f'{self.table}["{self.column}"]' if self.table else f'"{self.column}"'


def column_uses(stored: Iterable[Mapping[str, Any]]) -> tuple[ColumnUse, ...]:
    """Return column uses from plain data, as the store keeps them."""
    return tuple(ColumnUse(use["table"], use["column"], use["written"]) for use in stored)


@dataclass(frozen=True, slots=True)
class DataflowView:
    """A dataflow at one commit.

    Attributes:
        name: Its name.
        origin: "declared" in a project file, taken by a "driver", or "layout" of the packages.
        modules: Its modules, in order.
        config: Its configuration.
        sources: Data files whose columns are its inputs, by logical name.
        outputs: The nodes that its dataset has as columns.
        upstream: Features of other repositories that its inputs come from, by the input's name.
        sinks: Where its saved tables go besides, by logical name.
    """

    name: str
    origin: str
    modules: tuple[str, ...]
    config: Mapping[str, Any]
    sources: Mapping[str, Any]
    outputs: tuple[str, ...]
    upstream: Mapping[str, Any] = field(default_factory=dict)
    sinks: Mapping[str, Any] = field(default_factory=dict)


def summary_of(doc: str) -> str:
    """Return the first line of a documentation text."""
    return doc.strip().partition("\n")[0]


def shown_tag(value: Any) -> str:
    """Return a tag's value as one text."""
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def change_label(change: str, classes: Iterable[str], origin: str | None) -> str:
    """Say in a few words what happened to a variant.

    Args:
        change: Whether it was added, changed, moved or removed.
        classes: What that touched.
        origin: Its key before, if it moved.
    """
    touched = ", ".join(classes)
    if origin is None:
        return touched or change
    return f"was {origin}" + (f", {touched}" if touched else "")
