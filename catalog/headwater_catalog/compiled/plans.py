"""The plan of a compiled dataflow: its tasks, each of them a command, and what is around them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from headwater.executors.needs import NO_NEEDS, Needs

__all__ = ["RELAY", "CompiledPlan", "CompiledTask"]

RELAY: Final = "@relay@"
"""Stands in commands for the key of the relay, which each orchestrator knows by a name of its own."""

_NEEDED: Final = ("cpus", "gpus", "memory", "seconds")


@dataclass(frozen=True, slots=True)
class CompiledTask:
    """A task of an orchestrator.

    Attributes:
        name: Its name in the plan: small letters, digits and underscores.
        dataflow: The dataflow that it is of.
        computes: The nodes that it computes, in order.
        outputs: Those that others need, or that make the dataset.
        takes: The nodes whose values are handed on to it.
        after: The names of the tasks that it waits for.
        words: The command; `RELAY` stands for the key of the relay.
        seconds: How long its nodes took in the last run; None where nobody knows.
        saves: Whether it makes the dataset.
        needs: What a machine must have for it, as the tags of its nodes say.
    """

    name: str
    dataflow: str
    computes: tuple[str, ...]
    outputs: tuple[str, ...]
    takes: tuple[str, ...]
    after: tuple[str, ...]
    words: tuple[str, ...]
    seconds: float | None
    saves: bool
    needs: Needs = NO_NEEDS

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "name": self.name,
            "dataflow": self.dataflow,
            "computes": list(self.computes),
            "outputs": list(self.outputs),
            "takes": list(self.takes),
            "after": list(self.after),
            "command": list(self.words),
            "seconds": self.seconds,
            "saves": self.saves,
            "needs": {
                **{key: each for key in _NEEDED if (each := getattr(self.needs, key)) is not None},
                **dict(self.needs.resources),
            },
        }


@dataclass(frozen=True, slots=True)
class CompiledPlan:
    """Dataflows of one commit as tasks.

    Attributes:
        name: Its name, of the repository and the dataflows: small letters, digits and underscores.
        repository: The repository.
        sha: The commit.
        committed: When that was made, in seconds since 1970; orchestrators want to know a first day.
        by: What the tasks are grouped by.
        tasks: The tasks, each after those that it waits for.
        schedule: When it is to run, in the words of cron, in UTC; None: when somebody says so.
        retries: How often a task that failed is tried again.
        retry_seconds: How long after.
        again: The command that makes the same plan again, but for the orchestrator.
    """

    name: str
    repository: str
    sha: str
    committed: int
    by: str
    tasks: tuple[CompiledTask, ...]
    schedule: str | None
    retries: int
    retry_seconds: int
    again: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "name": self.name,
            "repository": self.repository,
            "commit": self.sha,
            "by": self.by,
            "schedule": self.schedule,
            "retries": self.retries,
            "retry_seconds": self.retry_seconds,
            "tasks": [task.as_dict() for task in self.tasks],
        }
