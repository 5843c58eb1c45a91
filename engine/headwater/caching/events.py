"""What a cache did, node by node."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

__all__ = ["CachingEvent", "CachingEventType"]


class CachingEventType(Enum):
    """What happened."""

    GET_RESULT = "get_result"
    """A value was taken from the cache."""
    EXECUTE_NODE = "execute_node"
    """A node was computed."""
    SET_RESULT = "set_result"
    """A value was put into the cache."""
    FAILED_RETRIEVAL = "failed_retrieval"
    """A value of the cache, or the cache itself, could not be read or written."""
    FAILED_EXECUTION = "failed_execution"
    """A node failed."""
    UNHASHABLE_DATA_VERSION = "unhashable_data_version"
    """A value has no fingerprint, so it is not kept."""
    OPAQUE_CODE = "opaque_code"
    """Some of what a node calls cannot be told, so its value is not kept."""
    IS_FINAL_VAR = "is_final_var"
    """A node was asked for."""
    IS_INPUT = "is_input"
    """A value was given as an input."""
    IS_OVERRIDE = "is_override"
    """A value was given in the place of a node."""


@dataclass(frozen=True, slots=True)
class CachingEvent:
    """Something that happened to a node in a run.

    Attributes:
        run_id: The run.
        actor: Who did it: "adapter", "metadata_store" or "result_store".
        event_type: What happened.
        node_name: The node.
        task_id: The task, where the graph is cut into tasks.
        msg: More words.
        value: The fingerprint it is about.
        timestamp: Seconds since 1970.
    """

    run_id: str
    actor: str
    event_type: CachingEventType
    node_name: str
    task_id: str | None = None
    msg: str | None = None
    value: str | None = None
    timestamp: float = field(default_factory=time.time)

    def __str__(self) -> str:
        parts = (self.node_name, self.task_id, self.actor, self.event_type.value, self.msg)
        return "::".join(part for part in parts if part)

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON can hold of it."""
        return {
            "run_id": self.run_id,
            "timestamp": self.timestamp,
            "node_name": self.node_name,
            "task_id": self.task_id,
            "actor": self.actor,
            "event_type": self.event_type.value,
            "msg": self.msg,
            "value": self.value,
        }
