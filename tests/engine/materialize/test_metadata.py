"""What loaders and savers tell."""

import io
import time

import pandas as pd
import polars as pl
import pytest

from headwater.materialize.metadata import (
    get_dataframe_metadata,
    get_file_and_dataframe_metadata,
    get_file_metadata,
    get_sql_metadata,
)


def test_file_is_described(tmp_path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("abc")
    before = time.time()

    [(key, known)] = get_file_metadata(file).items()

    assert key == "file_metadata"
    assert (known["size"], known["path"], known["scheme"], known["notes"]) == (3, str(file), "", "")
    assert known["last_modified"] == file.stat().st_mtime
    assert before <= known["timestamp"] <= time.time()
    assert set(known) == {"size", "path", "last_modified", "timestamp", "scheme", "notes", "__version__"}


@pytest.mark.parametrize(
    ("path", "scheme"), [("s3://bucket/a.csv", "s3"), ("nowhere/at/all.csv", ""), (io.BytesIO(b"abc"), "")]
)
def test_what_is_no_file_here_is_described_as_far_as_known(path, scheme) -> None:
    known = get_file_metadata(path)["file_metadata"]

    assert (known["size"], known["scheme"]) == (None, scheme)
    assert known["notes"].startswith(f"File metadata is unsupported for scheme: {scheme}")


def test_table_is_described() -> None:
    table = pd.DataFrame({"a": [1, 2], "b": [0.5, 1.5]})

    assert get_dataframe_metadata(table) == {
        "dataframe_metadata": {
            "__version__": "1.0.0",
            "rows": 2,
            "columns": 2,
            "column_names": ["a", "b"],
            "datatypes": ["int64", "float64"],
        }
    }
    lazy = get_dataframe_metadata(pl.from_pandas(table).lazy())["dataframe_metadata"]
    assert (lazy["rows"], lazy["column_names"], lazy["datatypes"]) == (None, ["a", "b"], ["Int64", "Float64"])
    assert get_dataframe_metadata([1, 2])["dataframe_metadata"]["rows"] == 2
    assert get_dataframe_metadata(3)["dataframe_metadata"]["columns"] is None
    assert list(get_file_and_dataframe_metadata("x", table)) == ["file_metadata", "dataframe_metadata"]


def test_query_is_told_from_a_table() -> None:
    query = get_sql_metadata("select a from orders", pd.DataFrame({"a": [1]}))["sql_metadata"]
    table = get_sql_metadata("orders", 7)["sql_metadata"]

    assert (query["rows"], query["query"], query["table_name"]) == (1, "select a from orders", None)
    assert (table["rows"], table["query"], table["table_name"]) == (7, None, "orders")
    assert get_sql_metadata("orders", "7 rows")["sql_metadata"]["rows"] is None
    assert get_sql_metadata("selected_orders", None)["sql_metadata"]["table_name"] == "selected_orders"
