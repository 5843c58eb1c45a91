"""Imports of `hamilton` answered by Headwater, so that code written for it runs unchanged.

The alias is an import finder, never an installed package: it is in force only where `activate` was called
or a script was started by `python -m headwater SCRIPT`, and then also where the real package is installed.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import NoReturn

from headwater.errors import HeadwaterError, did_you_mean

__all__ = ["ALIASES", "activate", "deactivate"]

ALIASES = {
    "hamilton": "headwater",
    "hamilton.ad_hoc_utils": "headwater.ad_hoc",
    "hamilton.base": "headwater.results",
    "hamilton.driver": "headwater.driver",
    "hamilton.function_modifiers": "headwater.modifiers",
}
"""Module names of Hamilton, and the modules that answer for them."""


class _AliasLoader(Loader):
    """Makes a module of the alias's name that holds what the answering module makes public."""

    def create_module(self, spec: ModuleSpec) -> None:
        """Let the import system make the module."""

    def exec_module(self, module: ModuleType) -> None:
        """Fill the module with the public names of the one that answers for it."""
        answering = importlib.import_module(ALIASES[module.__name__])
        public = answering.__all__
        module.__dict__.update({name: getattr(answering, name) for name in public})
        module.__dict__["__getattr__"] = _missing_name(module.__name__, public)
        module.__doc__ = f"{answering.__name__} under the name {module.__name__}."


def _missing_name(module: str, public: Sequence[str]) -> Callable[[str], NoReturn]:
    """Return a module's `__getattr__` that says what is there in place of a name that is not."""

    def missing(name: str) -> NoReturn:
        raise AttributeError(
            f"Headwater does not answer for '{module}.{name}' yet.{did_you_mean(name, public)} "
            f"It answers for: {', '.join(public)}.",
            name=name,
        )

    return missing


class _AliasFinder(MetaPathFinder):
    """Finds every module below `hamilton`, before an installed package can."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the alias's spec, and an error for a part of Hamilton that is not answered for."""
        if fullname.partition(".")[0] != "hamilton":
            return None
        if fullname not in ALIASES:
            raise ModuleNotFoundError(
                f"Headwater does not answer for '{fullname}'. It answers for: {', '.join(ALIASES)}.",
                name=fullname,
            )
        is_package = any(alias.startswith(f"{fullname}.") for alias in ALIASES)
        return ModuleSpec(fullname, _AliasLoader(), origin="headwater", is_package=is_package)


_finder = _AliasFinder()


def activate() -> None:
    """Answer every later import of `hamilton` and its modules; calling it again changes nothing.

    Raises:
        HeadwaterError: The real Hamilton is already imported, whose classes would not fit ours.
    """
    if _finder in sys.meta_path:
        return
    loaded = sys.modules.get("hamilton")
    if loaded is not None:
        raise HeadwaterError(
            f"'hamilton' is already imported from {getattr(loaded, '__file__', 'elsewhere')}. Call "
            "headwater.compat.activate() before the first import of it."
        )
    sys.meta_path.insert(0, _finder)


def deactivate() -> None:
    """Stop answering, and forget the modules that were answered."""
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)
        for name in ALIASES:
            sys.modules.pop(name, None)
