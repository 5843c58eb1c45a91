"""A source as a dataflow declares it.

Apart from the reader of project files, which every run would import with it and has no use for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from headwater_catalog.locations import Whereabouts

__all__ = ["SourceSpec", "is_frame"]

_FRAMES: Final = frozenset({"DataFrame", "GeoDataFrame", "LazyFrame", "RecordBatch", "Table"})


def is_frame(type_: str) -> bool:
    """Tell whether a type, as text, is that of a table, or of one or None: such an input may be a source."""
    named = type_.removeprefix("None | ").removesuffix(" | None").removeprefix("typing.Annotated[")
    return named.partition("[")[0].rstrip("]").rpartition(".")[2] in _FRAMES


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """Data whose columns are inputs of a dataflow, or which is one as a whole where that has its name.

    Attributes:
        path: The file, relative to the repository; where it is none, the words that name where the data is.
        index: The column that becomes the index.
        dates: Columns that hold dates.
        format: How to read it; None lets the name of the file tell.
        where: Where it is, if not only in that file of the repository.
        table: The logical table that it is declared to be; empty where it only says where it is.
    """

    path: str
    index: str | None = None
    dates: tuple[str, ...] = ()
    format: str | None = None
    where: Whereabouts | None = None
    table: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data, as the store keeps it."""
        plain = {"path": self.path, "index": self.index, "dates": list(self.dates), "format": self.format}
        if self.table:
            plain["table"] = self.table
        return plain if self.where is None else {**plain, **self.where.as_dict()}
