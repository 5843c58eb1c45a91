"""Loading and saving around a graph that is there already."""

import json
import pickle

import pandas as pd
import pytest

from headwater.build import assemble, build
from headwater.errors import DuplicateNode, InvalidModifier, UnknownNode
from headwater.function import functions_of
from headwater.materializers import Combine, from_, materialized, saved_names, to
from headwater.modifiers import source, value
from headwater.node import Role
from headwater.plan import make_plan
from headwater.results import PandasDataFrameResult

SHOP = """
    import pandas as pd
    from headwater.modifiers import *

    def orders(raw: dict) -> pd.Series:
        return pd.Series(raw["orders"])

    def doubled(orders: pd.Series) -> pd.Series:
        return orders * 2

    @external_input(owner="growth")
    def rate() -> float:
        '''Rate.'''

    def rated(doubled: pd.Series, rate: float) -> pd.Series:
        return doubled * rate
"""


@pytest.fixture
def graph(load):
    return build(functions_of(load(SHOP)), {})


def run(graph, materializers, *outputs: str, **given):
    whole = assemble(materialized(graph, materializers), {})
    return make_plan(whole, [*saved_names(materializers), *outputs], given).execute(given)


def test_saver_gets_the_values_put_together(graph, tmp_path) -> None:
    path = tmp_path / "out.csv"
    saver = to.csv(
        id="saved", dependencies=["orders", "doubled"], combine=PandasDataFrameResult(), path=source("where")
    )

    values = run(graph, [saver], "doubled", raw={"orders": [1, 2]}, where=str(path))

    assert path.read_text() == "orders,doubled\n1,2\n2,4\n"
    assert values["saved"]["dataframe_metadata"]["rows"] == 2
    assert values["doubled"].tolist() == [2, 4]


def test_saver_adds_its_nodes_to_a_new_graph(graph) -> None:
    before = graph.names
    saver = to.csv("saved", ["orders"], PandasDataFrameResult(), path="x.csv")
    nodes = {node.name: node for node in materialized(graph, [saver])}

    assert nodes["saved_build_result"].type.name == "pandas.DataFrame"
    assert nodes["saved_build_result"].dependencies == ("orders",)
    assert (nodes["saved"].dependencies, nodes["saved"].tags["hamilton.data_saver.sink"]) == (
        ("saved_build_result",),
        "csv",
    )
    assert [(nodes[n].role, nodes[n].feature) for n in ("saved_build_result", "saved")] == [
        (Role.PART, "saved"),
        (Role.FEATURE, "saved"),
    ]
    assert graph.names == before


def test_loader_takes_the_place_of_an_input(graph, tmp_path) -> None:
    (tmp_path / "raw.json").write_text(json.dumps({"orders": [3]}))
    loader = from_.json(target="raw", path=value(str(tmp_path / "raw.json")))

    values = run(graph, [loader, to.memory(id="kept", dependencies=["orders"])], "load_data.raw")

    assert values["kept"].tolist() == [3]
    assert values["load_data.raw"][1]["file_metadata"]["path"] == str(tmp_path / "raw.json")
    made = assemble(materialized(graph, [loader]), {})
    assert made["raw"].dependencies == ("load_data.raw",)
    assert [node.name for node in made.inputs] == ["rate"]


def test_loader_takes_the_place_of_a_function(graph) -> None:
    loader = from_.literal(target="orders", value=pd.Series([5]))

    assert run(graph, [loader], "doubled")["doubled"].tolist() == [10]


def test_loader_may_supply_what_a_saver_asks_for(graph, tmp_path) -> None:
    path = tmp_path / "out.pickle"
    materializers = [
        to.pickle(id="saved", dependencies=["orders"], path=source("where")),
        from_.literal(target="where", value=str(path)),
    ]

    run(graph, materializers, raw={"orders": [1]})

    assert path.exists()


def test_declared_input_stays_as_it_is(graph) -> None:
    made = assemble(materialized(graph, [to.memory(id="kept", dependencies=["rated"])]), {})

    assert (made["rate"].role, made["rate"].tags["owner"], made["rate"].doc) == (
        Role.INPUT,
        "growth",
        "Rate.",
    )


def test_dependencies_may_be_functions(graph) -> None:
    def orders() -> None: ...

    assert to.memory(id="kept", dependencies=[orders, graph["doubled"]]).dependencies == ["orders", "doubled"]


def test_saver_given_twice_saves_once(graph) -> None:
    saver = to.memory(id="kept", dependencies=["orders"])

    assert [node.name for node in materialized(graph, [saver, saver])].count("kept") == 1


@pytest.mark.parametrize(
    ("materializer", "error", "told"),
    [
        (
            lambda: to.memory(id="k", dependencies=["ordes"]),
            UnknownNode,
            "graph for 'k' to save. Did you mean 'orders'",
        ),
        (
            lambda: from_.json(target="rw", path="x"),
            UnknownNode,
            "No node 'rw' in this graph to load. Did you mean",
        ),
        (
            lambda: to.memory(id="k", dependencies=["orders", "doubled"]),
            InvalidModifier,
            "Say how they are put",
        ),
        (
            lambda: to.json(id="k", dependencies=["orders"], path="x"),
            InvalidModifier,
            "to.json has nothing for pandas",
        ),
        (lambda: from_.csv(target="raw", path="x"), InvalidModifier, "'raw': from_.csv has nothing for dict"),
        (lambda: to.pickle(id="k", dependencies=["orders"], pth="x"), InvalidModifier, "Did you mean 'path'"),
        (
            lambda: to.memory(id="doubled", dependencies=["orders"]),
            DuplicateNode,
            "Give the materializer another id=",
        ),
        (lambda: ["x"], InvalidModifier, "Put a star in front of the list to spread it"),
    ],
)
def test_wrong_use_is_told(graph, materializer, error, told) -> None:
    with pytest.raises(error) as raised:
        materialized(graph, [materializer()])

    assert told in str(raised.value)


def test_format_that_is_not_registered_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match=r"There is no to\.parket\. Did you mean 'parquet'"):
        to.parket  # noqa: B018
    with pytest.raises(AttributeError, match=r"There is no from_\.memory\."):
        from_.memory  # noqa: B018


def test_calls_can_be_pickled() -> None:
    combine = pickle.loads(pickle.dumps(Combine(PandasDataFrameResult(), ("a",))))

    assert combine(pd.Series([1])).columns.tolist() == ["a"]
