"""A steward's way, in a real browser: from a column to the plan, the erasing, and the record."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from headwater_catalog.settings import Settings
from support.looks import look_over


@pytest.mark.slow
def test_from_a_column_to_the_record_of_its_erasure(
    page: Page, moving_demo: tuple[Settings, str], tmp_path: Path
):
    _, address = moving_demo
    page.goto(address)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Governance").click()
    page.get_by_role("link", name="erasure", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Erasure")
    look_over(page)
    page.get_by_label("Columns").fill("spend")
    page.get_by_label("Reference").fill("DSR-2026-17")
    page.get_by_role("button", name="Make the plan").click()
    expect(page.get_by_text("planned", exact=True)).to_be_visible(timeout=60_000)
    expect(page.get_by_role("row").filter(has_text="marketing@1")).to_contain_text("derived")
    look_over(page)

    page.get_by_label("I am sure").check()
    page.get_by_role("button", name="Erase", exact=True).click()
    expect(page.get_by_text("erased", exact=True)).to_be_visible(timeout=60_000)
    expect(page.get_by_role("row").filter(has_text="dataset marketing@1")).to_contain_text("done")
    page.get_by_label("file data/weekly.csv").check()
    page.get_by_label("kept, for a reason").check()
    page.get_by_label("Why it stays").fill("in git, which the owner rewrites")
    page.get_by_role("button", name="Mark").click()
    expect(page.get_by_role("row").filter(has_text="file data/weekly.csv")).to_contain_text("kept")
    page.get_by_role("button", name="Close: nothing is open").click()
    expect(page.get_by_text("closed", exact=True)).to_be_visible()
    look_over(page)
    with page.expect_download() as given:
        page.get_by_role("link", name="Record", exact=True).click()
    given.value.save_as(tmp_path / "record.json")
    record = json.loads((tmp_path / "record.json").read_text())
    assert record["is_final"] and record["reference"] == "DSR-2026-17"

    page.get_by_role("link", name="marketing@1").click()
    expect(page.get_by_role("note")).to_contain_text("by erasure 1 (DSR-2026-17)")
