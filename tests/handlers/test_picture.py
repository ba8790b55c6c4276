"""The facts in the first bytes of a file."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from handlers.labelling import picture
from handlers.labelling.decoding.metadata import orientation
from handlers.labelling.errors import PictureRejectedError
from handlers.results.codes import Code
from handlers.results.item import PictureHeader
from tests.handlers.factories import corners, encoded, jpeg, png, png_of


def rejection(start: bytes, size_bytes: int | None = None) -> PictureRejectedError:
    with pytest.raises(PictureRejectedError) as caught:
        picture.read_header(start, len(start) if size_bytes is None else size_bytes)
    return caught.value


@pytest.mark.parametrize(("content", "name"), [(jpeg(200, 100), "JPEG"), (png(200, 100), "PNG")])
def test_good_pictures_are_read(content: bytes, name: str) -> None:
    assert picture.read_header(content, len(content)) == PictureHeader(name, 200, 100)


def test_limits_belong_to_the_good_sizes() -> None:
    assert picture.read_header(jpeg(80, 80), 10_000) == PictureHeader("JPEG", 80, 80)
    largest = png_of(10_000, 10_000)
    assert picture.read_header(largest, len(largest)) == PictureHeader("PNG", 10_000, 10_000)
    picture.check_size(100 * 1024 * 1024)


@pytest.mark.parametrize("sides", [(79, 79), (79, 500), (500, 79)])
def test_79_pixels_are_too_small(sides: tuple[int, int]) -> None:
    error = rejection(jpeg(*sides))

    assert error.code is Code.IMAGE_TOO_SMALL
    assert f"{sides[0]} x {sides[1]}" in error.sentence


def read(content: bytes, size_bytes: int | None = None, *, for_text: bool = False) -> PictureHeader:
    header = picture.read_header(content, size_bytes or len(content), for_text=for_text)
    assert header is not None
    return header


@pytest.mark.parametrize("sides", [(10_001, 100), (30_000, 30_000), (65_000, 65_000), (2_000_000_000, 2_000_000_000)])
def test_more_than_10_000_pixels_a_side_are_converted(sides: tuple[int, int]) -> None:
    assert read(png_of(*sides)) == PictureHeader("PNG", *sides, converted=True)


@pytest.mark.parametrize("content", [jpeg(), png()])
def test_more_than_15_mb_are_converted(content: bytes) -> None:
    assert not read(content, 15 * 1024 * 1024).converted
    assert read(content, 15 * 1024 * 1024 + 1).converted


@pytest.mark.parametrize("turn", range(1, 9))
def test_jpeg_goes_as_it_is_where_rekognition_turns_it(turn: int) -> None:
    content = encoded(corners(300, 200), "JPEG", turn=turn)
    sides = (300, 200) if turn < 5 else (200, 300)

    assert read(content) == PictureHeader("JPEG", *sides, converted=turn in (2, 4, 5, 7))
    assert read(content, for_text=True) == PictureHeader("JPEG", *sides, converted=turn != 1)


@pytest.mark.parametrize("turn", range(1, 9))
def test_png_is_converted_where_it_is_to_be_turned(turn: int) -> None:
    sides = (300, 200) if turn < 5 else (200, 300)

    assert read(encoded(corners(300, 200), "PNG", turn=turn)) == PictureHeader("PNG", *sides, converted=turn != 1)


def test_orientation_in_xmp_alone_is_no_orientation() -> None:
    xmp = b"http://ns.adobe.com/xap/1.0/\x00<x xmlns:tiff='t' tiff:Orientation='6'/>"
    plain = encoded(corners(300, 200), "JPEG")
    content = plain[:2] + b"\xff\xe1" + struct.pack(">H", len(xmp) + 2) + xmp + plain[2:]

    assert read(content) == PictureHeader("JPEG", 300, 200)


def directory(order: str, kind: int, count: int, value: bytes) -> bytes:
    """Return an Exif block that has an orientation alone."""
    start = b"II*\0" if order == "<" else b"MM\0*"
    return start + struct.pack(f"{order}IHHHI", 8, 1, 0x0112, kind, count) + value + bytes(4)


@pytest.mark.parametrize("order", ["<", ">"])
def test_orientation_of_another_type_is_none_as_in_browsers(order: str) -> None:
    assert orientation(directory(order, 3, 1, struct.pack(f"{order}HH", 6, 0))) == 6
    assert orientation(directory(order, 3, 2, struct.pack(f"{order}HH", 6, 3))) == 1
    assert orientation(directory(order, 4, 1, struct.pack(f"{order}I", 6))) == 1
    assert orientation(directory(order, 1, 1, b"\6\0\0\0")) == 1


@pytest.mark.parametrize(
    ("blocks", "sides"),
    [
        ([b"Exif\0\xff" + directory("<", 3, 1, b"\6\0\0\0")], (200, 300)),
        ([b"Exif\0\0" + directory("<", 3, 1, value) for value in (b"\1\0\0\0", b"\6\0\0\0")], (300, 200)),
        ([b"Exif\0\0" + directory("<", 3, 1, value) for value in (b"\6\0\0\0", b"\1\0\0\0")], (200, 300)),
    ],
    ids=["filled", "second turns", "first turns"],
)
def test_first_exif_block_alone_turns_a_jpeg_as_in_browsers(blocks: list[bytes], sides: tuple[int, int]) -> None:
    plain = encoded(corners(300, 200), "JPEG")
    segments = b"".join(b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block for block in blocks)

    assert read(plain[:2] + segments + plain[2:]) == PictureHeader("JPEG", *sides)


def test_four_inks_and_16_bits_are_converted() -> None:
    assert read(encoded(corners().convert("CMYK"), "JPEG")).converted
    assert read(encoded(Image.new("I;16", (100, 100)), "PNG")).converted
    assert not read(encoded(corners().convert("P"), "PNG")).converted
    assert not read(encoded(corners().convert("L"), "JPEG")).converted


@given(st.binary(max_size=200))
def test_any_exif_block_has_an_orientation(block: bytes) -> None:
    assert 1 <= orientation(block) <= 8
    assert 1 <= orientation(b"Exif\x00\x00II*\x00\x08\x00\x00\x00" + block) <= 8


def test_empty_and_more_than_100_mb_are_rejected_by_size_alone() -> None:
    with pytest.raises(PictureRejectedError) as empty:
        picture.check_size(0)
    with pytest.raises(PictureRejectedError) as large:
        picture.check_size(100 * 1024 * 1024 + 1)

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


@pytest.mark.parametrize("name", ["GIF", "BMP", "TIFF", "WebP", "AVIF", "HEIC"])
def test_other_formats_are_converted(name: str) -> None:
    assert read(encoded(corners(), name)[:200]) == PictureHeader(name, None, None, converted=True)


@pytest.mark.parametrize(
    ("compatible", "name"), [(b"mif1heic", "HEIC"), (b"mif1avif", "AVIF"), (b"mif1miaf", "HEIF"), (b"", "HEIF")]
)
def test_general_brand_is_made_certain_by_the_compatible_ones(compatible: bytes, name: str) -> None:
    start = struct.pack(">I", 16 + len(compatible)) + b"ftypmif1\0\0\0\0" + compatible + b"avif"

    assert read(start).format == name


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"8BPS\x00\x01", "Photoshop"),
        (b"\x00\x00\x02\x00\x01\x00", "cursor"),
        (b"icns\x00\x00\x10\x00", "Apple icon"),
        (b"DDS \x7c\x00\x00\x00", "DirectDraw"),
        (b"\xff\x0a\x00\x00", "JPEG XL"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\x04CgBI", "iPhones"),
        (b"\x00\x00\x00\x18ftypcrx \x00\x00\x00\x01", "Canon raw"),
        (b"\x00\x00\x00\x0cjP  \r\n", "JPEG 2000"),
        (b"II*\x00\x10\x00\x00\x00CR\x02\x00", "Canon raw"),
    ],
)
def test_formats_that_nothing_here_reads_are_named(content: bytes, name: str) -> None:
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


def test_sides_of_a_png_are_read_whatever_follows_them() -> None:
    text = b"x" * 100_000
    chunk = struct.pack(">I", len(text)) + b"tEXt" + text + bytes(4)
    content = png(200, 100)

    assert read(content[:33] + chunk + content[33:]) == PictureHeader("PNG", 200, 100)


def test_picture_whose_pixels_begin_after_a_megabyte_is_converted() -> None:
    segment = b"\xff\xed" + struct.pack(">H", 65_535) + bytes(65_533)
    content = jpeg(200, 100)[:2] + segment * 20 + jpeg(200, 100)[2:]
    start = content[: picture.HEADER_READS_BYTES[-1]]

    assert picture.read_header(start, len(content)) is None
    assert picture.unread_header(start) == PictureHeader("JPEG", None, None, converted=True)


def test_fill_bytes_and_junk_between_segments_are_passed_over() -> None:
    content = jpeg(200, 100)

    assert read(content[:2] + b"\xff\xff\xff" + content[2:]) == PictureHeader("JPEG", 200, 100)
    assert read(content[:20] + b"junk\xff\x00" + content[20:]) == PictureHeader("JPEG", 200, 100)


def with_frame(marker: int, depth: int = 8, channels: int = 3) -> bytes:
    """Return a JPEG with this frame header."""
    frame = struct.pack(">BHHB", depth, 100, 200, channels) + bytes(3 * channels)
    scan = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00"
    return b"\xff\xd8\xff" + bytes([marker]) + struct.pack(">H", len(frame) + 2) + frame + scan


@pytest.mark.parametrize("content", [with_frame(0xC3), with_frame(0xC1, depth=12), with_frame(0xC0, channels=2)])
def test_rare_kinds_of_jpeg_are_not_called_damaged(content: bytes) -> None:
    assert rejection(content).code is Code.UNSUPPORTED_FORMAT


def test_jpeg_with_arithmetic_coding_is_converted() -> None:
    assert read(with_frame(0xC9)) == PictureHeader("JPEG", 200, 100, converted=True)
    assert read(with_frame(0xC0)) == PictureHeader("JPEG", 200, 100)


def test_sentence_of_a_file_that_is_no_picture_names_every_format() -> None:
    for name in ("JPEG", "PNG", *picture.CONVERTED_FORMATS):
        assert name in rejection(b"Hello, this is text.").sentence


def answers(content: bytes) -> bool:
    """Return whether a whole file is either read or rejected, without other errors or a request for more bytes."""
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
