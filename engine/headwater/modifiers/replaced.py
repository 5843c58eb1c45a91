"""Features whose function only says what they need, and whose values other code computes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from types import CodeType
from typing import Any

from headwater.conditions import Configuration
from headwater.errors import InvalidModifier, did_you_mean
from headwater.function import Function, Parameter, ParameterKind
from headwater.modifiers.base import Modifier, Phase
from headwater.modifiers.calls import Keyed
from headwater.node import Node
from headwater.values import MISSING, Reference, Unevaluated

__all__ = ["check_empty", "does"]


class does(Modifier):
    """Let another function compute a feature; its own function has no body.

    Args:
        replacing_function: What is called, with the parameters of the decorated function by name.
        **argument_mapping: Names of parameters of the decorated function, by those of the other one that
            they are given to.

    Raises:
        InvalidModifier: The decorated function has a body, or the other one cannot take its parameters.
    """

    phase = Phase.GENERATE

    def __init__(
        self, replacing_function: Callable[..., Any] | Function | Reference, **argument_mapping: Any
    ) -> None:
        """Check that there is something to call."""
        self.replacing: Any = replacing_function
        if not callable(self.replacing) and not isinstance(
            self.replacing, (Function, Reference, Unevaluated)
        ):
            raise InvalidModifier(f"@does takes a function, not {replacing_function!r}.")
        self.mapping = argument_mapping

    def expand(self, nodes: Sequence[Node], function: Function, config: Configuration) -> list[Node]:
        """Let the function's node call the other function."""
        check_empty(function, "does")
        given = self._given([parameter.name for parameter in function.parameters], function)
        self._check(given, function)
        call = self.replacing.callable if isinstance(self.replacing, Function) else self.replacing
        # Of a function that was only read there is nothing to call, nor of one that is known by name only.
        return [
            replace(node, call=Keyed(call, given) if node.call and callable(call) else None) for node in nodes
        ]

    def _given(self, names: Sequence[str], function: Function) -> tuple[str, ...]:
        """Return the names under which the parameters go to the other function, in their order."""
        renamed: dict[str, str] = {}
        for name, own in self.mapping.items():
            if isinstance(own, Unevaluated):
                continue
            if own not in names:
                raise InvalidModifier(
                    f"{function.where} has no parameter '{own}' for @does to give as '{name}'."
                    f"{did_you_mean(str(own), names)}"
                )
            if own in renamed:
                raise InvalidModifier(
                    f"{function.where}: @does gives '{own}' twice, as '{renamed[own]}' and as '{name}'. "
                    "Give it once."
                )
            renamed[own] = name
        return tuple(renamed.get(name, name) for name in names)

    def _check(self, given: Sequence[str], function: Function) -> None:
        parameters = _parameters(self.replacing)
        if parameters is None or self.partial:
            return
        by_name = {p.name for p in parameters if p.kind in _BY_NAME}
        takes_any = any(p.kind is ParameterKind.VAR_KEYWORD for p in parameters)
        surplus = [name for name in given if name not in by_name and not takes_any]
        needed = [p.name for p in parameters if p.default is MISSING and p.kind not in _VARIADIC]
        lacking = [name for name in needed if name not in given or name not in by_name]
        twice = sorted({name for name in given if given.count(name) > 1})
        if surplus or lacking or twice:
            faults = _told("does not take", surplus) + _told("also needs", lacking)
            faults += _told("takes only once", twice)
            raise InvalidModifier(
                f"{function.where} gives {', '.join(map(repr, given)) or 'nothing'} to "
                f"{_called(self.replacing)}, which {' and '.join(faults)}. Rename the parameters, or say "
                "which goes where: @does(function, its_parameter='own_parameter')."
            )


_BY_NAME = (ParameterKind.POSITIONAL_OR_KEYWORD, ParameterKind.KEYWORD_ONLY)
_VARIADIC = (ParameterKind.VAR_POSITIONAL, ParameterKind.VAR_KEYWORD)


def _told(what: str, names: Sequence[str]) -> list[str]:
    return [f"{what} {', '.join(map(repr, names))}"] if names else []


def _called(replacing: Any) -> str:
    return f"'{getattr(replacing, '__name__', None) or getattr(replacing, 'name', replacing)}'"


def _parameters(replacing: Any) -> tuple[Parameter, ...] | None:
    """Return the parameters of what is called; None where they are not known."""
    if isinstance(replacing, Function):
        return replacing.parameters
    if not callable(replacing):
        return None
    import inspect

    try:
        found = inspect.signature(replacing).parameters.values()
    except ValueError:  # most of what is written in C says nothing
        return None
    kinds = tuple(ParameterKind)  # in the order of Python's own
    empty = inspect.Parameter.empty
    return tuple(
        Parameter(p.name, None, kinds[p.kind], MISSING if p.default is empty else p.default) for p in found
    )


def _empty() -> None:
    pass


def _empty_documented() -> None:
    """Do nothing."""


async def _empty_async() -> None:
    pass


async def _empty_async_documented() -> None:
    """Do nothing."""


_EMPTY = frozenset(
    fn.__code__.co_code for fn in (_empty, _empty_documented, _empty_async, _empty_async_documented)
)


def check_empty(function: Function, modifier: str) -> None:
    """Make sure that a function whose body is never run has none.

    Raises:
        InvalidModifier: There is a body.
    """
    code: CodeType | None = getattr(function.callable, "__code__", None)
    if code is None or _is_empty(code, getattr(function.callable, "__doc__", None)):
        return
    raise InvalidModifier(
        f"{function.where} has a body, which @{modifier} would never run. Leave only its documentation and "
        "`pass`."
    )


def _is_empty(code: CodeType, doc: str | None) -> bool:
    # `return 1` has the same byte code as `pass`, and only the constants tell them apart.
    constants = [constant for constant in code.co_consts if constant is not None and constant != doc]
    return code.co_code in _EMPTY and not constants
