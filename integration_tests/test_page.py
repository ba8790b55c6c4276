"""The deployed page in a real browser: with the API, with an API that wants a key, and as a guest."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import urllib3
from playwright.sync_api import Browser, Page, expect

from integration_tests.api import ApiClient
from integration_tests.browser import Visit, Visitor, browsing, required_chromium, visiting
from integration_tests.lanes import GUESTS
from integration_tests.pictures import picture, sample
from integration_tests.stack import DeployedStack, LocalRekognition
from labelstack.clouds import Cloud

MakeKey = Callable[[str], str]
ROWS = "#upload-list > li"
MARKUP = "<img src=x onerror=alert(1)>"
NOTHING_ELSE: dict[str, list[Any]] = {"faces": [], "moderation": [], "text": []}


# Every stack is deployed before the browser starts: while Playwright runs, no deployment may start an event loop of its
# own.
@pytest.fixture(scope="module")
def browser(request: pytest.FixtureRequest, cloud: Cloud, api: ApiClient, keyed_api: ApiClient) -> Iterator[Browser]:
    """Yield a headless browser."""
    if not cloud.capabilities.lacks(*GUESTS):
        request.getfixturevalue("guest_stack")
    for caller in (api, keyed_api):
        awaken(caller)
    with browsing(required_chromium()) as running:
        yield running


def awaken(caller: ApiClient) -> None:
    """Start the functions now, as many as a page asks at once, and not while one loads."""
    caller.wait_for_result(caller.upload(picture(caller.url)))
    with ThreadPoolExecutor(3) as threads:
        for reply in threads.map(caller.get, ["/labels", "/images", "/labels"]):
            assert reply.status == 200, reply


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """Yield a function that opens a stack's page: visit(stack, path="", **options of the browser context)."""
    with visiting(browser) as visit_url:
        yield lambda deployed, path="", **options: visit_url(str(deployed.outputs["websiteUrl"]) + path, **options)


def file(name: str, content: bytes, kind: str = "image/png") -> Any:
    """Return a file for the chooser."""
    return {"name": name, "mimeType": kind, "buffer": content}


def row(page: Page, name: str) -> Any:
    """Return the line of one upload."""
    return page.locator(ROWS).filter(has_text=name)


def search_for(page: Page, label: str) -> None:
    page.get_by_role("combobox", name="Add a label").fill(label)
    page.keyboard.press("Enter")
    expect(page.locator("#grid")).not_to_have_attribute("aria-busy", "true")


def cards(page: Page, name: str) -> Any:
    return page.locator(".card").filter(has_text=name)


def test_uploads_several_at_once_and_shows_labels_without_reload(any_stack: DeployedStack, visit: Visit) -> None:
    page = visit(any_stack).page
    expect(page.locator("#limits")).to_contain_text("JPEG, PNG, HEIC")
    page.set_input_files(
        "#files",
        [
            file("cat.png", sample("cat.png")),
            file("astronaut.jpg", sample("astronaut.jpg"), "image/jpeg"),
            file("night.jpg", sample("galaxies.jpg"), "image/jpeg"),
            file("notes.jpg", b"no picture at all", "image/jpeg"),
        ],
    )

    expect(page.locator(f"{ROWS}[data-state=done]")).to_have_count(3)
    expect(row(page, "cat.png")).to_contain_text("Cat")
    expect(row(page, "astronaut.jpg")).to_contain_text("Person")
    expect(row(page, "notes.jpg")).to_have_attribute("data-state", "rejected")
    expect(row(page, "notes.jpg")).to_contain_text("JPEG, PNG")
    expect(cards(page, "cat.png").first).to_contain_text("Cat")
    expect(cards(page, "notes.jpg").first).to_contain_text("JPEG, PNG")


def test_looks_at_a_picture_with_boxes_and_facts(any_stack: DeployedStack, visit: Visit) -> None:
    page = visit(any_stack).page
    page.set_input_files("#files", file("looked-at.jpg", sample("astronaut.jpg"), "image/jpeg"))
    page.get_by_role("button", name="Look at looked-at.jpg").click()

    viewer = page.locator("#viewer")
    expect(viewer.locator(".picture img")).to_be_visible()
    expect(viewer.locator(".boxes > *").first).to_be_attached()
    expect(viewer.locator("#facts")).to_contain_text("Person")
    expect(viewer.get_by_role("button", name="Delete")).to_be_hidden()
    assert page.evaluate("document.querySelector('.picture img').naturalWidth") == 512


def test_names_stay_as_they_were_and_pictures_are_downloaded_together(
    any_stack: DeployedStack, visit: Visit, tmp_path: Path
) -> None:
    pictures = {
        "Zwei Katzen \U0001f408 & 50 % (2).png": sample("cat.png"),
        "\u0634\u062c\u0631\u0629.jpg": sample("coffee.jpg"),
    }
    page = visit(any_stack).page
    page.set_input_files("#files", [file(name, content, "") for name, content in pictures.items()])
    expect(page.locator(f"{ROWS}[data-state=done]")).to_have_count(2)
    listed = any_stack.client("s3").list_objects_v2(Bucket=any_stack.outputs["uploadBucket"])["Contents"]
    assert set(pictures) <= {entry["Key"].rsplit("/", 1)[-1] for entry in listed}

    page.reload()
    for name in pictures:
        expect(cards(page, name).first.locator("img.ready")).to_be_visible()
        cards(page, name).first.hover()
        cards(page, name).first.get_by_role("checkbox").click()
    with page.expect_download() as started:
        page.locator("#bar-download").click()

    started.value.save_as(tmp_path / "pictures.zip")
    with zipfile.ZipFile(tmp_path / "pictures.zip") as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == pictures


def test_finds_pictures_by_labels_and_confidence(
    any_stack: DeployedStack, visit: Visit, key: MakeKey, session_rekognition: LocalRekognition
) -> None:
    def rule(name: str, *labels: tuple[str, float]) -> dict[str, Any]:
        rule_labels = [{"name": label, "confidence": confidence} for label, confidence in labels]
        return {"match": {"key": f"*/{name}"}, "labels": rule_labels, **NOTHING_ELSE}

    session_rekognition.set_rules(
        [
            rule("both.png", ("Wombat", 95), ("Burrow", 92)),
            rule("sure.png", ("Wombat", 99)),
            rule("unsure.png", ("Wombat", 75)),
        ]
    )
    page = visit(any_stack).page
    names = ["both.png", "sure.png", "unsure.png"]
    page.set_input_files("#files", [file(name, picture(key(name), fmt="PNG")) for name in names])
    expect(page.locator(f"{ROWS}[data-state=done]")).to_have_count(3)
    session_rekognition.set_rules([])

    page.get_by_role("combobox", name="Add a label").fill("wom")
    expect(page.get_by_role("option", name="Wombat")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator(".card")).to_have_count(3)
    page.locator("#filters").get_by_role("slider", name="Confidence").fill("90")
    expect(page.locator(".card")).to_have_count(2)
    expect(cards(page, "unsure.png")).to_have_count(0)
    search_for(page, "burrow")
    expect(page.locator(".card")).to_have_count(1)
    expect(page.locator(".card")).to_contain_text("both.png")
    page.get_by_role("button", name="Remove Burrow").click()
    page.get_by_label("Order").select_option("confidence")
    expect(page.locator(".card").first).to_contain_text("sure.png")


def test_shows_flagged_pictures_only_when_asked(
    any_stack: DeployedStack, visit: Visit, key: MakeKey, session_rekognition: LocalRekognition
) -> None:
    session_rekognition.set_rules([{"match": {"key": "*/veiled.png"}, "moderation": ["Explicit Nudity"]}])
    page = visit(any_stack).page
    page.set_input_files("#files", file("veiled.png", picture(key("veiled"), fmt="PNG")))
    expect(row(page, "veiled.png")).to_have_attribute("data-state", "flagged")
    session_rekognition.set_rules([])

    expect(cards(page, "veiled.png").first).to_contain_text("Hidden: ")
    expect(cards(page, "veiled.png").first.locator("img")).to_have_count(0)
    page.get_by_role("button", name="Look at veiled.png").click()
    expect(page.locator(".veil")).to_contain_text("flagged")
    page.get_by_role("button", name="Show the picture").click()
    expect(page.locator(".picture img")).to_be_visible()


@pytest.mark.abuse
def test_markup_in_names_and_labels_is_text(
    stack: DeployedStack, visit: Visit, key: MakeKey, session_rekognition: LocalRekognition
) -> None:
    session_rekognition.set_rules(
        [{"match": {"key": "*hostile*"}, "labels": [MARKUP], **NOTHING_ELSE, "text": [MARKUP]}]
    )
    stack.wait_for_result(stack.upload(f"uploads/hostile/{MARKUP}.png", picture(key("stored"), fmt="PNG")))
    visitor = visit(stack)
    page = visitor.page
    page.set_input_files("#files", file(f"hostile {MARKUP}.png", picture(key("sent"), fmt="PNG")))

    expect(page.locator(f"{ROWS}[data-state=done]")).to_contain_text(MARKUP)
    session_rekognition.set_rules([])
    search_for(page, MARKUP)
    expect(page.locator(".card")).to_have_count(2)
    expect(page.locator(".card .name").filter(has_text=f"{MARKUP}.png")).to_have_count(1)
    expect(page.locator("#chosen")).to_contain_text(MARKUP)
    page.locator(".open").last.click()
    expect(page.locator("#facts")).to_contain_text(MARKUP)
    expect(page.locator("#viewer-title")).to_have_text(f"{MARKUP}.png")
    assert page.locator("[onerror]").count() == 0
    assert page.locator("img[src=x]").count() == 0


def give_key(visitor: Visitor, api_key: str) -> None:
    page = visitor.page
    refusal = page.get_by_text("enter it in the settings")
    expect(refusal).to_be_visible()
    page.wait_for_load_state("networkidle")
    visitor.forgive("403")
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("Access key").fill(api_key)
    page.get_by_role("button", name="Done").click()
    expect(refusal).to_be_hidden()


@pytest.mark.needs("gateway_responses")
def test_uploads_and_deletes_with_an_access_key(
    keyed_stack: DeployedStack, keyed_api: ApiClient, visit: Visit, key: MakeKey
) -> None:
    visitor = visit(keyed_stack)
    page = visitor.page
    give_key(visitor, keyed_api.access_key)
    page.set_input_files("#files", file("deleted.png", picture(key("deleted"), fmt="PNG")))
    expect(row(page, "deleted.png")).to_have_attribute("data-state", "done")
    card = cards(page, "deleted.png")
    expect(card).to_have_count(1)

    card.locator(".open").click()
    page.locator("#viewer").get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Keep it").click()
    expect(page.locator("#viewer")).to_be_visible()
    page.locator("#viewer").get_by_role("button", name="Delete").click()
    page.locator("#confirm").get_by_role("button", name="Delete").click()

    expect(page.locator("#toasts")).to_contain_text("deleted.png is deleted")
    expect(card).to_have_count(0)
    # The viewer leaves by going back in the window's history, which would end a reload that is under way.
    expect(page).to_have_url(str(keyed_stack.outputs["websiteUrl"]))
    page.reload()
    expect(page.locator("#grid")).not_to_have_attribute("aria-busy", "true")
    expect(card).to_have_count(0)


def test_page_is_policed(any_stack: DeployedStack) -> None:
    url, request_headers = any_stack.page_address("")
    html = urllib3.request("GET", url, headers=request_headers).data.decode()
    [policy] = re.findall('http-equiv="Content-Security-Policy" content="([^"]+)"', html)

    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "https:" not in policy.split(), "addresses of this deployment only"
    assert "require-trusted-types-for 'script'" in policy


@pytest.mark.needs("website_headers")
def test_files_are_cached_as_they_should_be(any_stack: DeployedStack) -> None:
    for path, kind, kept in (
        ("", "text/html", "no-cache"),
        ("js/main.js", "text/javascript", "no-cache"),
        ("style.css", "text/css", "no-cache"),
        ("config.json", "application/json", "no-store"),
        ("icon.svg", "image/svg+xml", "max-age="),
    ):
        url, request_headers = any_stack.page_address(path)
        headers = urllib3.request("GET", url, headers=request_headers).headers
        assert headers["content-type"].startswith(kind), path
        assert kept in headers["cache-control"], (path, headers["cache-control"])
