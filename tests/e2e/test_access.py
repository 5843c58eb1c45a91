"""Pages are for everybody: checked by axe in both themes, at the width of a phone, and on paper."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

_FEATURE = "/r/demo/f/features.signups:spend_per_signup"
_PAGES = (
    "/",
    "/search?q=spend",
    "/search?q=nothinglikethis",
    "/search?q=ownr:x",
    _FEATURE,
    f"{_FEATURE}?at=v1.0",
    "/r/demo/f/holidays",
    "/r/demo/lineage?focus=features.signups:spend_per_signup&up=10&down=10",
    "/r/demo/c/v1.0",
    "/runs",
    "/runs/1",
    "/nowhere",
)


@pytest.mark.parametrize("path", _PAGES)
def test_axe_finds_nothing(page: Page, site: str, path: str):
    page.goto(site + path)
    for details in page.locator("details").all():
        details.evaluate("element => { element.open = true }")

    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        result = Axe().run(page)
        assert result.violations_count == 0, f"{theme}: {result.generate_report()}"


def test_axe_finds_nothing_in_the_hits_below_the_box(page: Page, site: str):
    page.goto(site)
    page.get_by_role("searchbox").fill("spend")
    page.locator("#quick [data-hit]").first.wait_for()

    result = Axe().run(page)

    assert result.violations_count == 0, result.generate_report()


def test_a_phone_need_not_scroll_sideways(page: Page, site: str):
    page.set_viewport_size({"width": 390, "height": 844})
    widths = {}
    for path in _PAGES:
        page.goto(site + path)
        widths[path] = page.evaluate("document.documentElement.scrollWidth")

    assert {path: width for path, width in widths.items() if width > 390} == {}


def test_the_keyboard_reaches_the_content_by_one_step(page: Page, site: str):
    page.goto(site)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    assert page.evaluate("document.activeElement.id") == "main"
