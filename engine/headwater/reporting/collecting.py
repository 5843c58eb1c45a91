"""What a report tells of a run: types and shapes of values, and inputs that are plain literals."""

from __future__ import annotations

import math
import platform
import sys
from collections.abc import Mapping
from importlib import metadata
from typing import Any, Final

__all__ = ["check_of", "described", "environment", "input_of"]

_PACKAGES: Final = ("apache-hamilton", "sf-hamilton", "headwater", "numpy", "pandas", "polars", "pyarrow")
_LONGEST: Final = 200


def described(value: Any) -> str:
    """Say what a value is: its type, and its shape or size where it has one."""
    name = type(value).__name__
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and all(isinstance(each, int) for each in shape):
        return f"{name} {' x '.join(map(str, shape))}"
    if isinstance(value, (list, tuple, dict, set)):
        return f"{name} of {len(value)}"
    return name


def input_of(value: Any) -> dict[str, Any]:
    """Return an input: a plain literal as it is, anything else by what it is and its fingerprint."""
    if _is_literal(value) and len(str(value)) <= _LONGEST:
        return {"value": value}
    return {"summary": described(value), "fingerprint": _fingerprint(value)}


def check_of(name: str, tags: Mapping[str, Any], result: Any) -> dict[str, Any] | None:
    """Return the outcome of a check, where that is what a node has made; else None."""
    passes, message = getattr(result, "passes", None), getattr(result, "message", None)
    if not isinstance(passes, bool) or not isinstance(message, str):
        return None
    checked = tags.get("hamilton.data_quality.source_node") or name
    return {"node": str(checked), "validator": name, "passed": passes, "message": message[:2000]}


def environment() -> dict[str, Any]:
    """Return the versions of Python and of what computes."""
    packages = {}
    for name in _PACKAGES:
        try:
            packages[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {"python": platform.python_version(), "platform": sys.platform, "packages": packages}


def _is_literal(value: Any) -> bool:
    return value is None or (
        type(value) in (bool, int, float, str) and not (isinstance(value, float) and not math.isfinite(value))
    )


def _fingerprint(value: Any) -> str | None:
    from headwater.fingerprints import fingerprint

    try:
        return str(fingerprint(value))
    except Exception:  # a value may do anything when it is looked at, and no report is worth the run
        return None
