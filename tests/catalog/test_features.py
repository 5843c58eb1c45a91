import pytest

from headwater_catalog.errors import NotFound
from headwater_catalog.features import (
    AmbiguousName,
    DependencyView,
    ModuleRow,
    count_by_module,
    find_repository,
    get_feature,
    list_modules,
    list_repositories,
)
from support.catalog_rows import CatalogRows


def test_a_feature_has_all_that_its_page_shows(rows):
    rows.commit("Add spend", author="Tom Okafor")
    rows.define("spend", ["raw_spend"], doc="Spend.\n\nPer week.", tags={"owner": "growth"})
    rows.define("signups", module="features.signups")
    rows.dataflow("marketing", ["features.spend", "features.signups"])
    rows.dataflow("signups", ["features.signups"])
    ratio = rows.define("ratio", ["spend", "signups", "scale"], optional=["scale"], parts=["ratio_raw"])
    rows.place("features.spend", "src/features/spend.py", (ratio, 12, 15))

    view = get_feature(rows.moment(0), "ratio")
    spend = get_feature(rows.moment(0), "features.spend:spend")

    (variant,) = view.variants
    assert view.key == "features.spend:ratio"
    assert variant.dependencies == (
        DependencyView("spend", "pandas.Series", False, ("features.spend:spend",)),
        DependencyView("signups", "pandas.Series", False, ("features.signups:signups",)),
        DependencyView("scale", "pandas.Series", True, ()),
    )
    assert (variant.path, variant.line, variant.end_line) == ("src/features/spend.py", 12, 15)
    assert [part.name for part in variant.parts] == ["ratio_raw"]
    assert (view.commit.author, view.commit.subject) == ("Tom Okafor", "Add spend")
    assert view.dataflows == ("marketing",)
    assert (spend.owner, spend.summary) == ("growth", "Spend.")
    assert spend.users == ("features.spend:ratio",)


def test_the_last_change_of_a_feature_is_that_of_its_newest_variant(rows):
    rows.commit("First")
    rows.define("holidays", variant="holidays__uk", condition='region = "UK"')
    rows.define("holidays", variant="holidays__us", condition='region = "US"', type="list")
    rows.commit("Second")
    rows.define("holidays", ["days"], variant="holidays__uk", condition='region = "UK"')

    view = get_feature(rows.moment(1), "holidays")

    assert [v.name for v in view.variants] == ["holidays__uk", "holidays__us"]
    assert view.type == "pandas.Series | list"
    assert view.commit.subject == "Second"


def test_a_feature_is_shown_as_of_a_commit(rows):
    rows.commit()
    rows.define("spend", doc="Old.")
    rows.commit()
    rows.define("spend", doc="New.")
    rows.commit()
    rows.remove("spend")

    assert get_feature(rows.moment(0), "spend").summary == "Old."
    assert get_feature(rows.moment(1), "spend").summary == "New."
    with pytest.raises(NotFound):
        get_feature(rows.moment(2), "spend")


def test_a_name_of_two_modules_is_ambiguous_and_tells_both(rows):
    rows.commit()
    rows.define("spend", module="uk")
    rows.define("spend", module="us")

    with pytest.raises(AmbiguousName, match=r"uk:spend\n  us:spend") as caught:
        get_feature(rows.moment(0), "spend")

    assert caught.value.candidates == ("uk:spend", "us:spend")
    assert get_feature(rows.moment(0), "us:spend").module == "us"
    assert get_feature(rows.moment(0), "shop:us:spend").module == "us"


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("\x00", "No feature"),
        ("spned", "Did you mean 'spend'"),
        ("wrong:spend", "There is features.spend:spend"),
    ],
)
def test_a_feature_that_is_not_there_is_told_with_the_nearest(rows, asked, told):
    rows.commit()
    rows.define("spend")

    with pytest.raises(NotFound, match=told):
        get_feature(rows.moment(0), asked)


def test_an_input_that_is_asked_for_like_a_feature_is_told(rows):
    rows.commit()
    rows.define("spend", needs=["budget"])
    rows.dataflow("main", ["features.spend"])

    with pytest.raises(NotFound, match="There is the external input 'input:budget'"):
        get_feature(rows.moment(0), "budget")


def test_modules_are_listed_with_how_many_features_they_have_variants_not_counted(rows):
    rows.commit()
    spend = rows.define("spend")
    rows.define("avg", variant="avg__uk")
    rows.define("avg", variant="avg__us")
    rows.place("features.spend", "features/spend.py", (spend, 1, 2))

    assert list_modules(rows.moment()) == [ModuleRow("features.spend", "features/spend.py", 2)]


def test_the_home_page_counts_what_is_there_at_the_head(rows):
    CatalogRows(rows.session, "empty")
    rows.commit()
    rows.define("old")
    rows.define("spend", variant="spend__uk")
    rows.define("spend", variant="spend__us")
    rows.dataflow("marketing", ["features.spend"])
    head = rows.commit()
    rows.remove("old")

    empty, shop = list_repositories(rows.session)

    assert (empty.name, empty.features, empty.head) == ("empty", 0, None)
    assert (shop.features, shop.dataflows, shop.commits) == (1, 1, 2)
    assert shop.head is not None
    assert shop.head.sha == head
    assert [flow.modules for flow in rows.moment().snapshot.dataflows] == [("features.spend",)]
    assert count_by_module(rows.session) == {"shop": {"features.spend": 1}}


def test_a_feature_finds_its_repository_where_only_one_has_it(rows):
    rows.commit()
    rows.define("spend")
    other = CatalogRows(rows.session, "other")
    other.commit()
    other.define("signups")

    assert find_repository(rows.session, "signups") == "other"
    assert find_repository(rows.session, "nothing") is None
    other.define("spend")
    with pytest.raises(AmbiguousName, match=r"other:features\.spend:spend\n  shop:features\.spend:spend"):
        find_repository(rows.session, "spend")
