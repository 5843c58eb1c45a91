"""What calls in source text make that are modifiers or belong to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from headwater.errors import DefinitionError, InvalidModifier
from headwater.modifiers import UNPACKED, static, static_value
from headwater.modifiers.base import Modifier
from headwater.modifiers.pipes import pipe_input, pipe_output
from headwater.modifiers.replaced import does
from headwater.modifiers.steps import Step
from headwater.modifiers.subdags import parameterized_subdag, subdag
from headwater.modifiers.with_columns import WithColumns
from headwater.types import Type
from headwater.values import Reference, Unevaluated
from headwater_catalog.read.operations import NotKnown

__all__ = ["Generic", "Take", "Taken", "bare", "holds_functions", "made", "step_method", "takes_function"]


@dataclass(frozen=True, slots=True)
class Generic(Unevaluated):
    """A type with arguments: no value that is known, but a type that is."""

    type: Type = field(kw_only=True)


class Taken(Enum):
    """What a modifier takes of a function that it is given."""

    CALL = "call"
    """The function, to be called."""
    GRAPH = "graph"
    """The nodes that the function, or all functions of a module, make."""
    NAME = "name"
    """Only which one it is."""


Take = Callable[[Reference, Taken], Any]
"""Gives what a modifier takes in the place of a function or module that is known by its name."""


@dataclass(frozen=True, slots=True)
class _Taking:
    """Which arguments of a modifier are functions: the first one or all, or one by name."""

    what: Taken
    all: bool = False
    keyword: str = ""

    def has(self, place: int | str | None) -> bool:
        """Tell whether the argument at a place, or of a name, is a function."""
        if isinstance(place, str):
            return place == self.keyword
        return place == 0 or (self.all and place is not None)


_GRAPH: Final = _Taking(Taken.GRAPH, all=True)

_TAKING: Final[Mapping[str, _Taking]] = {
    "apply_to": _Taking(Taken.NAME, keyword="fn_"),
    "does": _Taking(Taken.CALL, keyword="replacing_function"),
    "h_pandas.with_columns": _GRAPH,
    "h_polars.with_columns": _GRAPH,
    "h_polars_lazyframe.with_columns": _GRAPH,
    "h_spark.select": _GRAPH,
    "h_spark.with_columns": _GRAPH,
    "mutate": _Taking(Taken.NAME, all=True),
    "parameterized_subdag": _GRAPH,
    "step": _Taking(Taken.CALL, keyword="fn"),
    "subdag": _GRAPH,
}

_TYPED: Final = frozenset({"extract_fields"})
"""Modifiers whose arguments may be types with arguments of their own."""

_BARE: Final = frozenset({"accept_error_sentinels", "external_input", "hamilton_exclude"})
"""Modifiers that may be used without parentheses."""

_STEP_METHODS: Final = frozenset(
    ("named", "namespaced", "on_output", "when", "when_in", "when_not", "when_not_in")
)


def holds_functions(modifier: Modifier) -> bool:
    """Tell whether a modifier may hold what other functions are."""
    return isinstance(modifier, (WithColumns, does, pipe_input, pipe_output, subdag, parameterized_subdag))


def takes_function(name: str, place: int | str | None) -> bool:
    """Tell whether a modifier takes a function at a place of its arguments, or by a name."""
    taking = _TAKING.get(name)
    return taking is not None and taking.has(place)


def made(name: str, args: Sequence[Any], kwargs: Mapping[str, Any], take: Take) -> Any:
    """Return the modifier, or the argument of one, that a call makes.

    Args:
        name: Its public name.
        args: Its evaluated arguments.
        kwargs: Its evaluated arguments by name.
        take: Gives the functions and modules among them.

    Raises:
        DefinitionError: The arguments are wrong.
        NotKnown: Nothing of this name is known, or the arguments cannot be used.
    """
    args, kwargs = _given(name, args, kwargs, take)
    try:
        found = static_value(name, args, kwargs) or static(name, args, kwargs)
    except DefinitionError:
        raise
    except Exception as error:  # source may give a modifier anything at all; no scan ends by it
        raise NotKnown(f"its arguments are of no use: {error!r}") from error
    if found is None:
        raise NotKnown(f"no modifier '{name}' is known")
    return found


def bare(name: str) -> Any:
    """Return the modifier that is used without parentheses; None where none has this name.

    Raises:
        DefinitionError: It needs them.
    """
    if name in _BARE:
        return static(name)
    if static(name) is None:
        return None
    raise InvalidModifier(f"@{name} is used without parentheses. Write them: @{name}().")


def step_method(step: Step, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Step:
    """Return what a call like `.named("x")` makes of a step.

    Raises:
        InvalidModifier: The arguments are wrong.
        NotKnown: A step has no such method, or some of the arguments are not known by name.
    """
    if method not in _STEP_METHODS or UNPACKED in kwargs:
        raise NotKnown(f"it is made by a call of '{method}'")
    try:
        changed: Step = getattr(step, method)(*args, **kwargs)
    except TypeError as error:
        raise InvalidModifier(
            f"step(...).{method}: {error}. See its documentation for what it takes."
        ) from error
    return changed


def _given(
    name: str, args: Sequence[Any], kwargs: Mapping[str, Any], take: Take
) -> tuple[Sequence[Any], Mapping[str, Any]]:
    """Return the arguments with texts, functions, modules and types in the place of what stands for them."""
    if name != "value":  # which keeps what it is given
        args, kwargs = [_text(arg) for arg in args], {_text(key): _text(arg) for key, arg in kwargs.items()}
    if name in _TYPED:
        return [_typed(arg) for arg in args], {key: _typed(arg) for key, arg in kwargs.items()}
    taking = _TAKING.get(name)
    if taking is None:
        return args, kwargs

    def taken(place: int | str, value: Any) -> Any:
        return take(value, taking.what) if isinstance(value, Reference) and taking.has(place) else value

    named = {key: taken(key, value) for key, value in kwargs.items()}
    return [taken(place, value) for place, value in enumerate(args)], named


def _text(value: Any) -> Any:
    """Return a member of an enumeration that is a text as that text, since names are made of it."""
    return str.__str__(value) if isinstance(value, str) else value


def _typed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: item.type if isinstance(item, Generic) else item for key, item in value.items()}
    return value
