"""Where the data of sources and sinks is, as a project file says: in one place, or one per environment."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath
from typing import Any, Final, Protocol

from headwater.errors import did_you_mean

__all__ = ["LOCATION", "Location", "Whereabouts", "read_whereabouts"]

LOCATION: Final = ("connection", "format", "in", "path", "query", "table", "url")
"""The keys of a source or sink that say where it is."""

_PLACE: Final = tuple(key for key in LOCATION if key != "in")
_URL: Final = re.compile(r"[a-z][a-z0-9+.-]*://[^\s\\]+")
_TABLE: Final = re.compile(r"[A-Za-z_]\w{0,62}(?:\.[A-Za-z_]\w{0,62})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Location:
    """One place of data: a file of the repository, a file elsewhere, or a table or query of a database.

    Attributes:
        path: The file, relative to the repository.
        url: The file elsewhere.
        connection: The database, by the name that the server's settings know.
        table: The table there.
        query: The query there, in place of a table.
        format: How to read the file; None lets its name tell.
    """

    path: str = ""
    url: str = ""
    connection: str = ""
    table: str = ""
    query: str = ""
    format: str | None = None

    @property
    def shown(self) -> str:
        """The words that name it."""
        named = f"{self.connection}:{self.table or 'query'}" if self.connection else self.url
        return self.path or named


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where data is in each environment.

    Attributes:
        locations: The place in each environment that says one of its own; under "" that of all others.
        envs: The environments, the one first that counts where none is named.
    """

    locations: Mapping[str, Location] = field(default_factory=dict)
    envs: tuple[str, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether it is a file of the repository in every environment."""
        return not self.envs and all(place.path for place in self.locations.values())

    def at(self, env: str | None) -> Location:
        """Return the place in an environment; None: in the usual one.

        Raises:
            KeyError: There is no place in this environment.
        """
        name = env or (self.envs[0] if self.envs else "")
        return self.locations[name] if name in self.locations else self.locations[""]

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data, as the store keeps it."""
        return {"locations": {name: _plain(p) for name, p in self.locations.items()}, "envs": list(self.envs)}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Whereabouts:
        """Return what was stored of a source or sink; that of a plain source is its path alone."""
        if "locations" not in stored:
            return cls({"": Location(path=stored["path"], format=stored.get("format"))})
        places = {name: Location(**place) for name, place in stored["locations"].items()}
        return cls(places, tuple(stored["envs"]))


def _plain(place: Location) -> dict[str, str]:
    return {key: value for key, value in asdict(place).items() if value}


class Reader(Protocol):
    """What reads a project file, and notes what is wrong with it."""

    def known(self, table: dict[str, Any], keys: Collection[str], where: str) -> None: ...
    def table(self, table: dict[str, Any], key: str, where: str = "") -> dict[str, Any]: ...
    def text(self, table: dict[str, Any], key: str, where: str) -> str | None: ...
    def inside(self, path: str, where: str) -> bool: ...
    def wrong(self, key: str, where: str, expected: str) -> None: ...
    def tell(self, key: str, message: str) -> None: ...


def read_whereabouts(
    reader: Reader, table: dict[str, Any], where: str, envs: Sequence[str]
) -> Whereabouts | None:
    """Read where a source or sink is; None where nothing says so, or not as it must be.

    Args:
        reader: Notes what is wrong.
        table: The source or sink.
        where: Its place in the file, with a dot at the end.
        envs: The environments that the project names; empty where it names none.
    """
    places = {"": _location(reader, table, where)}
    inside = reader.table(table, "in", where)
    for name, given in inside.items():
        if envs and name not in envs:
            near = did_you_mean(name, envs) or f" The environments are {', '.join(envs)}."
            reader.tell(name, f"'{where}in.{name}' names no environment and has no effect.{near}")
        elif not isinstance(given, dict):
            reader.wrong(name, f"{where}in.", 'a table such as {path = "data/weekly.csv"}')
        else:
            reader.known(given, _PLACE, f"{where}in.{name}.")
            places[name] = _location(reader, given, f"{where}in.{name}.")
    found = {name: place for name, place in places.items() if place is not None}
    all_envs = tuple(envs or inside) if any(found) else ()
    if not found or (all_envs and "" not in found and all_envs[0] not in found):
        if found:
            here = (
                f"{where[:-1]} says no place in '{all_envs[0]}', which counts where no environment is named"
            )
            reader.tell(all_envs[0], f"{here}. Add in.{all_envs[0]}; what stands there has no effect.")
        return None
    return Whereabouts(found, all_envs)


def _location(reader: Reader, table: dict[str, Any], where: str) -> Location | None:
    given = {key: reader.text(table, key, where) or "" for key in _PLACE}
    kinds = [key for key in ("path", "url", "connection") if given[key]]
    if not kinds:
        return None
    if len(kinds) > 1:
        reader.tell(
            kinds[1], f"{where[:-1]} has both {kinds[0]} and {kinds[1]}. Keep one; neither has an effect."
        )
        return None
    format = given.pop("format") or None
    return Location(**given, format=format) if _fits(reader, given, where) else None


def _fits(reader: Reader, given: dict[str, str], where: str) -> bool:
    if path := given["path"]:
        given["path"] = PurePosixPath(path).as_posix()
        return reader.inside(path, f"{where}path")
    if url := given["url"]:
        if not _URL.fullmatch(url) or "::" in url:
            reader.wrong("url", where, "an address such as s3://shop/weekly.parquet")
            return False
        return True
    if bool(given["table"]) == bool(given["query"]):
        reader.tell("connection", f"{where[:-1]} needs either a table or a query of its connection.")
        return False
    if given["table"] and not _TABLE.fullmatch(given["table"]):
        reader.wrong("table", where, "the name of a table, with its schema if need be: sales.weekly")
        return False
    return True
