"""Logging in and managing accounts, as people do it in a browser."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from headwater_catalog.accounts.setup import setup_code
from headwater_catalog.repositories import add_repository
from headwater_catalog.scan import scan
from headwater_web.app import create_app
from support.demo_catalog import settings_in
from support.empty_catalog import empty_catalog
from support.git_repo import GitRepo
from support.looks import look_over
from support.served import served

_PASSWORD = "seven quiet lanterns"
_SOURCE = "import pandas as pd\n\n\ndef sales(raw: pd.Series) -> pd.Series:\n    return raw\n"


@pytest.fixture(scope="module")
def closed_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Give the address of a catalog with accounts and none made yet, and the code for the first."""
    folder = tmp_path_factory.mktemp("closed")
    settings = replace(settings_in(folder / "home"), auth="accounts")
    database = empty_catalog(settings.database_url)
    git_repo = GitRepo(folder / "shop")
    git_repo.commit("Count sales", files={"features/sales.py": _SOURCE})
    with database.write() as session:
        add_repository(session, "shop", str(git_repo.path), 0)
    scan(database, settings, "shop")
    with served(create_app(settings, database)) as url:
        yield url, setup_code(settings)
    database.dispose()


@pytest.mark.usefixtures("browser")
def test_people_make_accounts_log_in_and_get_back_to_where_they_were(page: Page, closed_site):
    site, code = closed_site
    page.goto(f"{site}/setup?code={code}")
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill(_PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    page.get_by_role("link", name="Accounts").click()
    page.locator("#name").fill("vera")
    page.locator("#password").fill(_PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    vera = page.get_by_role("region", name="Account vera")
    vera.get_by_text("Change").click()
    vera.get_by_label("Role").select_option("viewer")
    vera.get_by_label("In").select_option("shop")
    vera.get_by_role("button", name="Set the role").click()
    expect(page.get_by_role("region", name="Account vera")).to_contain_text("viewer in shop")
    look_over(page, f"{site}/accounts", f"{site}/events", f"{site}/repos")
    page.get_by_role("link", name="ada", exact=True).first.click()
    page.get_by_role("button", name="Log out", exact=True).click()

    page.goto(f"{site}/r/shop/f/features.sales:sales")
    page.get_by_label("Name").fill("vera")
    page.get_by_label("Password").fill("not this one")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("not right")
    look_over(page)
    page.get_by_label("Password").fill(_PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("sales")
    assert page.url == f"{site}/r/shop/f/features.sales:sales"
    page.get_by_role("link", name="vera").click()
    page.get_by_label("What it is for").fill("nightly report")
    page.get_by_role("button", name="Make a token").click()
    expect(page.get_by_role("status")).to_contain_text("hw_")
    expect(page.get_by_role("region", name="Tokens")).to_contain_text("nightly report")
    look_over(page)
