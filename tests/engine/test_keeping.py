"""Values that are kept, and computing from them wherever the graph was cut."""

import json
import re
import resource
from pathlib import Path
from types import ModuleType

import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest

from headwater import Builder, Driver, from_, keep, to
from headwater.errors import HeadwaterError, InvalidModifier, MissingInput, UnknownNode
from headwater.executors import (
    MultiProcessingExecutor,
    MultiThreadingExecutor,
    SynchronousLocalTaskExecutor,
)
from headwater.materialize.pandas_formats import PandasParquetWriter

SHOP = """
    import pandas as pd

    CALLS = []


    def paid(orders: pd.DataFrame) -> pd.DataFrame:
        CALLS.append("paid")
        return orders[orders["paid"]].reset_index(drop=True)


    def price(paid: pd.DataFrame) -> pd.Series:
        CALLS.append("price")
        return paid["price"]


    def doubled(price: pd.Series, factor: int = 2) -> pd.Series:
        CALLS.append("doubled")
        return price * factor


    def total(doubled: pd.Series) -> float:
        CALLS.append("total")
        return float(doubled.sum())


    def report(total: float) -> dict:
        CALLS.append("report")
        return {"total": total}
"""
SILENT = re.sub(r" *CALLS.*\n", "", SHOP)
ORDERS = pd.DataFrame({"price": [1.5, 2.5, 4.0], "paid": [True, False, True]})


@pytest.fixture
def shop(load):
    return load(SHOP, "shop")


@pytest.fixture
def driver(shop) -> Driver:
    return Builder().with_modules(shop).build()


def calls(module: ModuleType) -> list[str]:
    made = list(module.CALLS)
    module.CALLS.clear()
    return made


def test_second_run_computes_only_what_was_not_kept(driver, shop, tmp_path) -> None:
    kept = keep.parquet(nodes=["paid"], path=str(tmp_path / "paid.parquet"))

    first = driver.materialize(kept, additional_vars=["total"], inputs={"orders": ORDERS})
    assert calls(shop) == ["paid", "price", "doubled", "total"]
    second = driver.materialize(kept, additional_vars=["total"], inputs={"orders": ORDERS})
    assert calls(shop) == ["price", "doubled", "total"]

    assert first[1] == second[1] == {"total": 11.0}
    said = [run[0]["kept.paid"]["kept_metadata"] for run in (first, second)]
    assert [one["is_new"] for one in said] == [True, False]
    assert said[0]["key"] == said[1]["key"]


def test_several_columns_are_kept_as_one_table(driver, shop, tmp_path) -> None:
    kept = keep.parquet(nodes=["price", "doubled"], path=tmp_path / "columns.parquet")

    driver.materialize(kept, inputs={"orders": ORDERS})
    calls(shop)
    _, again = driver.materialize(kept, additional_vars=["doubled", "total"], inputs={"orders": ORDERS})

    assert calls(shop) == ["total"]
    assert again["doubled"].name == "price"  # as it was computed
    assert pq.read_table(tmp_path / "columns.parquet").column_names == ["price", "doubled"]


def test_nothing_is_loaded_that_nothing_needs(driver, shop, tmp_path) -> None:
    first = keep.parquet(nodes=["paid"], path=tmp_path / "paid.parquet")
    second = keep.json(nodes=["report"], path=str(tmp_path / "report.json"))
    driver.materialize(first, second, inputs={"orders": ORDERS})
    (tmp_path / "paid.parquet").write_text("no table")
    calls(shop)

    _, again = driver.materialize(first, second, additional_vars=["report"], inputs={"orders": ORDERS})

    assert again == {"report": {"total": 11.0}}
    assert calls(shop) == []


@pytest.mark.parametrize(
    ("inputs", "again"),
    [
        ({"orders": ORDERS.assign(price=1.0)}, ["paid", "price", "doubled", "total"]),
        ({"orders": ORDERS, "factor": 3}, ["doubled", "total"]),
        ({"orders": ORDERS, "factor": 2}, []),  # which is the default
    ],
)
def test_other_inputs_make_anew_what_they_reach(driver, shop, tmp_path, inputs, again) -> None:
    places = [
        keep.parquet(nodes=["paid"], path=tmp_path / "paid.parquet"),
        keep.parquet(nodes=["price"], path=tmp_path / "price.parquet"),
        keep.pickle(nodes=["total"], path=str(tmp_path / "total.pickle")),
    ]
    driver.materialize(*places, inputs={"orders": ORDERS})
    calls(shop)

    driver.materialize(*places, inputs=inputs)

    assert calls(shop) == again
    assert driver.materialize(*places, inputs=inputs)[0]["kept.total"]["kept_metadata"]["is_new"] is False


def test_other_code_makes_anew_what_it_reaches(load, tmp_path) -> None:
    def run(source: str) -> tuple[list[str], float]:
        module = load(source, "shop")
        driver = Builder().with_modules(module).build()
        _, extra = driver.materialize(
            keep.parquet(nodes=["paid"], path=tmp_path / "paid.parquet"),
            keep.parquet(nodes=["doubled"], path=tmp_path / "doubled.parquet"),
            additional_vars=["total"],
            inputs={"orders": ORDERS},
        )
        return calls(module), extra["total"]

    assert run(SHOP) == (["paid", "price", "doubled", "total"], 11.0)
    assert run(SHOP + "\n    # A comment.\n") == (["total"], 11.0)
    assert run(SHOP.replace("price * factor", "price * factor + 1")) == (["price", "doubled", "total"], 13.0)


def test_run_that_failed_goes_on_from_what_it_kept(load, tmp_path, monkeypatch) -> None:
    module = load(
        SHOP.replace('CALLS.append("total")', 'CALLS.append("total"); __import__("os").environ["PASS"]'),
        "shop",
    )
    driver = Builder().with_modules(module).build()
    places = [
        keep.parquet(nodes=["doubled"], path=tmp_path / "doubled.parquet"),
        keep.json(nodes=["report"], path=str(tmp_path / "report.json")),
    ]

    with pytest.raises(KeyError):
        driver.materialize(*places, inputs={"orders": ORDERS})
    calls(module)
    monkeypatch.setenv("PASS", "1")
    driver.materialize(*places, inputs={"orders": ORDERS})

    assert calls(module) == ["total", "report"]
    assert json.loads((tmp_path / "report.json").read_text()) == {"total": 11.0}
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix != ".py") == [
        "doubled.parquet",
        "doubled.parquet.kept.json",
        "report.json",
        "report.json.kept.json",
    ]


@pytest.mark.parametrize("damage", ["changed", "broken", "gone", "record"])
def test_what_others_changed_is_told_and_made_anew(driver, shop, tmp_path, damage, caplog) -> None:
    path = tmp_path / "doubled.parquet"
    kept = keep.parquet(nodes=["doubled"], path=path)
    driver.materialize(kept, inputs={"orders": ORDERS})
    calls(shop)
    if damage == "changed":
        pd.DataFrame({"doubled": [0.0, 0.0]}).to_parquet(path)
    elif damage == "broken":
        path.write_bytes(path.read_bytes()[:50])
    elif damage == "gone":
        path.unlink()
    else:
        Path(f"{path}.kept.json").write_text("{")

    said, extra = driver.materialize(kept, additional_vars=["total"], inputs={"orders": ORDERS})

    assert extra == {"total": 11.0}
    assert calls(shop) == ["paid", "price", "doubled", "total"]
    assert said["kept.doubled"]["kept_metadata"]["is_new"]
    assert ("is made anew" in caplog.text) is (damage != "gone")
    assert pd.read_parquet(path)["doubled"].tolist() == [3.0, 8.0]


def test_value_that_would_come_back_as_another_is_refused(driver, tmp_path) -> None:
    days = ORDERS.assign(day=pd.to_datetime(["2026-01-01", "2026-01-02", "2026-01-03"]))
    kept = keep.csv(nodes=["paid"], path=tmp_path / "paid.csv")

    with pytest.raises(
        HeadwaterError, match=r"'paid' does not come back from 'csv' as it went: .*datetime64"
    ):
        driver.materialize(kept, inputs={"orders": days})

    assert not (tmp_path / "paid.csv.kept.json").exists()
    assert driver.materialize(kept, inputs={"orders": ORDERS})[0]["kept.paid"]["kept_metadata"]["is_new"]


def test_value_that_was_refused_is_not_taken_for_what_was_kept_before(driver, shop, tmp_path) -> None:
    days = ORDERS.assign(day=pd.to_datetime(["2026-01-01", "2026-01-02", "2026-01-03"]))
    kept = keep.csv(nodes=["paid"], path=tmp_path / "paid.csv")
    driver.materialize(kept, inputs={"orders": ORDERS})
    with pytest.raises(HeadwaterError, match="does not come back"):
        driver.materialize(kept, inputs={"orders": days})
    calls(shop)

    said, _ = driver.materialize(kept, inputs={"orders": ORDERS})

    assert said["kept.paid"]["kept_metadata"]["is_new"]
    assert calls(shop) == ["paid"]
    assert (tmp_path / "paid.csv").read_text() == "price,paid\n1.5,True\n4.0,True\n"


def test_run_that_was_killed_while_it_stored_leaves_no_record_of_what_was_there(
    driver, tmp_path, monkeypatch
) -> None:
    kept = keep.parquet(nodes=["paid"], path=tmp_path / "paid.parquet")
    driver.materialize(kept, inputs={"orders": ORDERS})

    def killed(saver, data):
        data.to_parquet(saver.path)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(PandasParquetWriter, "save_data", killed)
        driver.materialize(kept, inputs={"orders": ORDERS.assign(price=7.0)})

    said, _ = driver.materialize(kept, inputs={"orders": ORDERS})
    assert said["kept.paid"]["kept_metadata"]["is_new"]
    assert pd.read_parquet(tmp_path / "paid.parquet")["price"].tolist() == [1.5, 4.0]


def test_two_places_that_are_one_are_told(driver, tmp_path) -> None:
    places = [keep.parquet(nodes=[name], path=tmp_path / "one.parquet") for name in ("price", "doubled")]

    with pytest.raises(InvalidModifier, match=r"'kept.price' and 'kept.doubled' are to be kept in one place"):
        driver.materialize(*places, inputs={"orders": ORDERS})

    assert list(tmp_path.glob("one*")) == []


def test_loaders_are_asked_whether_their_data_changed(driver, shop, tmp_path) -> None:
    ORDERS.to_parquet(tmp_path / "orders.parquet")
    source = from_.parquet(target="orders", path=str(tmp_path / "orders.parquet"))
    kept = keep.parquet(nodes=["doubled"], path=tmp_path / "doubled.parquet")

    for made, price in ((["paid", "price", "doubled"], 1.5), ([], 1.5), (["paid", "price", "doubled"], 5.0)):
        ORDERS.assign(price=price).to_parquet(tmp_path / "orders.parquet")
        _, extra = driver.materialize(source, kept, additional_vars=["doubled"])
        assert calls(shop) == made
        assert extra["doubled"].tolist() == [2 * price] * 2


def test_other_savers_go_along(driver, shop, tmp_path) -> None:
    kept = keep.parquet(nodes=["paid"], path=tmp_path / "paid.parquet")
    saver = to.csv(id="saved", dependencies=["paid"], path=tmp_path / "paid.csv")
    driver.materialize(kept, inputs={"orders": ORDERS})
    calls(shop)

    said, _ = driver.materialize(kept, saver, inputs={"orders": ORDERS})

    assert calls(shop) == []
    assert said["saved"]["dataframe_metadata"]["rows"] == 2


def test_overrides_take_the_place_of_what_is_kept(driver, tmp_path) -> None:
    kept = keep.parquet(nodes=["price"], path=tmp_path / "price.parquet")
    driver.materialize(kept, inputs={"orders": ORDERS})

    _, extra = driver.materialize(
        kept,
        additional_vars=["total"],
        inputs={"orders": ORDERS},
        overrides={"price": pd.Series([1.0], name="price")},
    )

    assert extra == {"total": 2.0}
    assert pd.read_parquet(tmp_path / "price.parquet")["price"].tolist() == [1.0]


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("csv", {}),
        ("parquet", {}),
        ("feather", {}),
        ("orc", {}),
        ("pickle", {}),
        ("partitioned", {"by": "shop"}),
        ("duckdb", {"database": "shop.duckdb", "table": "t", "record": "t.json"}),
        (
            "sql",
            {
                "table_name": "t",
                "query_or_table": "t",
                "db_connection": "sqlite:///shop.db",
                "record": "t.json",
            },
        ),
    ],
)
def test_every_format_keeps_plain_tables(load, tmp_path, monkeypatch, format, options) -> None:
    monkeypatch.chdir(tmp_path)
    module = load("""
        import pandas as pd

        CALLS = []

        def table(n: int) -> pd.DataFrame:
            CALLS.append("table")
            return pd.DataFrame({"a": [1, n], "shop": ["x", "y"], "b": [0.5, -1.0]})
    """)
    driver = Builder().with_modules(module).build()
    options = options if "record" in options else {"path": "kept", **options}

    for n, made in ((2, 1), (2, 0), (3, 1), (3, 0)):
        _, extra = driver.materialize(
            getattr(keep, format)(nodes=["table"], **options), additional_vars=["table"], inputs={"n": n}
        )
        assert len(calls(module)) == made
        assert extra["table"]["a"].tolist() == [1, n]


def test_polars_columns_and_tables_are_kept(load, tmp_path) -> None:
    module = load("""
        import polars as pl

        CALLS = []

        def table(n: int) -> pl.DataFrame:
            CALLS.append("table")
            return pl.DataFrame({"a": [1, n, None]})

        def column(table: pl.DataFrame) -> pl.Series:
            CALLS.append("column")
            return table["a"] * 2
    """)
    driver = Builder().with_modules(module).build()
    places = [
        keep.parquet(nodes=["table"], path=str(tmp_path / "table.parquet")),
        keep.feather(nodes=["column"], path=str(tmp_path / "column.feather")),
    ]

    driver.materialize(*places, inputs={"n": 2})
    calls(module)
    _, extra = driver.materialize(*places, additional_vars=["table", "column"], inputs={"n": 2})

    assert calls(module) == []
    assert extra["column"].equals(pl.Series("a", [2, 4, None]), check_names=True)


def test_kept_values_may_lie_in_a_remote_store(driver, shop) -> None:
    kept = keep.parquet(nodes=["paid"], path="memory://kept/paid.parquet")

    driver.materialize(kept, inputs={"orders": ORDERS})
    calls(shop)
    driver.materialize(kept, additional_vars=["price"], inputs={"orders": ORDERS})

    assert calls(shop) == ["price"]


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
@pytest.mark.parametrize("executor", ["synchronous", "threads", "fork"])
def test_executors_keep_values_where_they_compute_them(load, tmp_path, executor) -> None:
    made = {
        "synchronous": SynchronousLocalTaskExecutor,
        "threads": lambda: MultiThreadingExecutor(max_tasks=2),
        "fork": lambda: MultiProcessingExecutor(max_tasks=2, start_method="fork"),
    }
    driver = (
        Builder()
        .with_modules(load(SILENT, "shop"))
        .enable_dynamic_execution(allow_experimental_mode=True)
        .with_local_executor(made[executor]())
        .build()
    )
    kept = keep.parquet(nodes=["doubled"], path=tmp_path / "doubled.parquet")

    for is_new in (True, False):
        said, extra = driver.materialize(kept, additional_vars=["total"], inputs={"orders": ORDERS})
        assert extra == {"total": 11.0}
        assert said["kept.doubled"]["kept_metadata"]["is_new"] is is_new


def test_what_would_be_kept_is_checked_and_drawn_beforehand(driver, tmp_path) -> None:
    kept = keep.parquet(nodes=["paid"], path=tmp_path / "paid.parquet")

    driver.validate_materialization(kept, inputs={"orders": ORDERS})
    with pytest.raises(MissingInput):
        driver.validate_materialization(kept)
    assert "kept.paid" in driver.visualize_materialization(kept, inputs={"orders": ORDERS}).dot

    assert list(tmp_path.glob("paid*")) == []


@pytest.mark.parametrize(
    ("made", "error", "told"),
    [
        (lambda: keep.parquet(nodes="paid", path="x"), InvalidModifier, 'nodes=\\["spend"\\]'),
        (lambda: keep.parquet(nodes=["piad"], path="x"), UnknownNode, "'paid'"),
        (
            lambda: keep.parquet(nodes=["paid", "price"], path="x"),
            InvalidModifier,
            "no columns of one library",
        ),
        (lambda: keep.parquet(nodes=["total"], path="x"), InvalidModifier, "has nothing for float"),
        (lambda: keep.parquet(nodes=["paid"]), InvalidModifier, "needs path="),
        (lambda: keep.parquet(nodes=["paid"], path="x", colour=1), InvalidModifier, "no argument 'colour'"),
        (lambda: keep.duckdb(nodes=["paid"], database="x", table="t"), InvalidModifier, "record="),
        (lambda: keep.memory(nodes=["paid"]), InvalidModifier, "cannot be loaded again"),
    ],
)
def test_what_cannot_be_kept_is_told(driver, made, error, told) -> None:
    with pytest.raises(error, match=told):
        driver.materialize(made(), inputs={"orders": ORDERS})


def test_place_is_no_part_of_a_driver(shop) -> None:
    with pytest.raises(InvalidModifier, match="Give it to each run"):
        Builder().with_modules(shop).with_materializers(keep.parquet(nodes=["paid"], path="x"))


def test_disk_that_is_full_leaves_what_was_kept(load, tmp_path) -> None:
    driver = Builder().with_modules(load(SILENT, "shop")).build()
    kept = keep.parquet(nodes=["paid"], path=tmp_path / "paid.parquet")
    driver.materialize(kept, inputs={"orders": ORDERS})
    before = {path.name: path.read_bytes() for path in tmp_path.glob("paid*")}
    many = pd.DataFrame({"price": range(5_000), "paid": True})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    resource.setrlimit(resource.RLIMIT_FSIZE, (8_192, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            driver.materialize(kept, inputs={"orders": many})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.suffix != ".py"} == before
    assert not driver.materialize(kept, inputs={"orders": ORDERS})[0]["kept.paid"]["kept_metadata"]["is_new"]


def test_inputs_that_are_missing_are_told(driver, tmp_path) -> None:
    with pytest.raises(MissingInput, match="'orders'"):
        driver.materialize(keep.parquet(nodes=["paid"], path=tmp_path / "p"))


def test_node_of_a_fan_out_is_refused(load, tmp_path) -> None:
    module = load("""
        from headwater import Collect, Parallelizable

        def each() -> Parallelizable[int]:
            yield from (1, 2)

        def one(each: int) -> int:
            return each * 2

        def all_(one: Collect[int]) -> int:
            return sum(one)
    """)
    driver = Builder().with_modules(module).enable_dynamic_execution(allow_experimental_mode=True).build()
    for name in ("each", "one"):
        with pytest.raises(InvalidModifier, match="one for each element of a fan-out"):
            driver.materialize(keep.pickle(nodes=[name], path=str(tmp_path / "x")))

    kept = keep.pickle(nodes=["all_"], path=str(tmp_path / "x"))
    assert [driver.materialize(kept, additional_vars=["all_"])[1] for _ in range(2)] == [{"all_": 6}] * 2
    assert not driver.materialize(kept)[0]["kept.all_"]["kept_metadata"]["is_new"]
