"""Tags on nodes."""

import pytest

from headwater import tag
from headwater.build import expand
from headwater.errors import InvalidModifier
from headwater.function import read_function


def nodes(load, source: str) -> dict[str, dict[str, object]]:
    """Return the tags of a function's nodes, without the module's."""
    module = load("from headwater import extract_columns, tag\nimport pandas as pd\n" + source)
    made = expand(read_function(module.spend))
    return {node.name: {k: v for k, v in node.tags.items() if k != "module"} for node in made}


FRAME = '@extract_columns("a", "b")\ndef spend(x: int) -> pd.DataFrame:\n    ...\n'


def test_outermost_tag_wins(load) -> None:
    source = '@tag(owner="outer")\n@tag(owner="inner", team="t")\ndef spend(x: int) -> int:\n    return x\n'

    assert nodes(load, source) == {"spend": {"owner": "outer", "team": "t"}}


def test_list_of_values_is_kept_as_a_tuple(load) -> None:
    source = '@tag(owner=["a", "b"], **{"team.lead": "c"})\ndef spend(x: int) -> int:\n    return x\n'

    assert nodes(load, source) == {"spend": {"owner": ("a", "b"), "team.lead": "c"}}


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
