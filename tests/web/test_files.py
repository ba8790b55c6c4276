"""Chosen and dropped files: types by contents, other names of types and endings, folders, long and odd names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from handlers.api_upload_url.uploads import key_name
from integration_tests.browser import Visitor
from tests.serving import served

from .conftest import plain_picture, sample, upload_of
from .double import Double

Visit = Callable[..., Visitor]
ROWS = "#upload-list > li"
JPEG, PNG, TIFF, BMP, WEBP = (plain_picture(kind=kind) for kind in ("JPEG", "PNG", "TIFF", "BMP", "WEBP"))
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100)
AVIF = b"\0\0\0\x1cftypmif1\0\0\0\0mif1avif" + bytes(100)
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"


CASES = [
    ("IMG_0001.HEIC", "application/octet-stream", HEIC, "image/heic"),
    ("photo", "", JPEG, "image/jpeg"),
    ("photo.jpg", "image/jpg", JPEG, "image/jpeg"),
    ("scan", "application/octet-stream", TIFF, "image/tiff"),
    ("old.jfif", "", JPEG, "image/jpeg"),
    ("drawing.dib", "image/x-ms-bmp", BMP, "image/bmp"),
    ("really-a-webp.jpg", "image/jpeg", WEBP, "image/webp"),
    ("heif.hif", "", AVIF, "image/avif"),
    ("notes.txt", "text/plain", PNG, "image/png"),
    ("broken.jpe", "application/octet-stream", b"no picture", "image/jpeg"),
    ("broken", "image/x-png", b"no picture", "image/png"),
]


def test_contents_decide_then_the_type_then_the_ending(page: Page, double: Double) -> None:
    page.set_input_files("#files", [upload_of(name, content, mime) for name, mime, content, _ in CASES])

    expect(page.locator(f"{ROWS}:is([data-state=done], [data-state=rejected])")).to_have_count(len(CASES))
    sent = {grant["key"].split("/", 2)[2]: grant["Content-Type"] for grant in double.grants.values()}
    assert sent == {name: kind for name, _, _, kind in CASES}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder as cameras, computers and storage devices fill it."""
    holiday = tmp_path / "holiday"
    files = {
        "cat.png": sample("cat.png"),
        "sub/deeper/old.JPE": JPEG,
        "sub/no-ending": JPEG,
        "sub/scan.TIF": TIFF,
        "notes.txt": b"x",
        "sub/film.mov": b"x",
        ".hidden.png": PNG,
        "@eaDir/cat.png/SYNOPHOTO_THUMB_M.jpg": JPEG,
        "__MACOSX/._cat.png": b"x",
    }
    for name, content in files.items():
        (holiday / name).parent.mkdir(parents=True, exist_ok=True)
        (holiday / name).write_bytes(content)
    return holiday


def check_folder(page: Page) -> None:
    expect(page.locator(f"{ROWS}[data-state=done]")).to_have_count(4)
    names = {"cat.png", "old.JPE", "no-ending", "scan.TIF"}
    assert set(page.locator(f"{ROWS}[data-state=done] .name").all_text_contents()) == names
    left = page.locator(f"{ROWS}[data-state=left]")
    expect(left).to_contain_text("5 files of the folder were left out")
    left.locator("summary").click()
    for name in ("holiday/notes.txt", "holiday/sub/film.mov", "holiday/.hidden.png", "holiday/@eaDir", "__MACOSX"):
        expect(left).to_contain_text(name)
    page.get_by_role("button", name="Remove this note").click()
    expect(left).to_have_count(0)


def drop(page: Page, *paths: Path) -> None:
    """Drop files and folders of this machine on the page, as a file manager does."""
    session = page.context.new_cdp_session(page)
    data: dict[str, Any] = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "x": 300, "y": 300, "data": data})


def test_takes_a_dropped_folder_with_what_is_below_it(page: Page, folder: Path) -> None:
    drop(page, folder)

    check_folder(page)


def test_takes_a_chosen_folder(page: Page, folder: Path) -> None:
    page.set_input_files("#folder", folder)

    check_folder(page)


def test_takes_files_and_folders_that_are_dropped_together(page: Page, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "coffee.png").write_bytes(PNG)
    (tmp_path / "empty").mkdir()

    drop(page, tmp_path / "coffee.png", folder / "sub", tmp_path / "empty")

    expect(page.locator(f"{ROWS}[data-state=done]")).to_have_count(4)
    expect(page.locator(f"{ROWS}[data-state=left]")).to_contain_text("1 file of the folder was left out")


def test_says_so_when_a_file_cannot_be_read(page: Page, tmp_path: Path) -> None:
    (tmp_path / "gone.png").write_bytes(PNG)
    page.route("**/api/**", lambda route: None if "generate" in route.request.url else route.continue_())
    page.evaluate(
        """() => { Blob.prototype.arrayBuffer = () => Promise.reject(new DOMException("", "NotReadableError")); }"""
    )

    page.set_input_files("#files", tmp_path / "gone.png")

    expect(page.locator(ROWS)).to_contain_text("cannot be read")


# --- names


def test_names_stay_as_they_were(page: Page, double: Double) -> None:
    names = [
        "two cats (1) & a dog + 50 %.png",
        f"{FAMILY}.png",
        "\U0001f408" * 60 + ".png",
        "\u05ea\u05de\u05d5\u05e0\u05d4.png",
        "e\u0301" * 100 + ".png",
        "100 % #1 ?.png",
    ]
    page.set_input_files("#files", [upload_of(name, sample("cat.png")) for name in names])

    expect(page.locator(f"{ROWS}[data-state=done]")).to_have_count(len(names))
    assert {key.split("/", 2)[2] for key in double.pictures} == set(names)
    assert set(page.locator(".card .name").all_text_contents()) == set(names)
    page.locator(".open").first.click()
    for name in page.locator(".card .name").all_text_contents():
        expect(page.locator("#viewer-title")).to_have_text(name)
        expect(page.locator(".picture img")).to_be_visible()
        page.keyboard.press("ArrowRight")


def test_a_name_that_is_too_long_is_shortened_in_the_middle(page: Page, double: Double) -> None:
    page.evaluate(
        """([name, bytes]) => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(bytes)], name));
            document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
        }""",
        [f"begin {FAMILY * 60} end (2).png", list(PNG)],
    )

    expect(page.locator(ROWS)).to_have_attribute("data-state", "done")
    [key] = double.pictures
    head, _, tail = key.split("/", 2)[2].partition("\u2026")
    assert head == "begin " + FAMILY * head.count(FAMILY)
    assert tail == FAMILY * tail.count(FAMILY) + " end (2).png"


NAMES = [
    "a.png",
    "..",
    "",
    "...",
    "nul\0l\n.png",
    "a\\b/c.png",
    "\ufffe.png",
    '<b>"%2F".png',
    "100 % & more.png",
    *(
        sign * 90 + " (2).jpeg"
        for sign in ("x", FAMILY, "e\u0301\u0323", "\U0001f1e9\U0001f1ea", "\U0001f44d\U0001f3fd", "\u1100\u1161\u11a8")
    ),
]
KEY_NAMES = """async ([names, bytes]) => {
    const { keyName } = await import("/js/later.js");
    return names.map((name) => keyName(name, bytes));
}"""


@pytest.mark.parametrize("script", ["", "delete Intl.Segmenter"], ids=["segmenter", "without"])
def test_the_page_names_as_the_api_does(visit: Visit, script: str) -> None:
    page = visit(script=script).page

    for most_bytes in (60, 63, 255):
        assert page.evaluate(KEY_NAMES, [NAMES, most_bytes]) == [key_name(name, most_bytes) for name in NAMES]


# --- browsers

OLD = """
    delete AbortSignal.any; delete AbortSignal.timeout; delete Intl.Segmenter; delete URLSearchParams.prototype.size;
    delete HTMLElement.prototype.showPopover; delete HTMLElement.prototype.hidePopover;
"""
BLOCKED = """
    for (const kind of ["localStorage", "sessionStorage"])
        Object.defineProperty(window, kind, { get() { throw new DOMException("blocked", "SecurityError"); } });
"""


@pytest.mark.parametrize("script", [OLD, BLOCKED], ids=["old", "site data blocked"])
def test_works_in_browsers_that_have_less(visit: Visit, double: Double, script: str) -> None:
    double.put("uploads/1/rocket.jpg", sample("rocket.jpg"))
    page = visit(script=script).page
    page.set_input_files("#files", upload_of("cat.png", sample("cat.png")))
    expect(page.locator(ROWS)).to_have_attribute("data-state", "done")

    page.locator(".card", has_text="cat.png").get_by_role("button", name="Whiskers").click()
    expect(page.locator(".card .name")).to_have_text(["cat.png"])
    page.locator(".open").click()

    expect(page.locator(".picture img")).to_be_visible()


@pytest.mark.abuse
def test_a_malformed_address_is_no_error(visit: Visit, double: Double) -> None:
    double.put("uploads/1/cat.png", sample("cat.png"))
    page = visit("?label=%E0%A4%A&min=NaN#%E0%A4%A").page

    expect(page.locator("#grid")).not_to_have_attribute("aria-busy", "true")
    for malformed in ("#%", "#uploads%2F%ff", "#%zz"):
        page.evaluate("(hash) => location.hash = hash", malformed)
    page.evaluate("location.hash = '#uploads%2F1%2Fcat.png'")

    expect(page.locator("#viewer-title")).to_have_text("cat.png")


def test_does_not_work_inside_another_site(visitor: Visitor, site: str) -> None:
    async def foreign(_: Request) -> Response:
        page = f'<link rel="icon" href="data:,"><iframe src="{site}"></iframe>'
        return Response(page, media_type="text/html")

    with served(Starlette(routes=[Route("/", foreign)])) as url:
        visitor.page.goto(url)
        framed = visitor.page.frame_locator("iframe")
        expect(framed.locator("body")).to_contain_text("does not work inside another page")
        assert framed.locator("button, input").count() == 0


@pytest.mark.abuse
def test_markup_from_text_is_refused_by_the_browser(visit: Visit) -> None:
    visitor = visit()

    error = visitor.page.evaluate("""() => {
        try { document.createElement("p").innerHTML = "<b>x</b>"; } catch (error) { return error.name; }
    }""")

    assert error == "TypeError"
    visitor.forgive("TrustedHTML")
