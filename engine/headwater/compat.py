"""Imports of `hamilton` answered by Headwater, so that code written for it runs unchanged.

The alias is an import finder, never an installed package: it is in force only where `activate` was called
or a script was started by `python -m headwater SCRIPT`, and then also where the real package is installed.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from headwater.errors import HeadwaterError, did_you_mean

__all__ = ["ALIASES", "activate", "activate_with_children", "deactivate", "is_active"]

ALIASES = {
    "hamilton": "headwater",
    "hamilton.ad_hoc_utils": "headwater.ad_hoc",
    "hamilton.async_driver": "headwater.async_driver",
    "hamilton.base": "headwater.results",
    "hamilton.caching": "headwater.caching",
    "hamilton.caching.adapter": "headwater.caching.adapter",
    "hamilton.caching.fingerprinting": "headwater.caching.fingerprinting",
    "hamilton.caching.stores": "headwater.caching.stores",
    "hamilton.caching.stores.base": "headwater.caching.stores.base",
    "hamilton.caching.stores.file": "headwater.caching.stores.file",
    "hamilton.caching.stores.memory": "headwater.caching.stores.memory",
    "hamilton.caching.stores.sqlite": "headwater.caching.stores.sqlite",
    "hamilton.data_quality.base": "headwater.data_quality.base",
    "hamilton.data_quality.default_validators": "headwater.data_quality.default_validators",
    "hamilton.data_quality.pandera_validators": "headwater.data_quality.schema_validators",
    "hamilton.driver": "headwater.builder",
    "hamilton.execution.executors": "headwater.executors",
    "hamilton.execution.grouping": "headwater.executors.grouping",
    "hamilton.execution.state": "headwater.executors.tasks",
    "hamilton.experimental.decorators.parameterize_frame": "headwater.modifiers.framed",
    "hamilton.experimental.h_async": "headwater.async_driver",
    "hamilton.experimental.h_spark": "headwater.plugins.h_spark",
    "hamilton.function_modifiers": "headwater.modifiers",
    "hamilton.function_modifiers.adapters": "headwater.modifiers",
    "hamilton.function_modifiers.base": "headwater.modifiers",
    "hamilton.function_modifiers.configuration": "headwater.modifiers",
    "hamilton.function_modifiers.delayed": "headwater.modifiers",
    "hamilton.function_modifiers.dependencies": "headwater.modifiers",
    "hamilton.function_modifiers.expanders": "headwater.modifiers",
    "hamilton.function_modifiers.macros": "headwater.modifiers",
    "hamilton.function_modifiers.metadata": "headwater.modifiers",
    "hamilton.function_modifiers.recursive": "headwater.modifiers",
    "hamilton.function_modifiers.validation": "headwater.modifiers",
    "hamilton.graph_types": "headwater.graph_types",
    "hamilton.htypes": "headwater.htypes",
    "hamilton.io": "headwater.materialize",
    "hamilton.io.data_adapters": "headwater.materialize.adapters",
    "hamilton.io.default_data_loaders": "headwater.materialize.plain",
    "hamilton.io.materialization": "headwater.materializers",
    "hamilton.io.utils": "headwater.materialize.metadata",
    "hamilton.lifecycle": "headwater.lifecycle",
    "hamilton.lifecycle.api": "headwater.lifecycle.api",
    "hamilton.lifecycle.base": "headwater.lifecycle.base",
    "hamilton.lifecycle.default": "headwater.plugins.shipped",
    "hamilton.log_setup": "headwater.plugins.log_setup",
    "hamilton.models": "headwater.models",
    "hamilton.node": "headwater.lifecycle.views",
    "hamilton.plugins.h_dask": "headwater.plugins.h_dask",
    "hamilton.plugins.h_logging": "headwater.plugins.h_logging",
    "hamilton.plugins.h_pandas": "headwater.modifiers.h_pandas",
    "hamilton.plugins.h_pandera": "headwater.modifiers.h_pandera",
    "hamilton.plugins.h_polars": "headwater.plugins.h_polars",
    "hamilton.plugins.h_polars_lazyframe": "headwater.plugins.h_polars_lazyframe",
    "hamilton.plugins.h_pyarrow": "headwater.plugins.h_pyarrow",
    "hamilton.plugins.h_pydantic": "headwater.modifiers.h_pydantic",
    "hamilton.plugins.h_ray": "headwater.plugins.h_ray",
    "hamilton.plugins.h_rich": "headwater.plugins.h_rich",
    "hamilton.plugins.h_spark": "headwater.plugins.h_spark",
    "hamilton.plugins.h_threadpool": "headwater.plugins.h_threadpool",
    "hamilton.plugins.h_tqdm": "headwater.plugins.h_tqdm",
    "hamilton.plugins.numpy_extensions": "headwater.materialize.arrays",
    "hamilton.plugins.pandas_extensions": "headwater.materialize.pandas_formats",
    "hamilton.plugins.polars_extensions": "headwater.materialize.polars_formats",
    "hamilton.plugins.polars_lazyframe_extensions": "headwater.materialize.polars_loaders",
    "hamilton.plugins.polars_post_1_0_0_extensions": "headwater.materialize.polars_formats",
    "hamilton.plugins.pydantic_extensions": "headwater.data_quality.schema_validators",
    "hamilton.registry": "headwater.materialize.registry",
    "hamilton.settings": "headwater.modifiers.deferred",
    "hamilton.telemetry": "headwater.plugins.telemetry",
}
"""Module names of Hamilton, and the modules that answer for them."""


class _AliasLoader(Loader):
    """Makes a module of the alias's name that holds what the answering module makes public."""

    def create_module(self, spec: ModuleSpec) -> None:
        """Let the import system make the module."""

    def exec_module(self, module: ModuleType) -> None:
        """Let the module answer with the public names of the one that answers for it."""
        alias, home = module.__name__, ALIASES.get(module.__name__)
        if home is None:  # a package that only holds modules
            module.__dict__["__getattr__"] = _answering(alias, None, ())
            return
        answering = importlib.import_module(home)
        public = answering.__all__
        module.__doc__ = f"{home} under the name {alias}."
        module.__dict__["__all__"] = list(public)
        module.__dict__["__getattr__"] = _answering(alias, answering, public)
        for name in public:
            # Importing a module of that name later would put it in the place of what is public.
            if f"{alias}.{name}" in ALIASES:
                below, found = importlib.import_module(f"{alias}.{name}"), getattr(answering, name)
                module.__dict__[name] = below if isinstance(found, ModuleType) else found


def _answering(alias: str, home: ModuleType | None, public: Sequence[str]) -> Callable[[str], Any]:
    """Return an alias's `__getattr__`: public names, modules below it, else an error with what is there."""

    def find(name: str) -> Any:
        if name in public:
            found = getattr(home, name)
        elif f"{alias}.{name}" in ALIASES or _is_package(f"{alias}.{name}"):
            found = importlib.import_module(f"{alias}.{name}")
        else:
            raise AttributeError(
                f"Headwater does not answer for '{alias}.{name}' yet.{did_you_mean(name, public)} "
                f"It answers for: {', '.join(public)}.",
                name=name,
            )
        setattr(sys.modules[alias], name, found)
        return found

    return find


def _is_package(name: str) -> bool:
    return any(alias.startswith(f"{name}.") for alias in ALIASES)


_CONTRIBUTED = "hamilton.contrib."


def _contributed(fullname: str, path: Sequence[str] | None) -> ModuleSpec | None:
    """Return the spec of an installed package of dataflows, which are code like that of any user."""
    if f"{fullname}." == _CONTRIBUTED:
        path = [str(Path(entry) / "hamilton") for entry in sys.path]
    return PathFinder.find_spec(fullname, path)


class _AliasFinder(MetaPathFinder):
    """Finds every module below `hamilton`, before an installed package can."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the alias's spec, and an error for a part of Hamilton that is not answered for."""
        if fullname.partition(".")[0] != "hamilton":
            return None
        if f"{fullname}.".startswith(_CONTRIBUTED):
            return _contributed(fullname, path)
        is_package = _is_package(fullname)
        if fullname not in ALIASES and not is_package:
            # Without the name: `from hamilton.plugins import x` passes over an error that has it.
            raise ModuleNotFoundError(
                f"Headwater does not answer for '{fullname}'. It answers for: {', '.join(ALIASES)}."
            )
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


def activate_with_children() -> None:
    """Activate, and let processes that `multiprocessing` starts afresh do so before they import the script.

    They would import it by itself (as Dask's workers do, and pools that do not fork), which fails where it
    imports `hamilton` and the real package is not there, and else mixes both.
    """
    from multiprocessing import spawn

    activate()
    usual = spawn.get_preparation_data
    if not isinstance(usual, _Preparing):
        # There is no public way to have a process do something between its start and that import.
        spawn.get_preparation_data = _Preparing(usual)


class _Preparing:
    """Tells a new process what it needs to know, and that it answers imports of `hamilton`, too."""

    def __init__(self, usual: Callable[[str], dict[str, object]]) -> None:
        self.usual = usual

    def __call__(self, name: str) -> dict[str, object]:
        told = self.usual(name)
        return {**told, "headwater": _ActivatedOnReading()} if is_active() else told


class _ActivatedOnReading:
    """Activates the process that unpickles it, which has done nothing else yet."""

    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        return activate_with_children, ()


def is_active() -> bool:
    """Tell whether imports of `hamilton` are answered."""
    return _finder in sys.meta_path


def deactivate() -> None:
    """Stop answering, and forget the modules that were answered."""
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)
        for name in [name for name in sys.modules if name.partition(".")[0] == "hamilton"]:
            del sys.modules[name]
