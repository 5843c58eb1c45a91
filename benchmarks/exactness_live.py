"""A program that imports modules and tells, line by line as JSON, what the engine makes of them."""

from __future__ import annotations

import builtins
import contextlib
import importlib
import json
import signal
import sys
from collections.abc import Iterator
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
    signal.signal(signal.SIGALRM, _too_long)
    made: dict[str, list[Owned]] = {}
    with Path(asked["answers"]).open("w", encoding="utf-8") as answers:
        for name, folder in asked["modules"].items():
            tell(answers, begun=name)
            try:
                module = imported(name, folder)
            except BaseException as error:  # a module may do anything at all, such as to exit
                reason = " ".join(f"{type(error).__name__}: {error}".split())
                tell(answers, failed=name, reason=reason[:200])
            else:
                made[name] = told_of(answers, name, module)
        for dataflow, modules in asked["dataflows"].items():
            owned = [each for name in modules for each in made.get(name, ())]
            tell(answers, dataflow=dataflow, edges=sorted(edges(owned)))
        tell(answers, types={text: found for text in asked["types"] if (found := type_of(text))})


def _too_long(_signal: int, _frame: FrameType | None) -> None:
    raise TimeoutError(f"it takes more than {LONGEST_IMPORT} seconds")


def tell(answers: IO[str], **said: Any) -> None:
    answers.write(json.dumps(said, default=str) + "\n")
    answers.flush()


def imported(name: str, folder: str) -> ModuleType:
    """Import a module; it may also import its neighbours as a script does."""
    sys.path.append(folder)
    signal.alarm(LONGEST_IMPORT)
    try:
        return importlib.import_module(name)
    finally:
        signal.alarm(0)
        sys.path.remove(folder)


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


def told_of(answers: IO[str], name: str, module: ModuleType) -> list[Owned]:
    """Tell what the engine makes of a module, and return its nodes."""
    faults: list[DefinitionError] = []
    owned: list[Owned] = []
    features: list[dict[str, Any]] = []
    for function in feature_functions(module, faults):
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
    found = set()
    for node in graph.nodes:
        reader = keys.get(id(node))
        for name in node.dependencies if reader else ():
            makers = {keys.get(id(maker), f"input:{name}") for maker in graph.variants(name)}
            # What a feature makes for itself is not for others, though other modules may make it again.
            if reader not in makers:
                found |= {(maker, reader) for maker in makers}
    return found


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):
        main()
