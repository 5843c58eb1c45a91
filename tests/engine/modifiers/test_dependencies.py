"""Where parameters take their values from."""

import pytest

from headwater.errors import InvalidModifier
from headwater.modifiers import LiteralDependency, UpstreamDependency, group, source, value


def test_source_is_a_name() -> None:
    assert source("spend").name == "spend"
    with pytest.raises(InvalidModifier, match=r'takes the name of a node, not 3: source\("spend"\)'):
        source(3)


def test_source_of_a_source_and_value_of_a_value_are_themselves() -> None:
    assert source(source("spend")) == source("spend")
    assert value(value(3)) == value(3)


def test_arguments_have_the_names_that_feature_code_uses() -> None:
    assert source(dependency_on="spend") == source("spend")
    assert value(literal_value=3) == value(3)
    assert isinstance(source("a"), UpstreamDependency)
    assert isinstance(value(1), LiteralDependency)


def test_group_is_a_list_or_a_dictionary() -> None:
    assert group(source("a"), value(1)).keys is None
    assert group(first=source("a"), second=value(1)).keys == ("first", "second")
    assert group(source("a")) == group(source("a")) != group(a=source("a"))


@pytest.mark.parametrize("make", [lambda: group(), lambda: group(source("a"), b=source("b"))])
def test_group_of_nothing_or_of_both_kinds_is_refused(make) -> None:
    with pytest.raises(InvalidModifier, match="members without a key for a list, or members with a key"):
        make()


@pytest.mark.parametrize("member", ["a", 3, group(source("a"))])
def test_member_of_a_group_says_where_it_comes_from(member) -> None:
    with pytest.raises(InvalidModifier, match=r'takes source\("node"\) and value\(literal\), not'):
        group(member)
