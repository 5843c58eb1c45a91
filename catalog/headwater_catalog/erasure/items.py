"""What a plan of erasure lists: kinds of things, how they stand to the columns, and what became of each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

__all__ = [
    "ANONYMISED",
    "BY_HAND",
    "DERIVED",
    "DONE",
    "HERE",
    "IMPOSSIBLE",
    "KEPT",
    "KINDS",
    "OPEN",
    "STANDINGS",
    "STATES",
    "UNKNOWN",
    "Item",
    "Standing",
    "digest_of",
    "target_of",
    "weightier",
]

DERIVED: Final = "derived"
"""It holds what was made from the columns."""
ANONYMISED: Final = "anonymised"
"""It does, but a barrier or an anonymising function claims that it is personal no more."""
UNKNOWN: Final = "unknown"
"""Reading code cannot tell."""
STANDINGS: Final = (DERIVED, ANONYMISED, UNKNOWN)

OPEN: Final = "open"
DONE: Final = "done"
KEPT: Final = "kept"
IMPOSSIBLE: Final = "impossible"
STATES: Final = (OPEN, DONE, KEPT, IMPOSSIBLE)

HERE: Final[Mapping[str, str]] = {
    "dataset": "files of dataset versions that are kept here",
    "value": "values that later runs take",
    "handed": "values that runs of a relay have handed on",
    "input": "files that were given to runs, or brought for them",
    "preview": "first rows, statistics, values and errors on pages of runs",
    "profiles": "statistics of what nodes made",
    "checks": "what checks said",
    "log": "what feature code printed, and why runs failed",
    "comparison": "examples of where two runs differ",
    "reproduction": "examples of where a dataset came out otherwise",
    "given": "values that people gave to runs",
}
"""The kinds of things that Headwater holds itself, and erases."""

BY_HAND: Final[Mapping[str, str]] = {
    "sink": "where saved tables were carried to",
    "source": "where the data of sources is",
    "file": "files in git, with all history",
    "download": "copies that people have downloaded",
}
"""The kinds of things that are elsewhere: people see to them, and say so."""

KINDS: Final[Mapping[str, str]] = {**HERE, **BY_HAND, "feature": "code that makes it, which holds no values"}


@dataclass(frozen=True, slots=True)
class Standing:
    """How something stands to the columns.

    Attributes:
        word: One of `STANDINGS`.
        because: What holds it back, or why it is unknown; empty where it is derived.
        by: Of what is anonymised the barriers and functions that hold it back, as far as these are told.
    """

    word: str
    because: str = ""
    by: tuple[str, ...] = ()

    @classmethod
    def held(cls, by: tuple[str, ...]) -> Standing:
        """Return how something stands that some barriers and functions hold back."""
        return cls(ANONYMISED, f"held back by {', '.join(by)}", by)


def weightier(one: Standing | None, other: Standing | None) -> Standing | None:
    """Return of two standings of one thing the one that counts: that it is derived goes before all else."""
    if one is None or other is None:
        return one or other
    order = (DERIVED, UNKNOWN, ANONYMISED)
    return min(one, other, key=lambda each: order.index(each.word))


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that holds something made from the columns.

    Attributes:
        repository_id: Its repository.
        kind: One of `KINDS`.
        target: Tells it apart from others of its kind in the repository.
        name: What people call it.
        standing: How it stands to the columns.
        columns: Of it, that are made from the columns.
        run: Number of the run that made it.
        sha: The commit.
        place: Where it is.
        bytes: How large it is; None where that is not known.
    """

    repository_id: int
    kind: str
    target: str
    name: str
    standing: Standing
    columns: tuple[str, ...] = ()
    run: int | None = None
    sha: str | None = None
    place: str = ""
    bytes: int | None = None

    def row(self) -> dict[str, Any]:
        """Return it as the store has it, before anything became of it."""
        is_code = self.kind == "feature"
        return {
            "repository_id": self.repository_id,
            "kind": self.kind,
            "target": self.target,
            "name": self.name,
            "standing": self.standing.word,
            "because": self.standing.because,
            "columns": list(self.columns),
            "run_id": self.run,
            "sha": self.sha,
            "place": self.place,
            "bytes": self.bytes,
            "state": KEPT if is_code else OPEN,
            "note": "Code holds no values." if is_code else "",
        }


def target_of(text: str) -> str:
    """Return what tells something apart by a text of any length."""
    return text if len(text) < 60 else hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


_TOLD: Final = ("repository_id", "kind", "target", "name", "standing", "because", "columns", "run_id", "sha")


def digest_of(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return one hash of what items are, whatever became of them, in the order in which they are given."""
    hashed = hashlib.sha256()
    for row in rows:
        told = [row[name] for name in (*_TOLD, "place")]
        hashed.update(json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
    return hashed.hexdigest()
