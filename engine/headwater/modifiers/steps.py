"""Steps of a chain: functions that a value goes through on its way into or out of a function."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import EllipsisType
from typing import Any

from headwater.conditions import Condition, Operator, Test
from headwater.errors import InvalidModifier, MissingAnnotation, did_you_mean
from headwater.function import Function, Parameter, ParameterKind, as_function
from headwater.modifiers.base import Target, checked_target
from headwater.modifiers.dependencies import group, source, value
from headwater.modifiers.settings import configuration
from headwater.modifiers.variants import comparisons
from headwater.node import Argument, Node
from headwater.types import ANY
from headwater.values import MISSING, Reference, Unevaluated

__all__ = ["Namespace", "Step", "apply_to", "bound_arguments", "check_step", "step", "target_of"]

Namespace = str | EllipsisType | Unevaluated | None
"""Where the nodes of steps are: `...` under the name of the function, None nowhere, or under a name."""

_KEYWORDS = (ParameterKind.POSITIONAL_OR_KEYWORD, ParameterKind.KEYWORD_ONLY)


@dataclass(frozen=True, slots=True)
class Step:
    """A function that a value goes through, and when; made by `step` and `apply_to`.

    Attributes:
        fn: The function, or what source tells of it; None where the decorated function is meant.
        args: Its arguments after the first, which is the value that goes through.
        kwargs: Its arguments by keyword.
        target_fn: The function whose output goes through, where it is not the decorated one.
        tests: When the step is taken.
        name: Name of its node; None for one made of the name of the function.
        namespace: Namespace of its node.
        target: Which outputs go through.
    """

    fn: Function | Reference | Unevaluated | None
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    target_fn: Callable[..., Any] | Function | Reference | Unevaluated | None = None
    tests: tuple[Test, ...] = ()
    name: str | Unevaluated | None = None
    namespace: Namespace = ...
    target: str | Sequence[str] | Unevaluated | None = None

    @property
    def condition(self) -> Condition:
        """When the step is taken."""
        return Condition(self.tests)

    @property
    def function_name(self) -> str | None:
        """Name of the function; None where source does not tell."""
        if isinstance(self.fn, Function):
            return self.fn.name
        return self.fn.name.rpartition(".")[2] if isinstance(self.fn, Reference) else None

    def named(self, name: str, namespace: Namespace = ...) -> Step:
        """Give the node a name, and a namespace: None for no namespace, `...` for the one it would have."""
        if not isinstance(name, (str, Unevaluated, type(None))):
            raise InvalidModifier(f"step(...).named() takes the name of a node, not {name!r}.")
        kept = self.namespace if namespace is ... else namespace
        return replace(self, name=self.name if name is None else name, namespace=kept)

    def namespaced(self, namespace: Namespace) -> Step:
        """Put the node under a namespace."""
        return replace(self, namespace=namespace)

    def when(self, **key_value_pairs: Any) -> Step:
        """Take the step when every configuration key has the given value."""
        return self._tested(Operator.IS, key_value_pairs)

    def when_not(self, **key_value_pairs: Any) -> Step:
        """Take the step when no configuration key has the given value."""
        return self._tested(Operator.IS_NOT, key_value_pairs)

    def when_in(self, **key_value_group_pairs: Collection[Any]) -> Step:
        """Take the step when every configuration key has one of the given values."""
        return self._tested(Operator.IN, key_value_group_pairs)

    def when_not_in(self, **key_value_group_pairs: Collection[Any]) -> Step:
        """Take the step when no configuration key has one of the given values."""
        return self._tested(Operator.NOT_IN, key_value_group_pairs)

    def on_output(self, target: Target) -> Step:
        """Let only some outputs of the function go through: a name, or a list of names."""
        chosen = checked_target("step(...).on_output", target)
        return replace(self, target=self.target if chosen is None or chosen is ... else chosen)

    def _tested(self, operator: Operator, values: Mapping[str, Any]) -> Step:
        return replace(self, tests=self.tests + comparisons(operator, values))


def step(fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Step:
    """Make a step of a chain: a function whose first parameter takes what goes through.

    Args:
        fn: The function; its parameters and its result need annotations.
        *args: Its further arguments: `source("node")`, `value(literal)`, or literals.
        **kwargs: Its further arguments by name.

    Raises:
        InvalidModifier: The function cannot be called so.
        MissingAnnotation: A parameter or the result of the function has no type.
    """
    made = Step(_function("step", fn), args, kwargs)
    check_step(made)
    return made


def apply_to(fn_: Callable[..., Any], **mutating_fn_kwargs: Any) -> Step:
    """Say which function's output the function under `@mutate` works on, and with which arguments.

    Args:
        fn_: The function whose output goes through; it must be in the same module.
        **mutating_fn_kwargs: Further arguments of the function under `@mutate`.

    Raises:
        InvalidModifier: `fn_` is no function.
    """
    return Step(None, (), mutating_fn_kwargs, target_fn=target_of(fn_))


def target_of(fn: Any) -> Any:
    """Return a function that `mutate` is to work on, as it was given.

    Raises:
        InvalidModifier: It is no function.
    """
    if isinstance(fn, (Function, Reference, Unevaluated)) or (callable(fn) and hasattr(fn, "__name__")):
        return fn
    raise InvalidModifier(
        f"@mutate works on the output of functions, not on {fn!r}. Give the function itself."
    )


def _function(modifier: str, fn: Any) -> Any:
    if isinstance(fn, (Reference, Unevaluated)):
        return fn
    if isinstance(fn, str) or not (callable(fn) or isinstance(fn, Function)):
        raise InvalidModifier(f"{modifier}() takes a function, not {fn!r}. Give the function itself.")
    return as_function(fn)


def check_step(step_: Step) -> None:
    """Refuse a step whose function cannot be called with its arguments.

    Raises:
        InvalidModifier: The function cannot be called so.
        MissingAnnotation: A parameter or the result of the function has no type.
    """
    if not isinstance(step_.fn, Function):
        return
    function = step_.fn
    for parameter in function.parameters:
        if parameter.kind not in _KEYWORDS:
            raise InvalidModifier(
                f"{function.where} has a {parameter.kind} parameter '{parameter.name}', so it can be no step "
                "of a chain. Give it plain parameters."
            )
    untyped = [p.name for p in function.parameters if p.type is None]
    if untyped or function.returns is None:
        raise MissingAnnotation(
            f"{function.where} is a step of a chain and needs a type for "
            f"{f'parameter {untyped[0]!r}' if untyped else 'what it returns'}. Annotate it."
        )
    _bound(step_, function)


def bound_arguments(step_: Step, through: str) -> list[Argument]:
    """Return the arguments of a step's node.

    Args:
        step_: The step.
        through: Name of the node whose value goes through.
    """
    if not isinstance(step_.fn, Function):
        return [Argument("", ANY, through), *_unknown_arguments(step_)]
    given = _bound(step_, step_.fn)
    first, *others = Node.of(step_.fn).arguments
    return [replace(first, node=through), *(_argument(other, given) for other in others)]


def _unknown_arguments(step_: Step) -> list[Argument]:
    """Return the arguments of a function whose parameters are not known, so far as they are named."""
    return [
        _argument(Argument(name, ANY, None), step_.kwargs) for name in step_.kwargs if name.isidentifier()
    ]


def _argument(argument: Argument, given: Mapping[str, Any]) -> Argument:
    if argument.parameter not in given:
        return argument
    wanted = given[argument.parameter]
    if isinstance(wanted, source):
        # A name that only running code knows is no edge that could be drawn.
        return replace(argument, node=wanted.name) if isinstance(wanted.name, str) else argument
    return replace(argument, node=None, value=wanted.value if isinstance(wanted, value) else wanted)


def _bound(step_: Step, function: Function) -> dict[str, Any]:
    """Return what is given for each parameter after the first."""
    given = _positional(step_, function)
    # A starred argument that source does not settle stands for any number of them.
    uncertain = any(isinstance(each, Unevaluated) for each in (*step_.args, *step_.kwargs.values()))
    names = [parameter.name for parameter in function.parameters]
    for name, wanted in step_.kwargs.items():
        if name in given or (names and name == names[0]):
            what = "takes what goes through" if name == names[0] else "is given twice"
            raise InvalidModifier(f"{_head(function)} parameter '{name}' {what}. Leave out '{name}='.")
        if name in names:
            given[name] = wanted
        elif not uncertain:
            raise InvalidModifier(
                f"{_head(function)} there is no parameter '{name}'.{did_you_mean(name, names)} "
                f"It takes: {', '.join(names)}."
            )
    missing = [p.name for p in function.parameters[1:] if p.default is MISSING and p.name not in given]
    if missing and not uncertain:
        raise InvalidModifier(
            f"{_head(function)} parameter '{missing[0]}' is not given. Say where it comes from: "
            f'{missing[0]}=source("node") for another node, or a literal.'
        )
    for name, wanted in given.items():
        _check_given(name, wanted, function)
    return given


def _positional(step_: Step, function: Function) -> dict[str, Any]:
    takers: Sequence[Parameter] = [
        p for p in function.parameters if p.kind is ParameterKind.POSITIONAL_OR_KEYWORD
    ]
    if not takers:
        raise InvalidModifier(
            f"{_head(function)} it has no parameter that takes what goes through. Give it one."
        )
    if len(step_.args) > len(takers) - 1:
        raise InvalidModifier(
            f"{_head(function)} it takes {len(takers) - 1} further arguments by position, and is given "
            f"{len(step_.args)}."
        )
    return {p.name: given for p, given in zip(takers[1:], step_.args, strict=False)}


def _head(function: Function) -> str:
    return f"{function.where} cannot be a step of a chain as it is written:"


def _check_given(name: str, wanted: Any, function: Function) -> None:
    if isinstance(wanted, (group, configuration)):
        raise InvalidModifier(
            f"{_head(function)} parameter '{name}' cannot take a {type(wanted).__name__}(). Give a source, a "
            "value or a literal."
        )
