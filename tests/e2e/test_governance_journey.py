"""A steward's way, in a real browser: from what is wrong to the commit that brought it, and the one that ended it."""

import re

from playwright.sync_api import Page, expect

from support.looks import look_over


def test_from_governance_to_the_commit_that_leaked_and_the_one_that_hashed(page: Page, site: str):
    page.goto(site)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Governance").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Governance")
    look_over(page)
    page.get_by_role("link", name="policies").click()
    look_over(page)
    page.get_by_role("region", name="no-personal-audiences").get_by_role("link", name="2 cleared").click()
    row = page.get_by_role("row").filter(has_text="newsletter_audience")
    expect(row).to_contain_text("By way of email_normalized → contact_key → newsletter_audience")
    look_over(page)
    page.get_by_role("row").filter(has_text="newsletter_audience").get_by_role(
        "link", name=re.compile("^[0-9a-f]{8}$")
    ).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Export an audience for the newsletter")
    told = page.locator("#governance")
    expect(told).to_contain_text("3 rises, 0 fallen, 2 new findings, 0 cleared")
    expect(told).to_contain_text("as contact_key is new")
    look_over(page)

    page.go_back()
    page.get_by_role("row").filter(has_text="newsletter_audience").get_by_role(
        "link", name=re.compile("^[0-9a-f]{8}$")
    ).last.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Hash the contact key")
    expect(page.locator("#governance")).to_contain_text("0 new findings, 2 cleared")
