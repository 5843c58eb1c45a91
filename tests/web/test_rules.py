"""Rules of addresses that are compiled late, beside those of werkzeug."""

import pytest
from werkzeug.routing import BuildError, Map, Rule

from headwater_web.rules import QuietRule

_RULES = (
    ("/", "home", None),
    ("/r/<name>/f/<path:key>", "feature", None),
    ("/runs/<int:number>", "run", None),
    ("/jobs/<state>", "jobs", {"state": "all"}),
)


@pytest.mark.parametrize(
    "asked",
    [
        ("home", {}),
        ("home", {"page": 2, "rule": "x", "self": "y"}),
        ("feature", {"name": "déjà", "key": "a.b:c/d"}),
        ("feature", {"name": "shop"}),
        ("run", {"number": 7, "at": "main"}),
        ("run", {"number": "seven"}),
        ("jobs", {}),
        ("jobs", {"state": "failed"}),
        ("nowhere", {}),
    ],
)
@pytest.mark.parametrize("with_unknown", [True, False])
def test_addresses_are_built_as_by_other_rules(asked, with_unknown):
    assert _built(QuietRule, *asked, with_unknown) == _built(Rule, *asked, with_unknown)


def _built(kind, endpoint, values, with_unknown):
    rules = [kind(rule, endpoint=name, defaults=defaults) for rule, name, defaults in _RULES]
    try:
        return Map(rules).bind("shop.example").build(endpoint, values, append_unknown=with_unknown)
    except (BuildError, TypeError, ValueError) as error:
        return type(error)
