"""Code on its way to workers that stay: what they need to load it, and not to take it for older code."""

from __future__ import annotations

import importlib
import pickle
import sys
import sysconfig
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from headwater import compat
from headwater.source_imports import import_from_source

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
        files: The files of the modules that it names and of those beside them, and digests of what they hold.
            Where another or an older one was loaded before, all of them are loaded again, from their files.
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
        import_from_source(self.files)
        _make_way({name: (Path(file), digest) for name, (file, digest) in self.files.items()})
        importlib.invalidate_caches()
        return pickle.loads(self.code)  # noqa: S301, it comes from the process whose work this is


def _make_way(files: Mapping[str, tuple[Path, str]]) -> None:
    """Drop other or older modules of some names, with their packages, and let the files be found first."""
    here = {name: file for name, (file, _) in files.items() if file.exists()}
    others = [name for name, file in here.items() if _is_other(name, file, files[name][1])]
    _digests.update({name: digest for name, (_, digest) in files.items()})
    if others:
        # Also those that are the same, which may hold what the others defined.
        tops = {name.partition(".")[0] for name in here if _file(name) is not None}
        for loaded in [name for name in sys.modules if name.partition(".")[0] in tops]:
            del sys.modules[loaded]
    for name, file in here.items():
        top = name.partition(".")[0]
        if name in sys.modules or (top in sys.modules and top != name):
            continue  # its package is there, and says where its modules are
        folder = _root(name, file)
        sys.path[:] = [folder, *(entry for entry in sys.path if entry != folder)]


def _is_other(name: str, file: Path, digest: str) -> bool:
    """Tell whether this process has loaded another module of the name, or an older one."""
    known = _file(name)
    return known is not None and (Path(known) != file or _digests.get(name, digest) != digest)


def _file(name: str) -> str | None:
    try:
        file = getattr(sys.modules.get(name), "__file__", None)
    except Exception:  # modules of others answer as they like
        return None
    return file if isinstance(file, str) else None


def _root(name: str, file: Path) -> str:
    """Return the folder from which a module is imported."""
    home = file.parent if file.name == "__init__.py" else file
    return str(home.parents[min(name.count("."), len(home.parents) - 1)])


def carried(what: Any, dumps: Callable[[Any], bytes]) -> Carried:
    """Return something as another process can load it.

    Args:
        what: Anything that can be pickled.
        dumps: Pickles it.
    """
    code = dumps(what)
    own = {name: file for name in list(sys.modules) if (file := _file(name)) and _is_own(name, file)}
    named = {name for name in own if _is_named(name, code)}
    roots = {_root(name, Path(own[name])) for name in named}
    # What lies beside the modules that are named may be what they import.
    wanted = {name: file for name, file in own.items() if name in named or _root(name, Path(file)) in roots}
    files = {name: (file, _digest(Path(file))) for name, file in wanted.items()}
    key = sha256(code + repr(sorted(files.items())).encode()).hexdigest()
    path = tuple(entry for entry in sys.path if entry)
    return Carried(code, key, path, files, compat.is_active())


def _is_named(name: str, code: bytes) -> bool:
    """Tell whether a pickle has a text; to go through its instructions takes as long as to make it."""
    text = name.encode("utf-8", "surrogatepass")
    return (b"\x8c" + bytes([len(text) % 256]) + text) in code or b"c" + text + b"\n" in code


def _digest(file: Path) -> str:
    try:
        return sha256(file.read_bytes()).hexdigest()
    except OSError:  # it is gone, or in an archive
        return ""


def _is_own(name: str, file: str) -> bool:
    """Tell whether a module may change: it is neither installed, nor of the standard library, nor of ours."""
    if name.partition(".")[0] in ("headwater", "__main__", "__mp_main__"):
        return False
    return not file.startswith(_STANDARD) and not _INSTALLED.intersection(Path(file).parts)
