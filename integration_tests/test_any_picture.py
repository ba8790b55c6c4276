"""Pictures as phones, browsers, scanners and printers make them: labelled as a person sees them."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from PIL import ExifTags, Image

from integration_tests.api import ApiClient
from integration_tests.pictures import encoded, heic, picture, sample
from integration_tests.stack import DeployedStack

MakeKey = Callable[[str], str]
# The astronaut's face, in fractions of the picture as a person sees it.
FACE = {"left": 0.35, "top": 0.13, "width": 0.17, "height": 0.23}


def astronaut() -> Image.Image:
    return Image.open(io.BytesIO(sample("astronaut.jpg"))).convert("RGB")


def turned(fmt: str) -> bytes:
    """Return a picture on its side with Exif orientation 6, which tells a viewer to turn it."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    lying = astronaut().transpose(Image.Transpose.ROTATE_90)
    how: dict[str, Any] = {"tiffinfo": {ExifTags.Base.Orientation: 6}} if fmt == "TIFF" else {"exif": exif.tobytes()}
    return encoded(lying, fmt, **how)


def animated(fmt: str) -> bytes:
    others = [Image.new("RGB", (512, 512), color) for color in ("black", "gray")]
    return encoded(astronaut(), fmt, save_all=True, append_images=others, duration=100)


def large() -> bytes:
    """Return a picture more than 10,000 pixels wide, with the astronaut at its left."""
    wide = Image.new("RGB", (10_240, 7_680), "white")
    wide.paste(astronaut().resize((7_680, 7_680)), (0, 0))
    return encoded(wide, "JPEG")


PICTURES: list[tuple[str, Callable[[], bytes], str, bool]] = [
    ("plain.jpg", lambda: encoded(astronaut(), "JPEG", quality=95), "JPEG", False),
    ("phone.heic", lambda: encoded(astronaut(), "HEIF", quality=90), "HEIC", True),
    ("turned.heic", lambda: turned("HEIF"), "HEIC", True),
    ("turned.jpg", lambda: turned("JPEG"), "JPEG", True),
    ("turned.png", lambda: turned("PNG"), "PNG", True),
    ("turned.tiff", lambda: turned("TIFF"), "TIFF", True),
    ("turned.avif", lambda: turned("AVIF"), "AVIF", True),
    ("web.webp", lambda: encoded(astronaut(), "WEBP"), "WebP", True),
    ("animated.gif", lambda: animated("GIF"), "GIF", True),
    ("animated.webp", lambda: animated("WEBP"), "WebP", True),
    ("screen.bmp", lambda: encoded(astronaut(), "BMP"), "BMP", True),
    ("print.jpg", lambda: encoded(astronaut().convert("CMYK"), "JPEG"), "JPEG", True),
    (
        "deep.png",
        lambda: encoded(astronaut().convert("L").convert("I;16").point(lambda v: v * 256), "PNG"),
        "PNG",
        True,
    ),
    ("heavy.jpg", lambda: encoded(astronaut(), "JPEG") + bytes(15 * 1024 * 1024), "JPEG", True),
]


@pytest.mark.parametrize(("name", "make", "fmt", "converted"), PICTURES, ids=[case[0] for case in PICTURES])
def test_face_is_where_a_person_sees_it(
    stack: DeployedStack, key: MakeKey, name: str, make: Callable[[], bytes], fmt: str, converted: bool
) -> None:
    result = stack.wait_for_result(stack.upload(key(name), make()))

    assert (result["status"], result["format"], result["width"], result["height"]) == ("LABELED", fmt, 512, 512)
    assert result.get("converted", False) is converted
    assert FACE in [
        {side: pytest.approx(float(part), abs=0.05) for side, part in face["boundingBox"].items()}
        for face in result["faces"]
    ]


def test_picture_of_many_pixels_keeps_its_own_size(stack: DeployedStack, key: MakeKey) -> None:
    result = stack.wait_for_result(stack.upload(key("large.jpg"), large()))

    assert (result["status"], result["width"], result["height"]) == ("LABELED", 10_240, 7_680)
    box = {side: float(part) for side, part in result["faces"][0]["boundingBox"].items()}
    scales = {"left": 0.75, "width": 0.75, "top": 1, "height": 1}
    assert box == {side: pytest.approx(part * scales[side], abs=0.05 * scales[side]) for side, part in FACE.items()}


def test_batch_of_heic_pictures_is_labeled(stack: DeployedStack, key: MakeKey) -> None:
    pictures = [heic(n) for n in range(12)]

    results = stack.wait_for_results([stack.upload(key("p.heic"), content) for content in pictures])

    assert {(result["status"], result["converted"], result["width"]) for result in results} == {("LABELED", True, 160)}


def test_same_heic_again_is_neither_converted_nor_paid_for_again(stack: DeployedStack, key: MakeKey) -> None:
    content = heic("twice")
    first = stack.wait_for_result(stack.upload(key("first.heic"), content))
    stack.wait_until_content_is_known(first)

    second = stack.wait_for_result(stack.upload(key("second.heic"), content))

    assert (first["reused"], second["reused"]) == (False, True)
    assert second["converted"] is True


@pytest.mark.parametrize(("fmt", "kind"), [("HEIF", "heic"), ("WEBP", "webp"), ("AVIF", "avif"), ("GIF", "gif")])
def test_api_takes_and_shows_it(api: ApiClient, fmt: str, kind: str) -> None:
    content = encoded(Image.open(io.BytesIO(picture(kind))), fmt)

    key = api.upload(content, f"picture.{kind}", f"image/{kind}")

    assert api.wait_for_result(key)["converted"] is True
    shown = api.pool.request("GET", api.get("/image-url", {"key": key}).json["url"])
    assert (shown.status, shown.headers["Content-Type"], shown.data) == (200, f"image/{kind}", content)
