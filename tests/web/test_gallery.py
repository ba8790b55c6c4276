"""The gallery: newest first, pages, empty and error states, pictures from elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from integration_tests.browser import Visitor

from .conftest import plain_picture, sample
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


def test_shows_more_on_demand(visit: Visit, double: Double) -> None:
    for number in range(30):
        double.put(f"uploads/{number}/cat.png", plain_picture())
    page = visit().page
    expect(page.locator(".card")).to_have_count(24)

    page.get_by_role("button", name="Show more").click()

    expect(page.locator(".card")).to_have_count(30)
    expect(page.get_by_role("button", name="Show more")).to_be_hidden()
    expect(page.locator(".card").nth(24).locator("button")).to_be_focused()


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


@pytest.mark.parametrize(
    ("tab", "names"), [("Rejected", ["notes.jpg"]), ("Labelled", ["cat.png"]), ("All", ["notes.jpg", "cat.png"])]
)
def test_filters_by_status(visit: Visit, double: Double, tab: str, names: list[str]) -> None:
    double.put("uploads/1/cat.png", plain_picture())
    double.put("uploads/2/notes.jpg", b"text")
    page = visit().page

    page.get_by_role("button", name=tab, exact=True).click()

    expect(page.locator(".card .name")).to_have_text(names)
    expect(page.get_by_role("button", name=tab, exact=True)).to_have_attribute("aria-pressed", "true")


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
