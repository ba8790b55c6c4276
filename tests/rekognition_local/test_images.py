"""Bytes to upright pixels, within the limits."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from integration_tests.png import png
from rekognition_local.errors import (
    ImageTooLargeError,
    InvalidImageFormatError,
    InvalidParameterError,
    RekognitionError,
)
from rekognition_local.images import WORK_SIDE_PX, decode, read_sides
from tests.rekognition_local.pictures import encoded, plain, sample


def png_header(width: int, height: int) -> bytes:
    """Return a PNG that claims a size and holds hardly any pixels: a decompression bomb's head."""
    return png((width, height), zlib.compress(bytes(10)))


@pytest.mark.parametrize("image_format", ["JPEG", "PNG"])
def test_reads_the_sides(image_format: str) -> None:
    assert read_sides(plain(90, 120, image_format=image_format)) == (90, 120)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"just a text file",
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n",
        encoded(Image.new("RGB", (100, 100)), "GIF"),
        encoded(Image.new("RGB", (100, 100)), "BMP"),
        encoded(Image.new("RGB", (100, 100)), "TIFF"),
        encoded(Image.new("RGB", (100, 100)), "WEBP"),
    ],
    ids=["empty", "text", "jpeg-magic", "png-magic", "gif", "bmp", "tiff", "webp"],
)
def test_rejects_what_is_not_jpeg_or_png(data: bytes) -> None:
    with pytest.raises(InvalidImageFormatError):
        read_sides(data)


@pytest.mark.parametrize("name", ["coffee.jpg", "cat.png"])
@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_rejects_truncated_pictures(name: str, kept: float) -> None:
    data = sample(name)

    with pytest.raises(InvalidImageFormatError):
        decode(data[: int(len(data) * kept)])


def test_rejects_a_png_with_broken_pixels() -> None:
    data = bytearray(sample("cat.png"))
    data[len(data) // 2] ^= 0xFF

    with pytest.raises(InvalidImageFormatError):
        decode(bytes(data))


@pytest.mark.parametrize(
    ("width", "height", "error"),
    [
        (79, 79, InvalidParameterError),
        (79, 500, InvalidParameterError),
        (500, 79, InvalidParameterError),
        (10_001, 100, ImageTooLargeError),
        (100, 10_001, ImageTooLargeError),
        (60_000, 60_000, ImageTooLargeError),
    ],
)
def test_judges_the_size_by_the_header_alone(width: int, height: int, error: type[RekognitionError]) -> None:
    with pytest.raises(error):
        read_sides(png_header(width, height))


def test_names_the_size_that_is_too_large() -> None:
    with pytest.raises(ImageTooLargeError, match="10800 x 5400 exceed maximum dimension size of 10000 pixels"):
        read_sides(png_header(10_800, 5_400))


@pytest.mark.parametrize("side", [80, 10_000])
def test_takes_the_sizes_at_the_limits(side: int) -> None:
    picture = decode(plain(side, 80))

    assert (picture.width, picture.height) == (side, 80)
    assert max(picture.pixels.shape) <= WORK_SIDE_PX


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1"])
def test_reads_all_modes_of_png_as_rgb(mode: str) -> None:
    picture = decode(encoded(Image.new("RGB", (100, 90), "white").convert(mode)))

    assert picture.pixels.shape == (90, 100, 3)
    assert picture.pixels.dtype == np.uint8


def test_reads_sixteen_bit_gray_at_its_true_brightness() -> None:
    half = Image.fromarray(np.full((90, 100), 0x8000, dtype=np.uint16))

    picture = decode(encoded(half))

    assert np.unique(picture.pixels).tolist() == [0x80]


def test_reads_cmyk_jpeg() -> None:
    picture = decode(encoded(Image.new("CMYK", (100, 90), (0, 255, 255, 0)), "JPEG"))

    red, green, blue = (int(value) for value in picture.pixels[45, 50])
    assert red > 200
    assert green < 60
    assert blue < 60


def test_transparent_pixels_are_white() -> None:
    picture = decode(encoded(Image.new("RGBA", (100, 90), (0, 0, 0, 0))))

    assert picture.pixels.min() == 255


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turns_a_jpeg_upright_by_its_exif_orientation(orientation: int) -> None:
    upright = Image.new("RGB", (200, 100), "black")
    upright.paste("red", (0, 0, 100, 50))
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    stored = upright.transpose(Image.Transpose(undo[orientation])) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation

    picture = decode(encoded(stored, "JPEG", quality=95, exif=exif))

    assert (picture.width, picture.height) == (200, 100)
    assert int(picture.pixels[25, 50, 0]) > 200
    assert int(picture.pixels[75, 150].max()) < 40


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("kind", "count", "value", "turned"),
    [(3, 1, "HH", True), (3, 2, "HH", False), (4, 1, "I", False), (2, 1, "I", False), (5, 1, "I", False)],
)
def test_turns_a_jpeg_by_one_short_number_alone(order: str, kind: int, count: int, value: str, turned: bool) -> None:
    entry = struct.pack(f"{order}HHI{value}", 0x0112, kind, count, *([6, 0] if value == "HH" else [6]))
    block = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, 1) + entry + bytes(4)

    picture = decode(encoded(Image.new("RGB", (200, 100)), "JPEG", exif=b"Exif\0\0" + block))

    assert (picture.width, picture.height) == ((100, 200) if turned else (200, 100))


@pytest.mark.parametrize("block", [b"junk", b"II*\0", b"II*\0\xff\xff\xff\xff", b"II*\0\x08\0\0\0\xff\xff"])
@pytest.mark.filterwarnings("ignore:Corrupt EXIF:UserWarning", "ignore:Truncated File Read:UserWarning")
def test_takes_a_jpeg_whose_exif_is_damaged(block: bytes) -> None:
    assert decode(encoded(Image.new("RGB", (200, 100)), "JPEG", exif=b"Exif\0\0" + block)).width == 200


@pytest.mark.parametrize("mode", ["RGB", "P", "L"])
def test_shrinks_a_very_large_png_in_strips(mode: str) -> None:
    image = Image.new("RGB", (5000, 4321), "red")
    image.paste("blue", (0, 2160, 5000, 4321))

    picture = decode(encoded(image.convert(mode), compress_level=1))

    assert (picture.width, picture.height) == (5000, 4321)
    assert max(picture.pixels.shape) == WORK_SIDE_PX
    assert (picture.pixels == picture.pixels[:, :1]).all()
    assert len(np.unique(picture.pixels[:, 0], axis=0)) <= 4


def test_a_large_photograph_is_kept_small_and_knows_its_size() -> None:
    photograph = Image.effect_noise((4000, 3000), 40).convert("RGB")

    picture = decode(encoded(photograph, "JPEG"))

    assert (picture.width, picture.height) == (4000, 3000)
    assert picture.pixels.shape == (960, 1280, 3)
