"""The mark of features that take the stand-ins of failed ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from headwater.errors import InvalidModifier
from headwater.modifiers.tags import tag

__all__ = ["ERROR_SENTINEL", "INJECTION_ALLOWED", "accept_error_sentinels"]

ERROR_SENTINEL = "hamilton.error_sentinel"
"""The tag that marks such a feature."""

INJECTION_ALLOWED = "injection is requested"
"""The value of that tag."""


class accept_error_sentinels(tag):
    """Let a feature be computed although values it reads failed; used bare.

    Under a `GracefulErrorAdapter` a feature is passed over where one that it reads failed. A marked one is
    called, and gets the adapter's sentinel in the failed value's place.
    """

    def __new__(cls, fn: Callable[..., Any] | None = None) -> Any:
        """Mark the function at once where the modifier is used without parentheses."""
        made = super().__new__(cls)
        accept_error_sentinels.__init__(made)
        if fn is not None and not callable(fn):
            raise InvalidModifier(
                "@accept_error_sentinels takes no arguments. Use it bare, above the function."
            )
        return made if fn is None else made(fn)

    def __init__(self) -> None:
        """Set the tag."""
        super().__init__(bypass_reserved_namespaces_=True, **{ERROR_SENTINEL: INJECTION_ALLOWED})
