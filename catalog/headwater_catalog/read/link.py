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
from headwater_catalog.read.untouched import takes_itself_in, untouched

__all__ = ["LinkedModule", "Remembered", "link", "still_means"]


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
        kept: Names of its other functions: an earlier process has linked them, and what it found holds.
    """

    module: Module
    functions: tuple[Function, ...]
    raw: tuple[RawFunction, ...]
    diagnostics: tuple[Diagnostic, ...]
    uses: Mapping[str, str | None]
    settled: Mapping[str, Function] = field(repr=False)
    kept: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Remembered:
    """A module that an earlier process has linked, without a fault: what it was, not what came of it.

    Attributes:
        module: The module as it was.
        uses: What it used.
    """

    module: Module
    uses: Mapping[str, str | None]


def link(module: Module, resolve: Resolve, earlier: LinkedModule | Remembered | None = None) -> LinkedModule:
    """Read the functions of a module, following names through the other modules of its source tree.

    Args:
        module: The module.
        resolve: Gives other modules of the tree by their dotted names.
        earlier: What it was before; functions that nothing has changed for are taken from there. Most
            commits change one function among many.
    """
    linker = Linker(module, resolve)
    same = _same(earlier, module, resolve)
    known = earlier.settled if isinstance(earlier, LinkedModule) and same else {}
    kept = _kept(earlier, same, linker) if same else frozenset()
    wanted = (raw for raw in module.parsed.functions if raw.name not in kept)
    pairs = [(_function(raw, module, linker, known if raw.name in same else {}), raw) for raw in wanted]
    pairs = _worked_on(pairs, module, linker)
    uses = dict(earlier.uses) if earlier is not None and same else {}
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
        kept=kept,
    )


_Pair = tuple[Function, RawFunction]


def _function(raw: RawFunction, module: Module, linker: Linker, known: Mapping[str, Function]) -> Function:
    if raw.source in known and not raw.replaced:
        return _placed(known[raw.source], raw)
    return linker.function(raw, module)


def _worked_on(pairs: list[_Pair], module: Module, linker: Linker) -> list[_Pair]:
    """Put what functions do to the output of others onto those, and leave out those that only do that."""
    if not linker.mutators(module):
        return pairs
    private = linker.private_mutators(module)
    by_name = {raw.name: raw for _, raw in (*pairs, *private)}
    functions = with_mutations([function for function, _ in (*pairs, *private)])
    return [(function, by_name[function.name]) for function in functions]


def _same(earlier: LinkedModule | Remembered | None, module: Module, resolve: Resolve) -> frozenset[str]:
    """Return the names of the functions that say what they said, and whose names all mean the same."""
    if earlier is None:
        return frozenset()
    before = earlier.module
    if (before.name, before.path) != (module.name, module.path):
        return frozenset()
    if not all(still_means(meaning, resolve(name)) for name, meaning in earlier.uses.items()):
        return frozenset()
    return untouched(before.parsed, module.parsed)


def _kept(earlier: LinkedModule | Remembered | None, same: frozenset[str], linker: Linker) -> frozenset[str]:
    """Return the names of the functions that need not be linked, since what an earlier process found holds.

    Where functions may work on others than themselves, or a fault has a line to be told, all are linked.
    """
    if earlier is None or (isinstance(earlier, LinkedModule) and not earlier.kept):
        return frozenset()
    before, now = earlier.module, linker.home
    if before.parsed.diagnostics or now.parsed.diagnostics or now.parsed.cells:
        return frozenset()
    if takes_itself_in(before) or takes_itself_in(now):
        return frozenset()
    if linker.mutators(now) or Linker(before, linker.scope.resolve).mutators(before):
        return frozenset()
    return same & earlier.kept if isinstance(earlier, LinkedModule) else same


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
