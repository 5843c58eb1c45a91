"""What runs may use up, and as whom they run: the settings that begin with `run_`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from headwater_catalog.errors import SettingError
from headwater_catalog.limits import MEGA, USERS, Limits

__all__ = ["RUN_NAMES", "RunSettings", "run_settings"]

RUN_NAMES: Final = (
    *("run_seconds", "run_memory_mb", "run_processes", "run_file_mb", "run_disk_mb", "run_users"),
    "run_environments",
)
_USERS: Final = re.compile(r"([1-9][0-9]{0,9})-([1-9][0-9]{0,9})")
_BUILD, _NEVER = "build", "never"
_ASKED_SECONDS: Final = 60
_ASKED_MEMORY: Final = 1024 * MEGA
_LAST_USER: Final = 2**32 - 2


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How the feature code of runs is held.

    Attributes:
        limits: What it may use up.
        users: The users of which each run is one, where the worker is root.
        environments: Whether environments that repositories name are built from the package index.
    """

    limits: Limits = field(default_factory=Limits)
    users: range = USERS
    environments: bool = True

    def value_of(self, name: str) -> int | str | range:
        """Return what a setting of `RUN_NAMES` comes to, in the unit in which it is set."""
        limits = self.limits
        values: dict[str, int | str | range] = {
            "run_seconds": int(limits.wall_seconds),
            "run_memory_mb": limits.memory // MEGA,
            "run_processes": limits.processes,
            "run_file_mb": limits.file_size // MEGA,
            "run_disk_mb": limits.disk // MEGA,
            "run_users": self.users,
            "run_environments": _BUILD if self.environments else _NEVER,
        }
        return values[name]

    @property
    def while_asked(self) -> RunSettings:
        """The same for what somebody waits for at the server: a minute and a gigabyte, or less."""
        usual = self.limits
        limits = replace(
            usual,
            wall_seconds=min(usual.wall_seconds, _ASKED_SECONDS),
            cpu_seconds=min(usual.cpu_seconds, _ASKED_SECONDS),
            memory=min(usual.memory, _ASKED_MEMORY),
        )
        return replace(self, limits=limits)


def run_settings(number: Callable[[str, int, range], int], text: Callable[[str], str | None]) -> RunSettings:
    """Return how runs are held.

    Args:
        number: Gives a setting by its name, its default and the range of it.
        text: Gives the text of a setting by its name.

    Raises:
        SettingError: One has a value that cannot be used.
    """
    usual = Limits()
    seconds = number("run_seconds", int(usual.wall_seconds), range(1, 1_000_001))
    limits = Limits(
        wall_seconds=seconds,
        cpu_seconds=seconds,
        memory=number("run_memory_mb", usual.memory // MEGA, range(512, 16_777_217)) * MEGA,
        processes=number("run_processes", usual.processes, range(16, 100_001)),
        file_size=number("run_file_mb", usual.file_size // MEGA, range(1, 16_777_217)) * MEGA,
        disk=number("run_disk_mb", usual.disk // MEGA, range(1, 16_777_217)) * MEGA,
    )
    return RunSettings(limits, _users(text("run_users")), _environments(text("run_environments")))


def _users(given: str | None) -> range:
    if given is None:
        return USERS
    found = _USERS.fullmatch(given)
    first, last = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 0 < first <= last <= _LAST_USER:
        raise SettingError(
            f"run_users must be numbers of users that nobody else is, as 60600-61099, and not {given!r:.40}."
        )
    return range(first, last + 1)


def _environments(given: str | None) -> bool:
    if given not in (None, _BUILD, _NEVER):
        raise SettingError(f"run_environments must be '{_BUILD}' or '{_NEVER}', not {given!r:.40}.")
    return given != _NEVER
