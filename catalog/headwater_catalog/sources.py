"""Read the sources of a dataflow: files whose columns become the inputs of its graph."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from headwater.errors import InvalidInput, did_you_mean
from headwater_catalog.source_specs import SourceSpec

if TYPE_CHECKING:
    import pandas as pd

_BATCH: Final = 65_536  # rows that are unpacked at once where only some are read
_MEGA: Final = 1 << 20

__all__ = ["FORMATS", "SourceColumns", "columns_named", "columns_of", "format_of", "read_sources"]

FORMATS: Final = {
    ".csv": "csv",
    ".json": "json",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
}
"""File formats by the ending of a file's name."""


@dataclass(slots=True)
class SourceColumns:
    """What sources supplied: values by input, and for each source used its number of rows."""

    values: dict[str, pd.Series[Any] | pd.DataFrame] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)


def format_of(path: str, declared: str | None = None) -> str:
    """Return the format of a file by what is declared or else by its name.

    Raises:
        InvalidInput: It is none that can be read and written.
    """
    found = declared or FORMATS.get(PurePosixPath(path).suffix.lower(), "")
    if found not in FORMATS.values():
        known = ", ".join(dict.fromkeys(FORMATS.values()))
        raise InvalidInput(
            f"The format of '{path}' is not known{f': {declared!r}' if declared else ''}. "
            f"Headwater reads and writes {known}: name the file or its format so."
        )
    return found


def columns_of(spec: SourceSpec, file: Path) -> tuple[str, ...]:
    """Return the names of the columns of a source, without reading them where its format allows that.

    Raises:
        Exception: Whatever a reader raises where the file is none of its format.
    """
    found = format_of(spec.path, spec.format)
    if found == "csv":
        with file.open(encoding="utf-8-sig", newline="") as stream:
            return tuple(next(csv.reader(stream), ()))
    return tuple(_READERS[found](file, lambda column: False, 0)[1])


def columns_named(spec: SourceSpec, columns: Collection[str], names: Iterable[str]) -> dict[str, str]:
    """Return which column of a source each of some names means; of those that none is meant by nothing.

    A file, like pandas and polars, tells names apart by case. A database does not, and it is for it to say in
    which case it answers, so that there a column of that very name comes first, and then one in any case.

    Args:
        spec: The source.
        columns: The columns that it has.
        names: The names.

    Raises:
        InvalidInput: A name may mean several columns that differ by case alone.
    """
    names, known = list(names), frozenset(columns)
    found = {name: name for name in names if name in known}
    if not spec.any_case:
        return found
    folded = defaultdict[str, list[str]](list)
    for column in columns:
        folded[column.casefold()].append(column)
    for name in names:
        same = folded.get(name.casefold(), []) if name not in found else []
        if len(same) > 1:
            several = " or ".join(f"'{column}'" for column in same)
            raise InvalidInput(
                f"'{name}' may be column {several} of '{spec.path}', which differ by case alone. Name one of "
                "them as it stands there, or let a query give them other names."
            )
        if same:
            found[name] = same[0]
    return found


def read_sources(
    sources: Mapping[str, SourceSpec],
    files: Mapping[str, Path],
    needed: Collection[str],
    sample: int | None = None,
    tables: Collection[str] = (),
) -> SourceColumns:
    """Read what a graph needs from the files of its sources.

    Args:
        sources: The sources by name.
        files: Where the file of each stands.
        needed: The inputs; each is a column.
        sample: How many rows of each source, the first ones; None: all.
        tables: Inputs of the graph that are tables: the source of the same name is one, with all of its
            columns, where no source has a column of that name.

    Raises:
        InvalidInput: A file cannot be read as declared, or two sources have the same needed column.
    """
    supplied = SourceColumns()
    origin: dict[str, str] = {}
    whole: dict[str, pd.DataFrame] = {}
    for name, spec in sources.items():
        is_whole = name in needed and name in tables
        frame = _read(name, spec, files[name], None if is_whole else needed, sample)
        if is_whole:
            whole[name] = frame
        for column, actual in columns_named(spec, list(frame.columns), sorted(needed)).items():
            if column in origin:
                raise InvalidInput(
                    f"Column '{column}' is in two sources, '{origin[column]}' "
                    f"({sources[origin[column]].path}) and '{name}' ({spec.path}). "
                    "Rename it in one of them, or leave one of the sources out."
                )
            origin[column] = name
            supplied.values[column] = frame[actual] if actual == column else frame[actual].rename(column)
            supplied.rows[name] = len(frame)
    for name, frame in whole.items():
        if name not in origin:
            supplied.values[name] = frame
            supplied.rows[name] = len(frame)
    return supplied


def _read(
    name: str, spec: SourceSpec, file: Path, needed: Collection[str] | None, rows: int | None
) -> pd.DataFrame:
    wanted = None if needed is None else {*needed, *spec.dates, spec.index or ""}
    folded = {each.casefold() for each in wanted or ()} if spec.any_case else set[str]()
    reader = _READERS[format_of(spec.path, spec.format)]
    if not file.is_file():
        raise InvalidInput(
            f"Source '{name}' names the file '{spec.path}', which is not in the repository at this commit. "
            "Add it, correct the path, or give a file for this source."
        )
    try:
        frame, present = reader(
            file,
            lambda column: wanted is None or column in wanted or column.casefold() in folded,
            rows,
        )
        declared = [column for column in (spec.index, *spec.dates) if column]
        actual = columns_named(spec, present, declared)
        for column in {actual[each] for each in spec.dates if each in actual}:
            frame[column] = _dates(frame[column])
    except Exception as error:  # whatever a file may hold, its reader may raise
        raise InvalidInput(
            f"Source '{name}' ({spec.path}) cannot be read: {type(error).__name__}: {error}"
        ) from error
    absent = [column for column in declared if column not in actual]
    if absent:
        raise InvalidInput(
            f"Source '{name}' ({spec.path}) has no column '{absent[0]}', which its declaration names."
            f"{did_you_mean(absent[0], present)}"
        )
    # The column stays beside the index, for features that ask for it by name.
    if spec.index:
        frame = frame.set_index(actual[spec.index], drop=False)
        frame.index.name = spec.index
    return frame


def _dates(column: pd.Series[Any]) -> pd.Series[Any]:
    import pandas as pd

    return pd.to_datetime(column, format="ISO8601") if column.dtype.kind not in "Mm" else column


_IsWanted = Callable[[str], bool]
_Read = tuple["pd.DataFrame", list[str]]
"""The wanted columns of a file, and the names of all that it has."""


def _read_csv(file: Path, is_wanted: _IsWanted, rows: int | None) -> _Read:
    import pandas as pd

    present: list[str] = []

    def note(column: str) -> bool:
        present.append(column)
        return is_wanted(column)

    _require_names(file)
    # Else more cells than names would shift every column by one: pandas takes the first for an index.
    return pd.read_csv(file, usecols=note, index_col=False, nrows=rows), present


def _require_names(file: Path) -> None:
    """Refuse a file whose first row has more in it than the line of names says."""
    with file.open(newline="", encoding="utf-8-sig") as stream:
        try:
            names, row = islice(chain(csv.reader(stream), ([], [])), 2)
        except csv.Error:  # a cell longer than this reader takes, which pandas reads
            return
    if any(row[len(names) :]):
        raise ValueError(f"the first line has {len(names)} names, and the first row {len(row)} cells")


def _read_json(file: Path, is_wanted: _IsWanted, rows: int | None) -> _Read:
    import pandas as pd

    with file.open("rb") as stream:
        frame = pd.read_json(stream, convert_dates=False)
    present = [str(column) for column in frame.columns]
    return frame[[column for column in frame.columns if is_wanted(column)]].head(rows or len(frame)), present


def _read_parquet(file: Path, is_wanted: _IsWanted, rows: int | None) -> _Read:
    import pyarrow as pa  # type: ignore[import-untyped]
    from pyarrow import parquet

    with parquet.ParquetFile(file) as opened:
        present = opened.schema_arrow.names
        columns = [column for column in present if is_wanted(column)]
        if rows is None:
            _require_room(_unpacked(opened, set(columns)))
            return opened.read(columns=columns, use_pandas_metadata=True).to_pandas(), present
        batches, left = [], rows
        for batch in opened.iter_batches(min(rows, _BATCH), columns=columns, use_pandas_metadata=True):
            batches.append(batch.slice(0, left))
            left -= len(batches[-1])
            if left <= 0:
                break
        schema = None if batches else opened.schema_arrow
        return pa.Table.from_batches(batches, schema).to_pandas(), present


def _read_arrow(file: Path, is_wanted: _IsWanted, rows: int | None) -> _Read:
    import pyarrow as pa
    from pyarrow import ipc

    with pa.memory_map(str(file)) as opened, ipc.open_file(opened) as reader:
        present = reader.schema.names
        columns = [column for column in present if is_wanted(column)]
        batches, left = [], rows
        for number in range(reader.num_record_batches):
            batch = reader.get_batch(number).select(columns)
            batches.append(batch if left is None else batch.slice(0, left))
            left = None if left is None else left - len(batches[-1])
            if left == 0:
                break
        schema = pa.schema([reader.schema.field(column) for column in columns])
        return pa.Table.from_batches(batches, schema).to_pandas(), present


def _unpacked(opened: Any, columns: set[str]) -> int:
    """Return how many bytes some columns of a Parquet file take unpacked, as the file itself says."""
    groups = (opened.metadata.row_group(number) for number in range(opened.metadata.num_row_groups))
    chunks = (group.column(place) for group in groups for place in range(group.num_columns))
    return sum(
        chunk.total_uncompressed_size for chunk in chunks if chunk.path_in_schema.partition(".")[0] in columns
    )


def _require_room(size: int) -> None:
    """Refuse early what would not fit into the memory of this process, where that is limited."""
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY and size > limit:
        raise ValueError(
            f"unpacked it takes {size // _MEGA:,} MB, and a run has {limit // _MEGA:,} MB of memory. "
            "Run a sample, or store fewer rows or columns"
        )


_READERS: Final[dict[str, Callable[[Path, _IsWanted, int | None], _Read]]] = {
    "csv": _read_csv,
    "json": _read_json,
    "parquet": _read_parquet,
    "arrow": _read_arrow,
}
