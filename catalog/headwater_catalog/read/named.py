"""What a file of tests names: modules and functions that it imports, and what it says of them by name."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from headwater_catalog.read.modules import is_source, is_test
from headwater_catalog.read.newer import parse_newer
from headwater_catalog.read.syntax import Unreadable

__all__ = ["NAMED_FORM", "NOTHING_NAMED", "Named", "is_test_file", "named_in"]

NAMED_FORM: Final = "1"
"""Another one whenever the same text names something else."""

_LARGEST: Final = 1_000_000  # bytes, as of any source
_LONGEST: Final = 250  # characters of a name
_MOST: Final = 5_000  # names of one file


@dataclass(frozen=True, slots=True)
class Named:
    """What one file of tests names.

    Attributes:
        has_tests: Whether it has tests, or only what tests of other files need.
        imports: What it imports, as dotted names: modules, names of modules, `module.*`; those that are
            relative begin with dots. Whole texts with dots count, as `import_module` takes them.
        names: Names that it asks something for: `module.name`, whole texts, and where it imports all of a
            module also names that stand alone.
    """

    has_tests: bool = False
    imports: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()


NOTHING_NAMED: Final = Named()
"""What a file names that cannot be read."""


def is_test_file(path: str) -> bool:
    """Tell whether a path of a source tree is a file of tests, by its name or by that of a folder."""
    return path.endswith(".py") and is_source(path) and is_test(path)


def named_in(source: bytes) -> Named:
    """Return what a file of tests names; of one that cannot be read nothing."""
    if len(source) > _LARGEST:
        return NOTHING_NAMED
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
        tree = parse_newer(source.decode(encoding).replace("\r\n", "\n").replace("\r", "\n"))
        return _named(tree)
    except (SyntaxError, ValueError, LookupError, RecursionError, Unreadable):
        return NOTHING_NAMED


def _named(tree: ast.Module) -> Named:
    has_tests = False
    imports: set[str] = set()
    asked: set[str] = set()
    alone: set[str] = set()
    attributes: list[ast.Attribute] = []
    keys: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            has_tests = has_tests or node.name.startswith("test")
        elif isinstance(node, ast.Import):
            imports.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            imports.update(_imported(node))
        elif isinstance(node, ast.Attribute):
            attributes.append(node)
        elif isinstance(node, ast.Name):
            alone.add(node.id)
        elif isinstance(node, ast.Dict):
            keys.update(map(id, node.keys))  # by these, tests say what goes in
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in keys:
            if node.value.isidentifier():
                asked.add(node.value)
            elif len(node.value) <= _LONGEST and all(map(str.isidentifier, node.value.split("."))):
                imports.add(node.value)
    # In `features.spend.ratio` what comes before the last dot is the module, and no name that it has.
    asked.update(each.attr for each in attributes if _dotted(each) not in imports)
    if any(each.endswith("*") for each in imports):
        asked |= alone
    return Named(has_tests, _some(imports), _some(asked))


def _dotted(node: ast.Attribute) -> str:
    names, inner = [node.attr], node.value
    while isinstance(inner, ast.Attribute):
        names.append(inner.attr)
        inner = inner.value
    return ".".join((inner.id if isinstance(inner, ast.Name) else "", *names[::-1]))


def _imported(node: ast.ImportFrom) -> Iterator[str]:
    start = "." * node.level + (f"{node.module}." if node.module else "")
    return (f"{start}{alias.name}" for alias in node.names)


def _some(names: set[str]) -> frozenset[str]:
    return frozenset(sorted(name for name in names if len(name) <= _LONGEST and _is_text(name))[:_MOST])


def _is_text(name: str) -> bool:
    return name.isascii() or not any("\ud800" <= character <= "\udfff" for character in name)
