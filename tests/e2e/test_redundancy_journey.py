"""A steward's way, in a real browser: from the numbers of what could go to their lists, and along the data."""

from playwright.sync_api import Page, expect

from support.looks import look_over


def test_from_the_numbers_to_what_nothing_needs_and_how_far_data_goes(page: Page, site: str):
    page.goto(f"{site}/governance")
    figure = page.locator("dl.figures div").filter(has_text="dead for 90 days").get_by_role("link")
    count = int(figure.inner_text())
    figure.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Dead features")
    expect(page.get_by_role("row")).to_have_count(count + 1)
    look_over(page)
    page.get_by_label("Days", exact=True).fill("45")
    page.get_by_role("button", name="Show").click()
    expect(page).to_have_url(f"{site}/dead?days=45")
    expect(page.get_by_text("for 45 days")).to_be_visible()

    page.goto(f"{site}/duplicates")
    look_over(page)
    page.goto(f"{site}/deprecated")
    look_over(page)

    page.goto(f"{site}/governance")
    page.get_by_role("link", name="data/customers.csv or data/orders.csv").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "Reach of data/customers.csv or data/orders.csv"
    )
    look_over(page)
    page.get_by_role("link", name="Whatever its classification").click()
    page.get_by_role("region", name="Features").get_by_role("link", name="email_normalized").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("email_normalized")
