"""Selecting many pictures by mouse, Shift, keyboard and touch; deleting and downloading them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from integration_tests.browser import Visitor

from .conftest import PHONE, Touch, middle, plain_picture, sample
from .double import Double

Visit = Callable[..., Visitor]


@pytest.fixture
def filled(visit: Visit, double: Double) -> Visitor:
    """Return the page with eight pictures, of which cat7 is the newest."""
    for number in range(8):
        double.put(f"uploads/{number}/cat{number}.png", sample("cat.png"))
    visitor = visit()
    expect(visitor.page.locator(".card")).to_have_count(8)
    return visitor


def picked(page: Page) -> list[str]:
    return [name.removesuffix(".png") for name in page.locator(".picked .name").all_text_contents()]


def box(page: Page, name: str) -> None:
    page.get_by_role("checkbox", name=f"Select {name}.png").click()


def test_selects_by_mouse_with_shift_and_control(filled: Visitor) -> None:
    page = filled.page
    box(page, "cat6")
    page.locator(".card", has_text="cat3.png").locator(".open").click(modifiers=["Shift"])
    assert picked(page) == ["cat6", "cat5", "cat4", "cat3"]

    page.locator(".card", has_text="cat4.png").locator(".open").click()  # while one selects, a click selects
    page.locator(".card", has_text="cat0.png").locator(".open").click(modifiers=["Control"])

    assert picked(page) == ["cat6", "cat5", "cat3", "cat0"]
    expect(page.locator("#bar-sum")).to_have_text("4 pictures selected")
    expect(page.locator("#viewer")).to_be_hidden()
    page.get_by_role("button", name="End the selection").click()
    assert picked(page) == []
    expect(page.locator("#bar")).to_be_hidden()


def test_selects_by_keyboard(filled: Visitor) -> None:
    page = filled.page
    page.locator(".open").first.focus()
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    assert picked(page) == ["cat7", "cat6", "cat5"]

    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert picked(page) == ["cat7", "cat6"]
    page.keyboard.press("Control+a")
    assert len(picked(page)) == 8
    page.keyboard.press("Escape")

    assert picked(page) == []
    expect(page.locator("#select")).to_be_focused()


def test_selects_by_touch(visit: Visit, double: Double) -> None:
    for number in range(4):
        double.put(f"uploads/{number}/cat{number}.png", plain_picture())
    page = visit(**PHONE).page
    expect(page.locator(".card")).to_have_count(4)

    finger = Touch(page)
    finger.down(middle(page.locator(".photo").first))
    expect(page.locator("#bar-sum")).to_have_text("1 picture selected")
    finger.up()
    page.locator(".open").nth(2).tap()

    assert picked(page) == ["cat3", "cat1"]
    expect(page.locator("#viewer")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator("#select").tap()
    page.locator(".open").first.tap()
    expect(page.locator("#viewer")).to_be_visible()


def delete(page: Page) -> None:
    page.locator("#bar-remove").click()
    page.locator("#confirm").get_by_role("button", name="Delete").click()


def test_deletes_what_is_selected_after_one_question(filled: Visitor, double: Double) -> None:
    page = filled.page
    box(page, "cat7")
    box(page, "cat2")
    page.locator("#bar-remove").click()
    expect(page.locator("#confirm")).to_contain_text("Delete 2 pictures?")
    page.get_by_role("button", name="Keep it").click()
    assert len(double.pictures) == 8

    delete(page)

    expect(page.locator(".card")).to_have_count(6)
    expect(page.locator("#toasts")).to_contain_text("2 pictures deleted")
    expect(page.locator("#bar")).to_be_hidden()
    assert "uploads/2/cat2.png" not in double.pictures


def test_keeps_selected_what_could_not_be_deleted_and_says_why(filled: Visitor, double: Double) -> None:
    page = filled.page
    del double.pictures["uploads/5/cat5.png"]
    for name in ("cat6", "cat5", "cat4"):
        box(page, name)

    delete(page)

    expect(page.locator("#toasts")).to_contain_text("1 picture of 3 could not be done: There is no picture")
    expect(page.locator("#bar-sum")).to_have_text("1 picture selected")
    assert picked(page) == ["cat5"]
    filled.forgive("404")


def test_waits_for_a_busy_service(filled: Visitor, double: Double) -> None:
    double.fail_next("/api/images", 429, "TOO_MANY_REQUESTS", times=2)
    box(filled.page, "cat1")

    delete(filled.page)

    expect(filled.page.locator(".card")).to_have_count(7)
    filled.forgive("429")


def test_sends_again_what_the_service_gave_up(visit: Visit, double: Double) -> None:
    for name in ("cat.png", "failed1.png", "failed2.png"):
        double.put(f"uploads/1/{name}", sample("cat.png"))
    page = visit().page
    expect(page.locator(".card")).to_have_count(3)
    double.gives_up = False
    box(page, "cat")
    expect(page.locator("#bar-again")).to_be_disabled()
    page.get_by_role("button", name="All shown").click()

    page.locator("#bar-again").click()

    expect(page.locator("#upload-list > li[data-state=done]")).to_have_count(2)
    assert len(double.pictures) == 5


def test_has_pictures_labelled_anew_once_that_is_confirmed(visit: Visit, double: Double) -> None:
    for name in ("cat.png", "dog.png", "fox.png"):
        double.put(f"uploads/1/{name}", plain_picture())
    page = visit().page
    box(page, "cat")
    box(page, "fox")

    page.locator("#bar-relabel").click()
    page.get_by_role("button", name="Cancel").click()
    page.locator("#bar-relabel").click()
    page.locator("#confirm-yes").click()

    expect(page.locator(".toast")).to_contain_text("2 pictures will be labelled again")
    assert sorted(double.relabelled) == ["uploads/1/cat.png", "uploads/1/fox.png"]
    expect(page.locator("#bar")).to_be_hidden()


def test_offers_no_deletion_where_it_is_not_allowed(visit: Visit, double: Double) -> None:
    double.can_delete = False
    double.put("uploads/1/cat.png", plain_picture())
    page = visit().page

    page.get_by_role("button", name="Select").click()

    expect(page.locator("#bar-download")).to_be_visible()
    expect(page.locator("#bar-remove")).to_be_hidden()
    expect(page.locator("#bar-relabel")).to_be_hidden()


def test_downloads_what_is_selected_as_a_zip(visit: Visit, double: Double, tmp_path: Path) -> None:
    contents = {
        "cat.png": sample("cat.png"),
        "cat (2).png": plain_picture(90, 90),
        "\u0634\u062c\u0631\u0629 \U0001f408.png": plain_picture(91, 90),
        "flagged.png": plain_picture(92, 90),
    }
    for folder, (name, content) in enumerate(contents.items()):
        double.put(f"uploads/{folder}/{name.replace(' (2)', '')}", content)
    page = visit().page
    expect(page.locator(".card")).to_have_count(4)
    page.get_by_role("button", name="Select").click()
    page.get_by_role("button", name="All shown").click()

    with page.expect_download() as started:
        page.locator("#bar-download").click()

    started.value.save_as(tmp_path / "pictures.zip")
    with zipfile.ZipFile(tmp_path / "pictures.zip") as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == sorted(contents)
        assert {archive.read(name) for name in archive.namelist()} == set(contents.values())
        assert all(entry.date_time[0] >= 2026 for entry in archive.infolist())
    assert started.value.suggested_filename.endswith(".zip")
    expect(page.locator("#bar")).to_be_hidden()


def test_begins_another_zip_where_one_is_full(page: Page) -> None:
    sizes = page.evaluate("""async () => {
        const { zipper } = await import("/js/zip.js");
        const zip = zipper(1000), blob = new Blob([new Uint8Array(700)]);
        const before = zip.fits(blob);
        await zip.add("a.jpg", blob, new Date(2026, 0, 2, 3, 4, 6));
        return [before, zip.fits(blob), Array.from(new Uint8Array(await zip.blob().arrayBuffer()))];
    }""")

    assert sizes[:2] == [True, False]
    [entry] = zipfile.ZipFile(io.BytesIO(bytes(sizes[2]))).infolist()
    assert (entry.filename, entry.file_size, entry.date_time) == ("a.jpg", 700, (2026, 1, 2, 3, 4, 6))
