"""Running one feature or a cut of the graph: modifiers work, and what is given must be needed."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from headwater import Driver
from headwater.errors import CheckFailed, InvalidInput, InvalidModifier, MissingInput, UnknownNode
from headwater.testing import cut, run_feature

Load = Callable[..., ModuleType]

SHOP = """
    import pandas as pd
    from headwater import check_output, config, extract_columns, parameterize, source, tag, value

    @tag(owner="growth")
    def cost(spend: float, signups: float) -> float:
        return spend / signups

    def margin(cost: float, price: float) -> float:
        return price - cost

    @check_output(range=(0, 10), importance="fail")
    def rating(stars: int) -> int:
        return stars

    @extract_columns("low", "high")
    def bounds(width: float) -> pd.DataFrame:
        return pd.DataFrame({"low": [-width], "high": [width]})

    @parameterize(double={"by": value(2)}, triple={"by": value(3)})
    def times(n: int, by: int) -> int:
        return n * by

    @config.when(region="uk")
    def rate__uk(base: float) -> float:
        return base * 2

    def broken(n: int) -> int:
        raise ZeroDivisionError("no")
"""


@pytest.fixture
def shop(load: Load) -> ModuleType:
    return load(SHOP, "shop")


def test_feature_is_run_on_the_values_it_reads(shop: ModuleType) -> None:
    assert run_feature(shop.cost, spend=10.0, signups=5.0) == 2.0


def test_checks_of_a_feature_run(shop: ModuleType) -> None:
    assert run_feature(shop.rating, stars=3) == 3
    with pytest.raises(CheckFailed, match="rating"):
        run_feature(shop.rating, stars=11)


def test_part_of_a_feature_can_be_given(shop: ModuleType) -> None:
    assert run_feature(shop.rating, rating_raw=4) == 4


def test_feature_that_makes_columns_gives_its_own_value(shop: ModuleType) -> None:
    assert run_feature(shop.bounds, width=2.0)["high"].tolist() == [2.0]


def test_function_of_several_features_gives_them_by_name(shop: ModuleType) -> None:
    assert run_feature(shop.times, n=5) == {"double": 10, "triple": 15}


def test_variant_is_run_under_its_configuration(shop: ModuleType) -> None:
    assert run_feature(shop.rate__uk, {"region": "uk"}, base=1.5) == 3.0


def test_variant_without_its_configuration_says_what_to_give(shop: ModuleType) -> None:
    with pytest.raises(InvalidModifier, match=r"makes nothing with the configuration \{\}.*config_="):
        run_feature(shop.rate__uk, base=1.5)


def test_missing_value_is_told(shop: ModuleType) -> None:
    with pytest.raises(MissingInput, match="'signups'"):
        run_feature(shop.cost, spend=10.0)


def test_value_that_is_not_needed_is_told_with_the_nearest_name(shop: ModuleType) -> None:
    with pytest.raises(
        InvalidInput, match=r"'spent' is given, but 'cost' needs it not. Did you mean 'spend'"
    ):
        run_feature(shop.cost, spent=10.0, signups=5.0)


def test_value_of_the_wrong_type_is_told(shop: ModuleType) -> None:
    with pytest.raises(InvalidInput, match="'spend' must be float"):
        run_feature(shop.cost, spend="ten", signups=5.0)


def test_exception_of_a_feature_keeps_its_type_and_says_where(shop: ModuleType) -> None:
    with pytest.raises(ZeroDivisionError, match="no") as caught:
        run_feature(shop.broken, n=1)
    assert "'broken' failed" in caught.value.__notes__[0]


def test_function_without_a_module_in_memory_is_run() -> None:
    def doubled(n: int) -> int:
        return n * 2

    assert run_feature(doubled, n=2) == 4


def test_cut_begins_at_the_values_given(shop: ModuleType) -> None:
    assert cut(shop, "margin", {"cost": 1.0, "price": 3.5}) == 2.5


def test_cut_reaches_up_to_the_inputs(shop: ModuleType) -> None:
    given = {"spend": 4.0, "signups": 2.0, "price": 3.0}

    assert cut([shop], ["margin", "cost"], given) == {"margin": 1.0, "cost": 2.0}


def test_cut_of_a_driver_uses_its_configuration(shop: ModuleType) -> None:
    driver = Driver({"region": "uk"}, shop)

    assert cut(driver, "rate", {"base": 1.0}) == 2.0
    with pytest.raises(InvalidInput, match="has its configuration already"):
        cut(driver, "rate", {"base": 1.0}, {"region": "uk"})


def test_cut_of_modules_takes_a_configuration(shop: ModuleType) -> None:
    assert cut(shop, "rate", {"base": 1.0}, {"region": "uk"}) == 2.0


@pytest.mark.parametrize(
    ("outputs", "given", "error"),
    [
        ("margins", {}, UnknownNode),
        ("margin", {"cost": 1.0}, MissingInput),
        ("margin", {"cost": 1.0, "price": 1.0, "spend": 1.0, "rating": 3}, InvalidInput),
    ],
)
def test_cut_tells_what_is_wrong(
    shop: ModuleType, outputs: str, given: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        cut(shop, outputs, given)
