"""The functions of one module as the engine knows them, with names followed through the source tree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from headwater.function import Function, Location
from headwater.modifiers.mutations import with_mutations
from headwater.values import unevaluated_in
from headwater_catalog.read.calls import holds_functions
from headwater_catalog.read.diagnostics import Diagnostic
from headwater_catalog.read.functions import RawFunction
from headwater_catalog.read.linker import Linker
from headwater_catalog.read.modules import Module
from headwater_catalog.read.notebooks import in_cell
from headwater_catalog.read.scope import Resolve

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
        settled: Those of its functions by their source of which all is known and their own, so that they stay
            what they are while all names mean the same.
    """

    module: Module
    functions: tuple[Function, ...]
    raw: tuple[RawFunction, ...]
    diagnostics: tuple[Diagnostic, ...]
    uses: Mapping[str, str | None]
    settled: Mapping[str, Function] = field(repr=False)


def link(module: Module, resolve: Resolve, earlier: LinkedModule | None = None) -> LinkedModule:
    """Read the functions of a module, following names through the other modules of its source tree.

    Args:
        module: The module.
        resolve: Gives other modules of the tree by their dotted names.
        earlier: What it was before; functions that nothing has changed for are taken from there. Most
            commits change one function among many.
    """
    linker = Linker(module, resolve)
    known, uses = _reusable(earlier, module, resolve)
    pairs = [(_function(raw, module, linker, known), raw) for raw in module.parsed.functions]
    pairs = _worked_on(pairs, module, linker)
    uses |= {name: meaning for name, meaning in linker.scope.uses.items() if name != module.name}
    return LinkedModule(
        module=module,
        functions=tuple(function for function, _ in pairs),
        raw=tuple(raw for _, raw in pairs),
        diagnostics=(
            *(diagnostic.at(module.path) for diagnostic in module.parsed.diagnostics),
            *(in_cell(diagnostic, module.parsed.cells) for diagnostic in linker.diagnostics),
        ),
        uses=uses,
        settled={
            raw.source: function for function, raw in pairs if _is_settled(function, known.get(raw.source))
        },
    )


_Pair = tuple[Function, RawFunction]


def _function(raw: RawFunction, module: Module, linker: Linker, known: Mapping[str, Function]) -> Function:
    if raw.source in known and not raw.replaced:
        return _placed(known[raw.source], raw)
    return linker.function(raw, module)


def _worked_on(pairs: list[_Pair], module: Module, linker: Linker) -> list[_Pair]:
    """Put what functions do to the output of others onto those, and leave out those that only do that."""
    mutators = linker.mutators(module)
    if not mutators:
        return pairs
    private = [(linker.function(raw, module), raw) for raw in mutators if raw.name.startswith("_")]
    by_name = {raw.name: raw for _, raw in (*pairs, *private)}
    functions = with_mutations([function for function, _ in (*pairs, *private)])
    return [(function, by_name[function.name]) for function in functions]


def _reusable(
    earlier: LinkedModule | None, module: Module, resolve: Resolve
) -> tuple[Mapping[str, Function], dict[str, str | None]]:
    """Return the functions that are the same still, by their source, and the modules they follow from."""
    if earlier is None or not _means_the_same(earlier, module, resolve):
        return {}, {}
    return earlier.settled, dict(earlier.uses)


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
    if module is None or meaning is None:
        return module is None and meaning is None
    # In this order: what a module means is only known once its content is read.
    return meaning == module.whole or meaning == module.meaning


def _is_settled(function: Function, known: Function | None) -> bool:
    """Tell whether all about a function is known and its own, so that it says nothing about other lines.

    Args:
        function: The function.
        known: One of the same source that is settled, if there is one.
    """
    if (
        known is not None
        and known.modifiers is function.modifiers
        and known.parameters is function.parameters
    ):
        return True
    defaults = [parameter.default for parameter in function.parameters]
    return not (
        function.partial
        or any(modifier.partial or holds_functions(modifier) for modifier in function.modifiers)
        or any(unevaluated_in([*defaults, *function.modifiers]))
    )


def _placed(function: Function, raw: RawFunction) -> Function:
    location = function.location
    if location.line == raw.def_line:
        return function
    moved = Location(location.module, location.path, raw.def_line, raw.end_line)
    return replace(function, location=moved)
