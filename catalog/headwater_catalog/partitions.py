"""Dataflows that are computed one stretch of time after the other, each with sources of its own."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from headwater_catalog.errors import Conflict
from headwater_catalog.locations import Location

__all__ = ["EVERY", "MOST", "Partitions", "of_partition"]

EVERY: Final = ("day", "week", "month")
MOST: Final = 10_000
"""Partitions that a dataflow may have."""
_PLACE: Final = ("path", "query", "url")


@dataclass(frozen=True, slots=True)
class Partitions:
    """How a dataflow is cut into stretches of time.

    Attributes:
        key: The key of its configuration that says which one a run is of, by its first day as YYYY-MM-DD.
            In the path, url or query of its sources and sinks, the key in braces stands for that day.
        every: How long each is: a day, a week from the first day on, or a month.
        first: The first day of the first one.
        last: The last day on which one may begin; None: they go on.
    """

    key: str
    every: str
    first: str
    last: str | None = None

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data, as the store keeps it."""
        return {"key": self.key, "every": self.every, "first": self.first, "last": self.last}

    def days(self, since: str | None, until: str | None, today: str) -> tuple[str, ...]:
        """Return the first days of the partitions of some time, in order.

        Args:
            since: The first day on which one begins; None: from the beginning.
            until: The last day on which one begins; None: up to the last that is over.
            today: The present day.

        Raises:
            Conflict: There would be too many.
        """
        found: list[str] = []
        for day, next_day in self._all():
            is_beyond = day > until if until else next_day > today
            if is_beyond or (self.last and day > self.last):
                break
            if not since or day >= since:
                found.append(day)
            if len(found) > MOST:
                raise Conflict(f"There are more than {MOST:,} partitions. Ask for fewer of them.")
        return tuple(found)

    def require(self, config: Mapping[str, Any], sources: Mapping[str, Any]) -> None:
        """Refuse a configuration that names no partition.

        Args:
            config: The whole configuration of a run.
            sources: The sources and sinks that the run reads and fills, as the store has them.

        Raises:
            Conflict: It names none that there is, or none, and a source or sink is told apart by it.
        """
        given = config.get(self.key)
        if given is None:
            if self._is_named(sources):
                told = f"it is computed for each {self.every}, and reads and fills what that names"
                raise Conflict(f"Say which partition: {told}. --config {self.key}={self.first}, say.")
        elif not isinstance(given, str) or not self._is_first_day(given):
            raise Conflict(
                f"{self.key}={given!r:.60} is no partition: each begins a {self.every}, from {self.first}"
                f"{f' to {self.last}' if self.last else ' on'}, as YYYY-MM-DD."
            )

    def require_apart(self, sink: str, place: Location) -> None:
        """Refuse a sink that has one place for all partitions: each would replace what another has written.

        Args:
            sink: Its name.
            place: Where it is.

        Raises:
            Conflict: It has.
        """
        if not any(self._is_named(getattr(place, each)) for each in _PLACE):
            raise Conflict(
                f"Sink '{sink}' has one place for all partitions, {place.shown}, so each would replace what "
                f"another has written. Write {{{self.key}}} into its path or url."
            )

    def _is_first_day(self, text: str) -> bool:
        """Tell whether a text is the first day of a partition, as YYYY-MM-DD."""
        try:
            day, first = datetime.date.fromisoformat(text), datetime.date.fromisoformat(self.first)
        except ValueError:
            return False
        if day.isoformat() != text or day < first or (self.last and text > self.last):
            return False
        return {"day": True, "week": (day - first).days % 7 == 0, "month": day.day == 1}[self.every]

    def _all(self) -> Iterator[tuple[str, str]]:
        """Yield the first day of each partition, with that of the next one."""
        day = datetime.date.fromisoformat(self.first)
        while day.year < datetime.MAXYEAR:
            if self.every == "month":
                next_day = day.replace(year=day.year + day.month // 12, month=day.month % 12 + 1)
            else:
                next_day = day + datetime.timedelta(days=1 if self.every == "day" else 7)
            yield day.isoformat(), next_day.isoformat()
            day = next_day

    def _is_named(self, stored: Any) -> bool:
        if isinstance(stored, Mapping):
            return any(self._is_named(each) for each in stored.values())
        return isinstance(stored, str) and f"{{{self.key}}}" in stored


def of_partition(
    partitions: Partitions | None, stored: Mapping[str, Mapping[str, Any]], config: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """Return sources or sinks, as the store has them, with the places of the partition of a configuration.

    Raises:
        Conflict: The configuration names a partition that there is not.
    """
    if partitions is None or config.get(partitions.key) is None:
        return {name: dict(each) for name, each in stored.items()}
    partitions.require(config, {})  # only a day comes into a query
    sign, day = f"{{{partitions.key}}}", str(config[partitions.key])

    def placed(each: Mapping[str, Any]) -> dict[str, Any]:
        found = {
            key: value.replace(sign, day) if key in _PLACE and isinstance(value, str) else value
            for key, value in each.items()
        }
        if "locations" in each:
            found["locations"] = {env: placed(place) for env, place in each["locations"].items()}
        return found

    return {name: placed(each) for name, each in stored.items()}
