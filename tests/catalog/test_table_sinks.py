"""Tables of databases as sinks: they get what was saved, whatever format it was saved in."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa  # type: ignore[import-untyped]
import pytest
import sqlalchemy as sa

from headwater_catalog.data_settings import DataSettings
from headwater_catalog.errors import JobError
from headwater_catalog.locations import Location
from headwater_catalog.sinks import deliver
from headwater_catalog.table_files import TableFile, schema_text, write_table
from support.slow import slow

_DAY = datetime.datetime(2026, 1, 5, 6, 7, 8, 9)
COLUMNS: dict[str, tuple[pa.Array, list[Any]]] = {
    "code": (pa.array(["00501", "NA", "", None]), ["00501", "NA", "", None]),
    "whole": (pa.array([1, None, 2**60 + 1, -1]), [1, None, 2**60 + 1, -1]),
    "part": (pa.array([0.5, float("nan"), None, 2.0]), [0.5, None, None, 2.0]),
    "flag": (pa.array([True, False, None, True]), [True, False, None, True]),
    "at": (pa.array([_DAY, None, _DAY, _DAY]), [_DAY, None, _DAY, _DAY]),
    "on day (of it)": (pa.array([_DAY.date()] * 4), [_DAY.date()] * 4),
    "price": (
        pa.array([Decimal("1.10"), None, Decimal("2.00"), Decimal("3.00")]),
        ["1.10", None, "2.00", "3.00"],
    ),
}


def _saved(folder: Path, format: str, columns: dict[str, pa.Array]) -> tuple[Path, str]:
    batch = pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))

    def batches() -> Iterator[pa.RecordBatch]:
        yield batch

    path = folder / f"saved.{format}"
    write_table(path, format, TableFile(batch.schema, batches), b"", dict.fromkeys(columns, b""))
    return path, schema_text(batch.schema)


def _deliver(url: str, file: Path, schema: str) -> None:
    place = Location(connection="warehouse", table="report")
    allowed = DataSettings(connections={"warehouse": url})
    deliver(allowed, {"report": place}, file, file.suffix[1:], schema)


def _rows(url: str) -> list[tuple[Any, ...]]:
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    try:
        with engine.connect() as connection:
            table = sa.Table("report", sa.MetaData(), autoload_with=connection)
            return [tuple(row) for row in connection.execute(sa.select(table))]
    finally:
        engine.dispose()


def _plain(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [tuple(str(cell) if isinstance(cell, Decimal) else cell for cell in row) for row in rows]


@pytest.mark.parametrize("format", ["csv", "parquet", *slow("json", "arrow")])
def test_a_table_gets_what_was_saved_with_its_types(catalog_url: str, tmp_path: Path, format: str):
    file, schema = _saved(tmp_path, format, {name: made for name, (made, _) in COLUMNS.items()})
    for _ in range(2):  # the second time in place of the first
        _deliver(catalog_url, file, schema)

    wanted = list(zip(*(values for _, values in COLUMNS.values()), strict=True))
    assert _plain(_rows(catalog_url)) == wanted


def test_duckdb_gets_what_was_saved_with_its_types(tmp_path: Path):
    file, schema = _saved(tmp_path, "csv", {name: made for name, (made, _) in COLUMNS.items()})
    _deliver(f"duckdb:///{tmp_path}/lake.duckdb", file, schema)

    with duckdb.connect(str(tmp_path / "lake.duckdb")) as lake:
        rows = lake.execute("select code, whole, price from report").fetchall()
    assert _plain(rows) == list(zip(*(COLUMNS[name][1] for name in ("code", "whole", "price")), strict=True))


def test_what_a_database_cannot_hold_leaves_its_table_as_it_was(sqlite_catalog_url: str, tmp_path: Path):
    _deliver(sqlite_catalog_url, *_saved(tmp_path, "parquet", {"n": pa.array([1])}))
    too_fine = pa.array([5_000, 5_001], pa.timestamp("ns"))
    for column, told in ((pa.array([[1]]), "holds list<"), (too_fine, "parts of a microsecond")):
        with pytest.raises(JobError, match=told) as caught:
            _deliver(sqlite_catalog_url, *_saved(tmp_path, "parquet", {"n": column}))
        assert "5001" not in str(caught.value)

    assert _rows(sqlite_catalog_url) == [(1,)]
