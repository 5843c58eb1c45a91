"""Loaders and savers for plain Python values: JSON, text, bytes, pickles, the environment, literals."""

from __future__ import annotations

import io
import json
import os
import pathlib
import pickle
from dataclasses import dataclass
from typing import Any, ClassVar

from headwater.errors import did_you_mean
from headwater.materialize.builtin import BuiltInLoader, BuiltInSaver
from headwater.materialize.files import Stored, opened, replacing, write_bytes
from headwater.materialize.metadata import get_file_metadata
from headwater.materialize.packing import is_packed, packed

__all__ = [
    "DATA_ADAPTERS",
    "EnvVarDataLoader",
    "InMemoryResult",
    "JSONDataLoader",
    "JSONDataSaver",
    "LiteralValueDataLoader",
    "PickleLoader",
    "PickleSaver",
    "RawFileDataLoader",
    "RawFileDataSaver",
    "RawFileDataSaverBytes",
]


@dataclass
class JSONDataLoader(Stored, BuiltInLoader):
    """Loads a dictionary or a list from a JSON file."""

    key: ClassVar[str] = "json"
    types: ClassVar[tuple[str, ...]] = ("dict", "list")
    path: str

    def load_data(self, type_: Any) -> tuple[Any, dict[str, Any]]:
        """Return what the file holds."""
        with opened(self.path, "rb", options=self.storage_options, unpacks=True) as file:
            return json.load(file), get_file_metadata(self.path)


@dataclass
class JSONDataSaver(Stored, BuiltInSaver):
    """Saves a dictionary or a list as a JSON file."""

    key: ClassVar[str] = "json"
    types: ClassVar[tuple[str, ...]] = ("dict", "list")
    path: str

    def save_data(self, data: Any) -> dict[str, Any]:
        """Write the file."""
        return _written(self, json.dumps(data).encode(), packs=True)


@dataclass
class RawFileDataLoader(Stored, BuiltInLoader):
    """Loads the text of a file."""

    key: ClassVar[str] = "file"
    types: ClassVar[tuple[str, ...]] = ("str",)
    path: str
    encoding: str = "utf-8"

    def load_data(self, type_: Any) -> tuple[str, dict[str, Any]]:
        """Return the text."""
        with opened(self.path, encoding=self.encoding, options=self.storage_options) as file:
            return file.read(), get_file_metadata(self.path)


@dataclass
class RawFileDataSaver(Stored, BuiltInSaver):
    """Saves text as a file."""

    key: ClassVar[str] = "file"
    types: ClassVar[tuple[str, ...]] = ("str",)
    path: str
    encoding: str = "utf-8"

    def save_data(self, data: str) -> dict[str, Any]:
        """Write the file, with the line ends of this system."""
        return _written(self, data.replace("\n", os.linesep).encode(self.encoding))


@dataclass
class RawFileDataSaverBytes(Stored, BuiltInSaver):
    """Saves bytes as a file."""

    key: ClassVar[str] = "file"
    types: ClassVar[tuple[str, ...]] = ("bytes", "io.BytesIO")
    path: pathlib.Path | str

    def save_data(self, data: bytes | io.BytesIO) -> dict[str, Any]:
        """Write the file."""
        return _written(self, data.getvalue() if isinstance(data, io.BytesIO) else data)


@dataclass
class PickleLoader(Stored, BuiltInLoader):
    """Loads a pickled object; unpickling runs code that the file names, so load only what you trust."""

    key: ClassVar[str] = "pickle"
    types: ClassVar[tuple[str, ...]] = ("object", "typing.Any")
    path: str

    def load_data(self, type_: Any) -> tuple[Any, dict[str, Any]]:
        """Return the object."""
        with opened(self.path, "rb", options=self.storage_options) as file:
            return pickle.load(file), get_file_metadata(self.path)  # noqa: S301 - asked for by name


@dataclass
class PickleSaver(Stored, BuiltInSaver):
    """Saves any object as a pickle."""

    key: ClassVar[str] = "pickle"
    types: ClassVar[tuple[str, ...]] = ("object",)
    path: str

    def save_data(self, data: Any) -> dict[str, Any]:
        """Write the file."""
        return _written(self, pickle.dumps(data))


@dataclass
class EnvVarDataLoader(BuiltInLoader):
    """Loads environment variables, by name, as a dictionary."""

    key: ClassVar[str] = "environment"
    types: ClassVar[tuple[str, ...]] = ("dict",)
    names: tuple[str, ...]

    def load_data(self, type_: Any) -> tuple[dict[str, str], dict[str, Any]]:
        """Return the variables.

        Raises:
            KeyError: One of them is not set.
        """
        for name in self.names:
            if name not in os.environ:
                raise KeyError(
                    f"The environment variable '{name}' is not set. Set it before the run."
                    f"{did_you_mean(name, os.environ)}"
                )
        return {name: os.environ[name] for name in self.names}, {}


@dataclass
class LiteralValueDataLoader(BuiltInLoader):
    """Loads the value that it is given."""

    key: ClassVar[str] = "literal"
    types: ClassVar[tuple[str, ...]] = ("typing.Any",)
    value: Any

    def load_data(self, type_: Any) -> tuple[Any, dict[str, Any]]:
        """Return the value."""
        return self.value, {}


@dataclass
class InMemoryResult(BuiltInSaver):
    """Saves nothing and hands the data back, as the result of a combination in `materialize`."""

    key: ClassVar[str] = "memory"
    types: ClassVar[tuple[str, ...]] = ("typing.Any",)

    def save_data(self, data: Any) -> Any:
        """Return the data."""
        return data


DATA_ADAPTERS = [
    JSONDataSaver,
    JSONDataLoader,
    LiteralValueDataLoader,
    RawFileDataLoader,
    RawFileDataSaver,
    RawFileDataSaverBytes,
    PickleLoader,
    PickleSaver,
    EnvVarDataLoader,
    InMemoryResult,
]


def _written(saver: Any, data: bytes, packs: bool = False) -> dict[str, Any]:
    with replacing(saver.path, options=saver.storage_options) as made:
        if packs and is_packed(made):
            with packed(made) as file:
                file.write(data)
        else:
            write_bytes(made, data)
    return get_file_metadata(saver.path)
