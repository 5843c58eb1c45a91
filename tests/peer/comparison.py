"""How two records of one case are compared, and told apart."""

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["differences"]

Records = Mapping[str, Mapping[str, Any]]

STAGES = ("import", "build", "validate", "execute")

EQUIVALENT = {"InvalidDecoratorException": "InvalidModifier", "DataValidationError": "CheckFailed"}
"""Their exceptions under which ours of another name can be caught; the case `errors_by_name` shows it."""


def differences(theirs: Records, ours: Records) -> list[str]:
    """Return one line for everything in which the scenarios of a case came out differently."""
    names = [name for name in {**theirs, **ours} if name != "import"]
    return [
        f"{name}: {line}"
        for name in names or ["import"]
        for line in _scenario(_of(theirs, name), _of(ours, name))
    ]


def _of(records: Records, name: str) -> Mapping[str, Any]:
    # A module that cannot be imported has no scenarios; its error is the outcome of each.
    return records.get(name) or records.get("import") or {}


def _scenario(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> Iterator[str]:
    yield from _errors(theirs.get("error"), ours.get("error"))
    if "nodes" in theirs and "nodes" in ours:
        yield from _unequal("nodes", theirs["nodes"], ours["nodes"])
    for part in ("values", "order", "answer"):
        if part in theirs and part in ours:
            yield from _unequal(part, theirs[part], ours[part])


def _errors(theirs: Mapping[str, Any] | None, ours: Mapping[str, Any] | None) -> Iterator[str]:
    if theirs is None and ours is not None:
        yield f"error only here, at {ours['stage']}: {ours['type']}: {ours['message']}"
    elif theirs is not None and ours is None:
        yield f"error only there, at {theirs['stage']}: {theirs['type']}: {theirs['message']}"
    elif theirs is not None and ours is not None:
        if theirs["stage"] in STAGES and STAGES.index(ours["stage"]) > STAGES.index(theirs["stage"]):
            yield f"error later here: {ours['stage']} after {theirs['stage']}: {ours['type']}: {ours['message']}"
        expected = EQUIVALENT.get(theirs["type"], theirs["type"])
        if expected not in ours["bases"]:
            yield f"error of another kind here: {ours['type']} for {theirs['type']}: {ours['message']}"


def _unequal(where: str, theirs: Any, ours: Any) -> Iterator[str]:
    if theirs == ours:
        return
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in sorted({*theirs, *ours}):
            if key not in ours:
                yield f"{where}.{key} only there: {theirs[key]}"
            elif key not in theirs:
                yield f"{where}.{key} only here: {ours[key]}"
            else:
                yield from _unequal(f"{where}.{key}", theirs[key], ours[key])
    elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        for index, (one, other) in enumerate(zip(theirs, ours, strict=True)):
            yield from _unequal(f"{where}[{index}]", one, other)
    else:
        yield f"{where}: there {theirs}, here {ours}"
