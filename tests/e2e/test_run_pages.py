"""The pages of runs, datasets and audits in a browser: followed, cancelled, and fit for everybody."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from headwater_catalog import datasets
from headwater_catalog.stamps import SIDECAR
from support.looks import look_over
from support.run_catalog import Catalog

_LONG = 60_000  # milliseconds that a run may take on a busy machine
_ENDLESS = "/r/shop/run?output=waiting&dataflow=traps"


def _send(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page).to_have_url(re.compile(r"/runs/\d+$"))


def _ends(page: Page, state: str) -> None:
    expect(page.get_by_role("status").filter(has_text=state)).to_be_visible(timeout=_LONG)


def test_a_run_is_followed_and_cancelled_by_the_keyboard_alone(page: Page, shop: tuple[Catalog, str]):
    _, site = shop
    page.goto(site + _ENDLESS)
    page.get_by_role("button", name="Run", exact=True).focus()
    page.keyboard.press("Enter")
    _ends(page, "running")
    page.get_by_role("button", name="Cancel it").focus()
    for _ in range(2):  # while it is followed, the page is drawn anew
        with page.expect_response(re.compile(r"/runs/\d+/state$")):
            pass
    page.wait_for_timeout(200)
    expect(page.get_by_role("button", name="Cancel it")).to_be_focused()
    page.keyboard.press("Enter")

    _ends(page, "cancelled")
    expect(page.get_by_role("alert")).to_contain_text("Cancelled by")
    expect(page.get_by_role("button", name="Cancel it")).to_have_count(0)


def test_without_scripts_a_run_is_followed_and_cancelled(browser, shop: tuple[Catalog, str]):
    _, site = shop
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        _send(page, site + _ENDLESS)
        _ends(page, "running")  # the page loads itself anew
        page.get_by_role("button", name="Cancel it").click()
        _ends(page, "cancelled")


@pytest.mark.slow
def test_the_pages_of_runs_datasets_and_audits_are_for_everybody(
    page: Page, shop: tuple[Catalog, str], tmp_path: Path
):
    catalog, site = shop
    page.emulate_media(reduced_motion="reduce")
    _send(page, site + _ENDLESS)
    _ends(page, "running")
    look_over(page)
    page.get_by_role("button", name="Cancel it").click()
    _ends(page, "cancelled")
    look_over(page)
    _send(page, f"{site}/r/shop/run?output=broken&dataflow=traps&inputs=x%3D1")
    _ends(page, "failed")
    expect(page.get_by_role("alert")).to_contain_text("division by zero")
    look_over(page)

    _send(page, f"{site}/r/shop/run?output=spend_per_signup%20scaled&dataflow=marketing&save=csv")
    _ends(page, "succeeded")
    first = int(page.url.rpartition("/")[2])
    _send(page, f"{site}/r/shop/run?output=spend_per_signup&config.region=US&sample=1&dataflow=marketing")
    _ends(page, "succeeded")
    second = int(page.url.rpartition("/")[2])
    page.goto(f"{site}/datasets/shop/marketing")
    page.get_by_role("button", name="Make it again").click()
    expect(page.locator("#again").get_by_text("identical")).to_be_visible(timeout=_LONG)
    look_over(page)
    look_over(page, f"{site}/runs/{first}", f"{site}/runs/compare?a={first}&b={second}")

    version = catalog.version(catalog.get(first))
    assert version is not None
    saved = datasets.file_of(catalog.settings, version)
    changed = tmp_path / "mine.csv"
    changed.write_text(saved.read_text().replace(",20\n", ",21\n"))
    page.goto(f"{site}/audit")
    page.get_by_label("File", exact=True).set_input_files(changed)
    page.get_by_label("Its stamp").set_input_files(saved.with_name(saved.name + SIDECAR))
    page.get_by_label("Also read the data").check()
    page.get_by_role("button", name="Look", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Other values: scaled")
    look_over(page)
    page.get_by_label("File", exact=True).set_input_files(__file__)
    page.get_by_role("button", name="Look", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("This is nothing that Headwater has saved")
    look_over(page)
