"""Passwords, tokens and signatures in addresses and options, which nobody else is to read."""

import traceback
from dataclasses import dataclass
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from headwater import Builder, from_, keep, to
from headwater.errors import HeadwaterError
from headwater.materialize.adapters import DataLoader
from headwater.materialize.metadata import get_file_metadata
from headwater.materialize.registry import LOADER_REGISTRY, SAVER_REGISTRY, choose
from headwater.materialize.secrets import hidden, hiding_secrets_of, secrets_in
from headwater.types import Type

PASSWORD = "hush-hush"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://ann:hush-hush@h/x.csv", "http://ann:***@h/x.csv"),
        ("https://hush-hush@h/x.csv", "https://***@h/x.csv"),
        (
            "postgresql+psycopg://ann:hush%40/hush@h:5/db?sslmode=require",
            "postgresql+psycopg://ann:***@h:5/db?sslmode=require",
        ),
        ("s3://b/x?X-Amz-Signature=hush-hush&part=1", "s3://b/x?X-Amz-Signature=***&part=1"),
        ("zip://a.csv::http://ann:hush-hush@h/x.zip", "zip://a.csv::http://ann:***@h/x.zip"),
        ("pg://ann:x@h/x", "pg://ann:***@h/x"),
        ("s3://bucket/a@b.csv", "s3://bucket/a@b.csv"),
        ("/local/a:b@c?token=abcde", "/local/a:b@c?token=abcde"),
    ],
)
def test_address_is_shown_without_what_is_secret(address, shown) -> None:
    assert hidden(address, secrets_in(address)) == shown
    assert get_file_metadata(address)["file_metadata"]["path"] == shown


def test_options_tell_by_their_names_what_is_secret() -> None:
    options = {"anon": False, "secret": "abcdef", "client": {"endpoint": "http://ann:ghijkl@h"}, "key": "x"}

    assert secrets_in(options) == {"abcdef", "ghijkl", ":ghijkl@"}


@dataclass
class Telling(DataLoader):
    """Tells in its error all that it was given."""

    path: str
    error: Any

    @classmethod
    def applicable_types(cls):
        return [dict]

    @classmethod
    def name(cls):
        return "telling"

    def load_data(self, type_):
        try:
            raise KeyError(self.path)
        except KeyError as error:
            raise self.error from error


@pytest.mark.parametrize(
    ("error", "kind", "told"),
    [
        (FileNotFoundError(f"http://ann:{PASSWORD}@h/x"), FileNotFoundError, r"http://ann:\*\*\*@h/x"),
        (
            UnicodeDecodeError("utf-8", b"x", 0, 1, f"in http://ann:{PASSWORD}@h/x"),
            HeadwaterError,
            r"UnicodeDecodeError: .*http://ann:\*\*\*@h/x",
        ),
        (ArithmeticError("no secret, but its cause has one"), HeadwaterError, "but its cause has one"),
    ],
)
def test_error_and_its_causes_tell_nothing_secret(error, kind, told) -> None:
    adapter = Telling(f"http://ann:{PASSWORD}@h/x", error)

    with pytest.raises(kind, match=told) as caught, hiding_secrets_of(adapter):
        adapter.load_data(dict)

    assert PASSWORD not in "".join(traceback.format_exception(caught.value))


def test_error_without_secrets_is_the_one_that_was_raised() -> None:
    error = ArithmeticError("x")

    with pytest.raises(ArithmeticError) as caught, hiding_secrets_of(Telling("http://ann:hush@h", error)):
        raise error

    assert caught.value is error


def adapters() -> list[Any]:
    found = []
    for registry in (LOADER_REGISTRY, SAVER_REGISTRY):
        for library in (pd.DataFrame, pl.DataFrame, pl.LazyFrame, pa.Table):
            found += [choose(classes, Type.of(library)) for classes in registry.values()]
    return [adapter for adapter in dict.fromkeys(found) if adapter is not None]


@pytest.mark.parametrize("adapter", adapters(), ids=lambda adapter: adapter.__name__)
def test_what_connects_is_no_part_of_the_words_for_a_loader_or_saver(adapter) -> None:
    fields = adapter.__dataclass_fields__.values()

    for name in ("db_connection", "connection", "catalog", "storage_options"):
        assert not [field for field in fields if field.name == name and field.repr]


@pytest.mark.parametrize("place", ["ftp://ann:hush-hush@127.0.0.1:1/x.csv", "nosuch://ann:hush-hush@h/x.csv"])
def test_driver_tells_no_passwords(load, place, tmp_path, caplog) -> None:
    caplog.set_level(0)
    module = load("""
        import pandas as pd

        def table(n: int) -> pd.DataFrame:
            return pd.DataFrame({"n": [n]})

        def total(orders: pd.DataFrame) -> int:
            return len(orders)
    """)
    driver = Builder().with_modules(module).build()
    database = {"db_connection": "postgresql+psycopg://ann:hush-hush@127.0.0.1:1/db"}
    duckdb = place.replace("csv", "duckdb")

    for materializers in (
        [from_.csv(target="orders", path=place)],
        [from_.partitioned(target="orders", path=place)],
        [from_.sql(target="orders", query_or_table="t", **database)],
        [from_.duckdb(target="orders", database=duckdb, table="t")],
        [to.csv(id="saved", dependencies=["table"], path=place)],
        [to.duckdb(id="saved", dependencies=["table"], database=duckdb, table="t")],
        [to.sql(id="saved", dependencies=["table"], table_name="t", **database)],
        [keep.csv(nodes=["table"], path=place)],
        [
            keep.sql(
                nodes=["table"], table_name="t", query_or_table="t", record=tmp_path / "t.json", **database
            )
        ],
    ):
        wanted = ["total"] if materializers[0].name.startswith("from_") else []
        with pytest.raises(Exception) as caught:
            driver.materialize(*materializers, additional_vars=wanted, inputs={"n": 1} if not wanted else {})
        assert PASSWORD not in str(caught.value)
        assert PASSWORD not in repr(caught.value)

    assert PASSWORD not in caplog.text
    assert (
        PASSWORD
        not in driver.visualize_materialization(
            to.csv(id="saved", dependencies=["table"], path=place), inputs={"n": 1}
        ).dot
    )
