"""What is told from the first bytes of a file."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.labelling import picture
from handlers.labelling.errors import PictureRejectedError
from handlers.results.cache import PictureHeader
from handlers.results.codes import Code
from tests.handlers.factories import jpeg, other_format, png


def rejection(start: bytes, size_bytes: int | None = None) -> PictureRejectedError:
    with pytest.raises(PictureRejectedError) as caught:
        picture.read_header(start, len(start) if size_bytes is None else size_bytes)
    return caught.value


def png_of(width: int, height: int) -> bytes:
    """A small PNG file that says it has these sides: what a decompression bomb begins with."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("content", "name"), [(jpeg(200, 100), "JPEG"), (png(200, 100), "PNG")])
def test_good_pictures_are_read(content: bytes, name: str) -> None:
    assert picture.read_header(content, len(content)) == PictureHeader(name, 200, 100)


def test_limits_belong_to_the_good_sizes() -> None:
    assert picture.read_header(jpeg(80, 80), 10_000) == PictureHeader("JPEG", 80, 80)
    largest = png_of(10_000, 10_000)
    assert picture.read_header(largest, len(largest)) == PictureHeader("PNG", 10_000, 10_000)
    picture.check_size(15 * 1024 * 1024)


@pytest.mark.parametrize("sides", [(79, 79), (79, 500), (500, 79)])
def test_79_pixels_are_too_small(sides: tuple[int, int]) -> None:
    error = rejection(jpeg(*sides))

    assert error.code is Code.IMAGE_TOO_SMALL
    assert f"{sides[0]} x {sides[1]}" in error.sentence


@pytest.mark.parametrize("sides", [(10_001, 100), (30_000, 30_000), (65_000, 65_000), (2_000_000_000, 2_000_000_000)])
def test_decompression_bomb_is_too_large(sides: tuple[int, int]) -> None:
    assert rejection(png_of(*sides)).code is Code.IMAGE_TOO_LARGE_PIXELS


def test_empty_and_more_than_15_mb_are_rejected_by_size_alone() -> None:
    with pytest.raises(PictureRejectedError) as empty:
        picture.check_size(0)
    with pytest.raises(PictureRejectedError) as large:
        picture.check_size(15 * 1024 * 1024 + 1)

    assert empty.value.code is Code.EMPTY_OBJECT
    assert large.value.code is Code.IMAGE_TOO_LARGE_BYTES


@pytest.mark.parametrize(
    "content",
    [
        b"Hello, this is text.",
        b"%PDF-1.7",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"x",
        b"BM is how this begins",
    ],
)
def test_text_is_not_an_image(content: bytes) -> None:
    assert rejection(content).code is Code.NOT_AN_IMAGE


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (other_format("GIF"), "GIF"),
        (other_format("BMP"), "BMP"),
        (other_format("TIFF"), "TIFF"),
        (other_format("WEBP"), "WebP"),
        (other_format("AVIF"), "AVIF"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "HEIC"),
        (b"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1heic", "HEIF"),
    ],
)
def test_other_formats_are_named(content: bytes, name: str) -> None:
    error = rejection(content)

    assert error.code is Code.UNSUPPORTED_FORMAT
    assert name in error.sentence


def test_video_is_not_an_image() -> None:
    assert rejection(b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2").code is Code.NOT_AN_IMAGE


def test_header_that_goes_on_wants_more_bytes() -> None:
    content = jpeg(200, 100, exif=b"Exif\x00\x00" + b"x" * 60_000, icc_profile=b"p" * 60_000)

    assert picture.read_header(content[: 64 * 1024], len(content)) is None
    assert picture.read_header(content[: 256 * 1024], len(content)) == PictureHeader("JPEG", 200, 100)


def test_file_that_ends_within_its_header_is_damaged() -> None:
    assert rejection(jpeg()[:100]).code is Code.IMAGE_DAMAGED
    assert rejection(png()[:20]).code is Code.IMAGE_DAMAGED
    assert rejection(b"\xff\xd8\xff").code is Code.IMAGE_DAMAGED


def test_picture_that_breaks_off_after_its_header_is_left_to_rekognition() -> None:
    whole = jpeg(400, 300)

    assert picture.read_header(whole[: len(whole) - 200], len(whole) - 200) == PictureHeader("JPEG", 400, 300)


def answers(content: bytes) -> bool:
    """Whether a whole file is either read or rejected: nothing else is raised, and no more bytes are wanted."""
    try:
        return picture.read_header(content, len(content)) is not None
    except PictureRejectedError:
        return True


@given(st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b""]), st.binary(max_size=400))
def test_any_bytes_get_an_answer(magic: bytes, rest: bytes) -> None:
    assert answers(magic + rest)


@given(st.integers(3, 600), st.lists(st.tuples(st.integers(3, 600), st.integers(0, 255)), max_size=12))
def test_damaged_jpeg_gets_an_answer(length: int, changes: list[tuple[int, int]]) -> None:
    content = bytearray(jpeg())
    for place, value in changes:
        content[place % len(content)] = value

    assert answers(bytes(content[:length]))
