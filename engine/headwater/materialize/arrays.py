"""The loader and the saver of numpy arrays."""

from __future__ import annotations

import pathlib
from dataclasses import dataclass
from typing import IO, Any, ClassVar

from headwater.materialize.builtin import UNSET, BuiltInLoader, BuiltInSaver, options
from headwater.materialize.files import Stored, is_remote, opened, replacing
from headwater.materialize.metadata import get_file_metadata
from headwater.materialize.packages import needed

__all__ = ["NumpyNpyReader", "NumpyNpyWriter"]


@dataclass
class NumpyNpyReader(Stored, BuiltInLoader):
    """Loads an array from a file in numpy's own format."""

    key: ClassVar[str] = "npy"
    types: ClassVar[tuple[str, ...]] = ("numpy.ndarray",)
    path: str | pathlib.Path | IO[Any]
    mmap_mode: str | None = None
    allow_pickle: bool | None = None
    fix_imports: bool | None = UNSET
    encoding: str = "ASCII"

    def load_data(self, type_: Any) -> tuple[Any, dict[str, Any]]:
        """Return the array; one of Python objects only where `allow_pickle` is set."""
        load = needed("numpy", "load_from.npy").load
        given = {
            **options(self, load, "path", "allow_pickle", "storage_options"),
            "allow_pickle": bool(self.allow_pickle),
        }
        if not is_remote(self.path):
            return load(self.path, **given), get_file_metadata(self.path)
        with opened(self.path, "rb", options=self.storage_options) as file:
            return load(file, **given), get_file_metadata(self.path)


@dataclass
class NumpyNpyWriter(Stored, BuiltInSaver):
    """Saves an array in numpy's own format, under exactly the path given."""

    key: ClassVar[str] = "npy"
    types: ClassVar[tuple[str, ...]] = ("numpy.ndarray",)
    path: str | pathlib.Path | IO[Any]
    allow_pickle: bool | None = None
    fix_imports: bool | None = UNSET

    def save_data(self, data: Any) -> dict[str, Any]:
        """Write the file; an array of Python objects only where `allow_pickle` is set."""
        save = needed("numpy", "save_to.npy").save
        given = {
            **options(self, save, "path", "allow_pickle", "storage_options"),
            "allow_pickle": bool(self.allow_pickle),
        }
        with replacing(self.path, options=self.storage_options) as made:
            if hasattr(made, "write"):
                save(made, data, **given)
            else:
                # Given an open file numpy adds no suffix of its own to the name.
                with pathlib.Path(made).open("wb") as file:
                    save(file, data, **given)
        return get_file_metadata(self.path)
