"""A steward's way, in a real browser: from what is not covered to its list, and to the commits that made it so."""

import re

import pytest
from playwright.sync_api import Page, expect

from support.looks import look_over


@pytest.mark.slow
def test_from_the_overview_to_what_is_not_covered_and_where_logic_came_from(page: Page, site: str):
    page.goto(f"{site}/governance")
    page.get_by_role("link", name="Coverage over time").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Coverage")
    expect(page.get_by_role("img", name=re.compile("Shares over time"))).to_be_visible()
    look_over(page)
    page.get_by_role("region", name="By module").get_by_role("link", name="features.spend").click()
    expect(page.locator(".lead")).to_contain_text("features.spend with all that is in it: 9 features")
    look_over(page)
    page.locator(".figures").get_by_role("link", name="7 without tests").click()
    expect(page).to_have_url(re.compile("-has:test"))

    page.goto(f"{site}/governance")
    page.locator("#upkeep ~ *, .figures").get_by_role("link", name="1", exact=True).click()
    expect(page.get_by_role("row").filter(has_text="signup_rate")).to_contain_text("Maya Lindqvist")
    look_over(page)
    page.goto(f"{site}/governance/origins?lacks=all")
    expect(page.get_by_role("row").filter(has_text="main_channel")).to_contain_text(
        "merged by Maya Lindqvist"
    )
    look_over(page)
