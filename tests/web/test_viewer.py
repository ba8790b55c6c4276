"""The viewer: boxes, facts, flagged pictures, stepping, deleting, focus."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from integration_tests.browser import Visitor

from .conftest import PHONE, Touch, middle, plain_picture, sample
from .double import Double

Visit = Callable[..., Visitor]


@pytest.fixture
def filled(visit: Visit, double: Double) -> Visitor:
    """Return the page with three pictures, the astronaut first."""
    double.put("uploads/1/cat.png", sample("cat.png"))
    double.put("uploads/2/flagged.png", plain_picture())
    double.put("uploads/3/astronaut.jpg", sample("astronaut.jpg"))
    visitor = visit()
    expect(visitor.page.locator(".card")).to_have_count(3)
    return visitor


def open_card(page: Page, name: str) -> None:
    page.locator(".card", has_text=name).locator(".open").click()
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
    expect(page.locator(".card", has_text="flagged.png").locator(".open")).to_be_focused()
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
    expect(page.locator(".card").first.locator(".open")).to_be_focused()
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

    filled.page.locator(".card", has_text="cat.png").locator(".open").click()

    expect(filled.page.locator("#facts")).to_contain_text("There is no picture with this key")
    filled.forgive("404")


def test_says_which_format_the_browser_cannot_show(visit: Visit, double: Double) -> None:
    double.put("uploads/1/scan.tiff", plain_picture(kind="TIFF"), "image/tiff")
    page = visit().page
    open_card(page, "scan.tiff")

    expect(page.locator("#frame")).to_contain_text("This browser cannot show TIFF pictures")
    expect(page.locator("#facts")).not_to_contain_text("Loading")


def test_shows_what_is_known_at_once_and_the_rest_when_it_comes(filled: Visitor) -> None:
    page, routes = filled.page, list[Route]()
    page.route("**/api/result?*", lambda route: routes.append(route))
    open_card(page, "astronaut.jpg")

    expect(page.locator(".picture img")).to_be_visible()
    expect(page.locator("#facts")).to_contain_text("Astronaut")
    assert page.locator(".boxes > *").count() == 0
    routes[0].continue_()

    expect(page.locator(".boxes > *")).to_have_count(4)
    expect(page.locator("#facts")).to_contain_text("512 \u00d7 512 pixels")


def test_a_card_that_is_clicked_offline_opens_when_the_connection_is_back(filled: Visitor) -> None:
    page = filled.page
    expect(page.locator(".card img.ready")).to_have_count(2)
    page.context.set_offline(True)
    page.locator(".card", has_text="cat.png").locator(".open").click()
    expect(page.locator("#toasts")).to_contain_text("continue when the connection is back")

    page.context.set_offline(False)

    expect(page.locator("#viewer-title")).to_have_text("cat.png")
    expect(page.locator(".picture img")).to_be_visible()


def test_loads_the_viewer_again_where_that_failed(filled: Visitor) -> None:
    page = filled.page
    page.route("**/js/viewer.js*", lambda route: route.abort("connectionreset"), times=2)

    open_card(page, "cat.png")

    expect(page.locator(".picture img")).to_be_visible()
    filled.forgive("ERR_CONNECTION_RESET")


def test_says_offline_what_is_known(filled: Visitor) -> None:
    page = filled.page
    expect(page.locator(".card img.ready")).to_have_count(2)
    open_card(page, "cat.png")
    page.keyboard.press("Escape")
    page.context.set_offline(True)

    open_card(page, "astronaut.jpg")

    expect(page.locator("#facts")).to_contain_text("You are offline")
    expect(page.locator("#facts")).to_contain_text("Astronaut")
    page.context.set_offline(False)
    expect(page.locator("#facts")).not_to_contain_text("You are offline")
    expect(page.locator(".picture img")).to_be_visible()


def zoom_of(page: Page) -> float:
    return float(page.evaluate("document.getElementById('stage').style.getPropertyValue('--zoom') || 1"))


def test_zooms_by_wheel_double_click_key_and_button(filled: Visitor) -> None:
    page = filled.page
    open_card(page, "astronaut.jpg")
    expect(page.locator(".boxes .face")).to_be_visible()
    face = page.locator(".boxes .face")
    before, (x, y) = face.bounding_box(), middle(face)
    assert before is not None

    page.mouse.move(x, y)
    page.mouse.wheel(0, -400)

    expect(page.locator("#stage")).to_have_attribute("style", re.compile(r"--zoom: [2-9]"))
    after = face.bounding_box()
    assert after is not None
    assert after["width"] / before["width"] == pytest.approx(zoom_of(page), rel=0.02), "boxes stay on the picture"
    assert middle(face) == pytest.approx((x, y), abs=3), "what is under the pointer stays there"
    page.mouse.dblclick(x, y)
    assert zoom_of(page) == 1
    page.keyboard.press("+")
    assert zoom_of(page) == 1.5
    page.keyboard.press("0")
    page.get_by_role("button", name="Zoom").click()
    expect(page.get_by_role("button", name="Zoom")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("button", name="Zoom")).to_have_attribute("aria-pressed", "false")


def test_moves_a_picture_that_is_zoomed(filled: Visitor) -> None:
    page = filled.page
    open_card(page, "astronaut.jpg")
    expect(page.locator(".boxes .face")).to_be_visible()
    page.get_by_role("button", name="Zoom").click()
    (x, y), (face_x, face_y) = middle(page.locator("#stage")), middle(page.locator(".boxes .face"))

    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 50, y + 40, steps=4)
    page.mouse.up()

    assert middle(page.locator(".boxes .face")) == pytest.approx((face_x + 50, face_y + 40), abs=2)


def test_swipes_pinches_and_closes_by_touch(visit: Visit, double: Double) -> None:
    for name in ("cat.png", "rocket.jpg", "astronaut.jpg"):
        double.put(f"uploads/1/{name}", sample(name))
    page = visit(**PHONE).page
    open_card(page, "astronaut.jpg")
    expect(page.locator(".picture img")).to_be_visible()
    finger, (x, y) = Touch(page), middle(page.locator("#stage"))

    def swipe(by_x: float, by_y: float) -> None:
        finger.down((x, y))
        for part in (0.3, 0.6, 1):
            finger.move((x + by_x * part, y + by_y * part))
        finger.up()

    swipe(-120, 10)
    expect(page.locator("#viewer-title")).to_have_text("rocket.jpg")
    expect(page.locator(".picture img")).to_be_visible()
    swipe(120, 10)
    expect(page.locator("#viewer-title")).to_have_text("astronaut.jpg")
    expect(page.locator(".picture img")).to_be_visible()
    finger.down((x - 40, y), (x + 40, y))
    finger.move((x - 100, y), (x + 100, y))
    finger.up()
    assert zoom_of(page) == pytest.approx(2.5, abs=0.3)
    swipe(-120, 0)
    expect(page.locator("#viewer-title")).to_have_text("astronaut.jpg")
    page.keyboard.press("0")
    expect(page.get_by_role("button", name="Zoom")).to_have_attribute("aria-pressed", "false")

    swipe(0, 150)

    expect(page.locator("#viewer")).to_be_hidden()


def test_downloads_links_and_opens_the_original(filled: Visitor, site: str) -> None:
    page = filled.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_card(page, "cat.png")
    expect(page.locator(".picture img")).to_be_visible()

    with page.expect_download() as started:
        page.locator("#download").click()
    page.locator("#copy").click()
    expect(page.locator("#toasts")).to_contain_text("copied")
    with page.expect_popup() as opened:
        page.locator("#original").click()

    assert started.value.suggested_filename == "cat.png"
    assert started.value.path().read_bytes() == sample("cat.png")
    assert page.evaluate("navigator.clipboard.readText()") == f"{site}/#uploads%2F1%2Fcat.png"
    opened.value.wait_for_url("**/s3/pictures/uploads/1/cat.png")
    assert opened.value.evaluate("opener") is None


def test_copies_the_link_without_https_and_says_so_when_no_tab_opens(visit: Visit, double: Double, site: str) -> None:
    double.put("uploads/1/cat.png", sample("cat.png"))
    script = """
        delete Navigator.prototype.clipboard;
        window.open = () => null;
        addEventListener("copy", () => window.copied = document.activeElement.value);
    """
    page = visit(script=script).page
    open_card(page, "cat.png")

    page.locator("#copy").click()
    expect(page.locator("#toasts")).to_contain_text("copied")
    page.locator("#original").click()

    expect(page.locator("#toasts")).to_contain_text("blocked the new tab")
    assert page.evaluate("window.copied") == f"{site}/#uploads%2F1%2Fcat.png"


def test_a_click_on_a_label_looks_for_it(filled: Visitor) -> None:
    page = filled.page
    open_card(page, "cat.png")
    page.locator("#facts").get_by_role("button", name="Whiskers").click()

    expect(page.locator("#viewer")).to_be_hidden()
    expect(page.locator(".card .name")).to_have_text(["cat.png"])
    expect(page).to_have_url(re.compile(r"\?label=Whiskers$"))
    page.go_back()
    expect(page.locator(".card")).to_have_count(3)


def test_a_reload_of_an_open_picture_adds_nothing_to_the_history(filled: Visitor) -> None:
    page = filled.page
    open_card(page, "cat.png")
    page.reload()
    expect(page.locator("#viewer-title")).to_have_text("cat.png")

    page.keyboard.press("Escape")

    expect(page.locator("#viewer")).to_be_hidden()
    expect(page).not_to_have_url(re.compile("#"))


@pytest.mark.parametrize(
    ("name", "can_delete", "remedy"),
    [
        ("failed.png", True, "You can send it again"),
        ("notes.png", True, "You can delete it"),
        ("notes.png", False, "you need the service's access key"),
    ],
)
def test_says_what_can_be_done_about_a_picture_without_labels(
    visit: Visit, double: Double, name: str, can_delete: bool, remedy: str
) -> None:
    double.can_delete = can_delete
    double.put(f"uploads/1/{name}", sample("cat.png") if name == "failed.png" else b"text")
    page = visit().page

    open_card(page, name)

    expect(page.locator("#facts")).to_contain_text(remedy)
    expect(page.locator("#delete")).to_be_visible(visible=can_delete)


def test_says_when_and_how_a_picture_was_taken(visit: Visit, double: Double) -> None:
    double.put("uploads/1/taken.png", sample("cat.png"))
    page = visit().page

    open_card(page, "taken.png")

    expect(page.locator("#facts")).to_contain_text("2026-05-01 12:34:56+02:00")
    expect(page.locator("#facts")).to_contain_text("Canon EOS R5, 1/125 s, f/2.8, ISO 400")


def test_sends_again_what_the_service_gave_up(visit: Visit, double: Double) -> None:
    double.put("uploads/1/failed.png", sample("cat.png"))
    page = visit().page
    open_card(page, "failed.png")
    double.gives_up = False

    page.get_by_role("button", name="Send again").click()

    expect(page.locator("#viewer")).to_be_hidden()
    expect(page.locator("#upload-list > li[data-state=done]")).to_contain_text("failed.png")
    assert len(double.pictures) == 2
