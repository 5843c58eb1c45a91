"""Policies that hold for all repositories, from files outside of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from headwater_catalog.errors import SettingError
from headwater_catalog.read.project import read_policy_file
from headwater_catalog.rules import Policy

__all__ = ["read_platform_policies"]


def read_platform_policies(*places: Path) -> tuple[Policy, ...]:
    """Return the policies of files, and of the files NAME.toml in folders, each a table of its name.

    Raises:
        SettingError: A file cannot be read, or is not as it must be: nothing of a platform's rules is left
            out silently.
    """
    found: dict[str, Policy] = {}
    for path in (path for place in places for path in _files(place)):
        try:
            policies, faults = read_policy_file(path.name, path.read_bytes())
        except OSError as error:
            raise SettingError(f"The policies {path} cannot be read: {error.strerror}.") from error
        if faults:
            fault = faults[0]
            raise SettingError(
                f"The policies {path} are not as they must be: line {fault.line}: {fault.message}"
            )
        for policy in policies:
            if policy.name in found:
                raise SettingError(
                    f"Policy '{policy.name}' is there twice, the second time in {path}. Rename one of them."
                )
            # A path is one of the repository that is checked, and this one is none of its.
            found[policy.name] = replace(policy, path="", line=0)
    return tuple(found.values())


def _files(place: Path) -> Iterator[Path]:
    if place.is_dir():
        yield from sorted(place.glob("*.toml"))
    else:
        yield place
