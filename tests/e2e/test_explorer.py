"""The lineage explorer in a real browser: what unfolds stays where it was."""

import re
import struct

from playwright.sync_api import Page, expect

_START = "/r/demo/lineage?focus=spend_per_signup"


def _box(page: Page, name: str):
    return page.locator(f'.explorer__graph a[data-key$=":{name}"]')


def test_unfolding_brings_neighbours_and_moves_nothing(page: Page, site: str):
    page.goto(site + _START)
    expect(page.locator("[data-tools]")).to_be_visible()
    before = _box(page, "spend_per_signup").bounding_box()
    page.evaluate("window.sameDocument = true")

    page.locator("a.rim", has=page.locator("title", has_text="downstream of signups")).click()
    expect(_box(page, "signups_by_year")).to_be_visible()
    after = _box(page, "spend_per_signup").bounding_box()

    assert page.evaluate("window.sameDocument")
    assert "open=down:input:signups" in page.url
    assert abs(after["x"] - before["x"]) < 2
    page.reload()
    expect(_box(page, "signups_by_year")).to_be_visible()


def test_undo_and_back_take_a_step_back(page: Page, site: str):
    page.goto(site + _START)
    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_be_disabled()
    page.get_by_label("2 steps upstream").click()
    expect(page).to_have_url(re.compile("up=2"))
    page.get_by_label("Colour by").select_option("owner")
    expect(page.locator(".legend")).to_contain_text("Growth")

    undo.click()
    expect(page.locator(".legend")).not_to_contain_text("Growth")
    page.go_back()
    expect(page).to_have_url(re.compile("signup$"))
    expect(undo).to_be_disabled()


def test_a_chosen_node_says_what_it_is_and_can_be_hidden_and_focused(page: Page, site: str):
    page.goto(site + _START)
    _box(page, "spend").click()
    chosen = page.locator("[data-chosen]")
    expect(chosen).to_contain_text("input from outside")

    chosen.get_by_role("link", name="Hide").click()
    expect(_box(page, "spend")).to_have_count(0)
    page.get_by_role("link", name="Show 1 hidden").click()
    expect(_box(page, "spend")).to_have_count(1)

    _box(page, "spend").dblclick()
    expect(page.locator("h1")).to_have_text("spend")


def test_the_way_between_two_nodes_is_one_step_away(page: Page, site: str):
    page.goto(site + "/r/demo/lineage?focus=segment&up=all&node=input:order_value")
    page.get_by_role("link", name="Ways to segment").click()

    expect(page.locator(".explorer__note")).to_contain_text("a shortest one has")
    expect(page.locator(".edge.is-near")).not_to_have_count(0)


def test_groups_fold_and_unfold(page: Page, site: str):
    page.goto(site + "/r/demo/lineage?focus=segment&up=all")
    page.get_by_label("Group by").select_option("module")
    group = page.locator(".explorer__graph a.is-group").first
    expect(group).to_be_visible()
    group.click()
    page.locator("[data-chosen]").get_by_role("link", name="Unfold").click()

    expect(page).to_have_url(re.compile("unfold="))
    expect(page.get_by_role("link", name="Fold groups again")).to_be_visible()


def test_find_marks_boxes_and_narrows_the_list(page: Page, site: str):
    page.goto(site + "/r/demo/lineage?focus=input:signups&down=2")
    page.get_by_placeholder("Find in this graph…").fill("avg")

    expect(page.locator("[data-found]")).to_contain_text("drawn")
    assert page.locator("a.is-found").count() == page.locator("a.is-found[data-key*=avg]").count() > 0
    expect(page.locator(".by-distance li:visible a[data-key]:not([data-key*=avg])")).to_have_count(0)


def test_arrows_move_between_boxes_and_enter_chooses(page: Page, site: str):
    page.goto(site + _START)
    expect(page.locator("[data-tools]")).to_be_visible()
    _box(page, "spend_per_signup").focus()
    page.keyboard.press("ArrowLeft")
    reached = page.evaluate("document.activeElement.dataset.key")
    page.keyboard.press("Enter")

    assert reached in ("input:spend", "input:signups")
    expect(page.locator("[data-chosen]")).to_have_attribute("data-chosen", reached)
    assert page.evaluate("document.activeElement.dataset.key") == reached


def test_zoom_changes_the_size_and_fit_shows_all(page: Page, site: str):
    page.goto(site + "/r/demo/lineage?focus=input:signups&down=all")
    picture = page.locator(".explorer__graph svg")
    before = picture.bounding_box()["width"]
    page.get_by_role("button", name="Zoom in").click()
    assert picture.bounding_box()["width"] > before
    page.get_by_role("button", name="Fit").click()
    frame = page.locator(".explorer__graph .graph").bounding_box()

    assert picture.bounding_box()["width"] <= frame["width"]
    assert picture.bounding_box()["height"] <= frame["height"]


def test_the_picture_is_kept_as_png(page: Page, site: str):
    page.goto(site + _START)
    page.locator("summary", has_text="Export").click()
    with page.expect_download() as kept:
        page.get_by_role("button", name="PNG").click()
    data = kept.value.path().read_bytes()

    assert data.startswith(b"\x89PNG")
    assert min(struct.unpack(">II", data[16:24])) > 100
    assert kept.value.suggested_filename == "lineage-spend_per_signup.png"


def test_without_scripts_every_step_is_a_link(browser, site: str):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site + _START)
    page.locator("a.rim", has=page.locator("title", has_text="downstream of signups")).click()
    expect(_box(page, "signups_by_year")).to_be_visible()
    _box(page, "signups_by_year").click()
    expect(page.locator("[data-chosen]")).to_contain_text("Needs")
    context.close()


def test_a_tile_of_the_map_tells_its_name_and_shows_where_it_reaches(page: Page, site: str):
    page.goto(site + "/r/demo/map")
    tile = page.locator('a[data-key="features.segments:rfm_score"]')
    tile.hover()
    expect(page.locator("[data-name].map__name")).to_have_text("rfm_score")
    tile.click()

    expect(page.locator("[data-chosen]")).to_contain_text("2 in all")
    expect(page.locator("a.is-down")).to_have_count(2)
    expect(page.locator("a.is-up")).to_have_count(13)
    page.get_by_label("Colour by").select_option("type")
    expect(page).to_have_url(re.compile("node="))
    page.get_by_role("link", name="Open lineage").click()
    expect(page.locator("h1")).to_have_text("rfm_score")


def test_the_map_fits_its_frame_and_zooms(page: Page, site: str):
    page.goto(site + "/r/demo/map")
    expect(page.locator("[data-tools]")).to_be_visible()
    picture, frame = page.locator(".map svg"), page.locator(".map")
    fitting = picture.bounding_box()
    assert fitting["width"] <= frame.bounding_box()["width"]
    page.get_by_role("button", name="Zoom in").click()
    assert picture.bounding_box()["width"] > fitting["width"]
