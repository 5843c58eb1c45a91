"""An exported site in a real browser, straight from its folder: no server is anywhere."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from headwater_catalog.artefact.origin import origin_in
from headwater_catalog.demo import init_demo
from headwater_web.site.writing import export_site
from support.looks import look_over


@pytest.fixture(scope="module")
def folder(browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the demo as a folder of pages, under a name that an address has to quote."""
    made = tmp_path_factory.mktemp("exported")
    init_demo(made / "demo")
    export_site(origin_in(made / "demo", None), made / "a site #1")
    return made / "a site #1"


def test_from_the_first_page_to_a_feature_and_its_lineage(page: Page, folder: Path):
    page.goto((folder / "index.html").as_uri())
    expect(page.get_by_role("heading", level=1)).to_have_text("demo")
    look_over(page)
    page.get_by_role("link", name="features.audiences", exact=True).last.click()
    page.get_by_role("link", name="newsletter_audience").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("newsletter_audience")
    look_over(page)
    page.get_by_role("link", name="Open lineage").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("newsletter_audience")
    look_over(page)
    page.locator("svg a", has_text="contact_key").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("contact_key")
    page.get_by_role("link", name="Open feature").click()
    expect(page.locator("#source")).to_be_visible()
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Governance").click()
    look_over(page)
    page.get_by_role("link", name="policies").click()
    look_over(page)
    page.get_by_role("link", name="now").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Findings")
    look_over(page)


def test_it_searches_without_a_server(page: Page, folder: Path):
    page.goto((folder / "features" / "features.spend" / "spend_net.html").as_uri())
    page.keyboard.press("/")
    page.keyboard.type("newsletter")
    expect(page.locator("#quick [data-hit]").first).to_contain_text("newsletter_audience")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("newsletter_audience")

    page.keyboard.press("/")
    page.keyboard.type("spend mean")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("features found for “spend mean”")
    expect(page.locator(".hits a").first).to_have_text("spend_mean")
    look_over(page)
    page.locator(".hits a").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("spend_mean")


def test_it_keeps_the_theme(page: Page, folder: Path):
    page.goto((folder / "index.html").as_uri())
    page.get_by_role("button", name="Switch between light and dark").click()
    theme = page.locator("html").get_attribute("data-theme")
    page.get_by_role("link", name="features.spend", exact=True).last.click()

    expect(page.locator("html")).to_have_attribute("data-theme", theme or "none")


def test_without_scripts_the_box_leads_to_where_the_lists_are(browser: Browser, folder: Path):
    quiet = browser.new_context(java_script_enabled=False)
    try:
        page = quiet.new_page()
        page.goto((folder / "index.html").as_uri())
        page.get_by_role("searchbox").fill("spend")
        page.get_by_role("searchbox").press("Enter")
        page.get_by_role("link", name="all features stand in a list").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("All features")
        names = page.locator(".hit__name a").all_inner_texts()
    finally:
        quiet.close()

    assert len(names) > 50
    assert names == sorted(names)
