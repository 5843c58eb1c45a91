"""Clusters that an administrator has named, on which runs may compute."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from headwater_catalog.errors import SettingError

__all__ = ["CLUSTER_NAMES", "NO_CLUSTERS", "Cluster", "ClusterSettings", "cluster_settings"]

CLUSTER_NAMES: Final = ("clusters",)

_NAME: Final = re.compile(r"(?:(?P<owner>[a-z0-9][a-z0-9._-]{0,99})/)?(?P<name>[a-z][a-z0-9_-]{0,19})")
_PLACE: Final = r"(?:[A-Za-z0-9._-]+|\[[0-9a-fA-F:.]+\]):[0-9]{1,5}"
_ADDRESS: Final = re.compile(rf"(?P<kind>dask|ray|spark)://(?P<place>{_PLACE})")
_TITLES: Final = {"dask": "Dask", "ray": "Ray", "spark": "Spark"}


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster by the name that runs and pages have for it.

    Attributes:
        name: Its name.
        address: Where it is, which nobody is told but the process of a run.
    """

    name: str
    address: str = field(repr=False)

    @property
    def kind(self) -> str:
        """What it is a cluster of: `dask`, `ray` or `spark`."""
        return self.address.partition("://")[0]

    @property
    def title(self) -> str:
        """What it is a cluster of, in words."""
        return _TITLES[self.kind]

    @property
    def place(self) -> str:
        """Its host and port."""
        return self.address.partition("://")[2]

    def discreet(self, text: str) -> str:
        """Return a text in which its name stands where its address was told."""
        return re.sub(rf"(?:[a-z+]+://)?{re.escape(self.place)}", f"cluster {self.name}", text)


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """Clusters by name; the names of those of one repository alone have its name and "/" before.

    Attributes:
        clusters: The address of each, whose scheme says what it is a cluster of.
    """

    clusters: Mapping[str, str] = field(default_factory=dict, repr=False)

    def of(self, repository: str) -> dict[str, Cluster]:
        """Return the clusters that one repository may name: those of all, and its own in their place."""
        found = {}
        for name, address in sorted(self.clusters.items(), key=lambda each: "/" in each[0]):
            owner, _, short = name.rpartition("/")
            if owner in ("", repository):
                found[short] = Cluster(short, address)
        return dict(sorted(found.items()))


NO_CLUSTERS: Final = ClusterSettings()


def cluster_settings(given: tuple[Any, str] | None, taken: Mapping[str, str]) -> ClusterSettings:
    """Read the setting of clusters, which comes with the words that say where it was set.

    Args:
        given: The value, and where it was set; None where nobody has.
        taken: Names that no cluster may have.

    Raises:
        SettingError: It cannot be used.
    """
    if given is None:
        return NO_CLUSTERS
    value, origin = given
    if isinstance(value, str):
        value = dict(each.partition("=")[::2] for each in value.split())
    if not isinstance(value, dict):
        raise SettingError(f"{origin} must be clusters by name: big=dask://scheduler.example.org:8786")
    for name, address in value.items():
        named = _NAME.fullmatch(name)
        if named is None:
            raise SettingError(
                f"{origin} has {name!r:.60}, which is no name of a cluster. One has up to 20 small letters, "
                "digits, - and _, and begins with a letter; that of one repository has its name and / before."
            )
        if named["name"] in taken:
            raise SettingError(
                f"{origin} has a cluster '{name}', but '{named['name']}' is what computes on the machine of "
                "the worker. Give it another name."
            )
        # What is wrong may be a password, so the address is not repeated.
        if not isinstance(address, str) or not _ADDRESS.fullmatch(address):
            raise SettingError(
                f"{origin} has for {name!r} no address of a cluster. Write dask://HOST:PORT for a scheduler "
                "of Dask, ray://HOST:PORT for a client server of Ray, or spark://HOST:PORT for a master of "
                "Spark, and nothing behind the port."
            )
    return ClusterSettings(dict(value))
