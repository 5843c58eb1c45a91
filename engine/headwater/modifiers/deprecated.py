"""Modifiers under names of old, which still work and say what to use instead."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from headwater.modifiers.base import Modifier

__all__ = ["Deprecated"]

F = TypeVar("F", bound=Callable[..., Any])


class Deprecated(Modifier):
    """A modifier that warns where it decorates live code; reading source warns nobody."""

    instead: ClassVar[str]
    """Name of the modifier to use."""

    def __call__(self, fn: F) -> F:
        """Note this modifier on a function, with a DeprecationWarning."""
        message = f"@{type(self).__name__} is a name of old. Use @{self.instead}."
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        return super().__call__(fn)
