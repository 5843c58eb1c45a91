"""What a worker of a cluster must have as it is here: versions of packages, and the feature code itself."""

from __future__ import annotations

import hashlib
import importlib
import pickle
import platform
import sys
from collections.abc import Collection, Iterable
from pathlib import Path
from threading import RLock
from typing import Any

from headwater import compat
from headwater.errors import HeadwaterError
from headwater.executors.portable import feature_modules
from headwater.executors.shipments import Shipment
from headwater.executors.tasks import TaskSpec
from headwater.record import record
from headwater.source_imports import import_from_source

__all__ = ["ShippedCode", "Surroundings", "surroundings_of"]

_COMPARED = ("headwater", "numpy", "pandas", "polars", "pyarrow")
"""Packages whose values travel: between unlike versions they may not be read, or be something else."""

_lock = RLock()
_roots: list[str] = []


@record
class Surroundings:
    """What the tasks of an execution find around them.

    Attributes:
        python: Version of Python, the first two numbers: code and values of another do not travel.
        versions: The packages that are loaded and of which values may travel.
        roots: The folders from which the feature modules are imported.
        features: The feature modules that can be imported.
        modules: The digest of the file of each of these, and of what else was imported from the same folders.
        shipment: The files of the feature modules, where workers need not have them; then the roots, the
            features and the modules are empty.
    """

    python: str
    versions: tuple[tuple[str, str], ...]
    roots: tuple[str, ...]
    features: tuple[str, ...]
    modules: tuple[tuple[str, str], ...]
    shipment: Shipment | None = None

    def establish(self) -> None:
        """Make a worker's process fit, as far as it can be: what it had imported of other code is forgotten.

        Raises:
            HeadwaterError: It has another Python, other packages or other code.
        """
        here = platform.python_version_tuple()[:2]
        if ".".join(here) != self.python:
            raise HeadwaterError(
                f"A worker runs Python {'.'.join(here)}, and this process {self.python}. Use the same."
            )
        unlike = [
            f"{name} {_version(name) or 'is not there'} (here {version})"
            for name, version in self.versions
            if _version(name) != version
        ]
        if unlike:
            raise HeadwaterError(
                f"A worker has other packages than this process: {', '.join(unlike)}. Install the same there."
            )
        if self.shipment is not None:
            self.shipment.establish()
            return
        with _lock:
            self._find_modules()

    def _find_modules(self) -> None:
        for root in reversed(self.roots):
            if root not in sys.path[: len(self.roots)] and Path(root).is_dir():
                sys.path.insert(0, root)
                importlib.invalidate_caches()
        _roots.extend(root for root in self.roots if root not in _roots)
        wanted = dict(self.modules)
        import_from_source(wanted)
        stale = [name for name, digest in wanted.items() if name in sys.modules and _digest(name) != digest]
        if stale:
            # Also what was imported from the same folders, which may hold what the stale ones defined.
            for name in [name for name in list(sys.modules) if name in wanted or _is_below(name, _roots)]:
                del sys.modules[name]
                _digests.pop(name, None)
        for name in self.features:
            importlib.import_module(name)
        other = [name for name, digest in self.modules if name in sys.modules and _digest(name) != digest]
        if other:
            raise HeadwaterError(
                f"For the module '{other[0]}' a worker finds other code than this process has, in "
                f"{sys.modules[other[0]].__file__}. Put the same files there."
            )


@record
class ShippedCode:
    """Something pickled for workers that have not got the modules it names.

    Attributes:
        code: The pickle.
        surroundings: What they must find, with the files of the modules.
        is_aliased: Whether imports of `hamilton` are answered.
    """

    code: bytes
    surroundings: Surroundings
    is_aliased: bool

    def load(self) -> Any:
        """Return what was pickled, loaded once in a process.

        Raises:
            HeadwaterError: The process has another Python or other packages.
        """
        key = hashlib.sha256(self.code).hexdigest()
        if key not in _shipped:
            if self.is_aliased:
                compat.activate()
            self.surroundings.establish()
            _shipped.clear()
            _shipped[key] = pickle.loads(self.code)  # noqa: S301, it comes from the process whose work this is
        return _shipped[key]


_shipped: dict[str, Any] = {}


def surroundings_of(
    specs: Iterable[TaskSpec], by_value: Collection[str] = (), shipment: Shipment | None = None
) -> Surroundings:
    """Return the surroundings of this process, as far as tasks can see them.

    Args:
        specs: The tasks.
        by_value: Modules that need not be there, since their functions travel whole.
        shipment: The files of all others, where workers need not have them.
    """
    features = [name for name in feature_modules(specs) if name not in by_value and shipment is None]
    roots = list(dict.fromkeys(filter(None, map(_root, features))))
    beside = [name for name in list(sys.modules) if _is_below(name, roots) and name not in by_value]
    return Surroundings(
        python=".".join(platform.python_version_tuple()[:2]),
        versions=tuple(
            (name, version) for name in _COMPARED if name in sys.modules and (version := _version(name))
        ),
        roots=tuple(roots),
        features=tuple(features),
        modules=tuple((name, _digest(name)) for name in dict.fromkeys([*features, *beside])),
        shipment=shipment,
    )


def _version(name: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _root(name: str) -> str | None:
    """Return the folder from which a module is imported, with the packages that it is in."""
    file = Path(str(sys.modules[name].__file__)).absolute()
    folder = file.parent.parent if file.name == "__init__.py" else file.parent
    for _ in range(name.count(".")):
        folder = folder.parent
    return None if _is_installed(str(folder)) else str(folder)


def _is_installed(path: str) -> bool:
    return "site-packages" in path or "dist-packages" in path or path.startswith(sys.base_prefix)


def _is_below(name: str, roots: Iterable[str]) -> bool:
    file = getattr(sys.modules.get(name), "__file__", None)
    if not file or name.partition(".")[0] in ("headwater", "__main__", "__mp_main__"):
        return False
    return not _is_installed(file) and any(file.startswith(f"{root}/") for root in roots)


_digests: dict[str, tuple[object, str]] = {}


def _digest(name: str) -> str:
    """Return the digest of a module's file as it was when this was first asked of the module."""
    module = sys.modules[name]
    if _digests.get(name, (None, ""))[0] is not module:
        try:
            digest = hashlib.sha256(Path(str(module.__file__)).read_bytes()).hexdigest()
        except OSError:
            digest = ""
        _digests[name] = (module, digest)
    return _digests[name][1]
