"""Hamilton's adapter for Dask, and Dask's tables through functions written for pandas."""

import os

import pandas as pd
import pytest

from headwater import Builder, Driver
from headwater.errors import CheckFailed, InvalidInput, TypeMismatch
from headwater.lifecycle import NodeExecutionHook
from headwater.plugins.h_dask import DaskDataFrameResult, DaskGraphAdapter
from headwater.results import DictResult

pytestmark = [pytest.mark.slow, pytest.mark.cluster, pytest.mark.xdist_group("dask")]

SPEND = """
    import os
    import pandas as pd

    def spend_mean(spend: pd.Series) -> float:
        return spend.mean()

    def centred(spend: pd.Series, spend_mean: float) -> pd.Series:
        return spend - spend_mean

    def per_signup(spend: pd.Series, signups: pd.Series) -> pd.Series:
        return spend / signups

    def process(spend_mean: float) -> int:
        return os.getpid()
"""
INPUTS = {"spend": pd.Series([10.0, 20.0, 60.0]), "signups": pd.Series([1, 10, 3])}
EXPECTED = {"centred": [-20.0, -10.0, 30.0], "per_signup": [10.0, 2.0, 20.0]}


@pytest.fixture
def spend(load, tmp_path, monkeypatch):
    """Give a module of functions for pandas."""
    monkeypatch.syspath_prepend(tmp_path)
    return load(SPEND, "spend_features")


@pytest.fixture
def tables(dask_client):
    """Give the inputs as Dask has them, in two parts."""
    frames = pytest.importorskip("dask.dataframe")
    table = frames.from_pandas(pd.DataFrame(INPUTS), npartitions=2)
    return {"spend": table["spend"], "signups": table["signups"]}


def test_functions_run_on_the_cluster_and_the_result_is_a_pandas_table(spend, dask_client):
    driver = Driver({}, spend, adapter=DaskGraphAdapter(dask_client))
    found = driver.execute(["centred", "per_signup", "process"], inputs=INPUTS)

    assert found[["centred", "per_signup"]].to_dict("list") == EXPECTED
    assert set(found["process"]) & {os.getpid()} == set()


def test_a_driver_can_execute_again_with_other_outputs(spend, dask_client):
    driver = Builder().with_modules(spend).with_adapters(DaskGraphAdapter(dask_client, DictResult())).build()

    assert driver.execute(["spend_mean"], inputs=INPUTS) == {"spend_mean": 30.0}
    assert list(driver.execute(["centred"], inputs=INPUTS, overrides={"spend_mean": 0.0})["centred"]) == [
        10.0,
        20.0,
        60.0,
    ]


class Noting(NodeExecutionHook):
    """Writes down nodes, in whichever process they are computed."""

    def __init__(self, path):
        self.path = path

    def run_before_node_execution(self, *, node_name, **facts):
        with self.path.open("a") as file:
            file.write(f"{node_name} {os.getpid()}\n")

    def run_after_node_execution(self, **facts):
        pass


def test_hooks_of_nodes_are_called_where_these_are_computed(spend, dask_client, tmp_path):
    path = tmp_path / "nodes.txt"
    adapters = DaskGraphAdapter(dask_client, DictResult()), Noting(path)
    Builder().with_modules(spend).with_adapters(*adapters).build().execute(["centred"], inputs=INPUTS)

    lines = [line.split() for line in path.read_text().splitlines()]
    assert [name for name, _ in lines] == ["spend_mean", "centred"]
    assert str(os.getpid()) not in {pid for _, pid in lines}


def test_what_a_function_raises_is_raised_here(spend, dask_client):
    driver = Driver({}, spend, adapter=DaskGraphAdapter(dask_client))

    with pytest.raises(AttributeError, match="mean") as caught:
        driver.execute(["centred"], inputs={**INPUTS, "spend": _NoSeries()})
    assert any("'spend_mean' failed with AttributeError" in note for note in caught.value.__notes__)


class _NoSeries(pd.Series):
    """A Series that is broken."""

    def mean(self, *args, **kwargs):
        raise AttributeError("mean")


def test_a_result_may_be_left_to_dask(spend, dask_client):
    adapter = DaskGraphAdapter(dask_client, compute_at_end=False)
    found = Driver({}, spend, adapter=adapter).execute(["centred", "per_signup"], inputs=INPUTS)

    assert type(found).__name__ == "Delayed"
    assert dask_client.compute(found, sync=True).to_dict("list") == EXPECTED


def given_by_dask(client, tables, kind):
    """Return the inputs as something that Dask has yet to compute."""
    if kind == "tables":
        return tables
    if kind == "futures":
        return {name: client.submit(pd.Series, list(value)) for name, value in INPUTS.items()}
    delayed = pytest.importorskip("dask").delayed
    return {name: delayed(lambda value=value: value)() for name, value in INPUTS.items()}


@pytest.mark.parametrize("is_lazy", [False, True])
@pytest.mark.parametrize("kind", ["tables", "futures", "delayed"])
def test_inputs_that_dask_has_yet_to_compute_are_computed_there(spend, dask_client, tables, kind, is_lazy):
    adapter = DaskGraphAdapter(dask_client, compute_at_end=not is_lazy)
    inputs = given_by_dask(dask_client, tables, kind)
    found = Driver({}, spend, adapter=adapter).execute(["centred", "per_signup", "signups"], inputs=inputs)
    if is_lazy:
        found = dask_client.compute(found, sync=True)

    assert found.to_dict("list") == {**EXPECTED, "signups": [1, 10, 3]}


def test_a_list_of_what_dask_has_yet_to_compute_is_an_input(load, dask_client):
    module = load("def total(parts: list) -> int: return sum(parts)", "total_features")
    delayed = pytest.importorskip("dask").delayed
    adapter = DaskGraphAdapter(dask_client, DictResult())
    found = Driver({}, module, adapter=adapter).execute(["total"], inputs={"parts": [delayed(int)("3"), 4]})

    assert found == {"total": 7}


def test_what_is_raised_for_an_input_tells_which(spend, dask_client):
    delayed = pytest.importorskip("dask").delayed
    inputs = {**INPUTS, "spend": delayed(int)("no number")}

    with pytest.raises(ValueError, match="no number") as caught:
        Driver({}, spend, adapter=DaskGraphAdapter(dask_client)).execute(["centred"], inputs=inputs)
    assert "Dask raised it where it computed what is given as 'spend'." in caught.value.__notes__


def test_values_travel_that_only_cloudpickle_can_send(load, dask_client):
    code = """
        from collections.abc import Callable

        def doubling(rule: Callable) -> Callable:
            return lambda number: 2 * rule(number)

        def found(doubling: Callable) -> int:
            return doubling(20)
    """
    adapter = DaskGraphAdapter(dask_client, DictResult())
    driver = Driver({}, load(code, "closure_features"), adapter=adapter)
    found = driver.execute(["doubling", "found"], inputs={"rule": lambda number: number + 1})

    assert (found["doubling"](1), found["found"]) == (4, 42)


def test_series_of_dask_flow_through_functions_for_pandas(spend, dask_client, tables):
    adapter = DaskGraphAdapter(dask_client, DaskDataFrameResult(), use_delayed=False, compute_at_end=False)
    found = Driver({}, spend, adapter=adapter).execute(["centred", "per_signup"], inputs=tables)

    assert type(found).__module__.startswith("dask.") and found.npartitions == 2
    assert dask_client.compute(found, sync=True).to_dict("list") == EXPECTED


def test_what_dask_has_made_is_computed_at_the_end(spend, dask_client, tables):
    adapter = DaskGraphAdapter(dask_client, DaskDataFrameResult(), use_delayed=False)
    found = Driver({}, spend, adapter=adapter).execute(["centred", "spend_mean"], inputs=tables)

    assert type(found) is pd.DataFrame
    assert found.to_dict("list") == {"centred": EXPECTED["centred"], "spend_mean": [30.0] * 3}


def test_tables_of_dask_can_be_loaded_and_taken_apart(load, dask_client, tmp_path):
    module = load(
        """
        import dask.dataframe as dd
        import pandas as pd
        from headwater.modifiers import extract_columns

        @extract_columns("spend", "signups")
        def table(rows: pd.DataFrame) -> dd.DataFrame:
            return dd.from_pandas(rows, npartitions=2)

        def per_signup(spend: pd.Series, signups: pd.Series) -> pd.Series:
            return spend / signups
        """,
        "loading",
    )
    adapter = DaskGraphAdapter(dask_client, DaskDataFrameResult(), use_delayed=False)
    found = Driver({}, module, adapter=adapter).execute(["per_signup"], inputs={"rows": pd.DataFrame(INPUTS)})

    assert found["per_signup"].to_list() == EXPECTED["per_signup"]


def test_checks_hold_for_tables_of_dask(load, dask_client, tables):
    module = load(
        """
        import pandas as pd
        from headwater import check_output

        @check_output(range=(0, 50), importance="fail")
        def bounded(spend: pd.Series) -> pd.Series:
            return spend
        """,
        "checked",
    )
    driver = Driver(
        {}, module, adapter=DaskGraphAdapter(dask_client, DaskDataFrameResult(), use_delayed=False)
    )

    with pytest.raises(CheckFailed, match=r"'bounded' did not pass its checks. range: 1 of 3"):
        driver.execute(["bounded"], inputs={"spend": tables["spend"]})


def test_other_edges_are_refused_as_ever(load, dask_client):
    module = load(
        """
        import dask.dataframe as dd
        import pandas as pd

        def table(rows: pd.DataFrame) -> dd.DataFrame: return dd.from_pandas(rows, npartitions=2)
        def wrong(table: pd.Series) -> int: return 1
        """,
        "wrong_edge",
    )
    with pytest.raises(TypeMismatch, match="'wrong' needs table"):
        Driver({}, module, adapter=DaskGraphAdapter(dask_client, use_delayed=False))


def test_other_inputs_are_refused_as_ever(spend, dask_client, tables):
    driver = Driver({}, spend, adapter=DaskGraphAdapter(dask_client, use_delayed=False))

    with pytest.raises(InvalidInput, match="'spend' must be"):
        driver.execute(["spend_mean"], inputs={"spend": "much"})


def test_a_dask_table_takes_outputs_of_every_kind(dask_client, tables):
    import dask.array as da
    import numpy as np

    found = DaskDataFrameResult.build_result(
        spend=tables["spend"],
        rows=pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "z"]}),
        mean=tables["spend"].mean(),
        word="one",
    ).compute()

    assert list(found.columns) == ["spend", "rows.a", "rows.b", "mean", "word"]
    assert found["rows.b"].to_list() == ["x", "y", "z"]
    assert found["mean"].to_list() == [30.0] * 3 and set(found["word"]) == {"one"}
    arrays = DaskDataFrameResult.build_result(
        a=np.array([1, 2]), b=[3, 4], c=da.from_array(np.array([5, 6])), d=np.float64(0.5)
    )
    assert arrays.compute().to_dict("list") == {"a": [1, 2], "b": [3, 4], "c": [5, 6], "d": [0.5, 0.5]}
    assert DaskDataFrameResult.build_result(n=7).compute().to_dict("list") == {"n": [7]}
    with pytest.raises(InvalidInput, match="at least one output"):
        DaskDataFrameResult.build_result()
