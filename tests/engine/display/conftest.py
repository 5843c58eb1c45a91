"""A graph with every kind of node."""

from collections.abc import Callable
from types import ModuleType

import pytest

from headwater.build import build
from headwater.function import functions_of
from headwater.graph import Graph

MODULE = '''
    from headwater import check_output, config, tag
    from headwater.htypes import Collect, Parallelizable

    def mean(spend: float, rate: float) -> float:
        """Mean spend."""
        return spend

    def half(spend: float, rate: float) -> float:
        return spend

    @check_output(range=(0, 1))
    def share(mean: float, half: float) -> float:
        return 0.5

    @config.when(region="uk")
    def days__uk() -> int:
        return 1

    def parts(share: float) -> Parallelizable[int]:
        yield 1

    def part(parts: int) -> int:
        return parts

    def whole(part: Collect[int], days: int) -> int:
        return days

    _SAVER = {"hamilton.data_saver": "true", "hamilton.data_saver.classname": "CsvWriter"}

    @tag(**_SAVER, bypass_reserved_namespaces_=True)
    def saved(whole: int) -> dict:
        return {}

    @tag(display_name="Table of <days> & \\"nights\\"")
    def table(days: int) -> dict:
        return {}
    '''


@pytest.fixture
def graph(load: Callable[..., ModuleType]) -> Graph:
    """Give the graph of one configuration."""
    return build(functions_of(load(MODULE)), {"region": "uk"})
