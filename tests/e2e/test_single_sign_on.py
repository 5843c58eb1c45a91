"""Logging in by OpenID Connect in a browser, which is led to another site and back."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from headwater_catalog.accounts import Role
from headwater_catalog.accounts.people import create_account, set_role
from headwater_catalog.oidc_settings import OidcSettings
from headwater_catalog.store.database import Database
from headwater_web.app import create_app
from support.demo_catalog import settings_in
from support.looks import ONLY_WRONG
from support.oidc_provider import CLIENT, SECRET, Provider, provider
from support.served import served


@pytest.fixture
def others() -> Iterator[Provider]:
    """Give a provider that is another site to a browser than the catalog."""
    with provider("localhost") as others:
        yield others


@pytest.fixture
def site(others: Provider, tmp_path: Path, sqlite_catalog_url: str) -> Iterator[str]:
    oidc = OidcSettings(others.issuer, CLIENT, SECRET, "Log in by Shop", ("groups", "data"), "groups", {})
    settings = replace(settings_in(tmp_path / "home", sqlite_catalog_url), auth="accounts", oidc=oidc)
    database = Database(settings.database_url)
    with database.write() as session:
        ada = create_account(session, "ada", "seven quiet lanterns", ("ada", ""), 0)
        set_role(session, ada, Role.ADMINISTRATOR, None, ("ada", ""), 0)
    with served(create_app(settings, database)) as url:
        yield url
    database.dispose()


def test_somebody_logs_in_over_there_and_comes_back_to_where_they_were(
    page: Page, site: str, others: Provider
):
    page.goto(f"{site}/account")
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        result = Axe().run(page, options=ONLY_WRONG)
        assert result.violations_count == 0, f"{theme}: {result.generate_report()}"
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("link", name="Log in by Shop").click()
    expect(page.get_by_role("alert")).to_contain_text("not as somebody who may use this catalog")

    others.person["groups"] = ["data"]
    page.get_by_role("link", name="Log in by Shop").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("bo")
    assert page.url == f"{site}/account"
