"""Problems: what the files of a repository hold that could not be read as meant."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from headwater_catalog.snapshot import Snapshot
from headwater_catalog.store.intervals import holds_at
from headwater_catalog.store.models import Diagnostic, Repository

__all__ = ["Problem", "count_problems", "list_problems", "problems_of"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a file that could not be read as meant; line 0 means the file as a whole."""

    path: str
    line: int
    message: str

    @property
    def where(self) -> str:
        """Say where it is: the file, and the line if there is one."""
        return f"{self.path}:{self.line}" if self.line else self.path


def problems_of(snapshot: Snapshot) -> tuple[Problem, ...]:
    """Return the problems in files at any commit, by path and line."""
    return tuple(Problem(told.path, told.line, told.message) for told in snapshot.diagnostics)


def list_problems(session: Session, repository: Repository, position: int) -> tuple[Problem, ...]:
    """Return the problems in files at a position of the main line, by path and line."""
    rows = session.execute(
        select(Diagnostic.path, Diagnostic.line, Diagnostic.message)
        .where(Diagnostic.repository_id == repository.id, holds_at(Diagnostic, position))
        .order_by(Diagnostic.path, Diagnostic.line, Diagnostic.id)
    )
    return tuple(Problem(row.path, row.line, row.message) for row in rows)


def count_problems(session: Session) -> dict[str, int]:
    """Return how many problems there are in files at the scanned heads, of the repositories that have any."""
    head = Repository.scanned_position
    counted = (
        select(Repository.name, func.count(Diagnostic.id))
        .join(Diagnostic, Diagnostic.repository_id == Repository.id)
        .where(holds_at(Diagnostic, head))
        .group_by(Repository.name)
    )
    return {name: count for name, count in session.execute(counted)}  # noqa: C416 rows are no pairs to mypy
