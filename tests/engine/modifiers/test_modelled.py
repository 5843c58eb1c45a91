"""Features that a model of the configuration computes."""

import pandas as pd
import pytest

from headwater import Driver
from headwater.build import expand
from headwater.conditions import Configuration
from headwater.errors import InvalidModifier
from headwater.function import read_function
from headwater.results import DictResult

SOURCE = """
    import pandas as pd
    from headwater.models import BaseModel
    from headwater.modifiers import *

    class Weighted(BaseModel):
        def __init__(self, config_parameters, name, scale=1):
            super().__init__(config_parameters, name)
            self.scale = scale

        def get_dependents(self):
            return list(self.config_parameters)

        def predict(self, **columns):
            return sum(columns[name] * weight for name, weight in self.config_parameters.items()) * self.scale

    @config.when(region="UK")
    @model(Weighted, "weights", scale=2)
    def score__uk({parameters}) -> {returns}:
        '''The score.'''
        {body}
"""
WEIGHTS = {"region": "UK", "weights": {"spend": 2, "orders": 3}}


def loaded(load, parameters: str = "", returns: str = "pd.Series", body: str = ""):
    with pytest.warns(DeprecationWarning, match=r"@model is a name of old. Use @resolve."):
        return load(SOURCE.format(parameters=parameters, returns=returns, body=body))


def test_configuration_tells_the_columns(load) -> None:
    module = loaded(load)
    [node] = expand(read_function(module.score__uk), WEIGHTS)

    assert (node.name, node.dependencies, node.doc) == ("score", ("spend", "orders"), "The score.")
    inputs = {"spend": pd.Series([1]), "orders": pd.Series([10])}
    result = Driver(WEIGHTS, module, adapter=DictResult()).execute(["score"], inputs=inputs)
    assert list(result["score"]) == [64]


def test_columns_are_not_known_without_the_configuration(load) -> None:
    function = read_function(loaded(load).score__uk)
    why = "which columns it needs is told by configuration 'weights'"

    for config in (None, Configuration({"region": "UK"}, is_open=True)):
        [node] = expand(function, config)
        assert (node.dependencies, node.call, node.partial) == ((), None, (why,))
    known = Configuration({"weights": {"spend": 1}}, is_open=True)
    assert expand(function, known)[0].dependencies == ("spend",)


def test_missing_configuration_is_told(load) -> None:
    with pytest.raises(
        InvalidModifier, match=r"made with configuration 'weights', which is not given. .*'weight'"
    ):
        expand(read_function(loaded(load).score__uk), {"region": "UK", "weight": {}})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"parameters": "spend: int"}, "has parameters, but @model takes its columns from the configuration"),
        ({"returns": "int"}, "returns int, but @model makes a pandas Series"),
        ({"body": "return 1"}, "has a body, which @model would never run"),
    ],
)
def test_function_is_only_a_name_for_the_model(load, change, said) -> None:
    with pytest.raises(InvalidModifier, match=said):
        expand(read_function(loaded(load, **change).score__uk), WEIGHTS)
