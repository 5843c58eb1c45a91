"""Loaders and savers that installed packages bring, found by entry points, imported when asked for."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from importlib.metadata import Distribution, EntryPoint, distributions, entry_points
from typing import Any

from headwater.errors import in_words
from headwater.materialize.adapters import AdapterCommon
from headwater.materialize.registry import LOADER_REGISTRY, SAVER_REGISTRY

__all__ = ["GROUP", "add_plug_ins", "plug_in_formats", "why_not_added"]

GROUP = "headwater.materializers"
"""The group of entry points: each is named like its format, and is a loader, a saver, or a list of them."""

_lock = threading.RLock()  # a plug-in may itself ask for formats while it is imported
_looked_for: set[str] = set()
_failures: dict[str, list[str]] = {}


def plug_in_formats() -> list[str]:
    """Return the formats that installed packages say they bring; nothing of them is imported."""
    return sorted({found.name for found in _points()})


def add_plug_ins(key: str) -> bool:
    """Register what installed packages bring for a format, the first time that it is asked for.

    They go after what is registered already, so that to install a package never changes what code does that
    did something before. One that cannot be loaded is told in the log, and the others go on.

    Returns:
        Whether there is something that was not there before.
    """
    with _lock:
        if key in _looked_for:
            return False
        _looked_for.add(key)
        added = False
        for found in sorted((found for found in _points() if found.name == key), key=_owner):
            try:
                adapters = _adapters(found)
            except (Exception, SystemExit) as error:  # whatever the code of others does when it is imported
                _fail(found, error)
                continue
            for adapter in adapters:
                _register_last(adapter)
                added = True
        return added


def why_not_added(key: str) -> str:
    """Return a sentence for each plug-in of a format that could not be loaded; empty where there is none."""
    return "".join(f" {failure}" for failure in _failures.get(key, ()))


def _points() -> list[EntryPoint]:
    """Return the entry points of the group; a package whose list of them is no list has none."""
    try:
        return list(entry_points(group=GROUP))
    except Exception:  # of one package, which is then told, and without the others
        return [found for package in distributions() for found in _points_of(package)]


def _points_of(package: Distribution) -> list[EntryPoint]:
    try:
        return list(package.entry_points.select(group=GROUP))
    except Exception as error:  # whatever reading a broken file does in each version of Python
        logging.getLogger("headwater.materialize").warning(
            "The entry points of package '%s' cannot be read: %s. Repair or uninstall it.",
            package.name,
            in_words(error),
        )
        return []


def _owner(found: EntryPoint) -> tuple[str, str]:
    return (found.dist.name if found.dist else "", found.value)


def _adapters(found: EntryPoint) -> list[type[AdapterCommon]]:
    """Return the loaders and savers of an entry point.

    Raises:
        TypeError: It is something else, or is for a format of another name.
    """
    made: Any = found.load()
    adapters = list(made) if isinstance(made, Iterable) and not isinstance(made, str) else [made]
    for adapter in adapters:
        if not (isinstance(adapter, type) and issubclass(adapter, AdapterCommon)):
            raise TypeError(f"{adapter!r} is neither a DataLoader nor a DataSaver")
        if not adapter.can_load() and not adapter.can_save():
            raise TypeError(f"{adapter.__qualname__} can neither load nor save")
        if adapter.name() != found.name:
            raise TypeError(f"{adapter.__qualname__} is for the format '{adapter.name()}'")
    return adapters


def _register_last(adapter: Any) -> None:
    """Register an adapter so that it is chosen after all others."""
    for is_one, registry in ((adapter.can_load(), LOADER_REGISTRY), (adapter.can_save(), SAVER_REGISTRY)):
        if is_one:
            registry.setdefault(adapter.name(), []).insert(0, adapter)


def _fail(found: EntryPoint, error: BaseException) -> None:
    owner = f" of package '{found.dist.name}'" if found.dist else ""
    told = (
        f"The plug-in '{found.name} = {found.value}'{owner} cannot be used: {type(error).__name__}: {error}. "
        "Repair or uninstall the package."
    )
    _failures.setdefault(found.name, []).append(told)
    logging.getLogger("headwater.materialize").warning(told)
