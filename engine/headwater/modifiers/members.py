"""The feature functions of a module, with what other functions of it do to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType
from typing import Any

from headwater.errors import DefinitionError
from headwater.function import MODIFIERS, Function, ModuleRecord, functions_of, read_function

__all__ = ["feature_function", "feature_functions"]


def feature_functions(
    module: ModuleType | ModuleRecord, faults: list[DefinitionError] | None = None
) -> list[Function]:
    """Return the feature functions of a module, with what its `mutate` functions do to them.

    Args:
        module: A live module, or what was read of one.
        faults: Where faults go, so that the functions after a wrong one are read all the same; without it
            the first is raised.

    Raises:
        DefinitionError: An annotation names something that does not exist.
    """
    functions = list(functions_of(module, faults))
    if isinstance(module, ModuleType):
        functions += _private(module)
    if not any([modifier.works_on_others for function in functions for modifier in function.modifiers]):  # noqa: C419, it is faster
        return functions
    from headwater.modifiers.mutations import with_mutations

    return with_mutations(functions)


def feature_function(fn: Callable[..., Any]) -> Function:
    """Return the record of one live function, with what the `mutate` functions of its module do to it.

    Raises:
        DefinitionError: An annotation names something that does not exist.
    """
    function = read_function(fn)
    around = getattr(fn, "__globals__", {}).values()
    others = [read_function(other) for other in around if _works_on_others(other, fn.__module__)]
    if not others:
        return function
    from headwater.modifiers.mutations import with_mutations

    # A function that works on others is no feature once it has done so; by itself it is what it says.
    return next(iter(with_mutations([function, *others], alone=True)), function)


def _private(module: ModuleType) -> Iterator[Function]:
    """Yield the functions whose names begin with an underscore and that work on others."""
    for name, found in vars(module).items():
        if name.startswith("_") and _works_on_others(found, module.__name__):
            yield read_function(found)


def _works_on_others(found: Any, module: str) -> bool:
    return (
        isinstance(found, FunctionType)
        and found.__module__ == module
        and any(modifier.works_on_others for modifier in getattr(found, MODIFIERS, ()))
    )
