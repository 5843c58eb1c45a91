"""From a commit to what changed since, to a module and to a dataflow, in a real browser."""

import re

from playwright.sync_api import Page, expect


def test_two_commits_are_compared_swapped_and_filtered(page: Page, site: str):
    page.goto(f"{site}/r/demo")
    page.get_by_role("link", name="Compare").click()
    page.get_by_label("From").fill("v1.0")
    page.get_by_label("To", exact=True).fill("main")
    page.get_by_role("button", name="Compare").click()
    expect(page).to_have_url(re.compile(r"a=v1\.0&b=main"))
    page.get_by_role("navigation", name="Kinds of change").get_by_role("link", name="moved 8").click()
    expect(page.locator(".change")).to_have_count(8)

    page.get_by_role("link", name="Swap").click()
    expect(page.get_by_label("From")).to_have_value("main")
    expect(page.get_by_label("To", exact=True)).to_have_value("v1.0")
    expect(page.locator(".change .diff").first).to_be_visible()


def test_a_commit_of_the_list_tells_what_it_reaches_once_it_is_open(page: Page, site: str):
    page.goto(f"{site}/r/demo/timeline")
    page.get_by_role("link", name="Hash the contact key").click()
    reach = page.locator("#reach")

    expect(reach.get_by_role("link", name="features.audiences:newsletter_audience")).to_be_visible()
    reach.get_by_role("link", name="Open comparison").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What changed")


def test_the_list_of_commits_follows_its_filter(page: Page, site: str):
    page.goto(f"{site}/r/demo/timeline")
    page.get_by_label("Author").select_option("Ravi Menon")

    expect(page).to_have_url(re.compile("author=Ravi"))
    expect(page.locator(".log .who").first).to_contain_text("Ravi Menon")


def test_without_scripts_a_commit_leads_to_what_it_reaches(browser, site: str):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{site}/r/demo/c/main~9")
        page.get_by_role("link", name="Compare with its parent").click()
        expect(page.get_by_text("1 feature changed in meaning")).to_be_visible()
        page.get_by_role("link", name="features.audiences").first.click()
        expect(page.get_by_role("heading", level=1)).to_have_text("features.audiences")
