"""The page of a feature says whom to ask, what it does to tables, and who brought it behind a merge."""

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from headwater_catalog.repositories import add_repository
from headwater_catalog.scan import scan
from headwater_web.app import create_app
from support.demo_catalog import settings_in
from support.empty_catalog import empty_catalog
from support.git_repo import GitRepo

SPEND = """\
import pandas as pd
from headwater import external_input


@external_input
def orders() -> pd.DataFrame:
    "Everything that was ordered."


def spend(orders: pd.DataFrame) -> pd.Series:
    orders["net"] = orders["gross"] * 0.8
    return orders["net"]
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    """Give a client of a catalog of a repository with a merge and owners that came late."""
    folder = tmp_path_factory.mktemp("shop")
    origin = GitRepo(folder / "origin")
    origin.commit("Begin", files={"README.md": "1"}, author="Maya <maya@example.com>")
    origin.branch("side")
    origin.commit("Write", files={"p/spend.py": SPEND}, author="Jonas <jonas@example.com>")
    origin.checkout("main")
    origin.merge("side", "Merge side", author="Maya <maya@example.com>")
    origin.tag("before")
    origin.commit("Own", files={"CODEOWNERS": "p/ @data @maya\n"})
    settings = settings_in(folder / "home")
    database = empty_catalog(settings.database_url)
    with database.write() as session:
        add_repository(session, "shop", str(origin.path), now=0)
    scan(database, settings, "shop")
    yield create_app(settings, database).test_client()
    database.dispose()


def test_owners_are_named_with_what_says_so_and_lead_to_what_else_is_theirs(shop: FlaskClient):
    html = shop.get("/r/shop/f/p.spend:spend").text

    assert "Named by CODEOWNERS:1" in html
    assert "@data, @maya" in html
    assert "q=owner:@maya" in html


def test_before_there_were_owners_the_authors_are_named(shop: FlaskClient):
    html = shop.get("/r/shop/f/p.spend:spend?at=before").text

    assert "Named by" not in html
    assert "written by Jonas" in html
    assert "Jonas may know." in html
    assert "jonas@example.com" not in html


def test_who_brought_a_definition_is_named_beside_the_merge(shop: FlaskClient):
    html = shop.get("/r/shop/f/p.spend:spend").text

    assert "by Jonas in " in html
    assert ", merged in " in html


def test_columns_that_no_signature_declares_are_flagged(shop: FlaskClient):
    html = shop.get("/r/shop/f/p.spend:spend").text

    section = html[html.index("Undeclared columns") :]
    assert section.index("orders[&#34;gross&#34;]") < section.index("reads")
    assert section.index("orders[&#34;net&#34;]") < section.index("writes")


def test_a_declared_input_says_what_it_means(shop: FlaskClient):
    assert 'title="Everything that was ordered."' in shop.get("/r/shop/f/p.spend:spend").text
