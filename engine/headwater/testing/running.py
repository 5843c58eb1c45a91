"""Running one feature, or the part of a graph between given values and outputs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import ModuleType
from typing import Any, NoReturn, overload

from headwater.driver import Driver
from headwater.errors import InvalidInput, InvalidModifier, NodeFailed, add_note, did_you_mean
from headwater.function import Function, ModuleRecord, as_function, functions_of
from headwater.node import Role

__all__ = ["cut", "run_feature"]


def run_feature(
    feature: Callable[..., Any], /, config_: Mapping[str, Any] | None = None, **given: Any
) -> Any:
    """Run one feature function, with all its modifiers, on given values.

    Its modifiers are what makes this more than a call of the function: checks run, columns are extracted,
    steps are piped, parameters are injected.

        assert run_feature(cost, spend=10.0, signups=5.0) == 2.0

    Args:
        feature: The function.
        config_: The configuration, where the function or its modifiers ask for one.
        **given: What it reads; values of its own parts, such as `cost_raw`, take their place.

    Returns:
        Its value; by name where it makes several features.

    Raises:
        InvalidInput: A value is given that it does not read, or that has the wrong type.
        MissingInput: A value is missing.
        InvalidModifier: The function makes no node in this configuration.
        Exception: What the function raised, with a note that says where.
    """
    function = _as_in_its_module(feature)
    alone = ModuleRecord(function.location.module, (function,))
    driver = Driver(config_ or {}, alone)  # type: ignore[arg-type]
    made = [node.name for node in driver.graph.nodes if node.role is Role.FEATURE]
    if not made:
        raise InvalidModifier(
            f"{function.where} makes nothing with the configuration {dict(config_ or {})}. "
            "Give the one it asks for in config_={...}."
        )
    outputs = [function.name] if function.name in made else made
    values = _values(driver, outputs, given)
    return values[outputs[0]] if len(outputs) == 1 else values


@overload
def cut(
    dataflow: Driver | ModuleType | Iterable[ModuleType],
    outputs: str,
    given: Mapping[str, Any],
    config: Mapping[str, Any] | None = None,
) -> Any: ...


@overload
def cut(
    dataflow: Driver | ModuleType | Iterable[ModuleType],
    outputs: Sequence[str],
    given: Mapping[str, Any],
    config: Mapping[str, Any] | None = None,
) -> dict[str, Any]: ...


def cut(
    dataflow: Driver | ModuleType | Iterable[ModuleType],
    outputs: str | Sequence[str],
    given: Mapping[str, Any],
    config: Mapping[str, Any] | None = None,
) -> Any:
    """Run the part of a graph that lies between given values and outputs.

        assert cut(features, "cost", {"spend": 10.0, "signups": 5.0}) == 2.0

    Args:
        dataflow: A driver, or modules of feature functions.
        outputs: The name of a node, or names.
        given: Values of nodes and inputs, by name, at which the part begins.
        config: The configuration to build modules with; a driver has its own.

    Returns:
        The value of the output, or values by name where names were asked for.

    Raises:
        InvalidInput: A value is given that the outputs do not need, or an input has the wrong type.
        MissingInput: An input that is needed was not given.
        UnknownNode: No node has the name.
        Exception: What a feature function raised, with a note that says where.
    """
    wanted = [outputs] if isinstance(outputs, str) else outputs
    values = _values(_driver(dataflow, config), wanted, given)
    return values[outputs] if isinstance(outputs, str) else values


def _as_in_its_module(feature: Callable[..., Any]) -> Function:
    # Other functions of the module may change it (@mutate), so it is looked up there.
    module = sys.modules.get(getattr(feature, "__module__", ""))
    for function in functions_of(module) if module is not None else ():
        if function.callable is feature:
            return function
    return as_function(feature)


def _driver(dataflow: Driver | ModuleType | Iterable[ModuleType], config: Mapping[str, Any] | None) -> Driver:
    if isinstance(dataflow, Driver):
        if config is not None:
            raise InvalidInput("A driver has its configuration already. Give modules, or leave config out.")
        return dataflow
    modules = [dataflow] if isinstance(dataflow, ModuleType) else dataflow
    return Driver(config or {}, *modules)


def _values(driver: Driver, outputs: Sequence[str], given: Mapping[str, Any]) -> dict[str, Any]:
    graph = driver.graph
    needed = graph.upstream(*outputs)
    for name in given:
        if name not in needed:
            raise InvalidInput(
                f"'{name}' is given, but {' and '.join(map(repr, outputs))} need{'s'[len(outputs) > 1 :]} it "
                f"not.{did_you_mean(name, needed)}"
            )
    inputs = {name: value for name, value in given.items() if graph[name].role is Role.INPUT}
    overrides = {name: value for name, value in given.items() if name not in inputs}
    run = driver.run(outputs, overrides, inputs)
    if run.error is not None:
        _raise(run.error)
    return run.values


def _raise(error: Exception) -> NoReturn:
    # The test is about the function, so it gets the function's own exception.
    cause = error.__cause__ if isinstance(error, NodeFailed) else None
    if cause is None:
        raise error
    add_note(cause, str(error))
    raise cause
