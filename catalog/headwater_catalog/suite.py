"""The tests of a repository at one moment, and which features they name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cache, cached_property
from typing import Final

from headwater_catalog.read.modules import module_name
from headwater_catalog.read.named import NOTHING_NAMED, Named, named_in

__all__ = ["NO_SUITE", "Function", "Functions", "Suite", "conftests_of", "imports_of", "suite_of"]

Function = tuple[str, str, str]
"""What makes a feature: its module, its name, and the name of the function."""

_CONFTEST: Final = "conftest.py"


class Functions:
    """Functions that make features, to be found by what tests say of them."""

    def __init__(self, functions: Iterable[Function]) -> None:
        self._imported: dict[str, list[Function]] = {}
        self._named: dict[str, list[Function]] = {}
        for function in functions:
            module, *names = function
            for name in dict.fromkeys(names):
                self._imported.setdefault(f"{module}.{name}", []).append(function)
                self._named.setdefault(name, []).append(function)

    def named_by(self, named: Named, imports: Collection[str]) -> set[Function]:
        """Return the functions that a file of tests names.

        It imports the function itself; or it asks for its name, by `module.name` or as a whole text, and the
        module is imported, or a package around it, or all names of it.

        Args:
            named: What the file names.
            imports: What it has modules from, as `imports_of` tells.
        """
        found = {f for each in self._imported.keys() & imports for f in self._imported[each]}
        for name in self._named.keys() & named.names:
            found.update(f for f in self._named[name] if any(place in imports for place in _places(f[0])))
        return found


@cache
def _places(module: str) -> tuple[str, ...]:
    """Return by which imports a module is at hand."""
    parts = module.split(".")
    return (*(".".join(parts[:end]) for end in range(len(parts), 0, -1)), f"{module}.*")


class Suite:
    """The files of tests at one moment.

    Args:
        read: Returns what each of them names, by path; it is asked once, when somebody wants to know.
        contents: The names of their contents by path, where somebody may go on from them.
    """

    def __init__(
        self, read: Callable[[], Mapping[str, Named]], contents: Mapping[str, str] | None = None
    ) -> None:
        self.contents = contents or {}
        self._read = read

    @cached_property
    def files(self) -> Mapping[str, Named]:
        """What each file names, by path."""
        return self._read()

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Suite) and self.files == other.files)

    def __hash__(self) -> int:
        return hash(frozenset(self.files.items()))

    def named(self, functions: Iterable[Function]) -> set[Function]:
        """Return those of some functions that a test names."""
        wanted = {path: named for path, named in self.files.items() if named.has_tests}
        if not wanted:
            return set()
        known = Functions(functions)
        found = (known.named_by(named, self._imports(path, named)) for path, named in wanted.items())
        return set[Function]().union(*found)

    def _imports(self, path: str, named: Named) -> frozenset[str]:
        shared = (imports_of(each, self.files.get(each, NOTHING_NAMED)) for each in conftests_of(path))
        return imports_of(path, named).union(*shared)


NO_SUITE: Final = Suite(dict)
"""The tests of a repository that has none."""


def suite_of(files: Mapping[str, bytes]) -> Suite:
    """Return the tests in files, by path, which are read when somebody wants to know."""
    return Suite(lambda: {path: named_in(source) for path, source in files.items()}) if files else NO_SUITE


@cache
def conftests_of(path: str) -> tuple[str, ...]:
    """Return where a `conftest.py` may be that a file of tests has fixtures from."""
    folders = path.split("/")[:-1]
    places = ("/".join((*folders[:end], _CONFTEST)) for end in range(len(folders) + 1))
    return tuple(place for place in places if place != path)


def imports_of(path: str, named: Named) -> frozenset[str]:
    """Return what a file imports; what is relative to it as what that means."""
    imports = named.imports
    if not any(each.startswith(".") for each in imports):
        return imports
    return frozenset(_meant(path, each) if each.startswith(".") else each for each in imports)


def _meant(path: str, relative: str) -> str:
    name = relative.lstrip(".")
    here = (module_name(path) or "").split(".")
    above = here[: max(0, len(here) - (len(relative) - len(name)))]
    return ".".join((*above, name))
