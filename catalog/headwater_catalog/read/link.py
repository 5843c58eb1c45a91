"""The functions of one module as the engine knows them, with names followed through the source tree."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from headwater.errors import DefinitionError
from headwater.function import Function, Location, Parameter
from headwater.modifiers import static
from headwater.modifiers.base import Modifier
from headwater.types import Type
from headwater.values import MISSING, Reference, Unevaluated, unevaluated_in
from headwater_catalog.read.annotations import Annotations
from headwater_catalog.read.diagnostics import Diagnostic
from headwater_catalog.read.evaluate import Evaluator, source_text
from headwater_catalog.read.functions import RawFunction, RawParameter
from headwater_catalog.read.modules import Module
from headwater_catalog.read.scope import Resolve, Scope, public_modifier

__all__ = ["LinkedModule", "link", "still_means"]


@dataclass(frozen=True, slots=True)
class LinkedModule:
    """A module whose functions are ready for the engine.

    Attributes:
        module: Its name, its file, and what that says.
        functions: Its functions, in the order of the source; `callable` is None.
        raw: The same functions as they stand in the source, one for one.
        diagnostics: What could not be read as meant, with the path.
        uses: Other modules that were consulted, with what they mean; None for a name that the tree does not
            have. While these stay, linking again gives the same.
    """

    module: Module
    functions: tuple[Function, ...]
    raw: tuple[RawFunction, ...]
    diagnostics: tuple[Diagnostic, ...]
    uses: Mapping[str, str | None]


def link(module: Module, resolve: Resolve, earlier: LinkedModule | None = None) -> LinkedModule:
    """Read the functions of a module, following names through the other modules of its source tree.

    Args:
        module: The module.
        resolve: Gives other modules of the tree by their dotted names.
        earlier: What it was before; functions that nothing has changed for are taken from there. Most
            commits change one function among many.
    """
    linker = _Linker(module, resolve)
    known, uses = _reusable(earlier, module, resolve)
    functions = tuple(
        _placed(known[raw.source], raw) if raw.source in known and not raw.replaced else linker.function(raw)
        for raw in module.parsed.functions
    )
    uses |= {name: meaning for name, meaning in linker.scope.uses.items() if name != module.name}
    return LinkedModule(
        module=module,
        functions=functions,
        raw=module.parsed.functions,
        diagnostics=(*(d.at(module.path) for d in module.parsed.diagnostics), *linker.diagnostics),
        uses=uses,
    )


def _reusable(
    earlier: LinkedModule | None, module: Module, resolve: Resolve
) -> tuple[dict[str, Function], dict[str, str | None]]:
    """Return the functions that are the same still, by their source, and the modules they follow from."""
    if earlier is None or not _means_the_same(earlier, module, resolve):
        return {}, {}
    pairs = zip(earlier.raw, earlier.functions, strict=True)
    return {raw.source: function for raw, function in pairs if _is_settled(function)}, dict(earlier.uses)


def _means_the_same(earlier: LinkedModule, module: Module, resolve: Resolve) -> bool:
    """Tell whether every name in the code of a module means what it meant before."""
    before, now = earlier.module, module
    return (
        (before.name, before.path) == (now.name, now.path)
        and before.meaning == now.meaning
        and all(still_means(meaning, resolve(name)) for name, meaning in earlier.uses.items())
    )


def still_means(meaning: str | None, module: Module | None) -> bool:
    """Tell whether a module, or that there is none, is what was found before."""
    return meaning == (module.meaning if module else None)


def _is_settled(function: Function) -> bool:
    """Tell whether everything about a function is known, so that it says nothing about lines."""
    defaults = [parameter.default for parameter in function.parameters]
    return not (
        function.partial
        or any(modifier.partial for modifier in function.modifiers)
        or any(unevaluated_in([*defaults, *function.modifiers]))
    )


def _placed(function: Function, raw: RawFunction) -> Function:
    location = function.location
    if location.line == raw.def_line:
        return function
    moved = Location(location.module, location.path, raw.def_line, raw.end_line)
    return replace(function, location=moved)


class _Linker:
    """Makes the function records of one module."""

    def __init__(self, module: Module, resolve: Resolve) -> None:
        self.diagnostics: list[Diagnostic] = []
        self.scope = Scope(resolve)
        self._module = module
        self._evaluator = Evaluator(self.scope)
        self._annotations = Annotations(self.scope, self._evaluator)

    def function(self, raw: RawFunction) -> Function:
        partial: list[str] = []
        if raw.replaced:
            partial.append(f"line {raw.replaced}: '{raw.name}' is set again, perhaps to something else")
        return Function(
            name=raw.name,
            location=Location(self._module.name, self._module.path, raw.def_line, raw.end_line),
            parameters=tuple(self._parameter(parameter, partial) for parameter in raw.parameters),
            returns=self._type(raw.returns, "the result", partial) if raw.returns else None,
            doc=raw.doc,
            modifiers=self._modifiers(raw, partial),
            is_async=raw.is_async,
            partial=tuple(partial),
        )

    def _parameter(self, raw: RawParameter, partial: list[str]) -> Parameter:
        of = f"'{raw.name}'"
        type_ = self._type(raw.annotation, of, partial) if raw.annotation else None
        default = MISSING if raw.default is None else self._default(raw.default)
        return Parameter(raw.name, type_, raw.kind, default)

    def _type(self, annotation: ast.expr, of: str, partial: list[str]) -> Type:
        type_, reason = self._annotations.type(annotation, self._module)
        if reason:
            where = f"line {annotation.lineno}: the type '{type_}' of {of}"
            partial.append(f"{where} is only known as text: {reason}")
        return type_

    def _default(self, node: ast.expr) -> Any:
        try:
            return self._evaluator.evaluate(node, self._module)
        except DefinitionError as error:
            return Unevaluated(source_text(node), str(error), node.lineno)

    def _modifiers(self, raw: RawFunction, partial: list[str]) -> tuple[Modifier, ...]:
        found = []
        for decorator in reversed(raw.decorators):
            modifier = self._modifier(decorator, partial)
            if modifier is not None:
                found.append(modifier)
        return tuple(found)

    def _modifier(self, decorator: ast.expr, partial: list[str]) -> Modifier | None:
        line = decorator.lineno
        try:
            made = self._evaluator.evaluate(decorator, self._module)
            if isinstance(made, Reference):
                made = self._bare(made)
        except DefinitionError as error:
            self.diagnostics.append(Diagnostic(self._module.path, line, str(error)))
            partial.append(f"line {line}: '@{source_text(decorator)}' is left out: {error}")
            return None
        if isinstance(made, Modifier):
            return made
        why = f": {made.reason}" if isinstance(made, Unevaluated) else ""
        partial.append(f"line {line}: '@{source_text(decorator)}' may change the function{why}")
        return None

    def _bare(self, decorator: Reference) -> Modifier | None:
        """Return the modifier that is used without parentheses."""
        name = public_modifier(decorator.name)
        return static(name) if name else None
