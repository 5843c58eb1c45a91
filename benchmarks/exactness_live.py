"""A program that imports modules and tells, line by line as JSON, what the engine makes of them."""

from __future__ import annotations

import builtins
import contextlib
import importlib
import json
import signal
import sys
from collections.abc import Collection, Iterator, Mapping
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import FrameType, ModuleType
from typing import IO, Any

import headwater.compat
from headwater.build import assemble, expand
from headwater.errors import DefinitionError
from headwater.function import Function
from headwater.modifiers.members import feature_functions
from headwater.node import Node, Role
from headwater.types import Type, union

LONGEST_IMPORT = 60  # seconds

Owned = tuple[str, Node]
"""A node with the key of the feature that it belongs to."""


def main() -> None:
    asked = json.load(sys.stdin)
    headwater.compat.activate()
    sys.path[:0] = asked["roots"]
    tree = Tree(asked["paths"])
    signal.signal(signal.SIGALRM, _too_long)
    made: dict[str, list[Owned]] = {}
    with Path(asked["answers"]).open("w", encoding="utf-8") as answers:
        for name, passed_over in asked["modules"].items():
            tell(answers, begun=name)
            try:
                module = tree.imported(name)
            except BaseException as error:  # a module may do anything at all, such as to exit
                reason = " ".join(f"{type(error).__name__}: {error}".split())
                tell(answers, failed=name, reason=reason[:200])
            else:
                made[name] = told_of(answers, name, module, passed_over)
        for dataflow, modules in asked["dataflows"].items():
            owned = [each for name in modules for each in made.get(name, ())]
            tell(answers, dataflow=dataflow, edges=sorted(edges(owned)))
        tell(answers, types={text: found for text in asked["types"] if (found := type_of(text))})


def _too_long(_signal: int, _frame: FrameType | None) -> None:
    raise TimeoutError(f"it takes more than {LONGEST_IMPORT} seconds")


def tell(answers: IO[str], **said: Any) -> None:
    answers.write(json.dumps(said, default=str) + "\n")
    answers.flush()


class Tree(MetaPathFinder, Loader):
    """Imports the modules of a source tree by their names; they may import their neighbours as scripts do.

    Args:
        paths: The files of the modules by name.
    """

    def __init__(self, paths: Mapping[str, str]) -> None:
        self._paths = paths
        self._names = {path: name for name, path in paths.items()}
        self._beside: list[str] = []
        sys.meta_path.append(self)

    def imported(self, name: str) -> ModuleType:
        """Import a module."""
        before = set(sys.modules)
        self._beside.append(str(Path(self._paths[name]).parent))
        signal.alarm(LONGEST_IMPORT)
        try:
            return self._load(name)
        finally:
            signal.alarm(0)
            self._beside.pop()
            # What one folder has under a short name, another one may have, too.
            for short in set(sys.modules) - before:
                if getattr(sys.modules[short], "__name__", short) != short:
                    del sys.modules[short]

    def _load(self, name: str) -> ModuleType:
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{name}.".startswith(f"{error.name}."):
                raise
        # No name leads there, since a folder on the way has none that an import could say.
        spec = spec_from_file_location(name, self._paths[name])
        assert spec is not None and spec.loader is not None
        module = sys.modules[name] = module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
        return module

    def find_spec(self, fullname: str, *_: Any) -> ModuleSpec | None:
        """Find a module beside the one that is being imported."""
        for ending in (".py", "/__init__.py") if self._beside else ():
            if f"{self._beside[-1]}/{fullname.replace('.', '/')}{ending}" in self._names:
                return ModuleSpec(fullname, self)
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        place = f"{self._beside[-1]}/{spec.name.replace('.', '/')}"
        name = self._names.get(f"{place}.py") or self._names[f"{place}/__init__.py"]
        return sys.modules.get(name) or self._load(name)

    def exec_module(self, _module: ModuleType) -> None:
        """It has run under its own name."""


class Packages(dict[str, Any]):
    """The packages that are imported, as the names that a text may begin with."""

    def __missing__(self, name: str) -> Any:
        if name in sys.modules:
            return sys.modules[name]
        return getattr(builtins, name)


def type_of(text: str) -> str | None:
    """Return how the engine names the type that a text means; packages offer one class under many names."""
    try:
        return str(Type.of(eval(text, {}, Packages())))
    except Exception:  # it is no expression, or names what is not imported
        return None


def told_of(answers: IO[str], name: str, module: ModuleType, passed_over: Collection[str]) -> list[Owned]:
    """Tell what the engine makes of a module, but for some functions of it, and return its nodes."""
    faults: list[DefinitionError] = []
    owned: list[Owned] = []
    features: list[dict[str, Any]] = []
    for function in feature_functions(module, faults):
        if function.name in passed_over:
            continue
        try:
            made = expand(function)
        except DefinitionError as fault:
            faults.append(fault)
        else:
            owned += ((f"{function.location.module}:{node.feature}", node) for node in made)
            features += features_of(function, made)
    tell(answers, imported=name, features=features, refused=[str(fault) for fault in faults])
    return owned


def features_of(function: Function, nodes: list[Node]) -> Iterator[dict[str, Any]]:
    for name in dict.fromkeys(node.name for node in nodes if node.role is Role.FEATURE):
        group = [node for node in nodes if node.feature == name]
        mains = [node for node in group if node.name == name]
        if not mains:
            continue
        inside = {node.name for node in group}
        needs: dict[str, str] = {}
        for argument in (argument for node in group for argument in node.arguments):
            if argument.node is not None and argument.node not in inside:
                needs.setdefault(argument.node, str(argument.type))
        yield {
            "module": function.location.module,
            "function": function.name,
            "name": name,
            "type": str(union(*(node.type for node in mains))),
            "doc": mains[0].doc,
            "tags": {
                k: v for k, v in mains[0].tags.items() if k != "module" and not k.startswith("hamilton.")
            },
            "parts": [[node.name, str(node.type), node.doc] for node in group if node.name != name],
            "needs": needs,
            "partial": any(node.partial for node in group),
        }


def edges(owned: list[Owned]) -> set[tuple[str, str]]:
    """Return which feature needs which, by keys, as the engine wires all variants of a dataflow."""
    # Types that do not fit are no matter of reading.
    graph = assemble((node for _, node in owned), also_accepts=lambda _made, _wanted: True)
    keys = {id(node): key for key, node in owned if node.role is not Role.INPUT}
    found: set[tuple[str, str]] = set()
    for node in graph.nodes:
        reader = keys.get(id(node))
        if reader is None:
            continue
        for name in node.dependencies:
            makers = {keys.get(id(maker), f"input:{name}") for maker in graph.variants(name)}
            # What a feature makes for itself is not for others, though other modules may make it again.
            if reader not in makers:
                found |= {(maker, reader) for maker in makers}
    return found


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):
        main()
