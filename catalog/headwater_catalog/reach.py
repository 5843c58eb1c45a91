"""What a definition can reach in its source tree: helpers, constants, classes and modules, unit by unit."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import resolve_name
from itertools import chain
from typing import Final

from headwater.normal_form import digest
from headwater.source_files import Definition
from headwater.values import Reference
from headwater_catalog.file_code import FileCode
from headwater_catalog.file_reads import FileReads
from headwater_catalog.mentions import Sources
from headwater_catalog.read.bindings import Opaque
from headwater_catalog.read.modules import Module
from headwater_catalog.read.scope import Scope, Site, Unknown, public_modifier

__all__ = ["Reach", "Unit", "UnitKey", "unit_name"]

UnitKey = tuple[str, ...]
"""("code", module, name), where an empty name means the module as a whole, ("file", path) of a file that code
reads, or ("outside", dotted name)."""

_BLIND: Final = frozenset(
    ("__import__", "eval", "exec", "globals", "inspect.currentframe", "runpy.run_module", "runpy.run_path")
    + ("sys._getframe", "sys.modules")
)
"""What reaches anything, whatever the text says."""

_IMPORTING: Final = "importlib.import_module"
_NAMING: Final = {"getattr": 1, _IMPORTING: 0}
"""What reaches something by a text, with the place of that text among the arguments."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One thing that code can reach.

    Attributes:
        digest: The hash of its own code.
        needs: What it reaches in turn, by the name that its code has for it.
        opaque: Why that may not be all; empty where it is.
    """

    digest: str
    needs: Mapping[str, tuple[UnitKey, ...]]
    opaque: tuple[str, ...] = ()


def unit_name(key: UnitKey) -> str:
    """Return what people call a unit."""
    return ".".join(text for text in key[1:] if text)


class Reach:
    """What the definitions of one source tree reach.

    Code of the tree is followed, and files that it reads count by their content; what is imported from
    outside counts by its dotted name alone.

    Args:
        sources: The files of the tree.
        code_of: Gives the code of a module.
    """

    def __init__(self, sources: Sources, code_of: Callable[[Module], FileCode]) -> None:
        self.units: dict[UnitKey, Unit] = {}
        self._sources = sources
        self._modules = sources.modules
        self._code_of = code_of
        self._scope = Scope(sources.modules.get)
        self._reads = FileReads(sources.files, sources.modules, self._target, self._unchanged)
        self._targets: dict[tuple[str, str], UnitKey | Unknown | None] = {}

    def follow(self, keys: Iterable[UnitKey]) -> None:
        """Look at some units, and at all that they reach."""
        pending = [*keys]
        while pending:
            key = pending.pop()
            if key not in self.units:
                unit = self.units[key] = self._unit(key)
                pending += (other for answers in unit.needs.values() for other in answers)

    def code(self, module: str) -> FileCode:
        """Return the code of a module of the tree."""
        return self._code_of(self._modules[module])

    def needs(
        self, module: str, definition: Definition
    ) -> tuple[Mapping[str, tuple[UnitKey, ...]], tuple[str, ...]]:
        """Return what a definition of a module reaches by name, and why that may not be all."""
        home = self._modules[module]
        found: dict[str, dict[UnitKey, None]] = {}
        opaque: dict[str, None] = {}
        for name, target in chain(self._named(home, definition), self._reads.of(home, definition)):
            if isinstance(target, Unknown):
                opaque[f"{target.reason} ({home.path})"] = None
            else:
                found.setdefault(name, {})[target] = None
        if self._code_of(home).is_broken:
            opaque[f"{home.path} cannot be read as a whole"] = None
        return {name: tuple(sorted(keys)) for name, keys in found.items()}, tuple(opaque)

    def _unit(self, key: UnitKey) -> Unit:
        if key[0] == "file":  # where it stands, the code that reads it says
            return Unit(digest(("file", self._sources.files[key[1]])), {})
        if key[0] != "code":
            return Unit(digest(key), {})
        _, module, name = key
        code = self.code(module)
        definition = code.definition(name) if name else code.whole
        if definition is None:
            return Unit(digest(key), {}, (f"what '{name}' of {module} is cannot be read",))
        needs, opaque = self.needs(module, definition)
        may_change = isinstance(self._modules[module].parsed.bindings.get(name), Opaque)
        if may_change and (changer := code.changers.get(name)):
            opaque = (*opaque, f"'{name}' of {module} is changed by '{changer}'")
        return Unit(definition.digest, needs, opaque)

    def _unchanged(self, module: str, name: str) -> Definition | None:
        """Return the definition of a name that no function changes."""
        code = self.code(module)
        return code.definition(name) if name not in code.changers else None

    def _named(self, home: Module, definition: Definition) -> Iterator[tuple[str, UnitKey | Unknown]]:
        names = definition.names
        for dotted in sorted(names.needed):
            target = self._target(dotted, home)
            if target is not None:
                yield dotted, target
            if not isinstance(target, Unknown) and (target is None or target[0] == "outside"):
                yield from self._by_text(dotted, unit_name(target) if target else dotted, definition)
        for dotted in sorted(names.hinted):
            hinted = self._target(dotted, home)
            # What only annotations name need not exist when the code runs.
            if hinted is not None and not isinstance(hinted, Unknown) and hinted[0] == "code":
                yield dotted, hinted
        for level, source, name in sorted(names.imports, key=str):
            yield f"{'.' * level}{source}:{name or ''}", self._imported(level, source, name, home)

    def _target(self, dotted: str, home: Module) -> UnitKey | Unknown | None:
        """Return what a dotted name means; None where it is Python's own."""
        key = home.name, dotted
        if key not in self._targets:
            self._targets[key] = self._resolved(dotted, home)
        return self._targets[key]

    def _resolved(self, dotted: str, home: Module) -> UnitKey | Unknown | None:
        name, *attributes = dotted.split(".")
        if self._code_of(home).definition(name) is not None:
            return "code", home.name, name
        if _is_special(name):
            return None
        found = self._scope.site(f"{home.name}.{name}") or self._scope.name(name, home)
        if isinstance(found, Reference) and found.name not in self._modules and hasattr(builtins, found.name):
            return None
        while isinstance(found, Reference) and attributes and not _is_special(attributes[0]):
            attribute = attributes.pop(0)
            found = self._scope.site(f"{found.name}.{attribute}") or self._scope.attribute(found, attribute)
        if isinstance(found, Site):
            return "code", found.module.name, found.name
        return self._whole(found.name) if isinstance(found, Reference) else _unknown(found)

    def _whole(self, name: str) -> UnitKey:
        """Return a module of the tree as a whole, or what is outside."""
        if name in self._modules:
            return "code", name, ""
        modifier = public_modifier(name)
        # The same modifiers have several homes.
        return "outside", f"headwater.{modifier}" if modifier else name

    def _imported(self, level: int, source: str, name: str | None, home: Module) -> UnitKey | Unknown:
        """Return what an import inside a definition imports."""
        package = home.name if home.is_package else home.name.rpartition(".")[0]
        try:
            source = resolve_name(f"{'.' * level}{source}", package) if level else source
        except ImportError:
            return Unknown(f"'{source}' is imported from beyond the top package")
        if name is None:
            return self._whole(source)
        found = self._scope.site(f"{source}.{name}")
        if found is not None:
            return "code", found.module.name, found.name
        if source not in self._modules or f"{source}.{name}" in self._modules:
            return self._whole(f"{source}.{name}")
        target = self._scope.attribute(Reference(source), name)
        if isinstance(target, Reference):
            return self._whole(target.name)
        return _unknown(target)

    def _by_text(
        self, dotted: str, meant: str, definition: Definition
    ) -> Iterator[tuple[str, UnitKey | Unknown]]:
        """Yield what is reached by other means than names."""
        if any(meant == blind or meant.startswith(f"{blind}.") for blind in _BLIND):
            yield dotted, Unknown(f"'{dotted}' may reach anything")
        elif meant in _NAMING:
            texts = _texts(dotted, _NAMING[meant], definition)
            if texts is None:
                yield dotted, Unknown(f"'{dotted}' reaches what only running the code would tell")
            for text in (texts or ()) if meant == _IMPORTING else ():
                yield text, Unknown(f"'{text}' is relative") if text.startswith(".") else self._whole(text)


def _unknown(found: object) -> Unknown:
    return found if isinstance(found, Unknown) else Unknown("a name is not known")


def _texts(dotted: str, place: int, definition: Definition) -> list[str] | None:
    """Return the texts that are handed to a function; None where not all that it is handed is known."""
    uses, texts = 0, []
    for node in (node for root in definition.nodes for node in ast.walk(root)):
        uses += _is_named(node, dotted)
        if isinstance(node, ast.Call) and _is_named(node.func, dotted) and len(node.args) > place:
            argument = node.args[place]
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                texts.append(argument.value)
    return texts if len(texts) == uses else None


def _is_named(node: ast.AST, dotted: str) -> bool:
    *owners, name = dotted.split(".")
    if not owners:
        return isinstance(node, ast.Name) and node.id == name
    return isinstance(node, ast.Attribute) and node.attr == name and _is_named(node.value, ".".join(owners))


def _is_special(name: str) -> bool:
    # Python gives such names; values like that of `__file__` say where the code is, not what it does.
    return name.startswith("__") and name.endswith("__")
