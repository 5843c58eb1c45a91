"""Modules imported from what their files hold, though there is bytecode that passes for theirs."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import CodeType, ModuleType

__all__ = ["import_from_source"]


def import_from_source(names: Iterable[str]) -> None:
    """Let this process import modules from their files alone, from now on.

    Python takes bytecode for that of a file which is of the same second and as long. So it imports what a
    file held before it was edited in that second, or before it was unpacked again with the time of a release.
    Whoever edits a file himself sees that; a worker that stays would compute with other code than it was sent
    for, and nobody would know.
    """
    finder = next((found for found in sys.meta_path if isinstance(found, _Finder)), None)
    if finder is None:
        finder = _Finder()
        sys.meta_path.insert(0, finder)
    finder.names.update(names)


class _Finder(MetaPathFinder):
    """Finds modules where they are found anyway, and has them compiled from their files."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return how a module is imported; None for all others."""
        if fullname not in self.names:
            return None
        others = [finder for finder in sys.meta_path if finder is not self and hasattr(finder, "find_spec")]
        specs = (finder.find_spec(fullname, path, target) for finder in others)
        spec = next((spec for spec in specs if spec is not None), None)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = _Loader(fullname, spec.loader.path)
        return spec


class _Loader(SourceFileLoader):
    """Loads a module from its file."""

    def get_code(self, fullname: str) -> CodeType:
        """Return what the file holds, compiled; bytecode is neither read nor written."""
        code: CodeType = self.source_to_code(self.get_data(self.path), self.path)
        return code
