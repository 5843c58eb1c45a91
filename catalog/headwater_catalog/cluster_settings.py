"""Clusters that an administrator has named, on which runs may compute."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from headwater_catalog.errors import SettingError

__all__ = ["CLUSTER_NAMES", "NO_CLUSTERS", "Cluster", "ClusterSettings", "cluster_settings"]

CLUSTER_NAMES: Final = ("clusters", "cluster_tokens")

_NAME: Final = re.compile(r"(?:(?P<owner>[a-z0-9][a-z0-9._-]{0,99})/)?(?P<name>[a-z][a-z0-9_-]{0,19})")
_PLACE: Final = r"(?:[A-Za-z0-9._-]+|\[[0-9a-fA-F:.]+\]):[0-9]{1,5}"
_ADDRESS: Final = re.compile(rf"(?P<kind>dask|ray|spark)://(?P<place>{_PLACE})")
_TOKEN: Final = re.compile(r"[!-~]{1,1000}")
_TITLES: Final = {"dask": "Dask", "ray": "Ray", "spark": "Spark"}


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster by the name that runs and pages have for it.

    Attributes:
        name: Its name.
        address: Where it is, which nobody is told but the process of a run.
        token: By which it knows who may use it; empty where it has none of its own.
    """

    name: str
    address: str = field(repr=False)
    token: str = field(default="", repr=False)

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
        cluster_tokens: By which clusters of Ray know who may use them, for those that have one of their own.
    """

    clusters: Mapping[str, str] = field(default_factory=dict, repr=False)
    cluster_tokens: Mapping[str, str] = field(default_factory=dict, repr=False)

    def of(self, repository: str) -> dict[str, Cluster]:
        """Return the clusters that one repository may name: those of all, and its own in their place."""
        found = {}
        for name, address in sorted(self.clusters.items(), key=lambda each: "/" in each[0]):
            owner, _, short = name.rpartition("/")
            if owner in ("", repository):
                found[short] = Cluster(short, address, self.cluster_tokens.get(name, ""))
        return dict(sorted(found.items()))


NO_CLUSTERS: Final = ClusterSettings()


def cluster_settings(given: Mapping[str, tuple[Any, str]], taken: Mapping[str, str]) -> ClusterSettings:
    """Read the settings of clusters: each with the words that say where it was set.

    Args:
        given: The settings by name, those that somebody has set.
        taken: Names that no cluster may have.

    Raises:
        SettingError: A value cannot be used.
    """
    clusters = _clusters(*given["clusters"], taken) if "clusters" in given else {}
    tokens = _tokens(*given["cluster_tokens"], clusters) if "cluster_tokens" in given else {}
    return ClusterSettings(clusters, tokens)


def _tokens(value: Any, origin: str, clusters: Mapping[str, str]) -> dict[str, str]:
    if isinstance(value, str):
        value = dict(each.partition("=")[::2] for each in value.split())
    if not isinstance(value, dict):
        raise SettingError(f"{origin} must be tokens by the names of clusters: big=TOKEN")
    for name, token in value.items():
        # Without its "=" a token stands where the name should, so that is only told of clusters.
        if not clusters.get(name, "").startswith("ray://"):
            raise SettingError(
                f"{origin} has a token for what is no cluster of Ray in HEADWATER_CLUSTERS. Write NAME=TOKEN "
                f"with the name of one, of which there are: {', '.join(_of_ray(clusters)) or 'none'}."
            )
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise SettingError(
                f"{origin} has for {name!r} no token: up to 1,000 letters, digits and signs, no spaces."
            )
    return dict(value)


def _of_ray(clusters: Mapping[str, str]) -> list[str]:
    return sorted(name for name, address in clusters.items() if address.startswith("ray://"))


def _clusters(value: Any, origin: str, taken: Mapping[str, str]) -> dict[str, str]:
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
    return dict(value)
