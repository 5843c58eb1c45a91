"""Values kept as files in a folder, one for each fingerprint.

The files hold pickled values. Unpickling runs code, so the folder must be one that only those can write to
whose code you would run anyway.
"""

from __future__ import annotations

import os
import pickle
import re
import tempfile
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from headwater.caching.stores.base import ResultRetrievalError, ResultStore
from headwater.fingerprints import fingerprint

__all__ = ["FileResultStore"]

_MAGIC = b"HWR1"
_DIGEST_SIZE = 16
_FINGERPRINT = re.compile(r"[0-9a-f]{40}(\.|$)")


@dataclass(frozen=True)
class _Formatted:
    """Stands in the place of a value that has a file of its own in another format."""

    loader_cls: Any
    file: str
    digest: bytes
    type: type


class FileResultStore(ResultStore):
    """Keeps values as files in a folder.

    A file is written whole or not at all, and one that was changed since is not believed.

    Args:
        path: The folder.
        create_dir: Whether to make it now.
    """

    def __init__(self, path: str | os.PathLike[str], create_dir: bool = True) -> None:
        """Take the folder."""
        self.path = Path(path).absolute()
        self._prefix = f"{self.path}{os.sep}"
        if create_dir:
            self.path.mkdir(parents=True, exist_ok=True)

    def exists(self, data_version: str) -> bool:
        """Tell whether a value is kept."""
        return (self.path / data_version).exists()

    def get(self, data_version: str, **kwargs: Any) -> Any:
        """Return a value; None where there is no such file.

        Raises:
            ResultRetrievalError: The file is not as it was written.
        """
        path = self._prefix + data_version
        try:
            try:
                with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - half the time of Path
                    raw = file.readall()
            except FileNotFoundError:
                return None
            if raw[:4] != _MAGIC or _digest(raw[20:]) != raw[4:20]:
                raise ResultRetrievalError(f"{path} is damaged; it is computed anew.")
            found = pickle.loads(raw[20:])  # noqa: S301 - see the note above
            return self._loaded(found) if isinstance(found, _Formatted) else found
        except ResultRetrievalError:
            raise
        except Exception as error:
            # What a class does to be unpickled, or a format to be read, may fail in any way.
            raise ResultRetrievalError(f"{path} cannot be read: {error}") from error

    def _loaded(self, found: _Formatted) -> Any:
        path = self.path / found.file
        if _digest(path.read_bytes()) != found.digest:
            raise ResultRetrievalError(f"{path} is damaged; it is computed anew.")
        value, _ = _with_path(found.loader_cls, path).load_data(found.type)
        return value

    def set(self, data_version: str, result: Any, **kwargs: Any) -> None:
        """Keep a value.

        Args:
            data_version: Its fingerprint.
            result: The value.
            **kwargs: `saver_cls` and `loader_cls`, to keep it in their format as well. It is read from there
                only where that gives the very same value.
        """
        saver_cls, loader_cls = kwargs.get("saver_cls"), kwargs.get("loader_cls")
        kept = result
        if saver_cls is not None and loader_cls is not None:
            kept = self._formatted(data_version, result, saver_cls, loader_cls)
        content = pickle.dumps(kept, protocol=pickle.HIGHEST_PROTOCOL)
        self._write(self.path / data_version, _MAGIC + _digest(content) + content)

    def _formatted(self, data_version: str, result: Any, saver_cls: Any, loader_cls: Any) -> Any:
        path = self.path / f"{data_version}.{saver_cls.name()}"
        _with_path(saver_cls, path).save_data(result)
        value, _ = _with_path(loader_cls, path).load_data(type(result))
        if fingerprint(value) != fingerprint(result):
            return result
        return _Formatted(loader_cls, path.name, _digest(path.read_bytes()), type(result))

    def _write(self, path: Path, content: bytes) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.path, prefix=".", suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def delete(self, data_version: str) -> None:
        """Forget a value."""
        for path in (self.path / data_version, *self.path.glob(f"{data_version}.*")):
            path.unlink(missing_ok=True)

    def delete_all(self) -> None:
        """Forget all values: the files whose names are fingerprints."""
        for path in self.path.iterdir():
            if _FINGERPRINT.match(path.name):
                path.unlink(missing_ok=True)


def _digest(content: bytes) -> bytes:
    return blake2b(content, digest_size=_DIGEST_SIZE).digest()


def _with_path(adapter: Any, path: Path) -> Any:
    """Return a loader or saver of a file."""
    from headwater.materialize.adapters import arguments_of

    arguments = arguments_of(adapter)
    for name in ("file", "path"):
        if name in arguments:
            return adapter(**{name: str(path)})
    raise ResultRetrievalError(
        f"{adapter.__qualname__} takes neither 'file' nor 'path', so it cannot keep values."
    )
