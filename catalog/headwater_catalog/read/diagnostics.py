"""What a reader says about a file that could not be read as meant."""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["Diagnostic"]


@dataclass(frozen=True, slots=True, order=True)
class Diagnostic:
    """Something in a file that could not be read as meant; it never stops the reading of others.

    Attributes:
        path: The file; empty while only its content is looked at.
        line: Line from 1; 0 means the file as a whole.
        message: What is wrong and what to do about it.
    """

    path: str
    line: int
    message: str

    def at(self, path: str) -> Diagnostic:
        """Return the same for a file at a path."""
        return replace(self, path=path)

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}" if self.line else self.path
        return f"{where}: {self.message}"
