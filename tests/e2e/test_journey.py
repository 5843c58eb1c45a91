"""The whole way through the catalog, in a real browser."""

import re

from playwright.sync_api import Page, expect


def test_from_a_search_to_numbers(page: Page, site: str):
    page.goto(site)
    page.get_by_role("searchbox").fill("spend")
    page.get_by_role("searchbox").press("Enter")
    hits = page.locator("[data-hit]")
    expect(hits.first).to_be_visible()
    feature = hits.first.inner_text()
    hits.first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(feature)

    page.get_by_role("link", name="Open lineage").click()
    expect(page).to_have_url(re.compile("/lineage"))
    parent = page.get_by_role("region", name="Graph").get_by_role("link", name="spend: pandas.Series")
    parent.click()
    page.get_by_role("link", name="Focus").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("spend")

    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text(feature)
    page.get_by_role("link", name="Open feature").click()
    page.get_by_role("link", name="Run", exact=True).click()
    page.get_by_role("button", name="Run").click()
    expect(page).to_have_url(re.compile(r"/runs/\d+$"))
    expect(page.get_by_role("status").filter(has_text="succeeded")).to_be_visible(timeout=60_000)
    expect(page.locator("table.values td").filter(has_text=re.compile(r"^\d+\.\d+$")).first).to_be_visible()


def test_hits_appear_while_typing_and_the_keyboard_walks_them(page: Page, site: str):
    page.goto(f"{site}/runs")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("spend_per_sig")
    first = page.locator("#quick [data-hit]").first
    expect(first).to_contain_text("spend_per_signup")
    page.keyboard.press("ArrowDown")
    expect(first).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")

    expect(page).to_have_url(re.compile("/f/features.signups:spend_per_signup$"))


def test_escape_closes_the_hits_and_then_leaves_the_box(page: Page, site: str):
    page.goto(site)
    page.keyboard.press("Control+k")
    page.keyboard.type("spend")
    expect(page.locator("#quick [data-hit]").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#quick [data-hit]")).to_have_count(0)
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.press("Escape")

    expect(page.get_by_role("searchbox")).not_to_be_focused()


def test_the_search_page_follows_the_box_and_the_address_follows_both(page: Page, site: str):
    page.goto(f"{site}/search")
    page.get_by_role("searchbox").fill("height")
    expect(page.locator("[data-hit]").first).to_contain_text("height")
    expect(page).to_have_url(re.compile("q=height"))
    page.go_back()

    expect(page.get_by_role("heading", level=1)).to_have_text("All features")


def test_the_theme_is_kept(page: Page, site: str):
    page.emulate_media(color_scheme="light")
    page.goto(site)
    page.get_by_role("button", name="Switch between light and dark").click()
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.goto(f"{site}/search")

    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"


def test_pages_read_without_javascript(browser, site: str):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{site}/search?q=spend_per_signup")
        page.locator("[data-hit]").first.click()
        expect(page.get_by_role("heading", level=1)).to_have_text("spend_per_signup")
        page.get_by_role("link", name="Run", exact=True).click()
        page.get_by_role("button", name="Run").click()
        expect(page.get_by_text("succeeded")).to_be_visible(timeout=60_000)


def test_a_column_taken_out_of_a_table_needs_the_table_and_not_itself(page: Page, site: str):
    page.goto(f"{site}/r/demo/f/features.channels:radio_share")

    expect(page.locator("pre.signature")).to_have_text(re.compile(r"^radio_share\(channel_shares"))
