"""Functions that work on the output of other functions, said at those that work."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from headwater.errors import DefinitionError, InvalidModifier, did_you_mean
from headwater.function import Function, read_function
from headwater.modifiers.base import Modifier, Resolver, Variant, reasons
from headwater.modifiers.chains import refuse_unsupported
from headwater.modifiers.pipes import pipe_output
from headwater.modifiers.steps import Step, apply_to, check_step
from headwater.values import Reference, Unevaluated

__all__ = ["mutate", "with_mutations"]

F = TypeVar("F", bound=Callable[..., Any])


class mutate(Resolver):
    """Let the output of other functions of the module go through this one, as by `pipe_output` on each.

    The function itself makes no node. Several of them work in the order in which they are defined, also those
    that have one name.

    Args:
        *target_functions: The functions, or `apply_to(function, ...)` for arguments, a condition, a name
            or a choice of outputs of its own.
        collapse: Must be False; each step is a node of its own.
        _chain: Must be False.
        **mutating_function_kwargs: Further arguments of this function, for all targets without their own.

    Raises:
        InvalidModifier: A target is no function of the same module, or this function cannot be called so.
    """

    works_on_others = True

    def __init__(
        self,
        *target_functions: Any,
        collapse: bool = False,
        _chain: bool = False,
        **mutating_function_kwargs: Any,
    ) -> None:
        """Make a step for each target."""
        refuse_unsupported("mutate", collapse, _chain)
        self.kwargs = mutating_function_kwargs
        self.steps = tuple(
            _step(target) for target in target_functions if not isinstance(target, Unevaluated)
        )
        self.unknown = tuple(target for target in target_functions if isinstance(target, Unevaluated))
        self.earlier: tuple[Function, ...] = ()

    def __call__(self, fn: F) -> F:
        """Note this modifier on a function; the targets are found when the module is read."""
        function = read_function(fn)
        for step in self.steps_of(function):
            check_step(step)
            _, module = _target_key(step)
            if module != function.location.module:
                raise InvalidModifier(_elsewhere(step, function))
        self.earlier = _earlier(fn, function)
        return super().__call__(fn)

    def resolve(self, variant: Variant, function: Function) -> Variant | None:
        """Return None: the function makes no node of its own."""
        return None

    def steps_of(self, function: Function) -> Iterator[Step]:
        """Yield the steps that the decorated function is, one for each target."""
        for step in self.steps:
            yield replace(step, fn=function, kwargs=step.kwargs or self.kwargs)


def _earlier(fn: Callable[..., Any], function: Function) -> tuple[Function, ...]:
    """Return the definitions of the same name that stand above one in its file, which work as well.

    One that was put in this one's place is none of them: it stood where this one stands, in another cell of a
    notebook, or worked on functions that are no longer there.
    """
    names = getattr(fn, "__globals__", {})
    above = names.get(function.name)
    if not callable(above) or above is fn or not getattr(above, "__headwater_modifiers__", ()):
        return ()
    before = read_function(above)
    mutations = list(_mutations(before))
    if before.location.path != function.location.path or before.location.line >= function.location.line:
        return ()
    targets = [step.target_fn for mutation in mutations for step in mutation.steps]
    if not targets or any(names.get(getattr(target, "__name__", "")) is not target for target in targets):
        return ()
    return (*mutations[0].earlier, before)


class _Faulty(Resolver):
    """Stands for `mutate` where a target was not found, so that the fault is told with all others."""

    def __init__(self, fault: DefinitionError) -> None:
        self.fault = fault

    def resolve(self, variant: Variant, function: Function) -> Variant | None:
        """Raise the fault."""
        raise self.fault


def _step(target: Any) -> Step:
    if not isinstance(target, Step):
        return apply_to(target)
    if target.target_fn is None:
        raise InvalidModifier(
            f"@mutate takes functions, or apply_to(function, ...), not the step of '{target.function_name}'."
        )
    return target


def with_mutations(functions: Sequence[Function], *, alone: bool = False) -> list[Function]:
    """Put what `mutate` functions do onto the functions whose output they work on.

    Applied again, it changes nothing more. A fault is raised where the `mutate` function that it is in is
    expanded, so that it stops no other function.

    Args:
        functions: All functions of a module, live or read, private `mutate` functions included.
        alone: Whether only some functions of the module are given, so that targets may be missing.

    Returns:
        The functions in their order, without those that only work on others.
    """
    # Definitions of one name stand in the module as the last of them.
    working = {
        _key(each): (each, function)
        for function in functions
        for mutation in _mutations(function)
        for each in (*mutation.earlier, function)
    }
    if not working:
        return list(functions)
    made = list(functions)
    faulty: dict[int, Function] = {}
    for mutator, standing in sorted(working.values(), key=lambda pair: pair[0].location.line):
        try:
            made = _worked_on(made, mutator, alone)
        except DefinitionError as fault:
            faulty[_key(standing)] = replace(mutator, modifiers=(_Faulty(fault),))
    return [
        faulty.get(_key(function), worked_on)
        for function, worked_on in zip(functions, made, strict=True)
        if _key(function) not in working or _key(function) in faulty
    ]


def _key(function: Function) -> int:
    """Return what tells definitions apart: of one function that is alive there may be several records."""
    return id(function) if function.callable is None else id(function.callable)


def _worked_on(functions: list[Function], mutator: Function, alone: bool) -> list[Function]:
    made = list(functions)
    module = mutator.location.module
    for mutation in _mutations(mutator):
        for unknown in mutation.unknown:
            why = f"'{mutator.name}' may work on its output: {reasons(unknown)[0]}"
            made = [replace(f, partial=(*f.partial, why)) if f.location.module == module else f for f in made]
        for step in mutation.steps_of(mutator):
            check_step(step)
            places = _places(step, mutator, made, alone)
            for place in places:
                made[place] = _piped(made[place], step, mutation.partial)
    return made


def _mutations(function: Function) -> Iterator[mutate]:
    return (modifier for modifier in function.modifiers if isinstance(modifier, mutate))


def _places(step: Step, mutator: Function, functions: Sequence[Function], alone: bool) -> list[int]:
    """Return where the target of a step is among the functions of a module."""
    name, module = _target_key(step)
    if module != mutator.location.module:
        raise InvalidModifier(_elsewhere(step, mutator))
    found = [
        index
        for index, function in enumerate(functions)
        if function.name == name and function.location.module == module
    ]
    # A private function is no feature; it may still be given to a sub-graph.
    if not found and not alone and not name.startswith("_"):
        known = [function.name for function in functions if function is not mutator]
        raise InvalidModifier(
            f"{mutator.where} is to work on the output of '{name}', which is no feature function of "
            f"{module}.{did_you_mean(name, known)}"
        )
    return found


def _target_key(step: Step) -> tuple[str, str]:
    """Return the name and the module of the function that a step works on."""
    target = step.target_fn
    if isinstance(target, Function):
        return target.name, target.location.module
    if isinstance(target, Reference):
        module, _, name = target.name.rpartition(".")
        return name, module
    return str(getattr(target, "__name__", target)), str(getattr(target, "__module__", ""))


def _elsewhere(step: Step, mutator: Function) -> str:
    name, module = _target_key(step)
    return (
        f"{mutator.where} is in module {mutator.location.module} and cannot work on the output of '{name}' "
        f"in {module}. Put both into one module, or use @pipe_output there."
    )


def _piped(function: Function, step: Step, partial: tuple[str, ...]) -> Function:
    """Return a function whose output goes through one more step, at the end of the chains that it has."""
    modifiers: list[Modifier] = []
    is_added = False
    for modifier in function.modifiers:
        if isinstance(modifier, pipe_output) and modifier.may_take(step):
            modifiers.append(modifier.with_step(step, partial))
            is_added = True
        else:
            modifiers.append(modifier)
    if not is_added:
        pipe = pipe_output(step)
        pipe.partial = partial
        modifiers.append(pipe)
    return replace(function, modifiers=tuple(modifiers))
