"""Tags on nodes."""

from enum import Enum

import pytest

from headwater.build import expand
from headwater.errors import InvalidModifier
from headwater.function import read_function
from headwater.modifiers import cache, ray_remote_options, tag, tag_outputs


def nodes(load, source: str) -> dict[str, dict[str, object]]:
    """Return the tags of a function's nodes, without the module's."""
    module = load("from headwater.modifiers import *\nimport pandas as pd\n" + source)
    made = expand(read_function(module.spend))
    return {node.name: {k: v for k, v in node.tags.items() if k != "module"} for node in made}


FRAME = '@extract_columns("a", "b")\ndef spend(x: int) -> pd.DataFrame:\n    ...\n'


def test_outermost_tag_wins(load) -> None:
    source = '@tag(owner="outer")\n@tag(owner="inner", team="t")\ndef spend(x: int) -> int:\n    return x\n'

    assert nodes(load, source) == {"spend": {"owner": "outer", "team": "t"}}


def test_list_of_values_is_kept_as_a_tuple(load) -> None:
    source = '@tag(owner=["a", "b"], **{"team.lead": "c"})\ndef spend(x: int) -> int:\n    return x\n'

    assert nodes(load, source) == {"spend": {"owner": ("a", "b"), "team.lead": "c"}}


def test_member_of_an_enumeration_that_is_a_text_is_that_text() -> None:
    class Team(str, Enum):  # noqa: UP042 - its own text is its name
        GROWTH = "growth"

    tags = tag(owner=Team.GROWTH, teams=[Team.GROWTH]).tags

    assert repr(tags) == repr({"owner": "growth", "teams": ("growth",)})


@pytest.mark.parametrize(
    ("target", "tagged"),
    [
        ("", {"a", "b"}),
        (", target_=None", {"a", "b"}),
        (", target_=...", {"spend", "a", "b"}),
        (', target_="spend"', {"spend"}),
        (', target_=["a", "spend"]', {"a", "spend"}),
    ],
)
def test_target_chooses_the_nodes(load, target, tagged) -> None:
    found = nodes(load, f'@tag(owner="me"{target})\n{FRAME}')

    assert {name for name, tags in found.items() if tags} == tagged


def test_unknown_target_is_told_with_its_place(load) -> None:
    message = r"features\.py:5: 'spend' makes no node 'aa' for target_ to mean; it makes 'spend', 'a', 'b'\."
    with pytest.raises(InvalidModifier, match=message):
        nodes(load, f'@tag(owner="me", target_="aa")\n{FRAME}')


@pytest.mark.parametrize("key", ["1x", "x-y", "a..b", "", "a b"])
def test_key_that_is_no_identifier_is_refused(key) -> None:
    with pytest.raises(InvalidModifier, match=r"is no tag key\. Use identifiers joined by dots"):
        tag(**{key: "x"})


@pytest.mark.parametrize("key", ["module", "gdpr.basis", "hamilton.config", "dag"])
def test_reserved_key_needs_a_bypass(key) -> None:
    with pytest.raises(InvalidModifier, match=r"begins with the reserved word .* Choose another first word"):
        tag(**{key: "x"})
    assert tag(bypass_reserved_namespaces_=True, **{key: "x"}).tags == {key: "x"}


@pytest.mark.parametrize("value", [3, True, None, [], ["a", "a"], ["a", 1], {"a": "b"}])
def test_value_that_is_no_text_is_refused(value) -> None:
    with pytest.raises(InvalidModifier, match=r"@tag: the value of 'owner' is .*\. Give a string"):
        tag(owner=value)


def test_outputs_are_tagged_one_by_one(load) -> None:
    tagged = (
        '@tag(owner="all")\n@tag_outputs(a={"owner": "one", "team": ["t", "u"]}, spend={"kind": "table"})\n'
    )
    outermost = '@tag_outputs(a={"owner": "one"})\n@tag(owner="all")\n'

    assert nodes(load, tagged + FRAME) == {
        "spend": {"kind": "table"},
        "a": {"owner": "all", "team": ("t", "u")},
        "b": {"owner": "all"},
    }
    assert nodes(load, outermost + FRAME)["a"] == {"owner": "one"}


def test_tags_for_an_output_that_is_not_made_are_told_with_the_nearest(load) -> None:
    message = r"'spend' makes no node 'spent' for @tag_outputs to tag; .*Did you mean 'spend'\?"
    with pytest.raises(InvalidModifier, match=message):
        nodes(load, f'@tag_outputs(spent={{"owner": "me"}})\n{FRAME}')


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ({"owner": 3}, "the value of 'owner' is 3"),
        ({"a b": "x"}, "'a b' is no tag key"),
        ({3: "x"}, "3 is no tag key"),
        ({"module": "x"}, "begins with the reserved word 'module'"),
        ("owner", "'a' must be a mapping from tag keys to values, not 'owner'"),
    ],
)
def test_tags_of_outputs_are_checked_as_all_are(tags, said) -> None:
    with pytest.raises(InvalidModifier, match=rf"@tag_outputs: .*{said}"):
        tag_outputs(a=tags)


def test_cache_marks_every_node_unless_told_otherwise(load) -> None:
    everywhere = nodes(load, f'@cache(behavior="recompute", format="parquet")\n{FRAME}')
    one = nodes(load, f'@cache(behavior="disable", target_="a")\n{FRAME}')

    asked = {"cache.behavior": "recompute", "cache.format": "parquet"}
    assert everywhere == {"spend": asked, "a": asked, "b": asked}
    assert one == {"spend": {}, "a": {"cache.behavior": "disable"}, "b": {}}


def test_unknown_cache_behaviour_is_told_with_the_nearest() -> None:
    with pytest.raises(InvalidModifier, match=r"behavior='recompile' is unknown.* Did you mean 'recompute'"):
        cache(behavior="recompile")


def test_options_of_ray_are_written_as_json(load) -> None:
    found = nodes(load, f'@ray_remote_options(num_gpus=1, resources={{"big": 2}})\n{FRAME}')

    options = {"ray_remote.num_gpus": "1", "ray_remote.resources": '{"big": 2}'}
    assert found == {"spend": {}, "a": options, "b": options}
    with pytest.raises(InvalidModifier, match=r"num_gpus=.* cannot be written as JSON"):
        ray_remote_options(num_gpus=object())
