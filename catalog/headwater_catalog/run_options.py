"""How a run is executed: where its sources are, of how many rows, by which executor, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from headwater_catalog.errors import Conflict
from headwater_catalog.relays import Relay
from headwater_catalog.saved_objects import SAVER

__all__ = ["LONGEST_NOTE", "MOST_ROWS", "RunOptions"]

MOST_ROWS: Final = 2**31 - 1
LONGEST_NOTE: Final = 2_000


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a run is executed.

    Attributes:
        env: The environment whose sources and sinks count; None: the usual one of the project.
        executor: What computes the nodes; `require_executor` says whether it may.
        sample: How many rows of each source are read, the first ones; None: all.
        note: Why it is asked for.
        sinks: Names of the sinks that the saved table goes to besides.
        saver: Name of the saver by which the one output is kept as a file, in place of a table; empty: none.
        use_kept: Whether values that earlier runs computed may stand in place of computing them again.
        profile: Whether statistics of what each node makes are kept.
        relay: The execution of the dataflow in several runs that it is one of; None: it is alone.

    Raises:
        Conflict: The sample, the note or the saver cannot be taken.
    """

    env: str | None = None
    executor: str = "synchronous"
    sample: int | None = None
    note: str = ""
    sinks: tuple[str, ...] = ()
    use_kept: bool = True
    saver: str = ""
    profile: bool = False
    relay: Relay | None = None

    def __post_init__(self) -> None:
        if self.sample is not None and not 1 <= self.sample <= MOST_ROWS:
            raise Conflict(f"A sample is of 1 to {MOST_ROWS:,} rows, not of {self.sample:,}.")
        if self.saver and not SAVER.fullmatch(self.saver):
            raise Conflict(f"{self.saver!r:.80} is no name of a saver. One is 'pickle', say, or 'json'.")
        if len(self.note) > LONGEST_NOTE:
            raise Conflict(f"A note has at most {LONGEST_NOTE:,} characters, not {len(self.note):,}.")
