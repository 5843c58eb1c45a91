"""Somebody's way, in a real browser: from a search to a subscription, and to what one has told."""

from playwright.sync_api import Page, expect

from support.looks import look_over


def test_from_a_search_to_a_subscription_and_to_what_another_one_told(page: Page, site: str):
    page.goto(f"{site}/search?q=owner:growth")
    page.get_by_role("link", name="Save or subscribe").click()
    look_over(page)
    page.get_by_label("Name").fill("Of growth")
    page.get_by_label("as a feed").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").first).to_contain_text("The address of the feed, shown this once")
    look_over(page)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Of growth")
    expect(page.get_by_role("main")).to_contain_text("Paused just now")
    page.get_by_role("navigation", name="Breadcrumb").get_by_role("link", name="subscriptions").click()
    expect(page.get_by_role("row").filter(has_text="Of growth")).to_contain_text("paused")
    look_over(page)
    page.get_by_role("link", name="Personal data of the demo").click()
    page.get_by_role("link", name="2 came").click()
    expect(page.get_by_role("row").filter(has_text="is_adult")).to_contain_text(
        "Count age in completed years"
    )
    look_over(page)
