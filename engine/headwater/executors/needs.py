"""What nodes need to be computed: processors, memory, time; said with tags, kept by executors."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from headwater.errors import HeadwaterError, did_you_mean
from headwater.node import Node
from headwater.record import record

__all__ = ["NO_NEEDS", "Needs", "needs_of"]


@record
class Needs:
    """What a task needs from an executor; what is None is left to the executor's own default.

    Attributes:
        cpus: Processors of one machine.
        gpus: GPUs of one machine; a fraction shares one.
        memory: Bytes.
        resources: Amounts of resources that a cluster knows by name, sorted by the name.
        seconds: How long it may take before it is given up.
        attempts: How often it may be begun in all, where the worker that runs it dies. A function that raises
            is not tried again.
    """

    cpus: float | None = None
    gpus: float | None = None
    memory: int | None = None
    resources: tuple[tuple[str, float], ...] = ()
    seconds: float | None = None
    attempts: int | None = None


NO_NEEDS = Needs()
"""What most nodes need: nothing in particular."""

_KEYS = ("cpus", "gpus", "memory", "seconds", "attempts")
_OF_RAY = {"num_cpus": "cpus", "num_gpus": "gpus", "memory": "memory"}
_UNITS = {
    "": 1, "b": 1,
    "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
    "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40,
}  # fmt: skip


def needs_of(nodes: Iterable[Node]) -> Needs:
    """Return what nodes that are computed in one task need: the most that any of them asks for.

    Seconds are for each node, so a task has their sum, and no limit where a node has none.

    Nodes say it with the tags `resources.cpus`, `.gpus`, `.memory` (bytes, or text as "500 MB"), `.seconds`,
    `.attempts`, and `resources.<name>` for what a cluster knows by another name; also with those of
    `@ray_remote_options(num_cpus=, num_gpus=, memory=, resources=, max_retries=)`.

    Raises:
        HeadwaterError: A tag has a value that cannot be read as such an amount.
    """
    each = [_needs(node) for node in nodes]
    if all(needs is NO_NEEDS for needs in each):
        return NO_NEEDS
    named: dict[str, float] = {}
    for needs in each:
        for name, amount in needs.resources:
            named[name] = max(amount, named.get(name, 0.0))
    seconds = [needs.seconds for needs in each if needs.seconds is not None]
    return Needs(
        cpus=_most(needs.cpus for needs in each),
        gpus=_most(needs.gpus for needs in each),
        memory=_most(needs.memory for needs in each),
        resources=tuple(sorted(named.items())),
        seconds=sum(seconds) if len(seconds) == len(each) else None,
        attempts=_most(needs.attempts for needs in each),
    )


def _most(amounts: Iterable[Any]) -> Any:
    return max((amount for amount in amounts if amount is not None), default=None)


def _needs(node: Node) -> Needs:
    told = {key: value for key, value in node.tags.items() if key.startswith(("resources.", "ray_remote."))}
    if not told:
        return NO_NEEDS
    known: dict[str, Any] = {}
    named: dict[str, float] = {}
    # What is said for every engine goes before what is said for Ray.
    for key, value in sorted(told.items()):
        space, _, name = key.partition(".")
        if space == "ray_remote":
            _read_ray_option(node, key, name, value, known, named)
        elif name in _KEYS:
            known[name] = _amount(node, key, value, name)
        elif close := did_you_mean(name, _KEYS):
            raise HeadwaterError(
                f"{node.where} has the tag '{key}', which is none of {', '.join(_KEYS)}.{close} Give "
                "resources of a cluster names that are less like these."
            )
        else:
            named[name] = _amount(node, key, value, name)
    return Needs(**known, resources=tuple(sorted(named.items())))


def _read_ray_option(
    node: Node, key: str, name: str, value: Any, known: dict[str, Any], named: dict[str, float]
) -> None:
    """Note an option of Ray that others understand too; those that only Ray knows are for its executor."""
    try:
        option = json.loads(value)
    except (TypeError, ValueError):
        raise _unreadable(node, key, value, "JSON") from None
    if option is None:
        return
    if name in _OF_RAY:
        known[_OF_RAY[name]] = _amount(node, key, option, _OF_RAY[name])
    elif name == "max_retries" and option != -1:  # -1 is without end, which no other engine has
        if not isinstance(option, int) or isinstance(option, bool) or option < 0:
            raise _unreadable(node, key, value, "a whole number, 0 or more, or -1")
        known["attempts"] = 1 + option
    elif name == "resources" and isinstance(option, dict):
        named.update({which: _amount(node, key, amount, which) for which, amount in option.items()})


def _amount(node: Node, key: str, value: Any, name: str) -> Any:
    """Return an amount: a whole number of attempts and of bytes, else a number."""
    number, unit = value, ""
    if (
        name == "memory"
        and isinstance(value, str)
        and (found := re.fullmatch(r"\s*([\d.]+)\s*(\w*)\s*", value))
    ):
        number, unit = found.groups()
    try:
        amount = float(number) * _UNITS[unit.lower()]
    except (TypeError, ValueError, KeyError):
        amount = -1.0
    lowest = 1 if name == "attempts" else 0
    whole = name in ("memory", "attempts")
    if isinstance(value, bool) or not lowest <= amount < float("inf") or (whole and amount != int(amount)):
        wanted = {"memory": "bytes, as 500000000 or '500 MB'", "attempts": "a whole number, 1 or more"}
        raise _unreadable(node, key, value, wanted.get(name, "a number, 0 or more"))
    return int(amount) if whole else amount


def _unreadable(node: Node, key: str, value: Any, wanted: str) -> HeadwaterError:
    return HeadwaterError(f"{node.where} has the tag {key}={value!r}, which cannot be read. Give {wanted}.")
