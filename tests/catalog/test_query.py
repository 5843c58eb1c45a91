import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_catalog.errors import QueryError
from headwater_catalog.query import FIELDS, Term, parse_query, term_text
from headwater_catalog.query.comparisons import read_count, read_time
from headwater_catalog.query.evaluate import evaluate
from headwater_catalog.query.fields import Field
from headwater_catalog.query.subjects import Base, Past, Scope
from headwater_catalog.query.syntax import And, Not, Or
from headwater_catalog.query.traits import HAS, IS, UPKEEP
from headwater_catalog.records import DependencyRecord
from headwater_catalog.snapshot import Snapshot, SnapshotFeature
from headwater_catalog.views import DataflowView
from support.random_snapshots import DAY, NOW, make_feature

MANUAL = Path(__file__).parents[2] / "docs" / "query.md"


def word(value: str, position: int = 0) -> Term:
    return Term("", value, position=position)


@pytest.mark.parametrize(
    ("text", "root"),
    [
        ("", And(())),
        ("spend", word("spend")),
        ("a b", And((word("a"), word("b", 2)))),
        ("a AND b", And((word("a"), word("b", 6)))),
        ("a b OR c", Or((And((word("a"), word("b", 2))), word("c", 7)))),
        ("a (b OR c)", And((word("a"), Or((word("b", 3), word("c", 8)))))),
        ("a -b", And((word("a"), Not(word("b", 3))))),
        ("NOT (a b)", Not(And((word("a", 5), word("b", 7))))),
        ("NOT -a", word("a", 5)),
        ('"a b"', Term("", "a b", is_phrase=True)),
        ("sp*", Term("", "sp", is_prefix=True)),
        ("Owner:growth", Term("owner", "growth")),
        ('owner:"data science"', Term("owner", "data science", is_phrase=True)),
        ('tag:note="a b"', Term("tag", "note=a b", is_phrase=True)),
        ("owner:(a OR b)", Or((Term("owner", "a", position=7), Term("owner", "b", position=12)))),
        ("(mean())", word("mean()", 1)),
        ("mean(a, b)", And((word("mean(a,"), word("b)", 8)))),
        ("features.spend:avg", word("features.spend:avg")),
    ],
)
def test_a_query_is_read_into_a_tree(text, root):
    assert parse_query(text).root == root


def test_signs_alone_find_nothing_and_are_overlooked_beside_words():
    assert parse_query("& -").root == Or(())
    assert parse_query("spend & -").root == word("spend")
    assert parse_query("spend OR &").root == word("spend")


def test_a_term_said_twice_counts_once_where_it_was_said_last():
    assert parse_query("spend per spend").root == And((word("per", 6), word("spend", 10)))


def test_a_word_at_the_very_end_grows_while_somebody_types():
    growing = parse_query("avg spe", growing=True).terms

    assert [term.is_prefix for term in growing] == [False, True]
    assert not parse_query("avg spe").terms[-1].is_prefix
    for closed in ('"spe"', "-spe", "(spe)", "doc:spe", "owner:spe"):
        assert not parse_query(closed, growing=True).terms[-1].is_prefix


def test_the_moment_is_taken_out_of_the_condition():
    query = parse_query("spend at:v2.3 owner:x")

    assert query.at == Term("at", "v2.3", position=6)
    assert query.root == And((word("spend"), Term("owner", "x", position=14)))
    assert parse_query("at:v2.3").root == And(())


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("spend ownr:growth", 6, r"Unknown field 'ownr' at position 6\. Did you mean 'owner'\?"),
        ('a "b c', 2, "quote at position 2 is not closed. Add a closing quote"),
        ("tag:", 0, "needs a value, such as tag:pii=true"),
        ('a tag:"" b', 2, "needs a value"),
        ("a (b OR c", 2, r"'\(' at position 2 is not closed. Add a '\)'"),
        ("(a))", 3, r"'\)' at position 3 closes nothing"),
        ("a OR", 3, "beside the OR is empty"),
        ("OR a", 0, "beside the OR is empty"),
        ("a OR OR b", 5, "beside the OR is empty"),
        ("(a OR)", 5, "beside the OR is empty"),
        ("a NOT", 4, "behind the NOT is empty"),
        ("changed:soon", 0, "cannot have the value 'soon'. Expected: an age such as <30d"),
        ("changed:2024-13", 0, "Expected: an age"),
        ("dependencies:many", 0, "Expected: a number such as 3"),
        ("has:ownr", 0, "Expected: one of: doc, owner.* Did you mean 'owner'"),
        ("between:spend", 0, "Expected: two names with"),
        ("upstream:spend@x", 0, "Expected: a name, maybe with a number of steps"),
        ("new:new:x", 0, "Expected: a term that looks at one moment"),
        ("new:" * 900 + "x", 0, "Expected: a term that looks at one moment"),
        ("author:&", 0, "Expected: the name of a person"),
        ("a OR at:v1", 5, "must be the only one, and stand outside"),
        ("at:v1 at:v2", 6, "must be the only one"),
        ("x" * 4001, 4000, "longer than 4,000 characters"),
        ("(" * 21 + "a" + ")" * 21, 20, "more than 20 inside each other"),
        (" ".join(f"w{n}" for n in range(201)), 890, "more than 200 in this query"),
    ],
)
def test_a_query_that_is_wrong_tells_where_and_what_to_do(text, position, message):
    with pytest.raises(QueryError, match=message) as error:
        parse_query(text)
    assert error.value.position == position


def test_a_narrower_query_finds_some_of_the_hits_whatever_the_query_is_made_of():
    scope = shop(
        *(
            make_feature(name, tags={"owner": owner})
            for name, owner in (("aa", "x"), ("bb", "y"), ("bc", "x"))
        )
    )

    for text, names in (
        ("a", ["aa"]),
        ("aa OR b", ["aa", "bc"]),
        ("(a* OR bb)", ["aa"]),
        ("-bb", ["aa", "bc"]),
    ):
        narrower = parse_query(text, growing=True).narrowed("owner:x")
        assert (
            sorted(hit.subject.name for hit in evaluate(parse_query(narrower, growing=True), scope)) == names
        ), text


@given(st.text(max_size=40) | st.text('ab:()-"* ORNTw@.', max_size=40))
def test_any_text_is_a_query_or_a_query_error(text):
    try:
        query = parse_query(text, growing=True)
    except QueryError as error:
        assert 0 <= error.position < len(text)
    else:
        assert all(term.value for term in query.terms)


@given(st.sampled_from(["owner", "tag", "module"]), st.text(min_size=1, max_size=20))
def test_a_term_that_is_written_is_read_back(field, value):
    text = term_text(field, value)

    if text is not None and value == value.strip() and value.isprintable():
        (term,) = parse_query(text).terms
        assert (term.field, term.value) == (field, value)


@pytest.mark.parametrize(
    ("text", "held", "not_held"),
    [
        ("3", [3], [2, 4]),
        (">3", [4], [3]),
        (">=3", [3, 4], [2]),
        ("<3", [2], [3]),
        ("<=3", [3], [4]),
        ("2..4", [2, 3, 4], [1, 5]),
    ],
)
def test_counts_are_compared(text, held, not_held):
    accepts = read_count(text)

    assert [accepts(n) for n in held + not_held] == [True] * len(held) + [False] * len(not_held)


JANUARY_31 = 1_706_659_200


@pytest.mark.parametrize(
    ("text", "held", "not_held"),
    [
        ("2024-01-31", [JANUARY_31, JANUARY_31 + DAY - 1], [JANUARY_31 - 1, JANUARY_31 + DAY]),
        (">2024-01-31", [JANUARY_31 + DAY], [JANUARY_31 + DAY - 1]),
        (">=2024-01-31", [JANUARY_31], [JANUARY_31 - 1]),
        ("<2024-01-31", [JANUARY_31 - 1], [JANUARY_31]),
        ("<=2024-01-31", [JANUARY_31 + DAY - 1], [JANUARY_31 + DAY]),
        ("2024-01", [JANUARY_31], [JANUARY_31 + DAY, JANUARY_31 - 31 * DAY]),
        ("2023-12", [JANUARY_31 - 31 * DAY], [JANUARY_31 - 30 * DAY]),
        ("2024", [JANUARY_31, JANUARY_31 + 300 * DAY], [JANUARY_31 - 31 * DAY, JANUARY_31 + 336 * DAY]),
        ("2023..2024-01", [JANUARY_31, JANUARY_31 - 100 * DAY], [JANUARY_31 + DAY]),
        ("<30d", [NOW, NOW - 30 * DAY + 1], [NOW - 30 * DAY]),
        ("30d", [NOW - 30 * DAY], [NOW - 30 * DAY - 1]),
        (">2w", [NOW - 14 * DAY - 1], [NOW - 14 * DAY]),
        (">=1h", [NOW - 3600], [NOW - 3599]),
    ],
)
def test_instants_are_compared_by_age_and_by_day(text, held, not_held):
    accepts = read_time(text, NOW)

    assert [accepts(n) for n in held + not_held] == [True] * len(held) + [False] * len(not_held)


def shop(*features: SnapshotFeature, **facts) -> Scope:
    ordered = tuple(sorted(features, key=lambda f: (f.module, f.name, f.variant)))
    flow = DataflowView("flow", "declared", ("m",), {}, {"raw": {"path": "data/raw.csv"}}, ("report",))
    return Scope("shop", Snapshot(ordered, (flow,), ()), NOW, **facts)


def feature(name: str, *needs: str, **facts) -> SnapshotFeature:
    asked = tuple(DependencyRecord(need, "int", False) for need in needs)
    return make_feature(name, dependencies=asked, dataflows=("flow",), **facts)


def found(text: str, scope: Scope, base: Base | None = None) -> list[str]:
    return [hit.subject.name for hit in evaluate(parse_query(text), scope, base)]


@pytest.fixture
def chain() -> Scope:
    return shop(
        feature("email", "raw", tags={"pii": "true"}),
        feature("domain", "email"),
        feature("share", "domain", tags={"pii": "barrier"}),
        feature("report", "share", "region"),
        feature("alone"),
    )


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("uses:email", ["domain"]),
        ("used_by:domain", ["email"]),
        ("used_by:m:domain", ["email"]),
        ("used_by:shop:m:domain", ["email"]),
        ("downstream:email", ["domain", "report", "share"]),
        ("downstream:email@1", ["domain"]),
        ("upstream:report", ["domain", "email", "share"]),
        ("upstream:report@2", ["domain", "share"]),
        ("between:email..share", ["domain", "email", "share"]),
        ("between:share..email", []),
        ("source:region", ["report"]),
        ("source:data/raw.csv", ["domain", "email", "report", "share"]),
        ("classification:pii", ["domain", "email"]),
        ("is:root", ["alone", "email"]),
        ("is:leaf", ["alone", "report"]),
        ("is:isolated", ["alone"]),
        ("is:output", ["report"]),
        ("has:users", ["domain", "email", "share"]),
        ("users:0", ["alone", "report"]),
        ("dependencies:>1", ["report"]),
        ("downstream:email -is:leaf", ["domain", "share"]),
        ("is:isolated OR uses:share", ["alone", "report"]),
    ],
)
def test_terms_of_lineage_mean_sets_of_features(chain, text, names):
    assert found(text, chain) == names


def test_a_name_that_nothing_has_is_an_error_that_tells_near_ones(chain):
    with pytest.raises(QueryError, match=r"No feature or input 'emial'\. Near to it: email\..* position 2\."):
        found("a downstream:emial", chain)


def test_a_feature_meets_a_term_if_a_variant_does_and_its_negation_if_none_does():
    scope = shop(
        make_feature("holidays", variant="holidays__uk", tags={"owner": "uk"}, doc="Bank holidays."),
        make_feature("holidays", variant="holidays__us", tags={"owner": "us"}),
        make_feature("spend", tags={"owner": "us"}),
    )

    assert found("owner:uk", scope) == ["holidays"]
    assert found("-owner:uk", scope) == ["spend"]
    assert found("owner:uk owner:us bank", scope) == ["holidays"]
    assert found("has:variants", scope) == found("variants:2", scope) == ["holidays"]


def test_what_only_the_history_knows_is_an_error_where_there_is_none(chain):
    with pytest.raises(QueryError, match="'changed:' at position 6 asks for the history") as error:
        found("email changed:<30d", chain)
    assert error.value.position == 6


def test_what_needs_a_base_is_an_error_without_one(chain):
    with pytest.raises(QueryError, match="'new:' at position 0 compares with a base, and none is given"):
        found("new:feature", chain)


def test_ages_count_from_the_moment_that_is_looked_at():
    past = Past(added=NOW - 90 * DAY, changed=NOW - 10 * DAY, authors=("Maya Lindqvist", "maya@example.com"))
    scope = shop(make_feature("spend"), pasts={"m:spend": past})

    for text in (
        "changed:<11d",
        "-changed:<10d",
        "added:>3w",
        "added:>=90d",
        "author:lindqvist",
        "author:maya@example.com",
    ):
        assert found(text, scope) == ["spend"], text
    for text in ("changed:<9d", "added:<30d", "author:ma", "removed:<1y"):
        assert found(text, scope) == [], text


def test_a_base_tells_what_is_new_and_who_changed_it_since():
    before = shop(make_feature("email"), make_feature("spend", tags={"pii": "true"}))
    now = shop(
        make_feature("email", tags={"pii": "true"}),
        make_feature("spend", tags={"pii": "true"}),
        make_feature("signups"),
    )
    base = Base(before, {"m:email": ("Maya Lindqvist", "maya@example.com")})

    assert found("new:feature", now, base) == ["signups"]
    assert found("new:tag:pii", now, base) == ["email"]
    assert found('new:"tag:pii OR signups"', now, base) == ["email", "signups"]
    assert found("changed_by:maya", now, base) == ["email"]
    assert found("-changed_by:maya", now, base) == ["signups", "spend"]


def test_a_name_that_is_at_neither_moment_is_an_error_also_inside_what_is_new():
    before = shop(make_feature("cost"), make_feature("old"))
    now = shop(make_feature("cost"), make_feature("spend"))
    base = Base(before, {})

    for text in ('new:"uses:spend"', 'new:"uses:old"', "new:uses:cost"):
        assert found(text, now, base) == [], text
    with pytest.raises(QueryError, match=r"'spnd'. Near to it: spend. Asked for at position 5.") as error:
        found('cost new:"downstream:spnd"', now, base)
    assert error.value.position == 5


def test_types_are_found_by_their_full_and_last_names_alone_and_in_unions():
    scope = shop(
        make_feature("a", type="pandas.Series[float] | None"),
        make_feature("b", type="dict[str, pandas.Series]"),
    )

    for text in (
        "type:series",
        "type:pandas.Series",
        "type:None",
        "type:pandas.*",
        'type:"pandas.Series[float]"',
    ):
        assert found(text, scope) == ["a"], text
    assert found("type:dict", scope) == ["b"]
    assert found("type:eries", scope) == []


def test_the_manual_lists_every_field_as_the_language_has_it():
    fields = MANUAL.read_text("utf-8").partition("## Fields")[2]
    rows = [row.strip("| ").split(" | ") for row in re.findall(r"^\| `\w+:.*\|$", fields, re.MULTILINE)]

    assert [(example.strip("`"), text.strip()) for example, text in rows] == [
        (field.example, field.help) for field in FIELDS.values()
    ]


def test_the_manual_lists_every_trait():
    manual = MANUAL.read_text("utf-8")

    for field, traits in (("has", HAS), ("is", IS)):
        listed = re.findall(rf"^- `{field}:(\w+)`: (.*)$", manual, re.MULTILINE)
        assert dict(listed) == {name: f"{trait.help}." for name, trait in traits.items()}
    listed = re.findall(r"^- `upkeep:(\w+)`: (.*)$", manual, re.MULTILINE)
    assert dict(listed) == {name: f"{told}." for name, told in UPKEEP.items()}


@pytest.mark.parametrize("field", FIELDS.values(), ids=lambda field: field.name)
def test_the_example_of_every_field_is_a_query(field: Field):
    parse_query(field.example)
