"""What a feature needs from outside, and what its dataflow has for it."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from headwater_catalog.inputs import Supply, missing_inputs, supplies
from headwater_catalog.lineage_graph import LineageNode, input_key
from headwater_catalog.partitions import Partitions
from headwater_catalog.store.database import Database
from headwater_catalog.views import DataflowView
from support.catalog_rows import CatalogRows

_FILE = {"path": "data/weekly.csv", "index": "week", "dates": ["week", "until"], "format": None}


@pytest.fixture
def rows(catalog_url: str) -> Iterator[CatalogRows]:
    database = Database(catalog_url)
    with database.write() as session:
        made = CatalogRows(session)
        made.commit()
        yield made
    database.dispose()


def _missing(rows: CatalogRows, name: str, config: Mapping[str, Any] | None = None) -> tuple[str, ...]:
    rows.dataflow("flow", ["features.spend"], config)
    (flow,) = rows.moment().snapshot.dataflows
    return missing_inputs(rows.moment(), flow, f"features.spend:{name}")


def test_inputs_are_found_however_far_upstream(rows: CatalogRows):
    rows.define("net", ["spend"])
    rows.define("mean", ["net", "weeks"])
    rows.define("zero_mean", ["net", "mean"])

    assert _missing(rows, "zero_mean") == ("spend", "weeks")


def test_what_the_configuration_has_and_what_has_a_default_is_not_missing(rows: CatalogRows):
    rows.define("net", ["spend", "rate", "shift"], optional=["shift"])

    assert _missing(rows, "net", {"rate": 0.2}) == ("spend",)


def test_a_configured_value_stands_for_the_feature_of_its_name(rows: CatalogRows):
    rows.define("rate", ["country"])
    rows.define("net", ["rate"])

    assert _missing(rows, "net", {"rate": 0.2}) == ()


def test_of_variants_only_what_all_need_is_certainly_missing(rows: CatalogRows):
    rows.define("rate", ["spend", "uk_rate"], variant="rate__uk", condition="region == 'UK'")
    rows.define("rate", ["spend", "us_rate"], variant="rate__us", condition="region == 'US'")
    rows.define("net", ["rate"])

    assert _missing(rows, "net") == ("spend",)


def test_what_needs_nothing_misses_nothing(rows: CatalogRows):
    rows.define("limit", [])

    assert _missing(rows, "limit") == ()


def test_what_two_makers_of_a_name_both_need_is_certainly_missing(rows: CatalogRows):
    rows.define("rate", ["spend", "uk_rate"], module="features.uk")
    rows.define("rate", ["net", "us_rate"], module="features.us")
    rows.define("net", ["spend"])
    rows.define("profit", ["rate"])
    rows.dataflow("flow", ["features.spend", "features.uk", "features.us"])
    (flow,) = rows.moment().snapshot.dataflows

    assert missing_inputs(rows.moment(), flow, "features.spend:profit") == ()
    assert missing_inputs(rows.moment(), flow, "features.us:rate") == ("spend", "us_rate")


def test_a_part_of_a_feature_is_made_by_the_feature(rows: CatalogRows):
    rows.define("weeks", ["table"], parts=["weeks_raw"])
    rows.define("count", ["weeks_raw"])

    assert _missing(rows, "count") == ("table",)


def test_features_that_need_each_other_are_walked_once(rows: CatalogRows):
    rows.define("hen", ["egg"])
    rows.define("egg", ["hen", "warmth"])

    assert _missing(rows, "hen") == ("warmth",)


def test_a_dataflow_with_sources_is_trusted_to_have_its_inputs(rows: CatalogRows):
    rows.define("net", ["spend"])
    rows.dataflow("flow", ["features.spend"])
    flow = replace(rows.moment().snapshot.dataflows[0], sources={"weekly": _FILE})

    assert missing_inputs(rows.moment(), flow, "features.spend:net") == ()


def _input(name: str, type_: str = "") -> LineageNode:
    return LineageNode(input_key(name), name, "", type_)


def _flow(name: str, **changes: Any) -> DataflowView:
    return replace(DataflowView(name, "declared", (), {}, {}, ()), **changes)


def test_an_input_comes_from_the_configuration_or_from_the_files_of_a_dataflow():
    people = {**_FILE, "path": "data/people.csv", "index": None, "dates": []}
    sources = {"weekly": _FILE, "people": people}
    flows = [_flow("a", config={"spend": 1}, sources=sources), _flow("b", sources=sources), _flow("c")]

    assert supplies(_input("spend"), flows, {}) == (
        Supply("a", True, ()),
        Supply("b", False, ("data/weekly.csv", "data/people.csv")),
    )


def test_a_file_that_is_declared_to_have_the_column_is_named_alone():
    people = {**_FILE, "path": "data/people.csv", "index": None, "dates": []}

    flow = _flow("b", sources={"people": people, "weekly": _FILE})

    assert supplies(_input("until"), [flow], {}) == (Supply("b", False, ("data/weekly.csv",)),)


def test_an_input_that_is_a_table_comes_from_the_source_of_its_name():
    people = {**_FILE, "path": "data/people.csv", "index": None, "dates": []}
    flow = _flow("b", sources={"people": people, "weekly": _FILE})
    both = ("data/people.csv", "data/weekly.csv")

    assert supplies(_input("people", "pandas.DataFrame"), [flow], {}) == (Supply("b", False, both[:1]),)
    assert supplies(_input("people", "pandas.Series"), [flow], {}) == (Supply("b", False, both),)


def test_the_key_of_partitions_comes_from_no_file():
    flow = _flow("b", sources={"weekly": _FILE})
    partitions = {"b": Partitions("until", "month", "2026-01-01")}

    assert supplies(_input("until"), [flow], partitions) == (Supply("b", True, (), every="month"),)
    assert supplies(_input("spend"), [flow], partitions) == (Supply("b", False, ("data/weekly.csv",)),)
