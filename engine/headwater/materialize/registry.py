"""Which loaders and savers there are for each format, and which of them fits a type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from headwater.errors import InvalidModifier
from headwater.materialize import (
    arrays,
    arrow_formats,
    delta,
    duckdb_tables,
    iceberg,
    pandas_loaders,
    pandas_savers,
    partitioned,
    plain,
    polars_loaders,
    polars_savers,
)
from headwater.materialize.adapters import AdapterCommon, DataLoader, DataSaver
from headwater.types import Type

__all__ = [
    "LOADER_REGISTRY",
    "SAVER_REGISTRY",
    "choose",
    "disable_autoload",
    "enable_autoload",
    "initialize",
    "load_extension",
    "register_adapter",
]

LOADER_REGISTRY: dict[str, list[type[DataLoader]]] = {}
"""The loaders of each format, those registered last at the end."""

SAVER_REGISTRY: dict[str, list[type[DataSaver]]] = {}
"""The savers of each format, those registered last at the end."""

A = TypeVar("A", bound=AdapterCommon)


def register_adapter(adapter: Any) -> None:
    """Make a loader or saver known under its name; it goes before those registered earlier.

    Raises:
        InvalidModifier: The class can neither load nor save.
    """
    can_load, can_save = adapter.can_load(), adapter.can_save()
    if not can_load and not can_save:
        raise InvalidModifier(
            f"{adapter.__qualname__} can neither load nor save. Derive it from DataLoader or DataSaver."
        )
    if can_load:
        LOADER_REGISTRY.setdefault(adapter.name(), []).append(adapter)
    if can_save:
        SAVER_REGISTRY.setdefault(adapter.name(), []).append(adapter)


def choose(adapters: Sequence[type[A]], type_: Type) -> type[A] | None:
    """Choose the adapter for a type: the last registered one that applies, else the last for anything.

    Returns:
        The adapter, or None where none applies, or where one may but the type is known by name only.
    """
    for adapter in reversed(adapters):
        verdict = adapter.fits(type_)
        if verdict is None:
            return None
        if verdict:
            return adapter
    return next((adapter for adapter in reversed(adapters) if adapter.takes_anything()), None)


def initialize() -> None:
    """Do nothing: all formats are known, and no package is imported before one of them is used."""


def load_extension(plugin_module: str) -> None:
    """Do nothing, for the reason of `initialize`."""


def disable_autoload() -> None:
    """Do nothing, for the reason of `initialize`."""


def enable_autoload() -> None:
    """Do nothing, for the reason of `initialize`."""


# The last one that fits is chosen: for a parameter of any type that is pandas, whatever is installed.
for _module in (
    plain,
    duckdb_tables,
    delta,
    iceberg,
    partitioned,
    arrow_formats,
    polars_loaders,
    polars_savers,
    arrays,
    pandas_loaders,
    pandas_savers,
):
    for _name in _module.__all__:
        _adapter = getattr(_module, _name)
        if isinstance(_adapter, type):
            register_adapter(_adapter)
