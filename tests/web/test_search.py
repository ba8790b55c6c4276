"""Search: suggestions by keyboard and pointer, several labels, confidence, the address bar."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from integration_tests.browser import Visitor

from .conftest import plain_picture
from .double import Double


@pytest.fixture
def filled(visit: Callable[..., Visitor], double: Double) -> Page:
    """Return the page with three pictures."""
    for name in ("cat", "astronaut", "photographer"):
        double.put(f"uploads/{name}/{name}.png", plain_picture())
    return visit().page


def test_finds_by_label_with_the_keyboard(filled: Page) -> None:
    query = filled.get_by_role("combobox", name="Add a label")
    query.focus()
    query.press_sequentially("ca")
    expect(filled.locator("#options").get_by_role("option")).to_have_text(
        ["Camera 1 picture", "Cat 1 picture", 'text:"ca" words in pictures', 'name:"ca" names of files']
    )

    query.press("ArrowDown")
    expect(query).to_have_attribute("aria-activedescendant", "option-0")
    query.press("ArrowDown")
    query.press("Enter")

    expect(filled.locator(".card .name")).to_have_text(["cat.png"])
    expect(query).to_have_attribute("aria-expanded", "false")
    assert "label=Cat" in filled.url


def test_takes_conditions_beside_labels(filled: Page) -> None:
    query = filled.get_by_role("combobox", name="Add a label")
    query.fill('person -camera name:"astro" faces:one')
    query.press("Enter")

    expect(filled.locator(".card .name")).to_have_text(["astronaut.png"])
    expect(filled.locator("#chosen li")).to_have_text(["Person", "-camera", 'name:"astro"', "faces:one"])
    filled.reload()
    expect(filled.locator(".card .name")).to_have_text(["astronaut.png"])
    filled.get_by_role("button", name="Remove Person").click()
    filled.get_by_role("button", name="Remove faces:one").click()
    filled.get_by_role("button", name='Remove name:"astro"').click()

    expect(filled.locator(".card .name")).to_have_text(["astronaut.png", "cat.png"])


def test_offers_to_search_names(filled: Page) -> None:
    filled.get_by_role("combobox", name="Add a label").fill("photo")
    filled.get_by_role("option", name="names of files").click()

    expect(filled.locator(".card .name")).to_have_text(["photographer.png"])


def test_says_what_is_wrong_with_a_condition(visit: Callable[..., Visitor]) -> None:
    visitor = visit("?q=faces:two")

    expect(visitor.page.locator("#empty")).to_contain_text("faces is none or one or group")
    visitor.forgive("400")


def test_needs_all_labels(filled: Page) -> None:
    filled.locator("#popular").get_by_role("button", name="Person").click()
    expect(filled.locator(".card")).to_have_count(2)

    filled.get_by_role("combobox", name="Add a label").fill("camera")
    filled.keyboard.press("Enter")

    expect(filled.locator(".card .name")).to_have_text(["photographer.png"])
    filled.get_by_role("button", name="Remove Camera").click()
    expect(filled.locator(".card")).to_have_count(2)


def test_backspace_takes_the_last_label_away(filled: Page) -> None:
    filled.get_by_role("combobox", name="Add a label").fill("Cat")
    filled.keyboard.press("Enter")
    expect(filled.locator(".card")).to_have_count(1)

    filled.keyboard.press("Backspace")

    expect(filled.locator(".card")).to_have_count(3)


def test_says_when_nothing_matches_and_shows_all_again(filled: Page) -> None:
    filled.get_by_role("combobox", name="Add a label").fill("Zebra")
    filled.keyboard.press("Enter")
    expect(filled.locator("#empty")).to_contain_text("Nothing with Zebra")

    filled.get_by_role("button", name="Show all pictures").click()

    expect(filled.locator(".card")).to_have_count(3)


def test_confidence_hides_labels_and_narrows_the_search(filled: Page) -> None:
    expect(filled.locator(".card", has_text="astronaut")).to_contain_text("Rocket")

    filled.get_by_role("slider", name="Confidence").fill("85")

    expect(filled.locator(".card", has_text="astronaut")).not_to_contain_text("Rocket")
    filled.get_by_role("combobox", name="Add a label").fill("Rocket")
    filled.keyboard.press("Enter")
    expect(filled.locator("#empty")).to_contain_text("at 85")
    filled.get_by_role("slider", name="Confidence").fill("70")
    expect(filled.locator(".card .name")).to_have_text(["astronaut.png"])


def test_orders_by_confidence(filled: Page) -> None:
    filled.locator("#popular").get_by_role("button", name="Person").click()
    expect(filled.locator(".card .name")).to_have_text(["photographer.png", "astronaut.png"])

    filled.get_by_label("Order").select_option("confidence")

    expect(filled.locator(".card .name")).to_have_text(["astronaut.png", "photographer.png"])


def test_address_holds_the_search(visit: Callable[..., Visitor], double: Double) -> None:
    double.put("uploads/1/cat.png", plain_picture())
    double.put("uploads/2/coffee.png", plain_picture())

    page = visit("?label=coffee&min=80").page

    expect(page.locator(".card .name")).to_have_text(["coffee.png"])
    expect(page.get_by_role("slider", name="Confidence")).to_have_value("80")


def test_escape_closes_suggestions(filled: Page) -> None:
    filled.get_by_role("combobox", name="Add a label").fill("c")
    expect(filled.get_by_role("listbox")).to_be_visible()

    filled.keyboard.press("Escape")

    expect(filled.get_by_role("listbox", name="Labels")).to_be_hidden()
