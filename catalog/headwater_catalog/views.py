"""What pages, commands and snapshots show alike of features and dataflows, with or without a database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from headwater.checks import ValidationResult
from headwater.types import public_name

__all__ = ["ColumnUse", "DataflowView", "PartView", "summary_of"]

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


@dataclass(frozen=True, slots=True)
class DataflowView:
    """A dataflow at one commit."""

    name: str
    origin: str
    modules: tuple[str, ...]
    config: Mapping[str, Any]
    sources: Mapping[str, Any]
    outputs: tuple[str, ...]


def summary_of(doc: str) -> str:
    """Return the first line of a documentation text."""
    return doc.strip().partition("\n")[0]
