"""How the columns of a saved dataset stand at main, as values: `stale` finds it, the store keeps it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from headwater_catalog.commit_refs import CommitRef

__all__ = ["ColumnNow", "Standing", "Step", "Stretch", "Way"]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of the main line that was not looked into further: some of its commits made a difference.

    Attributes:
        after: The commit before it.
        until: Its last commit.
    """

    after: CommitRef
    until: CommitRef

    def holds(self, commit: CommitRef) -> bool:
        """Tell whether a commit of the main line is one of it."""
        first, last, at = self.after.position, self.until.position, commit.position
        return first is not None and last is not None and at is not None and first < at <= last


@dataclass(frozen=True, slots=True)
class ColumnNow:
    """How a column of a dataset stands at main.

    Attributes:
        name: The column.
        state: "same", "changed", "removed" (no feature makes it any more), "unknown" (not all that it reaches
            is known, so it may have changed), or "none" (no feature made it).
        feature: The `module:name` that made it; None where none did, or one of several.
        now: Where that is now, if it moved.
        classes: How it changed.
        because: What beside its own text made the difference, in clauses.
        upstream: The nearest features upstream that changed themselves.
        commits: The commits that together made the difference, the oldest first.
        stretches: Stretches of the main line of which some commits, it is not known which, made it, too.
        beside: Whether a part of the difference is that its commit lies beside the main line.
    """

    name: str
    state: str
    feature: str | None = None
    now: str | None = None
    classes: tuple[str, ...] = ()
    because: tuple[str, ...] = ()
    upstream: tuple[str, ...] = ()
    commits: tuple[CommitRef, ...] = ()
    stretches: tuple[Stretch, ...] = ()
    beside: bool = False

    @property
    def is_stale(self) -> bool:
        """Whether it would come out otherwise now."""
        return self.state in ("changed", "removed")


@dataclass(frozen=True, slots=True)
class Step:
    """A commit by which a feature came to mean something else, or the last of several.

    Attributes:
        commit: The commit.
        meaning: The lineage hash since then; None where the feature is no more.
        after: The commit after which those begin that were not looked at one by one; None where it is this
            commit alone.
    """

    commit: CommitRef
    meaning: str | None
    after: CommitRef | None = None


@dataclass(frozen=True, slots=True)
class Way:
    """What a feature came to mean, commit by commit, along a part of the main line.

    Attributes:
        begin: The lineage hash that it had before; None where it was not there.
        steps: Each commit that changed it, the oldest first.
    """

    begin: str | None
    steps: tuple[Step, ...] = ()

    def and_then(self, steps: Iterable[Step]) -> Way:
        """Return the way that goes on by some steps, without those that were undone by later ones."""
        found = list(self.steps)
        for step in steps:
            passed = [self.begin, *(each.meaning for each in found)]
            if step.meaning in passed:
                del found[passed.index(step.meaning) :]
            else:
                found.append(step)
        return Way(self.begin, tuple(found))


@dataclass(frozen=True, slots=True)
class Standing:
    """How a dataset version stands at main.

    Attributes:
        sha: The commit at main.
        columns: Its columns.
        reason: Why nothing can be said of them; empty where it can.
        ways: What the features of changed columns came to mean since, by key.
    """

    sha: str | None
    columns: tuple[ColumnNow, ...]
    reason: str = ""
    ways: Mapping[str, Way] = field(default_factory=dict)

    @property
    def stale(self) -> tuple[ColumnNow, ...]:
        """The columns that would come out otherwise now."""
        return tuple(column for column in self.columns if column.is_stale)
