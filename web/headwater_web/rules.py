"""Rules of addresses, of which few are ever used to build one."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from werkzeug.routing import Rule

__all__ = ["QuietRule"]


class QuietRule(Rule):
    """Compiles how addresses are built of it when the first one is.

    Werkzeug does it for every rule as it is added, twice, which took half of the start of an application; a
    release of it that no longer has this method only does that again.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compiled = cache(super()._compile_builder)

        def build(rule: Rule, /, **values: Any) -> tuple[str, str]:
            return compiled(append_unknown)(rule, **values)

        return build
