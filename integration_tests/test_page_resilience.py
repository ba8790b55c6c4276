"""The deployed page when things go wrong on the way, and the page behind CloudFront."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from typing import Any

import pytest
import urllib3
from playwright.sync_api import Browser, Page, Route, expect

from integration_tests.browser import Visit, Visitor, browsing, required_chromium, visiting
from integration_tests.pictures import picture, sample
from integration_tests.stack import DeployedStack

MakeKey = Callable[[str], str]


# Every stack is deployed before the browser starts: while Playwright runs, no deployment may start an event loop of its
# own.
@pytest.fixture(scope="module")
def browser(stack: DeployedStack, guest_stack: DeployedStack) -> Iterator[Browser]:
    """Yield a headless browser."""
    with browsing(required_chromium()) as running:
        yield running


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """Yield a function that opens a stack's page and waits until it takes files."""
    with visiting(browser) as visit_url:

        def visit_stack(deployed: DeployedStack) -> Visitor:
            visitor = visit_url(str(deployed.outputs["websiteUrl"]))
            expect(visitor.page.locator("#grid")).not_to_have_attribute("aria-busy", "true")
            return visitor

        yield visit_stack


def choose(page: Page, name: str, content: bytes) -> None:
    """Choose a file."""
    file: Any = {"name": name, "mimeType": "image/png", "buffer": content}
    page.set_input_files("#files", file)


def row(page: Page, name: str) -> Any:
    """Return the line of one upload."""
    return page.locator("#upload-list > li").filter(has_text=name)


def to_bucket(stack: DeployedStack, page: Page, handle: Callable[[Route], None]) -> str:
    """Route the page's requests to the upload bucket to `handle`; return the address, to undo it."""
    address = f"**/{stack.outputs['uploadBucket']}**"

    def sent(route: Route) -> None:
        if route.request.method in ("POST", "PUT"):
            handle(route)
        else:
            route.continue_()

    page.route(address, sent)
    return address


def keys_named(stack: DeployedStack, name: str) -> list[str]:
    """Return the pictures of this name in the upload bucket."""
    answer = stack.client("s3").list_objects_v2(Bucket=stack.outputs["uploadBucket"])
    return [entry["Key"] for entry in answer.get("Contents", []) if entry["Key"].endswith(f"/{name}")]


def test_cancelled_upload_leaves_nothing_and_can_be_sent_again(
    any_stack: DeployedStack, visit: Visit, key: MakeKey
) -> None:
    page = visit(any_stack).page
    address = to_bucket(any_stack, page, lambda route: None)  # held for ever
    with page.expect_request(lambda request: request.method in ("POST", "PUT") and fnmatch(request.url, address)):
        choose(page, "held.png", sample("cat.png"))
    with page.expect_event("requestfailed") as ended:
        page.get_by_role("button", name="Cancel held.png").click()

    assert ended.value.failure == "net::ERR_ABORTED"
    expect(row(page, "held.png")).to_have_attribute("data-state", "cancelled")
    page.unroute(address)
    page.get_by_role("button", name="Retry held.png").click()
    expect(row(page, "held.png")).to_have_attribute("data-state", "done")
    assert len(keys_named(any_stack, "held.png")) == 1, "what was cancelled has arrived too"


def test_broken_upload_says_so_and_can_be_sent_again(any_stack: DeployedStack, visit: Visit, key: MakeKey) -> None:
    visitor = visit(any_stack)
    page = visitor.page
    address = to_bucket(any_stack, page, lambda route: route.abort("connectionreset"))
    choose(page, "broken.png", picture(key("broken"), fmt="PNG"))

    expect(row(page, "broken.png")).to_have_attribute("data-state", "failed")
    expect(row(page, "broken.png")).to_contain_text("cannot be reached")
    visitor.forgive("ERR_CONNECTION_RESET")
    page.unroute(address)
    page.get_by_role("button", name="Retry broken.png").click()
    expect(row(page, "broken.png")).to_have_attribute("data-state", "done")
    assert len(keys_named(any_stack, "broken.png")) == 1


def test_offline_is_told_and_waited_out(any_stack: DeployedStack, visit: Visit, key: MakeKey) -> None:
    visitor = visit(any_stack)
    page = visitor.page
    visitor.context.set_offline(True)

    expect(page.locator("#connection")).to_contain_text("You are offline")
    choose(page, "later.png", picture(key("later"), fmt="PNG"))
    expect(row(page, "later.png")).to_have_attribute("data-state", "uploading")
    assert keys_named(any_stack, "later.png") == []
    visitor.context.set_offline(False)

    expect(page.locator("#connection")).to_be_hidden()
    expect(row(page, "later.png")).to_have_attribute("data-state", "done")
    # Chromium reports each picture that was on its way to the gallery.
    visitor.errors = [error for error in visitor.errors if "ERR_INTERNET_DISCONNECTED" not in error]


def test_result_is_waited_for_through_a_lost_connection(stack: DeployedStack, visit: Visit, key: MakeKey) -> None:
    visitor = visit(stack)
    page = visitor.page
    lost: list[str] = []

    def lose_twice(route: Route) -> None:
        if len(lost) < 2:
            lost.append(route.request.url)
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route("**/result?**", lose_twice)
    choose(page, "patient.png", picture(key("patient"), fmt="PNG"))

    expect(row(page, "patient.png")).to_have_attribute("data-state", "done")
    assert len(lost) == 2
    visitor.forgive("ERR_CONNECTION_RESET")


# --- CloudFront


def test_page_behind_cloudfront_uploads_shows_and_finds(
    cloudfront_stack: DeployedStack, visit: Visit, key: MakeKey
) -> None:
    page = visit(cloudfront_stack).page
    choose(page, "front.png", sample("cat.png"))

    expect(row(page, "front.png")).to_have_attribute("data-state", "done")
    expect(row(page, "front.png")).to_contain_text("Cat")
    page.get_by_role("combobox", name="Add a label").fill("cat")
    page.keyboard.press("Enter")
    card = page.locator(".card").filter(has_text="front.png")
    expect(card.first.locator("img")).to_be_visible()
    card.first.locator(".open").click()
    expect(page.locator("#facts")).to_contain_text("Cat")
    expect(page.locator(".picture img")).to_be_visible()


def test_cloudfront_sends_security_headers_with_every_file(cloudfront_stack: DeployedStack) -> None:
    for path in ("", "index.html", "js/main.js", "style.css", "config.json"):
        answer = urllib3.request("GET", str(cloudfront_stack.outputs["websiteUrl"]) + path)
        headers = answer.headers
        assert answer.status == 200, path
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy, path
        assert "frame-ancestors 'none'" in policy, path
        assert "require-trusted-types-for 'script'" in policy, path
        assert "unsafe" not in policy, path
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["x-frame-options"] == "DENY", path
        assert headers["referrer-policy"] == "no-referrer", path
        assert headers["strict-transport-security"].startswith("max-age="), path
        assert "camera=()" in headers["permissions-policy"], path


def test_a_missing_file_is_not_the_page(cloudfront_stack: DeployedStack) -> None:
    answer = urllib3.request("GET", str(cloudfront_stack.outputs["websiteUrl"]) + "no-such-file.js", retries=False)

    assert answer.status in (403, 404)
    assert b"<html" not in answer.data


@pytest.mark.parametrize("path", ["", "index.html", "config.json"])
def test_bucket_behind_cloudfront_is_not_read_directly(cloudfront_stack: DeployedStack, path: str) -> None:
    bucket = cloudfront_stack.outputs["websiteBucket"]
    answer = urllib3.request("GET", f"{cloudfront_stack.cloud.endpoint_url}/{bucket}/{path}", retries=False)

    assert (answer.status, b"<Code>AccessDenied</Code>" in answer.data) == (403, True)


def test_bucket_of_an_s3_site_is_read_directly(stack: DeployedStack) -> None:
    """Check that a site on S3 can be read at the address that the previous test expects to be closed."""
    bucket = stack.outputs["websiteBucket"]
    answer = urllib3.request("GET", f"{stack.cloud.endpoint_url}/{bucket}/index.html", retries=False)

    assert (answer.status, b"<html" in answer.data) == (200, True)
