"""Fingerprints under the names that code written for Hamilton uses."""

from __future__ import annotations

from typing import Any

from headwater.fingerprints import fingerprint, register

__all__ = ["UNHASHABLE", "hash_value", "set_max_depth"]

UNHASHABLE = "<unhashable>"
"""The fingerprint of values that have none."""


class _HashValue:
    """Returns the fingerprint of a value, or `UNHASHABLE`; its `register` makes classes known."""

    def __call__(self, obj: Any, *args: Any, **kwargs: Any) -> str:
        """Return the fingerprint of a value."""
        return fingerprint(obj) or UNHASHABLE

    def register(self, of: type) -> Any:
        """Say how the values of a class are fingerprinted."""

        def keep(tell: Any) -> Any:
            def told(value: Any) -> str | None:
                text = tell(value)
                return None if text == UNHASHABLE else str(text)

            register(of)(told)
            return tell

        return keep


hash_value = _HashValue()
"""Return the fingerprint of a value, or `UNHASHABLE` where it has none."""


def set_max_depth(depth: int) -> None:
    """Do nothing: values are looked at as deep as they are."""
