"""How tables are loaded and saved: one function of a package for each format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from headwater.materialize.builtin import UNSET, BuiltInLoader, BuiltInSaver, options
from headwater.materialize.files import replacing
from headwater.materialize.metadata import get_file_and_dataframe_metadata
from headwater.materialize.packages import needed, needing

__all__ = ["TableLoader", "TableSaver"]


class TableLoader(BuiltInLoader):
    """Loads a table with a function of the package it is a class of.

    Attributes:
        package: The package.
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
        with needing(self.needs or self.package, purpose):
            given = options(self, function, self.place, *self.besides, renamed=self.renamed)
            data = self._read(function, place, given)
        return data, self._described(place, data)

    def _read(self, function: Any, place: Any, given: dict[str, Any]) -> Any:
        return function(place, **given)

    def _described(self, place: Any, data: Any) -> dict[str, Any]:
        return get_file_and_dataframe_metadata(place, data)


class TableSaver(BuiltInSaver):
    """Saves a table with one of its methods, whole or not at all.

    Attributes:
        function: Name of the method, as `to_csv`.
        place: Name of the argument that says where the data goes.
        needs: The package that the format needs, if any.
        renamed: Names of arguments in the method, by their names here.
    """

    function: ClassVar[str]
    place: ClassVar[str] = "path"
    needs: ClassVar[str] = ""
    renamed: ClassVar[dict[str, str]] = {}

    def save_data(self, data: Any) -> dict[str, Any]:
        """Write the table, and return what is known of it and its file.

        Raises:
            MissingExtra: A package that the format needs is not installed.
        """
        place = getattr(self, self.place)
        data = self._collected(data)
        stored = self._store_options()
        with (
            needing(self.needs, f"save_to.{self.key}"),
            replacing(place, append=getattr(self, "mode", "w") == "a", options=stored) as made,
        ):
            self._write(data, made)
        return get_file_and_dataframe_metadata(place, data)

    def _write(self, data: Any, made: Any) -> None:
        write = getattr(data, self.function)
        # What the store needs was used to open it; the method only sees a file that lies here.
        write(made, **options(self, write, self.place, "storage_options", renamed=self.renamed))

    def _collected(self, data: Any) -> Any:
        return data

    def _store_options(self) -> Mapping[str, Any]:
        given = getattr(self, "storage_options", UNSET)
        return {} if given is UNSET or given is None else given
