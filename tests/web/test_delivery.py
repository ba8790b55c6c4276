"""The page's delivery: policy, weight, speed, themes, phone, accessibility."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]  # carries axe.min.js; has no types
from playwright.sync_api import Page, expect

from integration_tests.browser import Visitor

from .conftest import PHONE, plain_picture, sample, upload_of
from .double import WEB, Double

Visit = Callable[..., Visitor]
MAX_WEIGHT_BYTES = 90_000


class Inline(HTMLParser):
    """Collects the code that a policy without `unsafe-inline` would block."""

    def __init__(self) -> None:
        super().__init__()
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        self.inline += [f"{tag} {name}" for name in names if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and "src" not in names):
            self.inline.append(tag)


@pytest.mark.abuse
def test_policy_allows_no_inline_code_and_page_has_none() -> None:
    html = (WEB / "index.html").read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)
    parser = Inline()
    parser.feed(html)

    assert parser.inline == []
    assert policy is not None
    assert "unsafe" not in policy[1]
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy[1]


@pytest.mark.abuse
def test_scripts_never_parse_markup() -> None:
    for script in (WEB / "js").glob("*.js"):
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", script.read_text()), (
            script
        )


def test_first_load_is_light(visit: Visit) -> None:
    page = visit().page
    expect(page.locator("#empty")).to_be_visible()
    page.wait_for_load_state("networkidle")

    sizes: dict[str, int] = page.evaluate(
        """() => Object.fromEntries(["navigation", "resource"].flatMap((type) => performance.getEntriesByType(type))
            .map((entry) => [new URL(entry.name).pathname, entry.decodedBodySize])
            .filter(([path]) => !path.startsWith("/api")))"""
    )

    assert "/js/main.js" in sizes
    assert sum(sizes.values()) <= MAX_WEIGHT_BYTES, sizes


def test_what_the_first_visit_needs_is_asked_for_at_once() -> None:
    preloaded = set(re.findall(r'modulepreload" href="js/([a-z0-9]+)\.js"', (WEB / "index.html").read_text()))
    needed, loaded = {"main"}, set[str]()
    while needed - loaded:
        name = (needed - loaded).pop()
        loaded.add(name)
        needed |= set(
            re.findall(r'^import .* from "\./([a-z0-9]+)\.js";', (WEB / "js" / f"{name}.js").read_text(), re.M)
        )

    assert preloaded == loaded - {"main"}


def test_phone_needs_no_sideways_scrolling(visit: Visit, double: Double) -> None:
    double.put(f"uploads/1/{'long-name-' * 12}.jpg", sample("temple.jpg"))
    page = visit(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True).page
    page.set_input_files("#files", upload_of("cat.png", sample("cat.png")))
    expect(page.locator(".card")).to_have_count(2)

    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.locator(".open").first.click()
    expect(page.locator(".picture img")).to_be_visible()
    assert page.evaluate("document.getElementById('viewer').scrollWidth") <= 360


def test_the_first_screen_of_a_phone_shows_pictures(visit: Visit, double: Double) -> None:
    for number in range(8):
        double.put(f"uploads/{number}/cat.png", plain_picture())
    page = visit(**PHONE).page
    expect(page.locator(".card")).to_have_count(8)
    page.wait_for_load_state("networkidle")

    first = page.locator(".photo").first.bounding_box()

    assert first is not None
    assert first["y"] < 844 / 3


def test_wide_screens_are_used(visit: Visit, double: Double) -> None:
    for number in range(8):
        double.put(f"uploads/{number}/cat.png", plain_picture())
    page = visit(viewport={"width": 1920, "height": 1080}).page
    expect(page.locator(".card")).to_have_count(8)

    tops = [page.locator(".card").nth(at).bounding_box() for at in range(7)]

    assert len({top["y"] for top in tops if top}) == 1, "seven in a row"


def test_the_search_stays_in_sight(visit: Visit, double: Double) -> None:
    for number in range(40):
        double.put(f"uploads/{number}/cat.png", plain_picture())
    desktop: dict[str, Any] = {}
    for options in (desktop, PHONE):
        page = visit(**options).page
        expect(page.locator(".card")).to_have_count(40)

        page.locator(".card").last.scroll_into_view_if_needed()

        expect(page.get_by_role("combobox", name="Add a label")).to_be_in_viewport()


def background(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


def test_follows_system_theme_and_own_choice(visit: Visit) -> None:
    page = visit(color_scheme="dark").page
    dark = background(page)
    page.get_by_role("button", name="Settings").click()
    page.get_by_text("Light", exact=True).click()
    light = background(page)
    page.reload()

    assert dark != light
    expect(page.locator("body")).to_have_css("background-color", light)


def violations(page: Page, options: str = "{}") -> list[str]:
    """Return axe's violations on the loaded page: rule and elements."""
    expect(page.locator("[aria-busy]")).to_have_count(0)
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    answer: dict[str, Any] = page.evaluate(f"axe.run(document, {{ resultTypes: ['violations'], ...{options} }})")
    return [
        f"{violation['id']}: {[node['target'] for node in violation['nodes']]}" for violation in answer["violations"]
    ]


def check_in_both_schemes(page: Page, state: str) -> None:
    """Check all rules in the light scheme; in the dark one only colours differ."""
    assert violations(page) == [], state
    page.emulate_media(color_scheme="dark")
    assert violations(page, "{ runOnly: ['color-contrast'] }") == [], f"{state}, dark"
    page.emulate_media(color_scheme="light")


def test_axe_finds_nothing(visit: Visit, double: Double) -> None:
    for name in ("cat.png", "astronaut.jpg"):
        double.put(f"uploads/1/{name}", sample(name))
    double.put("uploads/1/flagged.jpg", sample("rocket.jpg"))
    double.put("uploads/1/notes.jpg", b"text")
    page = visit().page
    page.set_input_files(
        "#files", [upload_of("rocket.png"), upload_of("text.png", b"x"), upload_of("a.txt", b"x", "text/plain")]
    )
    expect(page.locator("[data-state=done]")).to_be_visible()
    expect(page.locator("[data-state=rejected]")).to_be_visible()

    check_in_both_schemes(page, "gallery and uploads")
    page.get_by_role("checkbox", name="Select cat.png").click()
    expect(page.locator("#bar")).to_be_visible()
    check_in_both_schemes(page, "selection")
    page.get_by_role("button", name="End the selection").click()
    page.get_by_role("combobox", name="Add a label").fill("c")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("option").first).to_have_attribute("aria-selected", "true")
    check_in_both_schemes(page, "suggestions")
    page.keyboard.press("Enter")
    expect(page.locator("#chosen .tag")).to_be_visible()
    check_in_both_schemes(page, "a chosen label")
    page.locator(".open").first.click()
    expect(page.locator(".picture img")).to_be_visible()
    check_in_both_schemes(page, "viewer")
    page.get_by_role("button", name="Delete").click()
    check_in_both_schemes(page, "confirmation")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Settings").click()
    check_in_both_schemes(page, "settings")


def test_axe_finds_nothing_in_empty_and_flagged_states(visit: Visit, double: Double) -> None:
    page = visit().page
    expect(page.locator("#empty")).to_be_visible()
    assert violations(page) == []
    double.put("uploads/1/flagged.jpg", sample("rocket.jpg"))

    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.locator(".open").click()

    expect(page.locator(".veil")).to_be_visible()
    assert violations(page) == []


def test_axe_finds_nothing_on_a_phone(visit: Visit, double: Double) -> None:
    double.put("uploads/1/cat.png", sample("cat.png"))
    page = visit(**PHONE).page
    page.get_by_role("button", name="Filters").tap()
    page.locator("#select").tap()
    page.locator(".open").tap()
    expect(page.locator("#bar-sum")).to_have_text("1 picture selected")
    assert violations(page) == [], "selection and filters"
    page.get_by_role("button", name="End the selection").tap()

    page.locator(".open").tap()

    expect(page.locator(".picture img")).to_be_visible()
    assert violations(page) == [], "viewer"
