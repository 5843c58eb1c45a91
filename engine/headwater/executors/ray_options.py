"""Options of Ray's tasks, as nodes say them with tags."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from headwater.errors import HeadwaterError
from headwater.executors.tasks import TaskSpec
from headwater.node import Node

__all__ = ["attempts_of", "options_of"]

_SPACE = "ray_remote."
_AS_NEEDS = {"num_cpus", "num_gpus", "memory", "resources", "max_retries"}
_OURS = {
    "num_returns": "each output is handed on by itself",
    "max_calls": "workers are shared by all tasks",
    "retry_exceptions": "",
}
_RETRIES = 3
"""How often Ray begins a task anew by default."""


def options_of(spec: TaskSpec) -> dict[str, Any]:
    """Return the options with which Ray is to run a task.

    Raises:
        HeadwaterError: A node has an option that cannot be had, or two nodes of the task disagree about one.
    """
    needs = spec.needs
    given: dict[str, Any] = {
        "name": spec.base_id,
        "num_cpus": needs.cpus,
        "num_gpus": needs.gpus,
        "memory": needs.memory,
        "resources": dict(needs.resources) or None,
        "max_retries": None if needs.attempts is None else needs.attempts - 1,
    }
    options = {name: value for name, value in given.items() if value is not None}
    said: dict[str, tuple[Node, Any]] = {}
    for node in spec.nodes:
        for name, value in _told(node).items():
            if name == "max_retries" and value == -1:
                options[name] = -1
            if name in _AS_NEEDS or value is None:
                continue
            if _OURS.get(name):
                raise HeadwaterError(
                    f"{node.where} has the tag '{_SPACE}{name}', which Headwater does not pass on to Ray: "
                    f"{_OURS[name]}. Take it off."
                )
            other, known = said.setdefault(name, (node, value))
            if known != value:
                raise HeadwaterError(
                    f"{other.where} and {node.where} are computed in one task of Ray, but the one asks for "
                    f"{name}={known!r}, the other for {value!r}. Give both the same, or group them apart."
                )
    return {**options, **{name: value for name, (_, value) in said.items() if name not in _OURS}}


def attempts_of(spec: TaskSpec) -> int:
    """Return how often a call of the task is made, in all, where it raises: once, unless a node says more."""
    if not any(_told(node).get("retry_exceptions") for node in spec.nodes):
        return 1
    return _RETRIES + 1 if spec.needs.attempts is None else spec.needs.attempts


def _told(node: Node) -> Mapping[str, Any]:
    """Return what a node says for Ray; that it can be read was found when the task was planned."""
    return {
        key.removeprefix(_SPACE): json.loads(str(value))
        for key, value in node.tags.items()
        if key.startswith(_SPACE)
    }
