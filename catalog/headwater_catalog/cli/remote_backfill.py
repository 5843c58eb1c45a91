"""Partitions of a catalog that is served elsewhere, as `headwater backfill` asks for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from headwater_catalog.cli.backfill_asked import BackfillAsked
from headwater_catalog.cli.output import say

if TYPE_CHECKING:
    from headwater_catalog.cli.remote_runs import RemoteRuns
    from headwater_catalog.client import Client, RequestedPartition

__all__ = ["RemoteBackfill"]

_AT_ONCE: Final = 50
"""How many wait there together: enough for all workers, and few enough to be cancelled one by one."""


class RemoteBackfill:
    """Computes partitions in a catalog that is served elsewhere.

    Args:
        client: Asks it.
        runs: Its runs.
        repo: The repository.
        asked: Which partitions.
    """

    def __init__(self, client: Client, runs: RemoteRuns, repo: str, asked: BackfillAsked) -> None:
        self._client, self._runs, self._repo, self._asked = client, runs, repo, asked

    def states(self) -> list[dict[str, Any]]:
        """Return how the partitions stand."""
        asked = self._asked
        about = {"since": asked.since, "until": asked.until, "env": asked.env}
        return [dict(each) for each in self._client.partitions(self._repo, asked.dataflow, **about)]

    def compute(self, seen: Mapping[str, int | None]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Have partitions computed by the workers there, and yield what came of each run.

        Args:
            seen: By the first day of each, the run that saved it last.
        """
        asked, rest = self._asked, iter(seen.items())
        how = {"env": asked.env, "executor": asked.executor, "sinks": list(asked.sinks)}
        while some := dict(islice(rest, _AT_ONCE)):
            made = self._client.backfill(self._repo, asked.dataflow, seen=some, **how)
            yield from self._followed(made["requested"])

    def _followed(self, made: Sequence[RequestedPartition]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for number, each in enumerate(made, 1):
            try:
                told = self._runs.follow(each["run"])
            except KeyboardInterrupt:
                if others := [str(other["run"]) for other in made[number:]]:
                    say(f"So do those that were asked for with it: {', '.join(others)}.")
                raise
            yield each["day"], told
