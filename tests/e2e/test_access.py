"""Pages are for everybody: checked by axe in both themes, at the width of a phone, and on paper."""

from itertools import filterfalse

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from support.looks import ONLY_WRONG
from support.slow import slow

_FEATURE = "/r/demo/f/features.signups:spend_per_signup"
_PAGES = (
    "/",
    "/r/demo",
    "/r/demo?at=v1.0",
    "/search?q=spend",
    "/search?q=spend&sort=used",
    "/search?q=nothinglikethis",
    "/search?q=ownr:x",
    _FEATURE,
    f"{_FEATURE}?at=v1.0",
    "/r/demo/f/holidays",
    "/r/demo/lineage?focus=features.signups:spend_per_signup&up=10&down=10",
    "/r/demo/lineage?focus=input:spend&up=0&down=0",
    "/r/demo/lineage?focus=segment&group=module&lens=owner&node=:up:features.orders",
    "/r/demo/lineage?focus=segment&to=input:order_value&lens=classification:pii",
    "/r/demo/map",
    "/r/demo/map?lens=classification:pii&node=features.segments:segment",
    "/r/demo/c/v1.0",
    "/repos",
    "/jobs",
    "/operations",
    "/r/demo/c/main~10%5E2",
    "/r/demo/compare",
    "/r/demo/compare?a=v1.0&b=main",
    "/r/demo/compare?a=main~3&b=main&class=moved",
    "/r/demo/timeline",
    "/r/demo/m/features.customers",
    "/r/demo/d/marketing",
    "/r/demo/d/customers?at=v1.0",
    "/runs",
    "/runs?state=failed&days=7",
    "/repos?only=problems",
    "/runs/1",
    "/runs/compare?a=1&b=1",
    "/r/demo/run",
    "/r/demo/run?dataflow=customers&at=v1.0",
    "/r/demo/run?output=nothing_like_it",
    "/r/demo/run?at=nowhere",
    "/datasets",
    "/datasets?stale=yes",
    "/datasets/demo/marketing",
    "/r/demo/suggestions?at=v1.0",
    "/audit",
    "/api/v1/docs",
    "/nowhere",
)


_LONG = {"/api/v1/docs", "/runs/1"}  # a quarter of a minute each


def _takes_long(path: str) -> bool:
    """Tell what is for the slow tests: pages that take long, or are there in another state, too."""
    return path in _LONG or "?" in path


@pytest.mark.parametrize("path", [*filterfalse(_takes_long, _PAGES), *slow(*filter(_takes_long, _PAGES))])
def test_axe_finds_nothing(page: Page, site: str, path: str):
    page.goto(site + path)
    for details in page.locator("details").all():
        details.evaluate("element => { element.open = true }")

    # A theme is nothing but colours: once all is checked, the other needs what looks at these.
    for theme, options in (("light", {}), ("dark", {"runOnly": ["color-contrast", "link-in-text-block"]})):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        result = Axe().run(page, options={**ONLY_WRONG, **options})
        assert result.violations_count == 0, f"{theme}: {result.generate_report()}"


def test_axe_finds_nothing_in_the_hits_below_the_box(page: Page, site: str):
    page.goto(site)
    page.get_by_role("searchbox").fill("spend")
    page.locator("#quick [data-hit]").first.wait_for()

    result = Axe().run(page, options=ONLY_WRONG)

    assert result.violations_count == 0, result.generate_report()


def test_a_phone_need_not_scroll_sideways(page: Page, site: str):
    page.set_viewport_size({"width": 390, "height": 844})
    widths = {}
    for path in _PAGES:
        page.goto(site + path)
        widths[path] = page.evaluate("document.documentElement.scrollWidth")

    assert {path: width for path, width in widths.items() if width > 390} == {}


def test_the_text_of_a_drawing_stays_inside_its_boxes(page: Page, site: str):
    for depth in (0, 1, 10):
        page.goto(f"{site}/r/demo/lineage?focus=input:spend&up={depth}&down={depth}")
        room = page.locator(".graph a").evaluate_all(
            """boxes => boxes.flatMap(box => [...box.querySelectorAll("text")].map(
                text => box.querySelector("rect").getBBox().width - text.getBBox().width))"""
        )
        assert room and min(room) > 4


def test_a_table_that_scrolls_sideways_shows_that_there_is_more(page: Page, site: str):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{site}/runs")
    frame = page.get_by_role("region", name="Runs")

    assert frame.evaluate("frame => frame.scrollWidth > frame.clientWidth")
    assert "scroll" in frame.evaluate("frame => getComputedStyle(frame).backgroundAttachment")


def test_the_keyboard_reaches_the_content_by_one_step(page: Page, site: str):
    page.goto(site)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    assert page.evaluate("document.activeElement.id") == "main"
