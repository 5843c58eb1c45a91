"""Where data may be that is not in a repository: what an administrator allows sources and sinks to name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote

from headwater_catalog.errors import SettingError

__all__ = ["DATA_NAMES", "NOWHERE", "DataSettings", "data_settings"]

DATA_NAMES: Final = ("locations", "connections")

_OWNER: Final = r"(?:[a-z0-9][a-z0-9._-]{0,99}{})?"
_LOCATION: Final = re.compile(_OWNER.replace("{}", "=") + r"[a-z][a-z0-9+.-]*://[^\s?#]*/")
_CONNECTION: Final = re.compile(_OWNER.replace("{}", "/") + r"[a-z][a-z0-9_-]{0,59}")
_WEB: Final = ("http", "https")  # a server could redirect to an address that is not allowed


@dataclass(frozen=True, slots=True)
class DataSettings:
    """Where data may be that is not in a repository.

    Attributes:
        locations: Beginnings of addresses of files, each a folder with a slash at the end; those of one
            repository alone have its name and "=" before.
        connections: Databases by name, as URLs of SQLAlchemy, or duckdb:///FILE; the names of those of one
            repository alone have its name and "/" before.
    """

    locations: tuple[str, ...] = ()
    connections: Mapping[str, str] = field(default_factory=dict, repr=False)  # they may hold passwords

    def of(self, repository: str) -> DataSettings:
        """Return what one repository may name: what all may, and what it alone may."""
        locations = tuple(url for owner, url in map(_owned, self.locations) if owner in ("", repository))
        connections = {
            name.rpartition("/")[2]: url
            # Its own stands in place of that of all with the same name.
            for name, url in sorted(self.connections.items(), key=lambda each: "/" in each[0])
            if name.rpartition("/")[0] in ("", repository)
        }
        return DataSettings(locations, connections)

    def allows(self, url: str) -> bool:
        """Tell whether an address is inside one of the locations, whatever is written in it."""
        plain = unquote(url)
        if unquote(plain) != plain or "\\" in plain or "::" in plain or "?" in plain or "#" in plain:
            return False
        inside = plain.partition("://")[2].split("/")
        if any(part in ("", ".", "..") for part in inside[1 if plain.startswith("file:") else 0 :]):
            return False
        return any(plain.startswith(location) for location in self.locations)


def _owned(location: str) -> tuple[str, str]:
    """Return the repository that a location is for, empty for all, and its address."""
    if "=" not in location.partition("://")[0]:
        return "", location
    owner, _, url = location.partition("=")
    return owner, url


NOWHERE: Final = DataSettings()


def data_settings(given: Mapping[str, tuple[Any, str]]) -> DataSettings:
    """Read the settings of data: each with the words that say where it was set.

    Raises:
        SettingError: A value cannot be used.
    """
    return DataSettings(
        _locations(*given["locations"]) if "locations" in given else (),
        _connections(*given["connections"]) if "connections" in given else {},
    )


def _locations(value: Any, origin: str) -> tuple[str, ...]:
    found = value.split() if isinstance(value, str) else value
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise SettingError(f"{origin} must be a list of addresses, such as s3://shop/features/")
    for each in found:
        if not _LOCATION.fullmatch(each) or _owned(each)[1].partition(":")[0] in _WEB:
            raise SettingError(
                f"{origin} has {each!r:.200}, which is no folder that can be allowed. Write its address with "
                "a slash at the end, such as s3://shop/features/ or file:///srv/data/; http is not read."
            )
    return tuple(found)


def _connections(value: Any, origin: str) -> dict[str, str]:
    if isinstance(value, str):
        value = dict(each.partition("=")[::2] for each in value.split())
    if not isinstance(value, dict):
        raise SettingError(f"{origin} must be databases by name: warehouse=postgresql://...")
    for name, url in value.items():
        # The address may hold a password, so it is not repeated.
        if not _CONNECTION.fullmatch(name) or not isinstance(url, str) or "://" not in url:
            raise SettingError(
                f"{origin} has {name!r:.60}, which is no name with an address of SQLAlchemy behind it, as in "
                "warehouse=postgresql://reader@db.example.org/shop"
            )
    return dict(value)
