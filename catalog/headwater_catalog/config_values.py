"""The values of configuration keys that conditions tell apart: what a form can offer."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

__all__ = ["known_values", "may_hold"]

# As `headwater.conditions.Test` writes itself.
_TEST: Final = re.compile(
    r"""\b(?P<key>[A-Za-z_]\w*)[ ](?P<how>=|!=|in|not[ ]in)[ ](?P<value>\([^()]*\)|"[^"]*"|[^\s()"]+)""",
    re.VERBOSE,
)
_ITEM: Final = re.compile(r'"(?P<text>[^"]*)"|(?P<other>[^\s,()"]+)')


def known_values(conditions: Iterable[str]) -> Mapping[str, tuple[Any, ...]]:
    """Return the values that conditions compare each key with, in order; what is not plain is left out.

    Args:
        conditions: Texts of conditions, as the store has them.
    """
    found: dict[str, dict[str, Any]] = {}
    for condition in sorted(conditions):
        for test in _TEST.finditer(condition):
            values = found.setdefault(test["key"], {})
            values.update((repr(value), value) for value in _items(test["value"]))
    return {key: tuple(values[name] for name in sorted(values)) for key, values in found.items()}


def may_hold(condition: str, config: Mapping[str, Any]) -> bool:
    """Tell whether a condition may hold in a configuration; one of several tests always may."""
    test = _TEST.fullmatch(condition)
    if test is None:
        return True
    known = tuple(_items(test["value"]))
    if len(known) != len(_ITEM.findall(test["value"])):
        return True
    return (config.get(test["key"]) in known) == (test["how"] in ("=", "in"))


def _items(text: str) -> Iterator[Any]:
    for item in _ITEM.finditer(text):
        if item["text"] is not None:
            yield item["text"]
            continue
        try:
            value = ast.literal_eval(item["other"])
        except (ValueError, SyntaxError):
            continue  # a name or a call, of which only running code knows the value
        if value is None or isinstance(value, (bool, int, float)):
            yield value
