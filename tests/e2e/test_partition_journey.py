"""The partitions of a dataflow in a browser: found, narrowed down, computed and followed."""

import re

import pytest
from playwright.sync_api import Page, expect

from support.looks import look_over

_LONG = 60_000  # milliseconds that runs may take on a busy machine


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_some_partitions_are_computed_and_followed_until_they_are_fresh(
    browser, daily_shop: str, scripts: bool
):
    with browser.new_context(java_script_enabled=scripts) as context:
        page = context.new_page()
        page.goto(f"{daily_shop}/r/shop/d/daily")
        page.get_by_role("link", name="Which are missing or stale").click()
        page.get_by_label("To", exact=True).fill("2026-01-02")
        page.get_by_role("button", name="Show").click()
        expect(page.get_by_text("Missing or stale: 2")).to_be_visible()
        page.get_by_role("button", name="Compute").click()
        expect(page).to_have_url(re.compile("state=underway$"))
        if scripts:
            expect(page.locator("#state-fresh")).to_have_text("fresh 2", timeout=_LONG)
            expect(page.get_by_text("None is underway.")).to_be_visible()
            expect(page.get_by_text("Missing or stale: 0")).to_be_visible()
            expect(page.get_by_text("All, also the fresh ones: 2")).to_be_visible()


def test_the_page_of_partitions_is_for_everybody(page: Page, daily_shop: str):
    address = f"{daily_shop}/r/shop/partitions?dataflow=daily"
    flow = f"{daily_shop}/r/shop/d/daily"
    look_over(page, flow, address, f"{address}&state=fresh", f"{address}&since=2030-01-01")
