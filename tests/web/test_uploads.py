"""Sending pictures: progress, results without reload, refusals, cancel, retry, offline."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from integration_tests.browser import Visitor

from .conftest import plain_picture, sample, upload_of
from .double import Double

Visit = Callable[..., Visitor]
ROWS = "#upload-list > li"


def test_shows_labels_of_several_pictures_without_reload(page: Page) -> None:
    page.set_input_files(
        "#files", [upload_of("cat.png", sample("cat.png")), upload_of("rocket.png"), upload_of("flower.png")]
    )

    expect(page.locator(ROWS + "[data-state=done]")).to_have_count(3)
    expect(page.locator(ROWS).first).to_contain_text("Cat, Whiskers, Pet")
    expect(page.locator(".card")).to_have_count(3)
    expect(page.locator("#announcer")).to_contain_text("labelled")


def test_waits_for_a_result_that_takes_its_time(page: Page, double: Double) -> None:
    double.delay_s = 1.0
    page.set_input_files("#files", upload_of("cat.png"))

    expect(page.locator(ROWS)).to_have_attribute("data-state", "watching")
    expect(page.locator(ROWS)).to_contain_text("Analysing")
    expect(page.locator(ROWS)).to_have_attribute("data-state", "done")


def test_shows_reason_of_a_rejected_file(page: Page) -> None:
    page.set_input_files("#files", [upload_of("notes.png", b"just text"), upload_of("dot.png", plain_picture(8, 8))])

    expect(page.locator(ROWS + "[data-state=rejected]")).to_have_count(2)
    expect(page.locator(ROWS).first).to_contain_text("not a picture")
    expect(page.locator(ROWS).last).to_contain_text("80 pixels")
    expect(page.locator(".card.refused")).to_have_count(2)


def test_refuses_other_types_empty_and_large_files_before_sending(visit: Visit, double: Double) -> None:
    double.config_extra = {"maxSizeBytes": 1024 * 1024}
    page = visit().page
    large = upload_of("large.png", b"\0" * (1024 * 1024 + 1))
    page.set_input_files("#files", [upload_of("a.pdf", b"x", "application/pdf"), upload_of("empty.png", b""), large])

    expect(page.locator(ROWS + "[data-state=refused]")).to_have_count(3)
    expect(page.locator(ROWS).nth(0)).to_contain_text("choose a JPEG, PNG, HEIC, HEIF, WEBP, AVIF, GIF, TIFF or BMP")
    expect(page.locator(ROWS).nth(1)).to_contain_text("empty")
    expect(page.locator(ROWS).nth(2)).to_contain_text("larger than 1 MB")
    assert "POST /api/generate-upload-url" not in double.calls


DROP = """async () => {
    const canvas = new OffscreenCanvas(100, 100);
    canvas.getContext("2d").fillRect(0, 0, 50, 50);
    const data = new DataTransfer();
    const type = "image/png";
    data.items.add(new File([await canvas.convertToBlob({ type })], "coffee.png", { type }));
    const options = { dataTransfer: data, bubbles: true, cancelable: true };
    for (const name of ["dragover", "drop"]) document.body.dispatchEvent(new DragEvent(name, options));
}"""


def test_takes_files_that_are_dropped_on_the_page(page: Page) -> None:
    page.evaluate(DROP)

    expect(page.locator(ROWS)).to_contain_text("Cup, Coffee")


def test_takes_files_that_are_dropped_before_the_page_knows_its_service(page: Page) -> None:
    routes: list[Route] = []
    page.route("**/config.json", lambda route: routes.append(route))
    with page.expect_request("**/config.json"):
        page.reload()

    page.evaluate(DROP)
    expect(page.locator(ROWS)).to_have_count(0)
    routes[0].continue_()

    expect(page.locator(ROWS)).to_contain_text("Cup, Coffee")


def test_cancels_and_retries(page: Page, double: Double) -> None:
    double.delay_s = 60
    page.set_input_files("#files", upload_of("cat.png"))
    expect(page.locator(ROWS)).to_have_attribute("data-state", "watching")

    page.get_by_role("button", name="Cancel cat.png").click()

    expect(page.locator(ROWS)).to_have_attribute("data-state", "cancelled")
    expect(page.get_by_role("button", name="Retry cat.png")).to_be_focused()
    for picture in double.pictures.values():
        picture.ready_at = 0
    page.get_by_role("button", name="Retry cat.png").click()
    expect(page.locator(ROWS)).to_have_attribute("data-state", "done")
    assert len(double.pictures) == 1


def slow_network(page: Page) -> None:
    """Slow the network down to about 60 kB a second."""
    session = page.context.new_cdp_session(page)
    limits = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 60_000}
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", limits)


def test_shows_progress_of_each_file(page: Page) -> None:
    slow_network(page)
    page.set_input_files("#files", [upload_of("cat.png", sample("cat.png")), upload_of("small.png")])

    expect(page.locator(ROWS).last).to_have_attribute("data-state", "done")
    expect(page.locator(ROWS).first).to_contain_text(re.compile(r"Uploading [1-9]\d? %"))
    expect(page.locator(ROWS).first).to_have_attribute("data-state", "done")


def test_cancels_while_a_file_is_being_sent(page: Page, double: Double) -> None:
    slow_network(page)
    page.set_input_files("#files", upload_of("cat.png", sample("cat.png")))
    expect(page.locator(ROWS)).to_contain_text(re.compile(r"Uploading [1-9]\d? %"))

    page.get_by_role("button", name="Cancel cat.png").click()

    expect(page.locator(ROWS)).to_contain_text("Cancelled")
    assert double.pictures == {}


def test_sends_three_at_a_time(page: Page, double: Double) -> None:
    slow_network(page)
    page.set_input_files("#files", [upload_of(f"cat{number}.png", sample("cat.png")) for number in range(5)])

    expect(page.locator(ROWS + "[data-state=uploading]")).to_have_count(3)
    expect(page.locator(ROWS + "[data-state=waiting]")).to_have_count(2)


def test_says_why_an_upload_failed_and_sends_it_again(visitor: Visitor, double: Double) -> None:
    page = visitor.page
    double.fail_next("/api/generate-upload-url", 503, "UNAVAILABLE")
    page.set_input_files("#files", upload_of("cat.png"))
    expect(page.locator(ROWS)).to_contain_text("told to answer UNAVAILABLE")

    page.get_by_role("button", name="Retry cat.png").click()

    expect(page.locator(ROWS)).to_have_attribute("data-state", "done")
    visitor.forgive("503")


@pytest.mark.parametrize("path", ["api/generate-upload-url", "s3/put/*", "api/result?*"])
def test_sends_again_what_the_connection_lost(visitor: Visitor, double: Double, path: str) -> None:
    page = visitor.page
    page.route(f"**/{path}", lambda route: route.abort("connectionreset"), times=2)
    page.set_input_files("#files", upload_of("cat.png"))

    expect(page.locator(ROWS)).to_have_attribute("data-state", "done")
    visitor.forgive("ERR_CONNECTION_RESET")
    assert len(double.pictures) == 1


def test_what_arrived_while_the_answer_was_lost_is_not_sent_twice(visitor: Visitor, double: Double) -> None:
    page = visitor.page

    def lose_answer(route: Route) -> None:
        route.fetch()
        route.abort("connectionreset")

    page.route("**/s3/put/*", lose_answer, times=1)
    page.set_input_files("#files", upload_of("cat.png"))

    expect(page.locator(ROWS)).to_have_attribute("data-state", "done")
    visitor.forgive("ERR_CONNECTION_RESET")
    visitor.forgive("412")
    assert len(double.pictures) == 1


def test_sends_three_times_before_it_gives_up(visitor: Visitor, double: Double) -> None:
    page = visitor.page
    tried: list[Route] = []

    def lose(route: Route) -> None:
        tried.append(route)
        route.abort("connectionreset")

    page.route("**/s3/put/*", lose)
    page.set_input_files("#files", upload_of("cat.png"))

    expect(page.locator(ROWS)).to_contain_text("cannot be reached")
    visitor.forgive("ERR_CONNECTION_RESET")
    assert (len(tried), double.pictures) == (3, {})


def test_goes_on_waiting_through_answers_of_a_busy_service(visitor: Visitor, double: Double) -> None:
    double.fail_next("/api/result", 429, "TOO_MANY_REQUESTS", times=2)
    visitor.page.set_input_files("#files", upload_of("cat.png"))

    expect(visitor.page.locator(ROWS)).to_have_attribute("data-state", "done")
    visitor.forgive("429")


def test_waits_while_offline_and_goes_on_afterwards(page: Page) -> None:
    expect(page.locator("#empty")).to_be_visible()
    page.context.set_offline(True)
    expect(page.locator("#connection")).to_contain_text("You are offline")
    page.set_input_files("#files", upload_of("cat.png"))
    expect(page.locator(ROWS)).to_have_attribute("data-state", "uploading")

    page.context.set_offline(False)

    expect(page.locator("#connection")).to_be_hidden()
    expect(page.locator(ROWS)).to_have_attribute("data-state", "done")


@pytest.mark.abuse
def test_shows_markup_in_names_and_labels_as_text(page: Page) -> None:
    page.set_input_files("#files", upload_of("markup<b>bold</b>.png"))

    expect(page.locator(ROWS)).to_contain_text("markup<b>bold<")
    expect(page.locator(ROWS)).to_contain_text("<img src=x onerror=alert(1)>")
    expect(page.locator(".card .tag")).to_have_text("<img src=x onerror=alert(1)>")
    assert page.locator("main b, .tag img").count() == 0


def test_clears_what_is_finished(page: Page) -> None:
    page.set_input_files("#files", upload_of("cat.png"))
    expect(page.locator(ROWS)).to_have_attribute("data-state", "done")

    page.locator("#uploads-clear").click()

    expect(page.locator("#uploads")).to_be_hidden()
    expect(page.locator("#files")).to_be_focused()


def test_sends_a_file_whose_type_the_system_does_not_know(visit: Visit, double: Double) -> None:
    page = visit().page
    expect(page.locator("#limits")).to_contain_text("HEIC")  # the page is ready for a drop
    page.evaluate(
        """(bytes) => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(bytes)], "IMG_0001.HEIC"));
            document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
        }""",
        list(plain_picture()),
    )

    expect(page.locator(ROWS + "[data-state=done]")).to_have_count(1)
    assert "POST /api/generate-upload-url" in double.calls


def test_sends_again_what_the_service_gave_up(page: Page, double: Double) -> None:
    page.set_input_files("#files", upload_of("failed.png", sample("cat.png")))
    expect(page.locator(ROWS)).to_have_attribute("data-state", "failed")
    expect(page.locator(ROWS)).to_contain_text("The analysis did not work")
    double.gives_up = False

    page.get_by_role("button", name="Retry failed.png").click()

    expect(page.locator(ROWS)).to_have_attribute("data-state", "done")
    assert len(double.pictures) == 2


def test_a_click_on_a_label_of_an_upload_looks_for_it(page: Page) -> None:
    page.set_input_files("#files", [upload_of("cat.png"), upload_of("rocket.png")])
    expect(page.locator(f"{ROWS}[data-state=done]")).to_have_count(2)

    page.locator(ROWS).first.get_by_role("button", name="Whiskers").click()

    expect(page.locator(".card .name")).to_have_text(["cat.png"])
