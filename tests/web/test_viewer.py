"""The viewer: boxes, facts, flagged pictures, stepping, deleting, focus."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from integration_tests.browser import Visitor

from .conftest import plain_picture, sample
from .double import Double

Visit = Callable[..., Visitor]


@pytest.fixture
def filled(visit: Visit, double: Double) -> Visitor:
    """The page with three pictures, the astronaut first."""
    double.put("uploads/1/cat.png", sample("cat.png"))
    double.put("uploads/2/flagged.png", plain_picture())
    double.put("uploads/3/astronaut.jpg", sample("astronaut.jpg"))
    visitor = visit()
    expect(visitor.page.locator(".card")).to_have_count(3)
    return visitor


def open_card(page: Page, name: str) -> None:
    page.locator(".card", has_text=name).locator("button").click()
    expect(page.locator("#viewer-title")).to_have_text(name)
    expect(page.locator("#viewer-title")).to_be_focused()


def test_draws_boxes_where_things_are(filled: Visitor) -> None:
    open_card(filled.page, "astronaut.jpg")
    face = filled.page.locator(".boxes .face")
    expect(face).to_be_visible()

    picture = filled.page.locator(".picture img").bounding_box()
    where = face.bounding_box()

    assert picture is not None
    assert where is not None
    assert (where["x"] - picture["x"]) / picture["width"] == pytest.approx(0.34, abs=0.01)
    assert (where["y"] - picture["y"]) / picture["height"] == pytest.approx(0.13, abs=0.01)
    assert where["width"] / picture["width"] == pytest.approx(0.20, abs=0.01)
    assert where["height"] / picture["height"] == pytest.approx(0.28, abs=0.01)


def test_joins_frames_of_labels_in_the_same_place(filled: Visitor) -> None:
    open_card(filled.page, "astronaut.jpg")

    expect(filled.page.locator(".boxes .thing b")).to_have_text(["Person, Astronaut", "Flag", "Rocket"])


def test_tells_what_was_seen(filled: Visitor) -> None:
    open_card(filled.page, "cat.png")
    facts = filled.page.locator("#facts")

    expect(facts).to_contain_text("Animal \u203a Mammal \u203a Pet")
    expect(facts).to_contain_text("99.2\u00a0%")
    expect(facts.locator(".colours li")).to_have_count(3)
    expect(facts).to_contain_text("451 \u00d7 300 pixels")


def test_slider_hides_facts_and_boxes(filled: Visitor) -> None:
    open_card(filled.page, "astronaut.jpg")
    expect(filled.page.locator(".boxes > div:visible")).to_have_count(4)

    filled.page.locator("#viewer").get_by_role("slider").fill("90")

    expect(filled.page.locator(".boxes > div:visible")).to_have_count(2)
    expect(filled.page.locator("#facts")).to_contain_text("2 below 90 % not shown")


def test_hides_a_flagged_picture_until_asked(filled: Visitor, double: Double) -> None:
    open_card(filled.page, "flagged.png")
    expect(filled.page.locator(".veil")).to_contain_text("Explicit Nudity")
    assert filled.page.locator("#frame img").count() == 0

    filled.page.get_by_role("button", name="Show the picture").click()

    expect(filled.page.locator("#frame img")).to_be_visible()


def test_steps_by_keyboard_and_gives_focus_back(filled: Visitor) -> None:
    page = filled.page
    open_card(page, "astronaut.jpg")
    expect(page.locator("#viewer-title")).to_be_focused()

    page.keyboard.press("ArrowRight")
    expect(page.locator("#viewer-title")).to_have_text("flagged.png")
    page.keyboard.press("Escape")

    expect(page.locator("#viewer")).to_be_hidden()
    expect(page.locator(".card", has_text="flagged.png").locator("button")).to_be_focused()
    expect(page).not_to_have_url(re.compile("#"))


def test_address_opens_a_picture_and_back_closes_it(filled: Visitor, visit: Visit) -> None:
    open_card(filled.page, "cat.png")
    page = visit(filled.page.url.split("/")[-1] if "#" in filled.page.url else "").page
    expect(page.locator("#viewer-title")).to_have_text("cat.png")

    filled.page.go_back()

    expect(filled.page.locator("#viewer")).to_be_hidden()


def test_deletes_after_confirmation(filled: Visitor, double: Double) -> None:
    page = filled.page
    open_card(page, "astronaut.jpg")
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("button", name="Keep it")).to_be_focused()
    page.get_by_role("button", name="Keep it").click()
    assert "uploads/3/astronaut.jpg" in double.pictures

    page.get_by_role("button", name="Delete").click()
    page.locator("#confirm").get_by_role("button", name="Delete").click()

    expect(page.locator(".card")).to_have_count(2)
    expect(page.locator("#toasts")).to_contain_text("astronaut.jpg is deleted")
    expect(page.locator(".card").first.locator("button")).to_be_focused()
    assert "uploads/3/astronaut.jpg" not in double.pictures


def test_deletes_once_even_where_the_answer_is_lost(filled: Visitor) -> None:
    page = filled.page
    tried: list[Route] = []

    def lose(route: Route) -> None:
        if route.request.method != "DELETE":
            return route.continue_()
        tried.append(route)
        return route.abort("connectionreset")

    page.route("**/api/images?*", lose)
    open_card(page, "astronaut.jpg")
    page.get_by_role("button", name="Delete").click()
    page.locator("#confirm").get_by_role("button", name="Delete").click()

    expect(page.locator("#toasts")).to_contain_text("cannot be reached")
    filled.forgive("ERR_CONNECTION_RESET")
    assert len(tried) == 1


def test_offers_no_deletion_where_it_is_not_allowed(visit: Visit, double: Double) -> None:
    double.can_delete = False
    double.put("uploads/1/cat.png", sample("cat.png"))
    page = visit().page

    open_card(page, "cat.png")

    expect(page.locator("#facts")).to_contain_text("Whiskers")
    expect(page.locator("#delete")).to_be_hidden()


def test_asks_for_the_access_key_and_deletes_with_it(filled: Visitor, double: Double) -> None:
    page = filled.page
    double.access_key = "k-1"
    open_card(page, "cat.png")
    page.get_by_role("button", name="Delete").click()
    page.locator("#confirm").get_by_role("button", name="Delete").click()
    expect(page.locator("#toasts")).to_contain_text("enter it in the settings")
    filled.forgive("403")
    page.keyboard.press("Escape")

    page.get_by_role("button", name="Settings").click()
    page.get_by_label("Access key").fill("k-1")
    page.get_by_role("button", name="Done").click()
    open_card(page, "cat.png")
    page.get_by_role("button", name="Delete").click()
    page.locator("#confirm").get_by_role("button", name="Delete").click()

    expect(page.locator(".card")).to_have_count(2)


def test_shows_reason_of_a_rejected_picture(visit: Visit, double: Double) -> None:
    double.put("uploads/1/notes.jpg", b"text")
    page = visit().page

    open_card(page, "notes.jpg")

    expect(page.locator("#facts")).to_contain_text("not a picture")
    expect(page.locator("#facts")).to_contain_text("NOT_AN_IMAGE")


def test_says_so_when_the_picture_is_gone(filled: Visitor, double: Double) -> None:
    del double.pictures["uploads/1/cat.png"]

    filled.page.locator(".card", has_text="cat.png").locator("button").click()

    expect(filled.page.locator("#facts")).to_contain_text("There is no picture with this key")
    filled.forgive("404")


def test_says_which_format_the_browser_cannot_show(visit: Visit, double: Double) -> None:
    double.put("uploads/1/scan.tiff", plain_picture(kind="TIFF"), "image/tiff")
    page = visit().page
    open_card(page, "scan.tiff")

    expect(page.locator("#frame")).to_contain_text("This browser cannot show TIFF pictures")
    expect(page.locator("#facts")).not_to_contain_text("Loading")
