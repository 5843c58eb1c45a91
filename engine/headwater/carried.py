"""Code on its way to workers that stay: what they need to load it, and not to take it for older code."""

from __future__ import annotations

import importlib
import pickle
import pickletools
import sys
import sysconfig
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from headwater import compat

__all__ = ["Carried", "carried"]

_INSTALLED = frozenset({"site-packages", "dist-packages"})
_STANDARD = sysconfig.get_paths()["stdlib"]
_KEPT = 16
_loaded: dict[str, Any] = {}
"""What this process has loaded, by key: a worker sees the same code with every batch of rows."""
_digests: dict[str, str] = {}
"""Of the modules that this process has loaded so, what their files held."""


@dataclass(frozen=True, slots=True)
class Carried:
    """Something pickled, with what another process needs to load it.

    Attributes:
        code: The pickle.
        key: Equal for equal code of the same files.
        path: The import path of the process that pickled it.
        files: The files of the modules that it names, and digests of what they hold. Another module of the
            name, or an older one, that was loaded before is dropped.
        is_aliased: Whether imports of `hamilton` are answered.
    """

    code: bytes
    key: str
    path: tuple[str, ...]
    files: Mapping[str, tuple[str, str]]
    is_aliased: bool

    def load(self) -> Any:
        """Return what was pickled, loaded once in a process.

        Raises:
            ImportError: A module that it names cannot be imported here.
        """
        if self.key not in _loaded:
            if len(_loaded) >= _KEPT:
                del _loaded[next(iter(_loaded))]
            _loaded[self.key] = self._unpickled()
        return _loaded[self.key]

    def _unpickled(self) -> Any:
        if self.is_aliased:
            compat.activate()
        sys.path += [entry for entry in self.path if entry not in sys.path]
        for name, (file, digest) in self.files.items():
            _make_way(name, Path(file), digest)
        importlib.invalidate_caches()
        return pickle.loads(self.code)  # noqa: S301, it comes from the process whose work this is


def _make_way(name: str, file: Path, digest: str) -> None:
    """Drop another or an older module of the name, with its package, and let this one be found first."""
    module = sys.modules.get(name)
    known = getattr(module, "__file__", None)
    is_same = known is not None and Path(known) == file and _digests.get(name, digest) == digest
    _digests[name] = digest
    if is_same or not file.exists() or (module is not None and known is None):
        return
    top = name.partition(".")[0]
    if module is not None:
        for other in [other for other in sys.modules if other.partition(".")[0] == top]:
            del sys.modules[other]
    elif top in sys.modules and top != name:
        return  # its package is there, and says where its modules are
    home = file.parent if file.name == "__init__.py" else file
    folder = str(home.parents[name.count(".")])
    sys.path[:] = [folder, *(entry for entry in sys.path if entry != folder)]


def carried(what: Any, dumps: Callable[[Any], bytes]) -> Carried:
    """Return something as another process can load it.

    Args:
        what: Anything that can be pickled.
        dumps: Pickles it.
    """
    code = dumps(what)
    named = {argument for _, argument, _ in pickletools.genops(code) if isinstance(argument, str)}
    modules = {name: module for name, module in list(sys.modules.items()) if name in named}
    found = {
        name: getattr(module, "__file__", None) for name, module in modules.items() if name != "__main__"
    }
    own = {name: file for name, file in found.items() if file is not None and _is_own(file)}
    files = {name: (file, _digest(Path(file))) for name, file in own.items()}
    key = sha256(code + repr(sorted(files.items())).encode()).hexdigest()
    path = tuple(entry for entry in sys.path if entry)
    return Carried(code, key, path, files, compat.is_active())


def _digest(file: Path) -> str:
    try:
        return sha256(file.read_bytes()).hexdigest()
    except OSError:  # it is gone, or in an archive
        return ""


def _is_own(file: str) -> bool:
    """Tell whether a module's file is neither installed nor of the standard library, and may change."""
    return (
        file is not None and not file.startswith(_STANDARD) and not _INSTALLED.intersection(Path(file).parts)
    )
