"""Variants by configuration."""

import pytest

from headwater import config
from headwater.build import build
from headwater.errors import InvalidModifier
from headwater.function import functions_of
from headwater.node import Role

VARIANTS = """
    from headwater import config, hamilton_exclude

    @config.when(region="UK")
    def holidays__uk(week: int) -> int:
        return 1

    @config.when_not(region="UK")
    def holidays__else(week: int) -> int:
        return 2

    @config.when_in(region=["UK", "FR"], size=(1, 2))
    def rate__large(week: int) -> int:
        return 3

    @config.when_not_in(region={"UK": 1, "FR": 2}.keys())
    def rate__small(week: int) -> int:
        return 4

    @config.when(name="renamed", region="UK")
    @config.when(size=1)
    def other__name(week: int) -> int:
        return 5

    @config(lambda settings: settings.get("size", 0) > 1, target_name="big", config_used=["size"])
    def is_big(week: int) -> bool:
        return True

    @config(lambda settings: "size" in settings)
    def sized__yes(week: int) -> bool:
        return True

    @hamilton_exclude
    def left_out(week: int) -> int:
        return 6

    @hamilton_exclude()
    def left_out_too(week: int) -> int:
        return 7
"""


@pytest.mark.parametrize(
    ("settings", "features"),
    [
        ({}, {"holidays": 2, "rate": 4}),
        ({"region": "UK"}, {"holidays": 1}),
        ({"region": "UK", "size": 1}, {"holidays": 1, "rate": 3, "renamed": 5, "sized": True}),
        ({"region": "FR", "size": 2}, {"holidays": 2, "rate": 3, "big": True, "sized": True}),
    ],
)
def test_configuration_chooses_the_functions(load, settings, features) -> None:
    graph = build(functions_of(load(VARIANTS)), settings)

    assert {n.name: n.call(0) for n in graph if n.role is Role.FEATURE} == features


def test_keys_are_noted_as_a_tag(load) -> None:
    graph = build(functions_of(load(VARIANTS)), {"region": "UK", "size": 2})
    noted = {node.name: node.tags["hamilton.config"] for node in graph if node.role is Role.FEATURE}

    assert noted == {"holidays": "region", "rate": "region,size", "big": "size", "sized": "__UNKNOWN__"}


def test_name_that_ends_with_underscores_is_refused(load) -> None:
    module = load(
        'from headwater import config\n\n@config.when(region="UK")\ndef spend__(x: int) -> int:\n    return x\n'
    )

    with pytest.raises(InvalidModifier, match=r"features\.py:4: 'spend__' ends with two underscores"):
        build(functions_of(module), {})


@pytest.mark.parametrize("group", ["UK", 5, None])
@pytest.mark.parametrize("make", [config.when_in, config.when_not_in])
def test_members_must_be_a_collection(make, group) -> None:
    with pytest.raises(InvalidModifier, match="region must be compared with a list of values, not"):
        make(region=group)
