from collections.abc import Iterator
from functools import cache
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import event

from headwater_catalog.cli.search_asked import SORTS
from headwater_catalog.search import Correction, Rank, SearchPage, Sort, heads, search
from headwater_catalog.settings import Settings
from headwater_catalog.spelling import Vocabulary, distance, nearest_names
from headwater_catalog.store.database import Database
from support.catalog_rows import CatalogRows

SETTINGS = Settings(home=Path("nowhere"), database_url="sqlite://", secret_key="not secret")


@pytest.fixture
def rows(database: Database) -> Iterator[CatalogRows]:
    with database.write() as session:
        rows = CatalogRows(session)
        rows.commit()
        yield rows


def look(rows: CatalogRows, text: str, **options) -> SearchPage:
    return search(heads(rows.session, SETTINGS), text, **options)


def names(page: SearchPage) -> list[str]:
    return [hit.name for hit in page.hits]


def find(rows: CatalogRows, text: str, **options) -> list[str]:
    return names(look(rows, text, **options))


def test_hits_come_in_stages_with_the_exact_name_first(rows):
    rows.define("in_code", source="def in_code():\n    return spend\n")
    rows.define("in_docs", doc="About spend.")
    rows.define("in_tags", tags={"topic": "spend"}, module="features.other")
    rows.define("avg_spend", module="features.other")
    rows.define("spend_per_signup", module="features.other")
    rows.define("spend", module="features.other")
    rows.define("signups", module="features.other")

    page = look(rows, "spend")

    assert [(hit.name, hit.rank) for hit in page.hits] == [
        ("spend", Rank.EXACT),
        ("spend_per_signup", Rank.PREFIX),
        ("avg_spend", Rank.NAME),
        # These two are in the module features.spend, which places them as tags do.
        ("in_code", Rank.TAGS),
        ("in_docs", Rank.TAGS),
        ("in_tags", Rank.TAGS),
    ]
    assert page.total == 6


def test_docs_come_before_code(rows):
    rows.define("a", source="def a():\n    return churn\n", module="m")
    rows.define("long_name", doc="The churn.", module="m")

    assert [hit.rank for hit in look(rows, "churn").hits] == [Rank.DOCS, Rank.CODE]


def test_within_a_stage_shorter_names_come_first_then_the_alphabet(rows):
    for name in ("b_spend", "a_spend", "aa_spend", "Z_spend"):
        rows.define(name, module="m")

    assert find(rows, "spend") == ["Z_spend", "a_spend", "b_spend", "aa_spend"]


@pytest.mark.parametrize("text", ["avg_3wk_spend", "AVG_3WK_SPEND", "avg 3wk spend", '"avg_3wk_spend"'])
def test_a_name_is_found_first_however_it_is_written(rows, text):
    rows.define("avg_3wk_spend")
    rows.define("max_avg_3wk_spend_per_signup")

    assert find(rows, text)[0] == "avg_3wk_spend"


@pytest.mark.parametrize("text", ["3wk", "wk", "spend avg", "avgSpend", "av", "avg_3w", "3 wk"])
def test_parts_and_beginnings_of_names_are_found(rows, text):
    rows.define("avg_3wk_spend", module="m")
    rows.define("signups", module="m")

    assert find(rows, text) == ["avg_3wk_spend"]


def test_only_the_last_word_may_be_a_beginning(rows):
    rows.define("avg_spend", module="m")

    assert find(rows, "avg spe") == ["avg_spend"]
    assert find(rows, "spe avg") == []


def test_every_word_must_match_somewhere(rows):
    rows.define("spend", tags={"owner": "growth"}, doc="Weekly.", module="m")
    rows.define("signups", tags={"owner": "growth"}, module="m")

    assert find(rows, "spend growth weekly") == ["spend"]
    assert find(rows, "spend finance") == []


def test_a_phrase_needs_its_words_together(rows):
    rows.define("a", doc="Rolling three week average.", module="m")
    rows.define("b", doc="Average of a rolling three days.", module="m")

    assert find(rows, '"rolling three week"') == ["a"]
    assert find(rows, '"three rolling"') == []
    assert find(rows, "three rolling") == ["a", "b"]


def test_words_can_be_left_out(rows):
    rows.define("spend", module="m")
    rows.define("avg_spend", module="m")

    assert find(rows, "spend -avg") == ["spend"]
    assert find(rows, "-avg") == ["spend"]


def test_fields_filter_and_can_be_negated(rows):
    rows.define("spend", tags={"owner": "Growth", "pii": "true"}, module="features.spend")
    rows.define("email", tags={"owner": "crm", "pii": ["true", "contact"]}, module="features.mail.raw")
    rows.define("signups", type="int", module="features.spender")

    assert find(rows, "owner:growth") == ["spend"]
    assert find(rows, "-owner:growth") == ["email", "signups"]
    assert find(rows, "tag:pii=contact") == ["email"]
    assert find(rows, "tag:pii") == ["email", "spend"]
    assert find(rows, "module:features.spend") == ["spend"]
    assert find(rows, "module:features.mail") == ["email"]
    assert find(rows, "type:Series owner:crm") == ["email"]
    assert find(rows, "type:int") == ["signups"]
    assert find(rows, "type:eries") == []


def test_wildcards_of_sql_are_plain_letters(rows):
    rows.define("ab", type="x.List[int]", module="a_b")
    rows.define("acb", module="acb")

    assert find(rows, "module:a_b") == ["ab"]
    assert find(rows, "module:%") == []
    assert find(rows, "type:list") == ["ab"]
    assert find(rows, "tag:%") == []


def test_an_empty_query_lists_everything_by_name(rows):
    for name in ("signups", "a_long_name", "spend"):
        rows.define(name)

    page = look(rows, "  ", limit=2)

    assert names(page) == ["a_long_name", "signups"]
    assert page.total == 3
    assert page.hits[0].rank is None


def test_words_without_a_letter_or_digit_find_nothing_alone_and_are_overlooked_beside_others(rows):
    rows.define("spend")

    assert find(rows, "%") == []
    assert find(rows, "& -") == []
    assert find(rows, "spend &") == ["spend"]


def test_pages_follow_each_other_and_the_total_stays_true(rows):
    for name in ("spend_a", "spend_b", "spend_c"):
        rows.define(name)

    pages = [look(rows, "spend", limit=2, offset=offset) for offset in (0, 2, 4)]

    assert [names(page) for page in pages] == [["spend_a", "spend_b"], ["spend_c"], []]
    assert [page.total for page in pages] == [3, 3, 3]


def test_variants_are_folded_into_one_hit(rows):
    rows.define("holidays", ["a", "b"], variant="holidays__uk", module="m")
    rows.define("holidays", ["b", "c"], variant="holidays__us", module="m")

    page = look(rows, "holidays")

    (hit,) = page.hits
    assert page.total == 1
    assert hit.variants == ("holidays__uk", "holidays__us")
    assert hit.dependencies == 3


def test_a_search_sees_the_state_it_is_asked_for(rows):
    rows.define("spend", doc="Old words.")
    rows.commit()
    rows.define("spend", doc="New thing.")
    rows.commit()
    rows.remove("spend")

    def at(position: int, text: str) -> list[str]:
        return names(search([rows.moment(position)], text))

    assert (at(0, "old"), at(0, "thing")) == (["spend"], [])
    assert (at(1, "old"), at(1, "thing")) == ([], ["spend"])
    assert at(2, "spend") == []
    assert find(rows, "spend") == []


def test_repositories_are_searched_together_or_one_alone(rows):
    other = CatalogRows(rows.session, "another")
    other.commit()
    rows.define("spend")
    other.define("spend")

    page = look(rows, "spend")

    assert [hit.repository for hit in page.hits] == ["another", "shop"]
    assert [h.repository for h in search([rows.moment(0)], "spend").hits] == ["shop"]
    assert [h.repository for h in look(rows, "spend repo:another").hits] == ["another"]


def test_each_hit_says_why_it_matched(rows):
    rows.define(
        "avg_spend",
        tags={"owner": "growth", "topic": "money"},
        doc="Mean.\n\nOver a rolling window.",
        source="def avg_spend():\n    return costs.mean()\n",
        module="m",
    )

    (hit,) = look(rows, "spend growth money rolling costs").hits

    assert [(match.field, match.pieces) for match in hit.matches] == [
        ("name", (("avg_", False), ("spend", True))),
        ("owner", (("growth", True),)),
        ("tags", (("topic=", False), ("money", True))),
        ("docs", (("Over a ", False), ("rolling", True), (" window.", False))),
        ("code", (("return ", False), ("costs", True), (".mean()", False))),
    ]


def test_a_match_far_into_a_long_line_is_shown(rows):
    rows.define("spend", doc="x " * 300 + "needle " + "y " * 300)

    (match,) = look(rows, "needle").hits[0].matches

    assert ("needle", True) in match.pieces
    assert len(match.fragment) <= 160


def test_a_misspelled_word_finds_what_it_was_meant_to_be_and_says_so(rows):
    rows.define("spend", module="m")
    rows.define("avg_3wk_spend", module="m")
    rows.define("signups", module="m")

    page = look(rows, "singups")
    pieces = look(rows, "avg_3wk_spned")

    assert (names(page), page.corrections) == (["signups"], (Correction("singups", "signups"),))
    assert names(look(rows, "spned module:m")) == ["spend", "avg_3wk_spend"]
    assert (names(pieces), pieces.corrections[0].used) == (["avg_3wk_spend"], "avg_3wk_spend")
    assert look(rows, "spend").corrections == ()


def test_where_nothing_is_near_enough_to_be_meant_names_are_suggested(rows):
    rows.define("spend", tags={"owner": "growth"}, module="m")
    rows.define("avg_spend", module="m")

    page = look(rows, "spned owner:nobody")

    assert (page.total, page.corrections, page.suggestions) == (0, (), ("spend", "avg_spend"))
    assert look(rows, "xyzzy").suggestions == ()


def test_any_text_can_be_searched_for(rows):
    rows.define("spend")

    for text in (
        "'",
        '"\'"',
        "a'b\\",
        "* AND",
        "spend & !x",
        "NEAR(a b)",
        "$$",
        ":*",
        "\x00",
        "\ud800",
        "_",
        "- -",
        "é",
    ):
        look(rows, text)


def test_a_search_takes_the_same_number_of_statements_however_many_hits(database):
    with database.write() as session:
        rows = CatalogRows(session)
        rows.commit()
        for number in range(30):
            rows.define(f"spend_{number}", ["a", "b"])
    counts = []
    with database.read() as session:
        search(heads(session, SETTINGS), "")
        statements: list[str] = []
        event.listen(session.get_bind(), "before_cursor_execute", lambda *args: statements.append(args[2]))
        for limit in (1, 20):
            statements.clear()
            search(heads(session, SETTINGS), "spend", limit=limit)
            counts.append(len(statements))

    assert counts[0] == counts[1] <= 4


def test_an_enormous_document_can_be_indexed(rows):
    rows.define("spend", doc="ßöüä" * 50 + " " + " ".join(f"wörd{n}" for n in range(30_000)), module="m")

    assert find(rows, "wörd7") == ["spend"]


@pytest.mark.parametrize(
    ("a", "b", "slips"),
    [("", "", 0), ("spend", "spned", 1), ("spend", "spnd", 1), ("abc", "xyz", 3), ("kitten", "sitting", 3)],
)
def test_distance_counts_slips(a, b, slips):
    assert distance(a, b, 5) == slips
    assert distance(b, a, 5) == slips


@cache
def _slips_of(a: str, b: str) -> int:
    """Count slips by the definition, from the ends of the words."""
    if not a or not b:
        return max(len(a), len(b))
    found = [
        _slips_of(a[:-1], b) + 1,
        _slips_of(a, b[:-1]) + 1,
        _slips_of(a[:-1], b[:-1]) + (a[-1] != b[-1]),
    ]
    if len(a) > 1 and a[-2:] == b[-2:][::-1]:
        found.append(_slips_of(a[:-2], b[:-2]) + 1)
    return min(found)


@pytest.mark.parametrize("most", [1, 2, 3])
def test_distance_is_exact_up_to_where_it_only_says_more(most: int):
    rng = Random(most)
    for _ in range(2_000):
        a, b = ("".join(rng.choices("abc", k=rng.randint(0, 7))) for _ in range(2))
        slips = _slips_of(a, b)

        assert distance(a, b, most) == slips if slips <= most else distance(a, b, most) > most


def test_short_words_may_have_one_slip_only():
    assert nearest_names("aeg", ["age"]) == ["age"]
    assert nearest_names("aeg", ["gae"]) == []


@pytest.mark.parametrize("letters", ["ab", "abcd_"])
def test_a_vocabulary_finds_the_word_that_comparing_with_each_would_find(letters: str):
    rng = Random(0)
    met = 0
    for _ in range(500):
        words = {"".join(rng.choices(letters, k=rng.randint(1, 14))): rng.randint(1, 5) for _ in range(30)}
        asked = _with_slips(rng.choice(list(words)), letters, rng)
        near = {word: distance(asked, word, 2) for word in words} if len(asked) > 2 else {}
        most = 1 if len(asked) <= 4 else 2
        meant = min(((slips, -words[w], w) for w, slips in near.items() if slips <= most), default=None)

        assert Vocabulary(words.items()).nearest(asked) == meant
        met += meant is not None

    assert met > 250


def _with_slips(word: str, letters: str, rng: Random) -> str:
    made = list(word)
    for _ in range(rng.randint(0, 3)):
        at = rng.randrange(len(made) + 1)
        instead: list[list[str]] = [
            [rng.choice(letters), *made[at : at + 1]],  # one more
            [],  # one less
            [rng.choice(letters)],  # another one
            made[at : at + 2][::-1],  # two swapped
        ]
        kind = rng.randrange(4)
        made[at : at + (2 if kind == 3 else 1)] = instead[kind]
    return "".join(made)


def test_hits_are_sorted_by_what_is_asked_for(rows):
    rows.define("late", ["raw"], module="b")
    rows.define("early", ["late", "middle"], module="c")
    rows.define("middle", ["late"], module="a")
    rows.commit()
    rows.define("middle", ["late", "raw"], module="a")
    rows.dataflow("all", ["a", "b", "c"])

    assert find(rows, "", sort=Sort.NAME) == ["early", "late", "middle"]
    assert find(rows, "", sort=Sort.MODULE) == ["middle", "late", "early"]
    assert find(rows, "", sort=Sort.CHANGED) == ["middle", "early", "late"]
    assert find(rows, "", sort=Sort.USED) == ["late", "middle", "early"]
    assert find(rows, "", sort=Sort.USED, limit=1, offset=1) == ["middle"]
    page = look(rows, "name:la* OR name:mid*", sort=Sort.MODULE)
    assert names(page) == ["middle", "late"] and page.total == 2


def test_sorted_hits_are_those_of_relevance_with_their_ranks(rows):
    for name in ("spend", "avg_spend", "spend_mean", "other"):
        rows.define(name, doc="About spend." if name == "other" else "", module=f"m{len(name)}")
    ranks = {hit.key: hit.rank for hit in look(rows, "spend").hits}

    for sort in Sort:
        assert {hit.key: hit.rank for hit in look(rows, "spend", sort=sort).hits} == ranks


def test_repositories_are_sorted_together(rows):
    other = CatalogRows(rows.session, "other")
    other.commit()
    rows.define("b")
    rows.define("d")
    other.define("a")
    other.define("c")

    assert find(rows, "", sort=Sort.NAME) == ["a", "b", "c", "d"]


def test_the_command_line_knows_every_order():
    assert list(Sort) == list(SORTS)
