"""From a change of a feature to what it did to the numbers, in a real browser."""

import re

import pytest
from playwright.sync_api import Page, expect

from support.looks import look_over

_FORM = "/r/demo/run?output=features.customers:email_domain&at=main&before=v1.0"


@pytest.mark.slow
def test_from_a_comparison_to_the_values_and_the_rows_that_differ(page: Page, site: str):
    page.goto(f"{site}/r/demo/compare?a=v1.0&b=main&class=logic")
    page.get_by_role("link", name="Compare the values of features.customers:tenure_days").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Compare values")
    look_over(page)
    page.get_by_label("First rows of each source").fill("40")
    page.get_by_role("button", name="Run both, and compare").click()
    expect(page).to_have_url(re.compile(r"/runs/compare\?a=\d+&b=\d+$"))

    expect(page.get_by_role("status").filter(has_text="differs")).to_be_visible(timeout=90_000)
    expect(page.get_by_text("40 rows in both, matched by customer_id")).to_be_visible()
    expect(page.get_by_role("region", name="Rows that differ").get_by_role("row")).to_have_count(41)
    histograms = page.get_by_role("img", name=re.compile("^Histograms from"))
    expect(histograms).to_be_visible()
    expect(histograms.locator("rect")).to_have_count(24)

    look_over(page)


def test_values_are_compared_without_javascript(browser, site: str):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(site + _FORM)
        page.get_by_role("button", name="Run both, and compare").click()

        expect(page.get_by_text("identical", exact=True)).to_be_visible(timeout=90_000)
        expect(page.get_by_text("mail.example")).to_be_visible()
