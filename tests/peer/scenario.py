"""What a case of the compatibility suite asks of its feature functions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

__all__ = ["Scenario"]


@dataclass(frozen=True)
class Scenario:
    """One build and one execution of a case.

    Attributes:
        outputs: What to execute; None for every node that is no input.
        config: The configuration to build with.
        inputs: Values of the graph's inputs.
        overrides: Values that take the place of nodes.
        modules: Modules to build with, after the case itself.
        driver: Makes the driver from the configuration and the modules, where it is not the plain one.
    """

    outputs: Sequence[Any] | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, Any] = field(default_factory=dict)
    overrides: Mapping[str, Any] = field(default_factory=dict)
    modules: Sequence[ModuleType] = ()
    driver: Callable[..., Any] | None = None
