"""Modifiers: decorators that change which nodes a function makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from headwater.errors import InvalidModifier
from headwater.modifiers.base import Modifier, reasons
from headwater.modifiers.checked import check_output
from headwater.modifiers.columns import extract_columns
from headwater.modifiers.configuration import config, hamilton_exclude
from headwater.modifiers.parameterized import parameterize, source, value
from headwater.modifiers.tags import tag

__all__ = [
    "PUBLIC_MODULES",
    "UNPACKED",
    "check_output",
    "config",
    "extract_columns",
    "hamilton_exclude",
    "parameterize",
    "source",
    "static",
    "static_value",
    "tag",
    "value",
]

PUBLIC_MODULES = frozenset({"headwater", "headwater.modifiers", "hamilton.function_modifiers"})
"""Modules under which feature code imports the modifiers."""

UNPACKED = "**"
"""Keyword under which `static` takes an unknown expression that source text unpacks with `**`."""

_MODIFIERS: Mapping[str, Callable[..., Any]] = {
    "check_output": check_output,
    "config": config,
    "config.when": config.when,
    "config.when_in": config.when_in,
    "config.when_not": config.when_not,
    "config.when_not_in": config.when_not_in,
    "extract_columns": extract_columns,
    "hamilton_exclude": hamilton_exclude,
    "parameterize": parameterize,
    "tag": tag,
}
_VALUES: Mapping[str, Callable[..., Any]] = {"source": source, "value": value}


def static(name: str, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None) -> Modifier | None:
    """Make the modifier that a decorator in source text stands for, without running the source.

    Args:
        name: Public dotted name, such as `config.when`.
        args: Its evaluated arguments; what is not known is `Unevaluated` or a `Reference`.
        kwargs: Its evaluated keyword arguments; an unknown mapping stands under `UNPACKED`.

    Returns:
        The modifier, or None where no modifier has this name. It says in `partial` what is not known.

    Raises:
        DefinitionError: The arguments are wrong.
    """
    make = _MODIFIERS.get(name)
    if make is None:
        return None
    known = dict(kwargs or {})
    unpacked = known.pop(UNPACKED, None)
    modifier: Modifier = _called(name, make, args, known)
    modifier.partial = reasons(*args, known, unpacked)
    return modifier


def static_value(name: str, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None) -> Any:
    """Make the `source(...)` or `value(...)` that a call in source text stands for; None if it is neither.

    Raises:
        DefinitionError: The arguments are wrong.
    """
    make = _VALUES.get(name)
    return None if make is None else _called(name, make, args, kwargs or {})


def _called(name: str, make: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    try:
        return make(*args, **kwargs)
    except TypeError as error:
        raise InvalidModifier(f"@{name}: {error}. See its documentation for what it takes.") from error
