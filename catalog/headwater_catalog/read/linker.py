"""Function records of one source tree, with the functions and modules that their modifiers take in."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Any, Final

from headwater.errors import DefinitionError
from headwater.function import Function, Location, ModuleRecord, Parameter
from headwater.modifiers.base import Modifier
from headwater.modifiers.fields import extract_fields
from headwater.modifiers.mutations import mutate, with_mutations
from headwater.types import Type
from headwater.values import MISSING, Reference, Unevaluated
from headwater_catalog.read.annotations import Annotations
from headwater_catalog.read.calls import Taken, bare
from headwater_catalog.read.diagnostics import Diagnostic
from headwater_catalog.read.evaluate import Evaluator, source_text
from headwater_catalog.read.functions import RawFunction, RawParameter
from headwater_catalog.read.modules import Module
from headwater_catalog.read.operations import NotKnown
from headwater_catalog.read.scope import Resolve, Scope, public_modifier
from headwater_catalog.read.typed_fields import TypedFields
from headwater_catalog.read.weights import MOST_INSIDE, Weights

__all__ = ["Linker"]

_MOST_NAMES: Final = 20
"""How many constants in a row may stand for a modifier."""

_Key = tuple[str, str]


class Linker:
    """Makes the function records of the modules of one source tree.

    Args:
        home: The module whose diagnostics are wanted; those of others are told where these are read.
        resolve: Gives the modules of the tree by their dotted names.
    """

    def __init__(self, home: Module, resolve: Resolve) -> None:
        self.diagnostics: list[Diagnostic] = []
        self.scope = Scope(resolve)
        self.home = home
        self._evaluator = Evaluator(self.scope, self._type_of, self._taken)
        self._annotations = Annotations(self.scope, self._evaluator)
        self._typed_fields = TypedFields(self.scope, self._annotations)
        self._functions: dict[_Key, Function] = {}
        self._modules: dict[str, ModuleRecord] = {}
        self._inside: list[_Key] = []
        self._weights = Weights()
        self._raw: dict[str, dict[str, RawFunction]] = {}
        self._mutators: dict[str, list[RawFunction]] = {}

    def function(self, raw: RawFunction, module: Module) -> Function:
        """Return the record of a function of a module; what other functions do to it is not in it."""
        key = module.name, raw.name
        if key not in self._functions:
            self._inside.append(key)
            try:
                self._functions[key] = self._read(raw, module)
            finally:
                self._inside.pop()
        return self._functions[key]

    def mutators(self, module: Module) -> list[RawFunction]:
        """Return the functions of a module that work on the output of others."""
        if module.name not in self._mutators:
            found = (*module.parsed.functions, *module.parsed.helpers)
            # Most functions of a module are decorated by the same few.
            called = {_written(decorator): decorator for raw in found for decorator in raw.decorators}
            mutate = {text for text, decorator in called.items() if self._is_mutate(decorator, module)}
            mutators = (raw for raw in found if any(_written(d) in mutate for d in raw.decorators))
            self._mutators[module.name] = list(mutators) if mutate else []
        return self._mutators[module.name]

    def private_mutators(self, module: Module) -> list[tuple[Function, RawFunction]]:
        """Return the private functions of a module that work on the output of others.

        One whose decorator cannot be read is none: it is no feature, and its fault is told.
        """
        private = [raw for raw in self.mutators(module) if raw.name.startswith("_")]
        found = [(self.function(raw, module), raw) for raw in private]
        return [(each, raw) for each, raw in found if any(isinstance(m, mutate) for m in each.modifiers)]

    def _is_mutate(self, decorator: ast.expr, module: Module) -> bool:
        for _ in range(_MOST_NAMES):
            try:
                found = self._annotations.found(_called(decorator), module)
            except NotKnown:
                return False
            if isinstance(found, Reference):
                return public_modifier(found.name) == "mutate"
            decorator, module = found.expression, found.module
        return False

    # One function

    def _read(self, raw: RawFunction, module: Module) -> Function:
        partial: list[str] = []
        if raw.replaced:
            partial.append(f"line {raw.replaced}: '{raw.name}' is set again, perhaps to something else")
        if raw.unread:
            partial.append(f"line {raw.def_line}: {raw.unread}")
        returns = self._type(raw.returns, module, "the result", partial, raw.lag) if raw.returns else None
        return Function(
            name=raw.name,
            location=Location(module.name, module.path, raw.def_line, raw.end_line),
            parameters=tuple(
                self._parameter(parameter, module, partial, raw.lag) for parameter in raw.parameters
            ),
            returns=returns,
            doc=raw.doc,
            modifiers=tuple(self._modifiers(raw, module, returns, partial)),
            is_async=raw.is_async,
            partial=tuple(partial),
        )

    def _parameter(self, raw: RawParameter, module: Module, partial: list[str], lag: int) -> Parameter:
        type_ = self._type(raw.annotation, module, f"'{raw.name}'", partial, lag) if raw.annotation else None
        default = MISSING if raw.default is None else self._default(raw.default, module, lag)
        return Parameter(raw.name, type_, raw.kind, default)

    def _type(self, annotation: ast.expr, module: Module, of: str, partial: list[str], lag: int) -> Type:
        type_, reason = self._annotations.type(annotation, module)
        if reason:
            where = f"line {annotation.lineno + lag}: the type '{type_}' of {of}"
            partial.append(f"{where} is only known as text: {reason}")
        return type_

    def _type_of(self, annotation: ast.expr, module: Module) -> tuple[Type, str | None]:
        return self._annotations.type(annotation, module)

    def _default(self, node: ast.expr, module: Module, lag: int) -> Any:
        try:
            return self._evaluator.evaluate(node, module, lag)
        except DefinitionError as error:
            return Unevaluated(source_text(node), str(error), node.lineno + lag)

    def _modifiers(
        self, raw: RawFunction, module: Module, returns: Type | None, partial: list[str]
    ) -> Iterator[Modifier]:
        for decorator in reversed(raw.decorators):
            line = decorator.lineno + raw.lag
            try:
                made = self._modifier(decorator, module, raw.lag)
                if isinstance(made, extract_fields) and returns is not None:
                    made = self._typed_fields.extracted(made, returns)
            except DefinitionError as error:
                text = f"'@{source_text(decorator)}' is left out: {error}"
                partial.append(f"line {line}: {text}")
                if module == self.home:
                    self.diagnostics.append(Diagnostic(module.path, line, str(error)))
                continue
            if isinstance(made, mutate) and raw.earlier:
                made.earlier = tuple(self._read(earlier, module) for earlier in raw.earlier)
            if isinstance(made, Modifier):
                yield made
            else:
                why = f": {made.reason}" if isinstance(made, Unevaluated) else ""
                text = f"'@{source_text(decorator)}' may change the function{why}"
                partial.append(f"line {line}: {text}")

    def _modifier(self, decorator: ast.expr, module: Module, lag: int) -> Any:
        made = self._evaluator.evaluate(decorator, module, lag)
        if not isinstance(made, Reference):
            return made
        name = public_modifier(made.name)
        return bare(name) if name else None

    # What modifiers take in

    def _taken(self, named: Reference, what: Taken) -> Any:
        """Return what a modifier takes in the place of a name; the name where the tree does not tell."""
        site = self.scope.site(named.name)
        module = self.scope.module(named.name) if what is Taken.GRAPH else None
        if module is not None and site is None:
            return self._graph(named, self._module(module, named))
        if module is not None and site is not None and site.module != module:
            # A package has a function and a module of one name; what is imported last takes it. Only of a
            # function from that very module, as in `from .spend import spend`, it is sure to come last.
            return named
        if site is None or what is Taken.NAME:
            return named if site is None else Reference(f"{site.module.name}.{site.name}")
        raw = self._raw_of(site.module).get(site.name)
        if raw is None:  # a class
            return named
        self.scope.take(site.module)
        why = self._refused((site.module.name, raw.name))
        if why:
            return Unevaluated(named.name, why)
        function = self.function(raw, site.module)
        return self._graph(named, self._worked_on(function, site.module)) if what is Taken.GRAPH else function

    def _refused(self, key: _Key) -> str:
        if key in self._inside:
            return "it takes itself in"
        deep = len(self._inside) >= MOST_INSIDE and key not in self._functions
        return f"it is inside more than {MOST_INSIDE} others" if deep else ""

    def _graph(self, named: Reference, taken: Function | ModuleRecord | Unevaluated) -> Any:
        """Return what is taken in to make nodes, unless that would be too many."""
        if isinstance(taken, Unevaluated):
            return taken
        why = self._weights.refused(taken.functions if isinstance(taken, ModuleRecord) else [taken])
        return Unevaluated(named.name, why) if why else taken

    def _raw_of(self, module: Module) -> dict[str, RawFunction]:
        if module.name not in self._raw:
            found = (*module.parsed.functions, *module.parsed.helpers)
            self._raw[module.name] = {raw.name: raw for raw in found}
        return self._raw[module.name]

    def _worked_on(self, function: Function, module: Module) -> Function:
        """Return a function with what others of its module do to its output."""
        # One that takes this very function in works on the output of others only.
        found = [raw for raw in self.mutators(module) if (module.name, raw.name) not in self._inside]
        mutators = [self.function(raw, module) for raw in found]
        if not mutators or any(raw.name == function.name for raw in found):
            return function
        return with_mutations([function, *mutators], alone=True)[0]

    def _module(self, module: Module, named: Reference) -> ModuleRecord | Unevaluated:
        self.scope.take(module)
        if module.name not in self._modules:
            if any(home == module.name for home, _ in self._inside):
                return Unevaluated(named.name, "it takes itself in")
            functions = self._members(module)
            self._modules[module.name] = ModuleRecord(module.name, tuple(functions))
        return self._modules[module.name]

    def _members(self, module: Module) -> Sequence[Function]:
        """Return the feature functions of a module; a package has those of its modules that it imports."""
        found = {raw.name: self.function(raw, module) for raw in module.parsed.functions}
        for name, home, raw in self._imported(module) if module.is_package else ():
            self.scope.take(home)
            found.setdefault(name, self.function(raw, home))
        mutators = [function for function, _ in self.private_mutators(module)]
        return with_mutations([*(found[name] for name in sorted(found)), *mutators])

    def _imported(self, package: Module) -> Iterator[tuple[str, Module, RawFunction]]:
        names = [name for name in package.parsed.bindings if name not in self._raw_of(package)]
        for source in self.scope.starred(package):
            names += [raw.name for raw in source.parsed.functions]
        for name in dict.fromkeys(names):
            site = self.scope.site(f"{package.name}.{name}")
            if site is not None and site.module.name.startswith(f"{package.name}."):
                raw = self._raw_of(site.module).get(site.name)
                if raw is not None and not raw.name.startswith("_"):
                    yield name, site.module, raw


def _written(decorator: ast.expr) -> str:
    """Return the dotted name of what a decorator calls; empty where that is no name."""
    called = _called(decorator)
    parts: list[str] = []
    while isinstance(called, ast.Attribute):
        parts.append(called.attr)
        called = called.value
    return ".".join([called.id, *parts[::-1]]) if isinstance(called, ast.Name) else ""


def _called(decorator: ast.expr) -> ast.expr:
    return decorator.func if isinstance(decorator, ast.Call) else decorator
