"""Executes modules with adapters, as the driver does: hooks of the graph around those of its nodes."""

from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

import pytest

from headwater.build import build
from headwater.errors import NodeFailed
from headwater.function import functions_of
from headwater.lifecycle import AdapterSet
from headwater.plan import make_plan


@pytest.fixture
def execute(load: Callable[..., ModuleType]) -> Callable[..., Any]:
    """Give a function that executes source text with adapters and returns the outputs by name."""

    def execute(
        source: str | ModuleType,
        outputs: Sequence[str],
        *adapters: Any,
        inputs: Mapping[str, Any] | None = None,
        overrides: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        module = load(source) if isinstance(source, str) else source
        graph = build(functions_of(module), {})
        given = {**(inputs or {}), **(overrides or {})}
        plan = make_plan(graph, outputs, given)
        try:
            return plan.execute(given, AdapterSet(adapters).around("run-1"))
        except NodeFailed as failure:
            assert failure.__cause__ is not None
            raise failure.__cause__ from None

    return execute
