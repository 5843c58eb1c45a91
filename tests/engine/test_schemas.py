"""Checks that pandera schemas and pydantic models make."""

import json
import pickle
from typing import Any

import pandas as pd
import pandera.pandas as pa
import pandera.polars as pa_polars
import polars as pl
import pytest
from pydantic import BaseModel

from headwater.checks import CheckOutcome, gate
from headwater.errors import InvalidModifier
from headwater.schemas import Model, Schema
from headwater.values import Reference, Unevaluated

TABLE = pa.DataFrameSchema({"price": pa.Column(float, pa.Check.gt(0)), "name": pa.Column(str)})
COLUMN = pa.SeriesSchema(float, pa.Check.gt(0), nullable=False)
POLARS = pa_polars.DataFrameSchema({"price": pa_polars.Column(pl.Float64, pa_polars.Check.gt(0))})


class Prices(pa.DataFrameModel):
    price: float = pa.Field(coerce=True)


class Order(BaseModel):
    number: int
    place: tuple[int, int] = (0, 0)


def test_table_column_and_polars_table_are_judged_by_their_schemas() -> None:
    assert Schema(TABLE).validate(pd.DataFrame({"price": [1.0], "name": ["a"]})).passes
    assert Schema(COLUMN).validate(pd.Series([1.0])).passes
    good = Schema(POLARS).validate(pl.DataFrame({"price": [1.0]}))
    assert good.passes and "schema_errors" not in good.diagnostics
    assert not Schema(POLARS).validate(pl.DataFrame({"price": [-1.0]})).passes


def test_misfits_are_counted_by_column_and_rule_and_values_untold() -> None:
    check = Schema(TABLE, "fail")

    found = check.validate(pd.DataFrame({"price": [-7.0, -8.0, 1.0]}))
    assert (found.passes, found.offending, found.size) == (False, 3, 3)
    assert found.failures == {"'name' column_in_dataframe": 1, "'price' greater_than(0)": 2}
    assert found.message == (
        "3 misfits: 'name' column_in_dataframe (1), 'price' greater_than(0) (2); wanted: as the schema says."
    )
    outcome = CheckOutcome.of("orders", check, found)
    assert outcome.diagnostics["failures"] == found.failures
    assert outcome.diagnostics["schema_errors"] == [
        {"column": "name", "check": "column_in_dataframe"},
        {"column": "price", "check": "greater_than(0)"},
    ]
    assert (outcome.validator, outcome.threshold) == ("schema", "DataFrameSchema")
    json.dumps(outcome.diagnostics, allow_nan=False)


def test_column_of_a_schema_has_misfits_without_a_place() -> None:
    found = Schema(COLUMN).validate(pd.Series([1.0, None]))

    assert found.message == "1 misfits: not_nullable (1); wanted: as the schema says."
    assert found.diagnostics["schema_errors"] == [{"column": None, "check": "not_nullable"}]


def test_coerced_table_is_passed_on_and_the_value_itself_left_alone() -> None:
    check = Schema(Prices)
    table = pd.DataFrame({"price": [1, 2]})

    passed = gate("orders", [check])(table, check.validate(table))
    assert passed["price"].tolist() == [1.0, 2.0]
    assert (passed["price"].dtype, table["price"].dtype) == (float, int)


def test_gate_that_replaces_can_be_pickled_and_unstopped() -> None:
    check = Schema(Prices, "fail")
    table = pd.DataFrame({"price": ["x"]})

    again = pickle.loads(pickle.dumps(gate("orders", [check]).unstopped()))
    assert again(table, check.validate(table))["price"].tolist() == ["x"]


def test_polars_table_is_passed_on_as_it_is() -> None:
    check = Schema(POLARS)
    table = pl.DataFrame({"price": [1.0]})

    assert gate("orders", [check])(table, check.validate(table)) is table


def test_what_is_no_schema_is_refused() -> None:
    with pytest.raises(InvalidModifier, match=r"schema=5 cannot be used\. Give a pandera schema"):
        Schema(5)


@pytest.mark.parametrize(
    ("value", "passes"),
    [
        ({"number": 1}, True),
        (Order(number=1), True),
        ({"number": "1"}, False),
        ({}, False),
        (5, False),
    ],
)
def test_model_judges_dictionaries_and_objects_strictly(value: Any, passes: bool) -> None:
    assert Model(Order).validate(value).passes is passes


def test_misfits_of_a_model_are_told_by_place() -> None:
    found = Model(Order).validate({"number": "secret", "place": (1, "x")})

    assert found.failures == {"'number' int_type": 1, "'place.1' int_type": 1}
    assert found.diagnostics["model_errors"] == [
        {"loc": ("number",), "type": "int_type"},
        {"loc": ("place", 1), "type": "int_type"},
    ]
    assert "secret" not in found.message
    assert found.message.endswith("test_schemas.Order says.")


def test_schema_is_named_where_its_source_tells_the_name() -> None:
    unknown = Unevaluated("pa.DataFrameSchema({})", "it is made by a call")

    assert Schema(Reference("shop.Orders")).description() == "Wanted: as the schema shop.Orders says."
    assert Schema(unknown).description() == Schema(TABLE).description() == "Wanted: as the schema says."
    assert Model(Reference("shop.Order")).description() == "Wanted: as the model shop.Order says."
    assert (Schema.name(), Model.name()) == ("pandera_schema_validator", "pydantic_validator")
