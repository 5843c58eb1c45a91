"""A dataset of the demo from the form of its run to the proof that it can be made again, in a browser."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from headwater_catalog.settings import Settings
from support.moved_demo import STALE_PEOPLE, move_main_on, tampered_with

_STALE = "spend_zero_mean_unit_variance"
_LONG = 60_000  # milliseconds that a run may take on a busy machine


def _saved(page: Page, address: str, folder: Path) -> Path:
    """Send the form of a run, and download what it has saved."""
    page.goto(address)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="succeeded")).to_be_visible(timeout=_LONG)
    with page.expect_download() as given:
        page.get_by_role("link", name=re.compile("^Download")).click()
    path = folder / given.value.suggested_filename
    given.value.save_as(path)
    return path


def _audit(page: Page, site: str, file: Path) -> None:
    page.goto(f"{site}/datasets")
    page.get_by_role("link", name="Audit a file").click()
    page.get_by_label("File", exact=True).set_input_files(file)
    page.get_by_label("Also read the data").check()
    page.get_by_role("button", name="Look", exact=True).click()


def _changed(page: Page) -> dict[str, Locator]:
    """Return the rows of the columns that are told to be changed."""
    rows = (
        page.get_by_role("region", name="Columns").get_by_role("row").filter(has=page.locator(".chip--warn"))
    )
    return {row.get_by_role("rowheader").inner_text(): row for row in rows.all()}


@pytest.mark.slow
def test_a_file_is_traced_to_its_commit_told_stale_and_made_again(
    page: Page, moving_demo: tuple[Settings, str], tmp_path: Path
):
    settings, site = moving_demo
    form = f"{site}/r/demo/run?at=v1.0"
    file = _saved(page, f"{form}&dataflow=marketing&save=parquet&dataset=weekly", tmp_path)
    people = _saved(page, f"{form}&output=age%20cohort%20tenure_days&save=parquet&dataset=people", tmp_path)
    moved = move_main_on(settings)
    page.goto(f"{site}/repos")
    page.get_by_role("button", name="Scan demo now").click()
    expect(page.get_by_role("button", name="Scan demo now")).to_be_enabled(timeout=_LONG)

    _audit(page, site, file)
    expect(page.get_by_text("The catalog knows it, and says the same.")).to_be_visible()
    expect(page.get_by_text("The data is what was saved.")).to_be_visible()
    changed = _changed(page)
    assert [*changed] == [_STALE]
    expect(changed[_STALE]).to_contain_text("upstream only")
    expect(changed[_STALE].get_by_role("link", name=moved.changed[:8])).to_be_visible()
    expect(page.get_by_text(moved.documented[:8])).to_have_count(0)

    _audit(page, site, people)
    changed = _changed(page)
    assert [*changed] == [*STALE_PEOPLE]
    for name, (classes, commits) in STALE_PEOPLE.items():
        for told in (*classes, *commits):
            expect(changed[name]).to_contain_text(told)

    _audit(page, site, tampered_with(file, "spend_per_signup", tmp_path / "changed.parquet"))
    alert = page.get_by_role("alert").filter(has_text="The data was changed after it was made")
    expect(alert.get_by_role("listitem")).to_have_text(["Other values: spend_per_signup"])

    page.goto(f"{site}/datasets?stale=yes")
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="weekly", exact=True))
    expect(row).to_contain_text(f"1 column stale {_STALE}")
    row.get_by_role("link", name="weekly", exact=True).click()
    expect(_changed(page)[_STALE].get_by_role("link", name=moved.changed[:8])).to_be_visible()
    again = page.locator("#again")
    page.get_by_role("button", name="Make it again").click()
    expect(again.get_by_text("identical")).to_be_visible(timeout=_LONG)
