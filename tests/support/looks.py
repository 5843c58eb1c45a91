"""What every page is held to: axe finds nothing in either theme, and a phone need not scroll sideways."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["ONLY_WRONG", "look_over"]

# For axe: to tell of each node what is right with it, too, took a quarter of the time.
ONLY_WRONG = {"resultTypes": ["violations"]}


def look_over(page: "Page", *addresses: str) -> None:
    """Let axe look at some pages, or the one that is open, and see that a phone need not scroll sideways."""
    from axe_playwright_python.sync_playwright import Axe  # which imports Playwright, and takes its time

    for address in addresses or (None,):
        if address:
            page.goto(address)
        for details in page.locator("details").all():
            details.evaluate("element => { element.open = true }")
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            # No rule that is on reads style sheets by itself, and a page from a folder may not.
            result = Axe().run(page, options={**ONLY_WRONG, "preload": False})
            assert result.violations_count == 0, f"{theme}: {result.generate_report()}"
        page.set_viewport_size({"width": 390, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.set_viewport_size({"width": 1280, "height": 800})
