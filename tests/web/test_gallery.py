"""The gallery: newest first, pages, empty and error states, pictures from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from integration_tests.browser import Visitor

from .conftest import plain_picture, sample, upload_of
from .double import Double

Visit = Callable[..., Visitor]


def test_says_that_there_is_nothing_yet(visit: Visit) -> None:
    expect(visit().page.locator("#empty")).to_contain_text("No pictures yet")


def test_shows_newest_first_with_their_pictures(visit: Visit, double: Double) -> None:
    double.put("uploads/1/cat.png", sample("cat.png"))
    double.put("uploads/2/rocket.jpg", sample("rocket.jpg"))

    page = visit().page

    expect(page.locator(".card .name")).to_have_text(["rocket.jpg", "cat.png"])
    expect(page.locator(".card img.ready")).to_have_count(2)


def test_shows_small_previews_also_of_what_no_browser_shows(visit: Visit, double: Double) -> None:
    double.previews = True
    double.put("uploads/1/print.tiff", plain_picture(1700, 1200, "TIFF"), "image/tiff")

    page = visit().page

    photo = page.locator(".card img.ready")
    expect(photo).to_have_js_property("naturalWidth", 480)
    page.locator(".card .open").click()
    expect(page.locator(".picture img")).to_have_js_property("naturalWidth", 1600)


def test_asks_again_for_a_preview_that_is_being_made(visit: Visit, double: Double) -> None:
    double.put("uploads/1/cat.png", sample("cat.png"))
    double.fail_next("/api/image-url", 404, "PREVIEW_NOT_FOUND")
    visitor = visit()

    expect(visitor.page.locator(".card img.ready")).to_be_visible()
    visitor.forgive("404")


@pytest.fixture
def many(double: Double) -> None:
    """Add so many pictures that they come in three pages."""
    for number in range(130):
        double.put(f"uploads/{number}/cat{number:03}.png", plain_picture())


@pytest.mark.usefixtures("many")
def test_shows_more_as_one_scrolls_and_says_how_many_there_are(visit: Visit) -> None:
    page = visit().page
    expect(page.locator(".card")).to_have_count(48)
    expect(page.locator("#count")).to_have_text("130 pictures")

    for count in (96, 130):
        page.locator(".card").last.scroll_into_view_if_needed()
        expect(page.locator(".card")).to_have_count(count)
        expect(page.locator("#count")).to_have_text("130 pictures")

    expect(page.get_by_role("button", name="Show more")).to_be_hidden()
    expect(page.locator("#count")).to_have_text("130 pictures")
    page.locator("#popular").get_by_role("button", name="Cat").click()
    expect(page.locator(".card")).to_have_count(48)
    expect(page.locator("#count")).to_have_text("130 pictures")
    page.goto(f"{page.url}&q=-dog")
    expect(page.locator("#count")).to_have_text("48+ pictures")


@pytest.mark.usefixtures("many")
def test_says_that_more_could_not_be_loaded_and_loads_it_on_demand(visit: Visit, double: Double) -> None:
    visitor = visit()
    page = visitor.page
    expect(page.locator(".card")).to_have_count(48)
    double.fail_next("/api/images", 500, "INTERNAL_ERROR")
    page.locator(".card").last.scroll_into_view_if_needed()
    expect(page.locator("#empty")).to_contain_text("next pictures could not be loaded")
    visitor.forgive("500")

    page.get_by_role("button", name="Show more").click()

    expect(page.locator(".card").nth(60)).to_be_attached()
    expect(page.locator("#empty")).to_be_hidden()


def top_of(page: Page, name: str) -> float:
    box = page.locator(".card", has_text=name).bounding_box()
    assert box is not None
    return box["y"]


@pytest.mark.usefixtures("many")
def test_keeps_the_place_when_it_is_loaded_again(visit: Visit) -> None:
    page = visit("?label=Cat").page
    for count in (48, 96):
        expect(page.locator(".card")).to_have_count(count)
        page.locator(".card").last.scroll_into_view_if_needed()
    place = page.locator(".card", has_text="cat040.png")
    place.scroll_into_view_if_needed()
    before = top_of(page, "cat040.png")

    page.reload()

    expect(place).to_be_in_viewport()
    assert top_of(page, "cat040.png") == pytest.approx(before, abs=2)
    page.goto(page.url.split("?")[0])
    expect(page.locator(".card")).to_have_count(48)
    assert page.evaluate("scrollY") == 0, "another search begins at its top"


def test_groups_by_day(visit: Visit, double: Double) -> None:
    for days, name in ((40, "cat.png"), (1, "rocket.png"), (0, "coffee.png")):
        double.put(f"uploads/1/{name}", plain_picture())
        double.pictures[f"uploads/1/{name}"].uploaded_at -= timedelta(days=days)
    page = visit(locale="en-GB", timezone_id="UTC").page

    long_ago = (datetime.now(UTC) - timedelta(days=40)).strftime("%-d %B %Y")
    expect(page.locator(".day")).to_have_text(["Today", "Yesterday", long_ago])
    expect(page.locator("#grid > li")).to_have_text(
        [re.compile(text) for text in ("Today", "coffee.png", "Yesterday", "rocket.png", long_ago, "cat.png")]
    )


def test_orders_by_the_dates_of_the_camera_and_groups_by_their_days(visit: Visit, double: Double) -> None:
    for name in ("taken 2019-05-01.png", "coffee.png", "taken 2025-12-24 b.png", "taken 2025-12-24 a.png"):
        double.put(f"uploads/1/{name}", plain_picture())
    double.put("uploads/1/notes.jpg", b"text")
    page = visit(locale="en-GB", timezone_id="America/Los_Angeles").page
    expect(page.locator(".card")).to_have_count(5)

    page.get_by_label("Order").select_option("taken")

    christmas = ["24 December 2025", "taken 2025-12-24 a", "taken 2025-12-24 b"]
    in_order = ["coffee.png", *christmas, "1 May 2019", "taken 2019-05-01"]
    expect(page.locator("#grid > li:not(:first-child)")).to_have_text([re.compile(text) for text in in_order])
    expect(page.locator("#status").get_by_role("button", name="Labelled")).to_have_attribute("aria-pressed", "true")
    page.set_input_files("#files", upload_of("taken 2020-02-29.png", plain_picture()))
    in_order[4:4] = ["29 February 2020", "taken 2020-02-29"]
    expect(page.locator("#grid > li:not(:first-child)")).to_have_text([re.compile(text) for text in in_order])
    page.reload()
    expect(page.get_by_label("Order")).to_have_value("taken")
    expect(page.locator("#grid > li:not(:first-child)")).to_have_text([re.compile(text) for text in in_order])
    page.get_by_role("button", name="All", exact=True).click()
    expect(page.get_by_label("Order")).to_have_value("newest")
    expect(page.locator(".card")).to_have_count(6)


def test_says_where_nothing_was_recognised(visit: Visit, double: Double) -> None:
    double.put("uploads/1/blank.png", plain_picture())
    double.put("uploads/2/rocket.png", plain_picture())
    page = visit().page
    expect(page.locator(".card", has_text="blank")).to_contain_text("Nothing recognised")

    page.get_by_role("slider", name="Confidence").fill("99")

    expect(page.locator(".card", has_text="rocket")).to_contain_text("Nothing at 99 % or more")


def test_a_click_on_a_label_looks_for_it_and_back_undoes_that(visit: Visit, double: Double) -> None:
    for name in ("cat.png", "rocket.png"):
        double.put(f"uploads/1/{name}", sample("cat.png"))
    page = visit().page

    page.locator(".card", has_text="rocket").get_by_role("button", name="Night").click()
    expect(page.locator(".card .name")).to_have_text(["rocket.png"])
    expect(page).to_have_url(re.compile(r"\?label=Night$"))
    page.go_back()

    expect(page.locator(".card")).to_have_count(2)
    expect(page.locator("#chosen .tag")).to_have_count(0)


def test_arrow_keys_go_from_picture_to_picture(visit: Visit, double: Double) -> None:
    for number in range(12):
        double.put(f"uploads/{number}/cat{number}.png", plain_picture())
    page = visit().page
    page.locator(".open").first.focus()

    for key, at in (("ArrowRight", 1), ("ArrowDown", 5), ("ArrowLeft", 4), ("ArrowUp", 0)):
        page.keyboard.press(key)
        expect(page.locator(".open").nth(at)).to_be_focused()


def test_tells_of_an_error_and_tries_again(visit: Visit, double: Double) -> None:
    double.put("uploads/1/cat.png", plain_picture())
    double.fail_next("/api/images", 500, "INTERNAL_ERROR")
    visitor = visit()
    expect(visitor.page.locator("#empty")).to_contain_text("could not be loaded")

    visitor.page.get_by_role("button", name="Try again").click()

    expect(visitor.page.locator(".card")).to_have_count(1)
    visitor.forgive("500")


def test_takes_up_pictures_from_elsewhere(visit: Visit, double: Double) -> None:
    page = visit().page
    expect(page.locator("#empty")).to_be_visible()
    double.put("uploads/1/cat.png", plain_picture())

    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    expect(page.locator(".card .name")).to_have_text("cat.png")


def test_filters_by_status(visit: Visit, double: Double) -> None:
    double.put("uploads/1/cat.png", plain_picture())
    double.put("uploads/2/notes.jpg", b"text")
    page = visit().page

    for tab, names in (("Rejected", ["notes.jpg"]), ("Labelled", ["cat.png"]), ("All", ["notes.jpg", "cat.png"])):
        page.get_by_role("button", name=tab, exact=True).click()

        expect(page.locator(".card .name")).to_have_text(names)
        expect(page.get_by_role("button", name=tab, exact=True)).to_have_attribute("aria-pressed", "true")


def test_loads_when_the_connection_is_back_what_was_lost_with_it(visit: Visit, double: Double) -> None:
    for number in range(30):
        double.put(f"uploads/{number}/cat.png", sample("cat.png"))
    visitor = visit()
    page = visitor.page
    expect(page.locator(".card img.ready").nth(7)).to_be_visible()
    page.route("**/s3/pictures/**", lambda route: route.abort("internetdisconnected"))
    page.context.set_offline(True)
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.context.set_offline(False)
    page.unroute_all()

    expect(page.locator(".card").last.locator("img.ready")).to_be_visible()
    visitor.errors = [error for error in visitor.errors if "DISCONNECTED" not in error]


def test_hides_a_flagged_picture(visit: Visit, double: Double) -> None:
    double.put("uploads/1/flagged.png", plain_picture())

    page = visit().page

    expect(page.locator(".card")).to_contain_text("Hidden: Explicit Nudity")
    assert page.locator(".card img").count() == 0
    assert not any("image-url" in call for call in double.calls)


def test_says_so_when_config_is_missing(visit: Visit, double: Double) -> None:
    double.fail_next("/config.json", 404, "NOT_FOUND")
    visitor = visit()

    expect(visitor.page.locator("#empty")).to_contain_text("does not know its service")
    visitor.forgive("404")


def test_says_which_setting_is_wrong(visit: Visit, double: Double) -> None:
    double.config_extra = {"mode": "guest", "region": "eu-central-1"}

    expect(visit().page.locator("#empty")).to_contain_text(
        "identityPoolId, uploadBucket, resultsTable, uploadPrefix missing"
    )
