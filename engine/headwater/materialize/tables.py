"""How tables are loaded and saved as files: one function of a package for each format."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

from headwater.materialize.builtin import BuiltInLoader, BuiltInSaver, options
from headwater.materialize.files import Stored, is_remote, opened, replacing
from headwater.materialize.metadata import get_file_and_dataframe_metadata
from headwater.materialize.packages import needed, needing
from headwater.materialize.packing import is_packed, packed

__all__ = ["FileLoader", "StampedSaver", "TableLoader", "TableSaver"]


class TableLoader(BuiltInLoader):
    """Loads a table with a function of the package it is a class of.

    Attributes:
        package: The package, or a module of it.
        function: Name of its function, as `read_csv`.
        place: Name of the argument that says where the data is.
        needs: The package that the format needs, if any.
        renamed: Names of arguments in the function, by their names here.
        besides: Arguments that are not the function's.
    """

    package: ClassVar[str]
    function: ClassVar[str]
    place: ClassVar[str] = "path"
    needs: ClassVar[str] = ""
    renamed: ClassVar[dict[str, str]] = {}
    besides: ClassVar[tuple[str, ...]] = ()

    def load_data(self, type_: Any) -> tuple[Any, dict[str, Any]]:
        """Return the table, and what is known of it and its file.

        Raises:
            MissingExtra: A package that the format needs is not installed.
        """
        place, purpose = getattr(self, self.place), f"load_from.{self.key}"
        function = getattr(needed(self.package, purpose), self.function)
        with needing(self.needs or self.package.partition(".")[0], purpose):
            given = options(
                self, function, self.place, "storage_options", *self.besides, renamed=self.renamed
            )
            data = self._made(self._read(function, place, given), type_)
        return data, self._described(place, data)

    def _read(self, function: Any, place: Any, given: dict[str, Any]) -> Any:
        return function(place, **given)

    def _made(self, data: Any, type_: Any) -> Any:
        return data

    def _described(self, place: Any, data: Any) -> dict[str, Any]:
        return get_file_and_dataframe_metadata(place, data)


@dataclass
class FileLoader(Stored, TableLoader):
    """Loads a table from a file; one that is remote or packed is opened for the function.

    Attributes:
        unpacks: Whether a name such as `orders.csv.gz` says that the file is packed.
    """

    unpacks: ClassVar[bool] = False

    def _read(self, function: Any, place: Any, given: dict[str, Any]) -> Any:
        if not self._is_opened(place):
            return function(place, **given)
        with opened(place, "rb", options=self.storage_options, unpacks=self.unpacks) as file:
            return function(file, **given)

    def _is_opened(self, place: Any) -> bool:
        return is_remote(place) or (self.unpacks and is_packed(place))


@dataclass
class TableSaver(Stored, BuiltInSaver):
    """Saves a table as a file with one of its methods, whole or not at all.

    Attributes:
        function: Name of the method, as `to_csv`.
        place: Name of the argument that says where the data goes.
        needs: The package that the format needs, if any.
        renamed: Names of arguments in the method, by their names here.
        packs: Whether a file with a name such as `orders.csv.gz` is to be packed for the method.
    """

    function: ClassVar[str]
    place: ClassVar[str] = "path"
    needs: ClassVar[str] = ""
    renamed: ClassVar[dict[str, str]] = {}
    packs: ClassVar[bool] = False

    def save_data(self, data: Any) -> dict[str, Any]:
        """Write the table, and return what is known of it and its file.

        Raises:
            MissingExtra: A package that the format needs is not installed.
        """
        place = getattr(self, self.place)
        data = self._collected(data)
        with (
            needing(self.needs, f"save_to.{self.key}"),
            replacing(place, append=getattr(self, "mode", "w") == "a", options=self.storage_options) as made,
            packed(made) if self.packs and is_packed(made) else nullcontext(made) as file,
        ):
            self._write(data, file)
        return get_file_and_dataframe_metadata(place, data)

    def _write(self, data: Any, made: Any) -> None:
        write = getattr(data, self.function)
        write(made, **self._options(write))

    def _options(self, write: Any, *besides: str) -> dict[str, Any]:
        # What the store needs was used to open it; the method only sees a file that lies here.
        own = (self.place, "storage_options", "metadata", "column_metadata", *besides)
        return options(self, write, *own, renamed=self.renamed)

    def _collected(self, data: Any) -> Any:
        return data


@dataclass
class StampedSaver(TableSaver):
    """Saves a table in a format whose schema keeps texts.

    Args:
        metadata: Texts about the file, by key, kept in its schema.
        column_metadata: Texts about a column, by column and key, kept in the column's schema.
    """

    _: KW_ONLY
    metadata: Mapping[str, str] | None = None
    column_metadata: Mapping[str, Mapping[str, str]] | None = None

    def _is_stamped(self) -> bool:
        return bool(self.metadata or self.column_metadata)
