"""What a reader says about a file that could not be read as meant."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

__all__ = ["Diagnostic", "shortened"]

_LONGEST: Final = 2_000  # characters; what is quoted in a message may be as long as a file


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

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", shortened(self.message))

    def at(self, path: str) -> Diagnostic:
        """Return the same for a file at a path."""
        return replace(self, path=path)

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}" if self.line else self.path
        return f"{where}: {self.message}"


def shortened(text: str) -> str:
    """Return a text as people can read it; of an endless one, the beginning and the end."""
    half = _LONGEST // 2
    return text if len(text) <= _LONGEST else f"{text[:half]} … {text[-half:]}"
