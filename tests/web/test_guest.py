"""Guest mode: the browser signs its own requests, and sees its own pictures only."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote

import pytest
from playwright.sync_api import Browser, Page, expect

from integration_tests.browser import Visit, Visitor, visiting
from tests.serving import served

from .conftest import PATIENCE_MS, Server, plain_picture, sample, upload_of
from .double import Double
from .guest_double import GUEST, GuestDouble, guest_application
from .test_delivery import violations

ROWS = "#upload-list > li"


@pytest.fixture
def guest(double: Double) -> GuestDouble:
    """Return the state of the guest's endpoints."""
    return GuestDouble(double)


def configured(guest: GuestDouble, url: str) -> GuestDouble:
    """Return the guest's endpoints, which the page finds at this address."""
    guest.double.config_extra = {
        "mode": "guest",
        "region": "eu-central-1",
        "identityPoolId": "eu-central-1:pool",
        "uploadBucket": "pictures",
        "resultsTable": "results",
        "uploadPrefix": "uploads/",
        "endpoints": {
            "s3": f"{url}/aws/s3",
            "dynamodb": f"{url}/aws/dynamodb",
            "cognito-identity": f"{url}/aws/cognito",
        },
    }
    return guest


@pytest.fixture
def guest_visit(visit: Visit, guest: GuestDouble, server: Server) -> Iterator[Visit]:
    """Open the page in guest mode: visit(script=""). Its endpoints must refuse nothing."""
    server.application = guest_application(configured(guest, server.url))
    yield visit
    assert guest.refused == []


@pytest.fixture
def guest_visitor(guest_visit: Visit) -> Visitor:
    """Return the page in guest mode."""
    return guest_visit()


@pytest.fixture
def guest_page(guest_visitor: Visitor) -> Page:
    """Return the page's handle."""
    return guest_visitor.page


def test_uploads_and_shows_labels_with_signed_requests(guest_page: Page, guest: GuestDouble) -> None:
    guest_page.set_input_files("#files", upload_of("cat on (my) sofa's édge.png", sample("cat.png")))

    expect(guest_page.locator(ROWS)).to_contain_text("Cat, Whiskers, Pet")
    expect(guest_page.locator(".card img.ready")).to_be_visible()
    [key] = guest.puts
    assert key.startswith(f"uploads/{GUEST}/")
    assert key.endswith("/cat on (my) sofa's édge.png")


def test_waits_for_a_result_that_is_not_there_yet(guest_page: Page, guest: GuestDouble) -> None:
    guest_page.set_input_files("#files", [upload_of("cat.png"), upload_of("notes.png", b"text")])

    expect(guest_page.locator(ROWS).last).to_contain_text("not a picture")
    expect(guest_page.locator(ROWS).first).to_have_attribute("data-state", "done")


def test_own_pictures_are_there_after_a_reload_and_can_be_searched(guest_page: Page, guest: GuestDouble) -> None:
    guest_page.set_input_files("#files", [upload_of("cat.png", sample("cat.png")), upload_of("rocket.png")])
    expect(guest_page.locator(ROWS + "[data-state=done]")).to_have_count(2)
    guest.double.put("uploads/another-guest/coffee.png", plain_picture())

    guest_page.reload()

    expect(guest_page.locator(".card img.ready")).to_have_count(2)
    assert guest.identities == 1
    for text, names in (
        ("whiskers", ["cat.png"]),
        ("-name:ca -text:stop", ["rocket.png"]),
        ("name:ca to:2100-01-01", ["cat.png"]),
    ):
        guest_page.get_by_role("combobox", name="Add a label").fill(text)
        guest_page.keyboard.press("Enter")
        expect(guest_page.locator(".card .name")).to_have_text(names)
        guest_page.get_by_role("link", name="Labelstack").click()
        expect(guest_page.locator(".card")).to_have_count(2)


def test_own_pictures_are_ordered_by_the_dates_of_the_camera(guest_page: Page) -> None:
    names = ["taken 2021-01-01.png", "taken 2025-12-24.png", "taken 2019-05-01.png"]
    guest_page.set_input_files("#files", [upload_of(name) for name in names])
    expect(guest_page.locator(ROWS + "[data-state=done]")).to_have_count(3)

    guest_page.get_by_label("Order").select_option("taken")

    expect(guest_page.locator(".card .name")).to_have_text([names[1], names[0], names[2]])


@pytest.mark.abuse
def test_shows_the_identity_id_nowhere(guest_page: Page, guest: GuestDouble) -> None:
    guest_page.set_input_files("#files", upload_of("cat.png", sample("cat.png")))
    expect(guest_page.locator(".card img.ready")).to_be_visible()
    guest_page.reload()
    expect(guest_page.locator(".card img.ready")).to_be_visible()
    guest_page.locator(".card .open").click()
    expect(guest_page.locator("#facts")).to_contain_text("Whiskers")
    expect(guest_page.locator("#frame img")).to_be_visible()

    [key] = guest.puts
    address = unquote(guest_page.url)
    assert address.endswith("#" + key.removeprefix(f"uploads/{GUEST}/"))
    assert GUEST not in address
    assert GUEST not in unquote(guest_page.content())
    guest_page.reload()
    expect(guest_page.locator("#viewer-title")).to_have_text("cat.png")
    with guest_page.expect_download() as download:
        guest_page.locator("#download").click()
    assert download.value.suggested_filename == "cat.png"
    with guest_page.context.expect_page() as opened:
        guest_page.locator("#original").click()
    expect(opened.value.locator("img")).to_be_visible()
    assert opened.value.url.startswith("blob:")


def test_offers_no_deletion_and_says_what_a_guest_sees(guest_page: Page) -> None:
    expect(guest_page.locator("#limits")).to_contain_text("You are a guest")
    guest_page.set_input_files("#files", upload_of("cat.png", sample("cat.png")))
    guest_page.get_by_role("button", name="Look at cat.png").click()

    expect(guest_page.locator("#facts")).to_contain_text("Whiskers")
    expect(guest_page.locator("#delete")).to_be_hidden()


def test_becomes_a_new_guest_when_the_pool_was_made_anew(guest_visitor: Visitor, guest: GuestDouble) -> None:
    guest_page = guest_visitor.page
    guest_page.set_input_files("#files", upload_of("cat.png"))
    expect(guest_page.locator(ROWS)).to_have_attribute("data-state", "done")
    guest.lost_identity = True

    guest_page.reload()
    guest_page.set_input_files("#files", upload_of("rocket.png"))

    expect(guest_page.locator(ROWS)).to_have_attribute("data-state", "done")
    assert guest.identities == 2
    guest_visitor.forgive("400")


NAMES = [
    "  \U0001f408 50 % & more + (2).png",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467.png",
    "\u0634\u062c\u0631\u0629.png",
    "cafe\u0301 $5.png",
]


def test_keys_end_in_the_name_as_it_was(guest_page: Page, guest: GuestDouble) -> None:
    guest_page.set_input_files("#files", [upload_of(name, sample("cat.png")) for name in NAMES])

    expect(guest_page.locator(ROWS + "[data-state=done]")).to_have_count(len(NAMES))
    guest_page.reload()
    expect(guest_page.locator(".card img.ready")).to_have_count(len(NAMES))
    assert {key.rsplit("/", 1)[1] for key in guest.puts} == {name.strip() for name in NAMES}


def clock_off_by(hours: int) -> str:
    """Return a script that sets the browser's clock wrong."""
    return f"""{{
        const Right = Date, off = {hours} * 3600_000;
        Date = class extends Right {{
            constructor(...args) {{ args.length ? super(...args) : super(Right.now() + off); }}
            static now() {{ return Right.now() + off; }}
        }};
    }}"""


@pytest.mark.parametrize("hours", [1, -24])
def test_a_wrong_clock_is_corrected_before_anything_is_refused(
    guest_visit: Visit, guest: GuestDouble, hours: int
) -> None:
    page = guest_visit(script=clock_off_by(hours)).page
    page.set_input_files("#files", upload_of("cat.png", sample("cat.png")))
    expect(page.locator(ROWS)).to_have_attribute("data-state", "done")
    page.reload()
    expect(page.locator(".card img.ready")).to_be_visible()
    assert guest.skewed == 0


@pytest.mark.parametrize("hours", [1, -24])
def test_signs_again_where_only_the_refusal_tells_the_time(browser: Browser, guest: GuestDouble, hours: int) -> None:
    with (
        served(guest_application(guest), dated=False) as url,
        visiting(browser, patience_ms=PATIENCE_MS) as visit,
    ):
        configured(guest, url)
        visitor = visit(url, clock_off_by(hours))
        visitor.page.set_input_files("#files", upload_of("cat.png", sample("cat.png")))
        expect(visitor.page.locator(ROWS)).to_have_attribute("data-state", "done")
        visitor.forgive("403")
    assert (guest.skewed, len(guest.puts), guest.refused) == (1, 1, [])


def test_axe_finds_nothing_in_guest_mode(guest_page: Page) -> None:
    guest_page.set_input_files("#files", [upload_of("cat.png", sample("cat.png")), upload_of("notes.png", b"text")])
    expect(guest_page.locator("[data-state=done]")).to_be_visible()
    expect(guest_page.locator("[data-state=rejected]")).to_be_visible()
    assert violations(guest_page) == [], "gallery and uploads"

    guest_page.get_by_role("button", name="Look at cat.png").click()

    expect(guest_page.locator(".picture img")).to_be_visible()
    assert violations(guest_page) == [], "viewer"
