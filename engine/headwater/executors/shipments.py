"""Python files that go along to workers which do not have them, and are imported there from memory."""

from __future__ import annotations

import hashlib
import importlib
import os
import sys
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.abc import MetaPathFinder, SourceLoader
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from pathlib import Path, PurePosixPath
from threading import RLock
from types import ModuleType

from headwater.errors import HeadwaterError
from headwater.record import record

__all__ = ["Shipment", "forget", "shipment_of"]


@record
class Shipment:
    """The Python files of a folder, by which workers import its modules.

    A process has the modules of one shipment at a time: those of another are forgotten before.

    Attributes:
        key: The digest of what is below; equal for equal files in the same place.
        base: The folder that they are in, as messages name it; it need not be there where they go.
        roots: The folders inside it from which modules are imported, the first one first; "" is itself.
        files: The content of each file, compressed, by its path inside the folder.
        required: The modules that must be those of the shipment.
    """

    key: str
    base: str
    roots: tuple[str, ...]
    files: Mapping[str, bytes]
    required: tuple[str, ...]

    def establish(self) -> None:
        """Let this process import the modules from here, whatever it had imported of other shipments.

        Raises:
            HeadwaterError: It has a module of its own that has the name of one of them.
        """
        with _lock:
            if self.key == _established():
                return
            forget()
            finder = _Finder(self)
            for name in self.required:
                if name in sys.modules:
                    raise HeadwaterError(
                        f"A worker has a module '{name}' of its own, and the feature code has one of that "
                        "name. Rename it, or put it into a package."
                    )
            sys.meta_path.insert(0, finder)
            importlib.invalidate_caches()


def shipment_of(base: Path, roots: Iterable[str], required: Iterable[str] = ()) -> Shipment:
    """Return the Python files of a folder; links are not followed.

    Args:
        base: The folder.
        roots: The folders inside it from which modules are imported; "" is itself.
        required: The modules that must be those of the shipment.
    """
    chosen = tuple(dict.fromkeys(roots))
    found: dict[str, bytes] = {}
    for root in chosen:
        for file in _python_files(base / root):
            found.setdefault(file.relative_to(base).as_posix(), zlib.compress(file.read_bytes()))
    files = dict(sorted(found.items()))
    told = repr(
        (str(base), chosen, [(path, hashlib.sha256(data).hexdigest()) for path, data in files.items()])
    )
    key = hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()
    return Shipment(key=key, base=str(base), roots=chosen, files=files, required=tuple(required))


def forget() -> None:
    """Forget the modules that this process has imported from a shipment, and that there is one."""
    with _lock:
        sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _Finder)]
        for name, module in list(sys.modules.items()):
            if isinstance(getattr(module, "__loader__", None), _Loader) or _is_shipped_package(module):
                del sys.modules[name]


_lock = RLock()
_SCHEME = "shipped:"
"""Where folders without code of their own would be, which are packages all the same."""


def _established() -> str | None:
    return next((finder.key for finder in sys.meta_path if isinstance(finder, _Finder)), None)


def _is_shipped_package(module: ModuleType) -> bool:
    try:
        return any(str(place).startswith(_SCHEME) for place in module.__path__)
    except Exception:  # modules of others answer as they like
        return False


def _python_files(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            file = Path(place, name)
            if name.endswith(".py") and file.is_file() and not file.is_symlink():
                yield file


class _Finder(MetaPathFinder):
    """Finds the modules of a shipment, before all others, as their folders are first on the import path."""

    def __init__(self, shipment: Shipment) -> None:
        self.key = shipment.key
        self._base = shipment.base
        self._files = shipment.files
        self._roots = shipment.roots
        self._folders = {
            str(folder) for path in shipment.files for folder in PurePosixPath(path).parents if folder.name
        }

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return how a module is imported; None where the shipment has none of that name."""
        parent = sys.modules.get(fullname.rpartition(".")[0])
        if (
            parent is not None
            and not isinstance(parent.__loader__, _Loader)
            and not _is_shipped_package(parent)
        ):
            return None  # its package is of another making
        inside = fullname.replace(".", "/")
        places = [f"{root}/{inside}" if root else inside for root in self._roots]
        for place in places:
            for file, is_package in ((f"{place}/__init__.py", True), (f"{place}.py", False)):
                if file in self._files:
                    loader = _Loader(str(Path(self._base, file)), self._files[file])
                    return spec_from_loader(fullname, loader, origin=loader.file, is_package=is_package)
        if any(place in self._folders for place in places):
            spec = ModuleSpec(fullname, None, is_package=True)
            spec.submodule_search_locations = [f"{_SCHEME}{inside}"]
            return spec
        return None


class _Loader(SourceLoader):
    """Loads one module of a shipment."""

    def __init__(self, file: str, content: bytes) -> None:
        self.file = file
        self._content = content

    def get_filename(self, fullname: str) -> str:
        """Return where the file was."""
        return self.file

    def get_data(self, path: str | bytes) -> bytes:
        """Return what the file held.

        Raises:
            OSError: It is another file, which is not here.
        """
        if path != self.file:
            raise FileNotFoundError(path)
        return zlib.decompress(self._content)
