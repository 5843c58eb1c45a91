"""Switches of a usage report, which does not exist here: nothing is ever sent anywhere."""

from __future__ import annotations

__all__ = ["disable_telemetry", "is_telemetry_enabled"]


def disable_telemetry() -> None:
    """Do nothing, since there is nothing to switch off."""


def is_telemetry_enabled() -> bool:
    """Return False."""
    return False
