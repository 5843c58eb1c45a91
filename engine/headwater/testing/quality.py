"""What is missing from the features of a module: types, documentation, tags, tests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from headwater.build import expand
from headwater.errors import DefinitionError
from headwater.function import Function, functions_of
from headwater.node import Node, Role
from headwater.testing.reach import Reach, key_of

__all__ = ["Shortcoming", "check_features"]


@dataclass(frozen=True, slots=True)
class Shortcoming:
    """Something that a feature lacks.

    Attributes:
        feature: Its key, `module:name`.
        where: The place of its function.
        lacks: What it lacks, one sentence.
    """

    feature: str
    where: str
    lacks: str

    def __str__(self) -> str:
        return f"{self.where}: {self.feature} {self.lacks}"

    __repr__ = __str__  # what pytest shows of `assert check_features(...) == []`


def check_features(
    *modules: ModuleType,
    documented: bool = True,
    tags: Iterable[str] = (),
    tested: Reach | Path | str | None = None,
) -> list[Shortcoming]:
    """Return what the features of modules lack, in the order of the modules.

    A test of a project's own features is one line:

        def test_features_are_whole() -> None:
            assert check_features(prices, customers, tags=["owner"]) == []

    Every feature must have types; a function that lacks one is told even where nothing else is asked.

    Args:
        *modules: Modules of feature functions.
        documented: Whether each must have a docstring.
        tags: Tags that each must have.
        tested: Which tests reach what, or the file of it that `--headwater-reach` has written; each feature
            must then be reached by one.
    """
    reach = Reach.read(Path(tested)) if isinstance(tested, (str, Path)) else tested
    required = list(tags)
    found: list[Shortcoming] = []
    for module in modules:
        for function in functions_of(module):
            found += _of_function(function, documented, required, reach)
    return found


def _of_function(
    function: Function, documented: bool, tags: list[str], reach: Reach | None
) -> Iterator[Shortcoming]:
    where = str(function.location)
    try:
        nodes = [node for node in expand(function) if node.role is Role.FEATURE]
    except DefinitionError as fault:
        yield Shortcoming(key_of(function, function.name), where, f"cannot be read: {fault}")
        return
    for name in dict.fromkeys(node.name for node in nodes):
        variants = [node for node in nodes if node.name == name]
        for lack in _lacks(variants, documented, tags):
            yield Shortcoming(key_of(function, name), where, lack)
        if reach is not None and not reach.tests_of(key_of(function, name)):
            yield Shortcoming(key_of(function, name), where, "is reached by no test.")


def _lacks(variants: list[Node], documented: bool, tags: list[str]) -> Iterator[str]:
    if documented and not all(node.doc.strip() for node in variants):
        yield "has no docstring."
    for tag in tags:
        if not all(tag in node.tags for node in variants):
            yield f"has no tag '{tag}'."
