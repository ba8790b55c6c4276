"""Pictures that Rekognition does not take become JPEGs that it does."""

from __future__ import annotations

import contextlib
import io
import re
import struct
import time
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import TiffImageFile

from handlers.labelling import picture
from handlers.labelling.decoding import Converted, conversion, stripping
from handlers.labelling.decoding.conversion import previews
from handlers.labelling.errors import PictureRejectedError
from handlers.results.codes import Code
from integration_tests.png import chunk, png
from labelstack.cli.repair import FAILURES
from tests.handlers.factories import INVERSE_TURNS, corners, encoded, png_of

LIMIT = 50_000_000
FORMATS = ("HEIC", "AVIF", "WebP", "GIF", "TIFF", "BMP", "PNG", "JPEG")
NOISE = Image.fromarray(np.random.default_rng(1).integers(0, 256, (480, 150, 3), dtype=np.uint8))
CORNERS = ("red", "lime", "blue", "white")
# Pillow warns of a TIFF that breaks off before it raises; a function's log is the place for that.
pytestmark = pytest.mark.filterwarnings("ignore:Corrupt EXIF:UserWarning", "ignore:Truncated File Read:UserWarning")


def opened(converted: Converted) -> Image.Image:
    """Return the picture that Rekognition gets, within its limits."""
    assert len(converted.jpeg) <= conversion.MAX_INLINE_BYTES
    image = JpegImageFile(io.BytesIO(converted.jpeg))
    image.load()
    assert image.mode == "RGB"
    assert min(image.size) >= picture.MIN_SIDE_PX
    assert max(image.size) <= picture.MAX_SIDE_PX
    return image


def seen_corners(image: Image.Image) -> tuple[str, ...]:
    """Return the colours of the corners: top left, top right, bottom left, bottom right."""
    width, height = image.size
    places = ((0.2, 0.2), (0.8, 0.2), (0.2, 0.8), (0.8, 0.8))
    known = {(255, 0, 0): "red", (0, 255, 0): "lime", (0, 0, 255): "blue", (255, 255, 255): "white"}

    def name(place: tuple[float, float]) -> str:
        pixel = image.getpixel((int(width * place[0]), int(height * place[1])))
        assert isinstance(pixel, tuple)
        return min(known.items(), key=lambda color: sum(abs(a - b) for a, b in zip(color[0], pixel, strict=True)))[1]

    return tuple(name(place) for place in places)


def convert(content: bytes, name: str, max_pixels: int) -> Converted:
    return conversion.convert(io.BytesIO(content), name, max_pixels)


def rejection(content: bytes, name: str, max_pixels: int = LIMIT) -> PictureRejectedError:
    with pytest.raises(PictureRejectedError) as caught:
        convert(content, name, max_pixels)
    assert caught.value.code not in FAILURES
    return caught.value


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_converted(name: str) -> None:
    converted = convert(encoded(corners(), name), name, LIMIT)

    assert (converted.width, converted.height) == (300, 200)
    assert seen_corners(opened(converted)) == CORNERS


@pytest.mark.parametrize("name", ["HEIC", "AVIF", "PNG", "JPEG", "TIFF"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_picture_is_turned_as_a_person_sees_it(name: str, turn: int) -> None:
    stored = corners() if turn == 1 else corners().transpose(INVERSE_TURNS[turn])

    converted = convert(encoded(stored, name, turn=turn), name, LIMIT)

    assert (converted.width, converted.height) == (300, 200)
    assert seen_corners(opened(converted)) == CORNERS


def test_webp_is_not_turned_as_browsers_do_not() -> None:
    converted = convert(encoded(corners(), "WebP", turn=6), "WebP", LIMIT)

    assert seen_corners(opened(converted)) == CORNERS


@pytest.mark.parametrize("name", ["GIF", "WebP", "AVIF"])
def test_first_picture_of_an_animation_is_used(name: str) -> None:
    others = [Image.new("RGB", (300, 200), color) for color in ("black", "gray")]
    content = encoded(corners(), name, save_all=True, append_images=others, duration=100)

    assert seen_corners(opened(convert(content, name, LIMIT))) == CORNERS


def gray_ramp(mode: str) -> Image.Image:
    """Return a ramp from black at the left to the mode's white at the right."""
    ramp = np.tile(np.linspace(0, 1, 256), (100, 1))
    match mode:
        case "I;16":
            return Image.fromarray((ramp * 65535).astype(np.uint16))
        case "I":
            return Image.fromarray((ramp * 1_000_000 - 500_000).astype(np.int32))
        case _:
            return Image.fromarray((ramp * 3 - 1).astype(np.float32))


@pytest.mark.parametrize(("mode", "name"), [("I;16", "PNG"), ("I;16", "TIFF"), ("I", "TIFF"), ("F", "TIFF")])
def test_more_than_8_bits_are_scaled_and_not_cut_off(mode: str, name: str) -> None:
    image = opened(convert(encoded(gray_ramp(mode), name), name, LIMIT)).convert("L")

    values = [image.getpixel((x, 50)) for x in (2, 64, 128, 192, 253)]
    assert values == pytest.approx([2, 64, 128, 192, 253], abs=4)


@pytest.mark.parametrize("name", ["JPEG", "TIFF"])
def test_four_inks_become_the_colours_they_print(name: str) -> None:
    content = encoded(corners().convert("CMYK"), name)

    assert seen_corners(opened(convert(content, name, LIMIT))) == CORNERS


@pytest.mark.parametrize(
    ("mode", "name"), [("RGBA", "WebP"), ("RGBA", "HEIC"), ("LA", "PNG"), ("P", "GIF"), ("P", "PNG")]
)
def test_transparency_shows_white(mode: str, name: str) -> None:
    image, options = Image.new("RGBA", (100, 100), (0, 0, 0, 0)).convert("LA" if mode == "LA" else "RGBA"), {}
    if mode == "P":
        image, options = Image.new("P", (100, 100), 0), {"transparency": 0}

    pixel = opened(convert(encoded(image, name, **options), name, LIMIT)).getpixel((50, 50))

    assert pixel == pytest.approx((255, 255, 255), abs=3)


def test_large_picture_is_scaled_down_and_its_own_size_told() -> None:
    converted = convert(encoded(Image.new("L", (12_000, 3_000), 90), "JPEG"), "JPEG", LIMIT)

    assert (converted.width, converted.height) == (12_000, 3_000)
    assert opened(converted).size == (4096, 1024)


def test_jpeg_is_decoded_at_a_fraction_of_its_size() -> None:
    content = encoded(Image.new("L", (12_000, 3_000), 90), "JPEG")

    assert convert(content, "JPEG", 12_000 * 3_000 // 4).width == 12_000


def test_progressive_jpeg_counts_what_its_scans_take() -> None:
    content = encoded(Image.new("L", (12_000, 3_000), 90), "JPEG", progressive=True)

    assert rejection(content, "JPEG", 12_000 * 3_000 // 4).code == Code.IMAGE_TOO_LARGE_PIXELS


def test_rejection_of_a_progressive_jpeg_tells_the_limit_that_it_has() -> None:
    content = encoded(Image.new("L", (7000, 5000), 90), "JPEG", progressive=True)

    assert "limit for JPEG files like it is 33 megapixels" in rejection(content, "JPEG", 50_000_000).detail


def with_scans(content: bytes, more: int, between: bytes = b"") -> bytes:
    """Return a JPEG that says its last scan again and again; browsers draw each of them."""
    last = content.rindex(b"\xff\xda")
    return content[:last] + between + content[last:-2] * (1 + more) + content[-2:]


HIDDEN_END = b"\xff\xfe\0\4\xff\xd9"
"""A comment."""


@pytest.mark.parametrize("content", [encoded(corners(), "JPEG"), encoded(corners(), "JPEG", progressive=True)])
@pytest.mark.abuse
def test_jpeg_of_more_scans_than_any_encoder_writes_is_too_costly(content: bytes) -> None:
    behind_its_end = content + b"\xff\xda" * 200

    assert seen_corners(opened(convert(behind_its_end, "JPEG", LIMIT))) == CORNERS
    bomb = with_scans(content, 100, HIDDEN_END)
    assert (header := picture.read_header(bomb, len(bomb)))
    assert header.converted, "Rekognition does not get it"
    assert rejection(bomb, "JPEG").code == Code.IMAGE_TOO_COSTLY


@pytest.mark.abuse
def test_bmp_in_runs_may_be_as_large_as_is_decoded_in_time() -> None:
    header = struct.pack("<IiiHHIIiiII", 40, 4100, 4100, 1, 8, 1, *[0] * 5)
    content = b"BM" + struct.pack("<IHHI", 0, 0, 0, 54 + 1024) + header + bytes(1024) + b"\1\7\0\0" * 4100

    assert "16 megapixels" in rejection(content, "BMP").detail


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"save_all": True, "append_images": [corners(301, 203)]}])
def test_sides_of_a_webp_are_told_before_it_is_decoded(options: dict[str, Any]) -> None:
    assert stripping.webp_sides(encoded(corners(301, 203), "WebP", **options)) == (301, 203)
    assert stripping.webp_sides(b"RIFF") == (0, 0)


def test_narrow_picture_keeps_80_pixels() -> None:
    assert opened(convert(encoded(Image.new("RGB", (9_000, 90)), "PNG"), "PNG", LIMIT)).size == (8_000, 80)


def test_noise_fits_into_what_rekognition_takes_as_bytes() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (2600, 4000, 3), dtype=np.uint8)

    opened(convert(encoded(Image.fromarray(noise), "BMP"), "BMP", LIMIT))


def test_comment_of_a_gif_stays_behind() -> None:
    content = encoded(corners(), "GIF", comment=b"secret" * 11_000)

    assert b"secret" not in convert(content, "GIF", LIMIT).jpeg


@pytest.mark.parametrize("sides", [(79, 300), (300, 79)])
@pytest.mark.parametrize("name", ["HEIC", "GIF"])
def test_79_pixels_are_too_small(sides: tuple[int, int], name: str) -> None:
    error = rejection(encoded(Image.new("RGB", sides), name), name)

    assert error.code == Code.IMAGE_TOO_SMALL
    assert f"{sides[0]} x {sides[1]}" in error.detail


def gif_of(width: int, height: int) -> bytes:
    """Return a GIF of a few bytes that says it has these sides."""
    screen = struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
    return b"GIF89a" + screen + b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x44\x01\x00;"


def bmp_of(width: int, height: int) -> bytes:
    """Return a BMP header without pixels."""
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, *[0] * 6)


def patched(content: bytes, before: bytes, after: bytes) -> bytes:
    assert before in content
    return content.replace(before, after)


def bombs() -> dict[str, bytes]:
    """Return small files that would unpack to 30,000 x 30,000 pixels; WebP's sides go up to 16,383."""
    sides, huge = struct.pack(">II", 300, 200), struct.pack(">II", 30_000, 30_000)
    canvas = struct.pack("<I", 16_382)[:3] * 2
    webp = encoded(corners().convert("RGBA"), "WebP", save_all=True, append_images=[corners().rotate(9)])
    at = webp.index(b"VP8X") + 12
    tiff = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(tiff, "TIFF", compression="group4")
    return {
        "PNG": png_of(30_000, 30_000),
        "GIF": gif_of(30_000, 30_000),
        "BMP": bmp_of(30_000, 30_000),
        "TIFF": tiff.getvalue(),
        "HEIC": patched(encoded(corners(), "HEIC"), b"ispe\0\0\0\0" + sides, b"ispe\0\0\0\0" + huge),
        "WebP": webp[:at] + canvas + webp[at + 6 :],
    }


@pytest.mark.parametrize(
    ("name", "content"), bombs().items(), ids=lambda value: value if isinstance(value, str) else ""
)
@pytest.mark.abuse
def test_bomb_is_rejected_before_a_pixel_is_decoded(name: str, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(*_: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(conversion, "_small", decode)

    assert rejection(content, name).code == Code.IMAGE_TOO_LARGE_PIXELS


def test_rejection_of_a_large_picture_tells_the_limit() -> None:
    assert "300 x 200" in (detail := rejection(encoded(corners(), "HEIC"), "HEIC", 59_999).detail)
    assert "megapixels" in detail
    assert convert(encoded(corners(), "HEIC"), "HEIC", 60_000).width == 300


def test_picture_that_is_too_long_for_its_width_is_rejected() -> None:
    assert rejection(encoded(Image.new("1", (20_000, 90)), "PNG"), "PNG").code == Code.IMAGE_TOO_LARGE_PIXELS


@pytest.mark.parametrize("name", FORMATS)
def test_file_that_breaks_off_is_damaged(name: str) -> None:
    content = encoded(NOISE, name)

    for part in (0.1, 0.5, 0.85):
        assert rejection(content[: int(len(content) * part)], name).code == Code.IMAGE_DAMAGED


def test_heic_that_is_something_else_is_damaged() -> None:
    header = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"

    assert rejection(header, "HEIC").code == Code.IMAGE_DAMAGED
    assert rejection(header + encoded(corners(), "PNG"), "HEIC").code == Code.IMAGE_DAMAGED


@pytest.mark.parametrize("tags", [{50706: b"\x01\x04\x00\x00"}, {254: 1}], ids=["DNG", "preview"])
def test_raw_file_of_a_camera_is_not_supported(tags: dict[int, Any]) -> None:
    assert rejection(encoded(corners(), "TIFF", tiffinfo=tags), "TIFF").code == Code.UNSUPPORTED_FORMAT


def test_lab_colours_are_not_supported() -> None:
    assert rejection(encoded(Image.new("LAB", (100, 100)), "TIFF"), "TIFF").code == Code.UNSUPPORTED_FORMAT


GOOD = {name: encoded(corners(), name) for name in FORMATS}


def test_heic_that_announces_more_items_than_any_has_is_damaged() -> None:
    content = bytearray(GOOD["HEIC"])
    content[content.index(b"iinf") + 4] = 1  # of this version the count of items has 32 bits, not 16

    assert rejection(bytes(content), "HEIC").code == Code.IMAGE_DAMAGED


@settings(max_examples=150)
@pytest.mark.filterwarnings("ignore")  # Pillow's, of headers that are damaged in any way
@given(st.sampled_from(FORMATS), st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=8))
def test_damaged_file_is_converted_or_rejected(name: str, changes: list[tuple[int, int]]) -> None:
    content = bytearray(GOOD[name])
    for place, value in changes:
        content[place % len(content)] = value

    # Anything else that is raised fails the test.
    with contextlib.suppress(PictureRejectedError):
        opened(convert(bytes(content), name, 1_000_000))


@pytest.mark.parametrize("name", ["PNG", "JPEG", "BMP", "GIF", "TIFF"])
def test_file_that_lacks_its_last_rows_alone_is_taken_as_browsers_do(name: str) -> None:
    content = encoded(NOISE, name)
    broken = content[: int(len(content) * 0.95)] if name != "TIFF" else tiff_without_last_rows()

    converted = convert(broken, name, LIMIT)

    rows = np.asarray(opened(converted).convert("L"), dtype=int).mean(axis=1)
    assert (converted.width, converted.height) == NOISE.size
    assert (np.abs(rows - 127) < 20).mean() > 0.9


def tiff_without_last_rows() -> bytes:
    """Return a compressed TIFF whose last strip cannot be read."""
    whole = encoded(NOISE, "TIFF", compression="tiff_lzw", strip_size=150 * 3 * 10)
    tags = TiffImageFile(io.BytesIO(whole)).tag_v2
    last, length = int(tags[273][-1]), int(tags[279][-1])
    return whole[:last] + b"\xff" * length + whole[last + length :]


def test_jpeg_in_scans_is_taken_once_its_first_scan_is_whole() -> None:
    content = encoded(NOISE, "JPEG", progressive=True)
    scans = [match.start() for match in re.finditer(rb"\xff\xda", content)]

    assert convert(content[: scans[2]], "JPEG", LIMIT).width == 150
    assert rejection(content[: (scans[0] + scans[1]) // 2], "JPEG").code == Code.IMAGE_DAMAGED


def spoiled(whole_chunk: bytes) -> bytes:
    """Return a chunk with a wrong checksum."""
    return whole_chunk[:-1] + bytes([whole_chunk[-1] ^ 1])


PLAIN_PNG = encoded(corners(), "PNG")
PLAIN_JPEG = encoded(corners(), "JPEG")
PLAIN_GIF = encoded(corners(), "GIF")
GIF_SCREEN_BYTES = 13 + 3 * 2 ** ((PLAIN_GIF[10] & 7) + 1)


@pytest.mark.parametrize(
    "extra",
    [
        chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(80_000_000), 9)),
        chunk(b"iTXt", b"a\0\1\0\0\0" + zlib.compress(bytes(1_200_000))),
        chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(1_200_000))),
        chunk(b"iCCP", b"not a profile"),
        chunk(b"tEXt", b"x" * 2_000_000),
        *(spoiled(chunk(kind, b"a\0b")) for kind in (b"tEXt", b"iCCP", b"pHYs", b"eXIf", b"prVt", b"tRNS")),
        chunk(b"gAMA", b""),
        chunk(b"tRNS", b"\0"),
        chunk(b"acTL", b""),
    ],
    ids=lambda extra: f"{extra[4:8].decode()}-{len(extra)}",
)
def test_what_a_png_holds_beside_its_pixels_does_not_matter(extra: bytes) -> None:
    assert seen_corners(opened(convert(PLAIN_PNG[:33] + extra + PLAIN_PNG[33:], "PNG", LIMIT))) == CORNERS


CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
WIDTH, HEIGHT = 101, 83
ROWS, COLUMNS = np.mgrid[0:HEIGHT, 0:WIDTH]


def png_rows(numbers: npt.NDArray[np.int64], depth: int) -> bytes:
    """Return rows of channels of so many bits, each behind the mark of a row without a filter."""
    whole = numbers.reshape(len(numbers), -1)
    bits = (whole[..., None] >> np.arange(depth - 1, -1, -1)) & 1
    packed = np.packbits(bits.astype(np.uint8).reshape(len(numbers), -1), axis=1)
    return np.pad(packed, ((0, 0), (1, 0))).tobytes()


def before_jpeg(content: bytes, monkeypatch: pytest.MonkeyPatch) -> npt.NDArray[np.int64]:
    """Return the pixels that become a JPEG."""
    pixels = []

    def keep(image: Image.Image) -> bytes:
        pixels.append(np.asarray(image, dtype=np.int64))
        return b""

    monkeypatch.setattr(conversion, "_encode", keep)
    convert(content, "PNG", LIMIT)
    return pixels[0]


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("clear", [False, True])
@pytest.mark.parametrize(("colours", "depth"), [(colours, depth) for colours in DEPTHS for depth in DEPTHS[colours]])
def test_png_of_every_kind_shows_the_pixels_that_browsers_show(
    colours: int, depth: int, clear: bool, interlaced: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    most, channels = 2**depth - 1, CHANNELS[colours]
    steps = [(COLUMNS * (17 + 3 * channel) + ROWS) % (most + 1) for channel in range(channels)]
    numbers = np.dstack(steps)
    key = numbers[40, 50]
    # 16 bits that differ only in the last bit: these pixels must stay visible.
    numbers[60:70] = key ^ 1
    palette = np.random.default_rng(colours).integers(0, 256, (most + 1, 4)) if colours == 3 else None
    chunks = []
    if palette is not None:
        chunks.append(chunk(b"PLTE", palette[:, :3].astype(np.uint8).tobytes()))
        chunks += [chunk(b"tRNS", palette[:-1, 3].astype(np.uint8).tobytes())] * clear
    elif clear:  # in files with alpha it means nothing
        chunks.append(chunk(b"tRNS", key.astype(">u2").tobytes()))
    passes = ADAM7 if interlaced else [(0, 0, 1, 1)]
    rows = b"".join(png_rows(numbers[y::height, x::width], depth) for x, y, width, height in passes)

    file = png((WIDTH, HEIGHT), zlib.compress(rows), depth=depth, colours=colours, chunks=chunks, interlaced=interlaced)
    shown = before_jpeg(file, monkeypatch)

    if palette is not None:
        palette[:, 3] = [*palette[:-1, 3], 255] if clear else 255
        color, alpha = np.split(palette[numbers[..., 0]] / 255, [3], axis=2)
    else:
        color = (numbers[..., :3] if channels > 2 else numbers[..., :1]) / most
        is_key = (numbers == key).all(axis=2, keepdims=True)
        alpha = numbers[..., -1:] / most if channels in (2, 4) else 1 - (clear & is_key)
    assert np.abs(shown - 255 * (color * alpha + 1 - alpha)).max() <= 2


DARK_IS_CLEAR, LIGHT_IS_CLEAR = chunk(b"tRNS", b"\0\0"), chunk(b"tRNS", b"\0\xc8")


@pytest.mark.parametrize(
    ("before", "behind", "clear"),
    [
        ([DARK_IS_CLEAR], b"", 0),
        ([], DARK_IS_CLEAR, None),
        ([DARK_IS_CLEAR], LIGHT_IS_CLEAR, 0),
        ([DARK_IS_CLEAR, LIGHT_IS_CLEAR], b"", 0),
        ([spoiled(DARK_IS_CLEAR), LIGHT_IS_CLEAR], b"", 200),
    ],
    ids=["one", "behind-the-pixels", "another-behind", "two", "the-first-damaged"],
)
def test_the_first_sound_transparency_before_a_png_s_pixels_counts(
    before: list[bytes], behind: bytes, clear: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = np.repeat([[0] * 50 + [200] * 50], 100, axis=0)
    file = png((100, 100), zlib.compress(png_rows(numbers, 8)), colours=0, chunks=before)

    shown = before_jpeg(file[:-12] + behind + file[-12:], monkeypatch)

    assert np.array_equal(shown[..., 0], np.where(numbers == clear, 255, numbers))


@pytest.mark.parametrize(
    ("chunks", "is_changed"),
    [
        ([chunk(b"gAMA", struct.pack(">I", 100_000))], True),
        ([chunk(b"gAMA", struct.pack(">I", 45_455))], False),
        ([chunk(b"gAMA", struct.pack(">I", 0))], False),
        ([chunk(b"gAMA", struct.pack(">I", 100_000)), chunk(b"sRGB", b"\0")], False),
        ([spoiled(chunk(b"gAMA", struct.pack(">I", 100_000)))], False),
    ],
    ids=["linear", "sRGB's", "zero", "beside-sRGB", "damaged"],
)
def test_png_is_as_bright_as_its_gamma_says(
    chunks: list[bytes], is_changed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    grey = (COLUMNS * 2)[..., None]
    content = png((WIDTH, HEIGHT), zlib.compress(png_rows(grey, 8)), colours=0, chunks=chunks)

    header = picture.read_header(content, len(content))

    assert header
    assert header.converted is is_changed
    # Half of the light is 188 in sRGB.
    assert before_jpeg(content, monkeypatch)[0, 64, 0] == pytest.approx(188 if is_changed else 128, abs=2)


def test_palette_that_is_missing_is_damage() -> None:
    content = png((WIDTH, HEIGHT), zlib.compress(png_rows(COLUMNS[..., None], 8)), colours=3)

    assert rejection(content, "PNG").code == Code.IMAGE_DAMAGED


def test_animated_webp_is_white_beside_its_first_picture_whatever_it_says_of_transparency() -> None:
    frame = encoded(corners(100, 80), "WebP", lossless=True)[12:]
    sides = struct.pack("<I", 299)[:3] + struct.pack("<I", 199)[:3]
    first = bytes(6) + struct.pack("<I", 99)[:3] + struct.pack("<I", 79)[:3] + bytes(4) + frame
    parts = {b"VP8X": b"\x02\0\0\0" + sides, b"ANIM": b"\0\0\xff\xff\0\0", b"ANMF": first}
    body = b"WEBP" + b"".join(kind + struct.pack("<I", len(part)) + part for kind, part in parts.items())

    shown = opened(convert(b"RIFF" + struct.pack("<I", len(body)) + body, "WebP", LIMIT))

    assert seen_corners(shown.crop((0, 0, 100, 80))) == CORNERS
    assert seen_corners(shown.crop((100, 80, 300, 200))) == ("white",) * 4


@pytest.mark.parametrize("marker", [0xE1, 0xE2, 0xED, 0xFE])
def test_what_a_jpeg_holds_beside_its_pixels_does_not_matter(marker: int) -> None:
    segment = bytes([0xFF, marker]) + struct.pack(">H", 65_535) + b"MPF\0ICC_PROFILE\0".ljust(65_533, b"\xff")

    content = PLAIN_JPEG[:2] + segment * 20 + b"junk\xff\xff\xff" + PLAIN_JPEG[2:]

    assert seen_corners(opened(convert(content, "JPEG", LIMIT))) == CORNERS


def test_long_comment_of_a_gif_costs_no_time() -> None:
    comment = b"\x21\xfe" + (b"\xff" + bytes(255)) * 40_000 + b"\0"
    started = time.process_time()

    converted = convert(PLAIN_GIF[:GIF_SCREEN_BYTES] + comment + PLAIN_GIF[GIF_SCREEN_BYTES:], "GIF", LIMIT)

    assert seen_corners(opened(converted)) == CORNERS
    assert time.process_time() - started < 1


def test_gif_shows_white_beside_a_picture_smaller_than_its_screen() -> None:
    content = bytearray(PLAIN_GIF)
    content[6:10] = struct.pack("<HH", 400, 300)

    shown = opened(convert(bytes(content), "GIF", LIMIT))

    assert shown.size == (400, 300)
    assert seen_corners(shown.crop((0, 0, 300, 200))) == CORNERS
    assert seen_corners(shown.crop((300, 0, 400, 200))) == ("white",) * 4


@pytest.mark.parametrize(("header", "code"), [(4, "UNSUPPORTED_FORMAT"), (5, "UNSUPPORTED_FORMAT"), (0, None)])
def test_bmp_of_a_kind_that_nothing_here_reads_is_not_called_damaged(header: int, code: str | None) -> None:
    content = bytearray(encoded(corners(), "BMP"))
    content[30] = header

    if code:
        assert rejection(bytes(content), "BMP").code == code
    else:
        assert convert(bytes(content), "BMP", LIMIT).width == 300


# --- colours of previews

WITHOUT_LOSS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 100, "subsampling": 0},
    "WebP": {"lossless": True},
    "AVIF": {"quality": 100},
    "HEIC": {"quality": 100},
    "PNG": {},
    "TIFF": {},
}


def profile_of(space: bytes = b"RGB ") -> bytes:
    """Return the colours of Display P3 as an ICC profile, with a gamma of 2.2 (ICC.1:2001-04)."""

    def xyz(*values: float) -> bytes:
        return b"XYZ ".ljust(8, b"\0") + b"".join(struct.pack(">i", round(value * 65_536)) for value in values)

    curve = b"curv".ljust(8, b"\0") + struct.pack(">IHxx", 1, round(2.2 * 256))
    tags = {b"wtpt": xyz(0.9642, 1, 0.8249), b"rTRC": curve, b"gTRC": curve, b"bTRC": curve}
    tags |= {b"rXYZ": xyz(0.5151, 0.2412, -0.0011), b"gXYZ": xyz(0.2919, 0.6922, 0.0419)}
    tags |= {b"bXYZ": xyz(0.1572, 0.0666, 0.7841)}
    start = 132 + 12 * len(tags)
    directory = content = b""
    for name, tag in tags.items():
        directory += name + struct.pack(">II", start + len(content), len(tag))
        content += tag
    header = struct.pack(">I4xI4s4s4s", start + len(content), 0x02400000, b"mntr", space, b"XYZ ").ljust(36, b"\0")
    header = (header + b"acsp").ljust(68, b"\0") + xyz(0.9642, 1, 0.8249)[8:]
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + directory + content


def preview_color(content: bytes, name: str) -> tuple[int, ...]:
    """Return the colour in the middle of the smaller preview, which has no profile."""
    with Image.open(io.BytesIO(previews(io.BytesIO(content), name, (1600, 480), LIMIT)[-1])) as preview:
        assert "icc_profile" not in preview.info
        pixel = preview.getpixel((preview.width // 2, preview.height // 2))
    assert isinstance(pixel, tuple)
    return pixel


P3_COLOR, IN_SRGB = (200, 100, 50), (216, 93, 24)
"""By the matrices of both spaces (brucelindbloom.com)."""


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WebP", "AVIF", "HEIC", "TIFF"])
def test_a_preview_shows_the_colours_of_the_profile(name: str) -> None:
    content = encoded(Image.new("RGB", (200, 150), P3_COLOR), name, icc_profile=profile_of(), **WITHOUT_LOSS[name])

    assert preview_color(content, name) == pytest.approx(IN_SRGB, abs=4)


@pytest.mark.parametrize(
    "profile", [b"", b"no profile", profile_of()[:200], profile_of(b"GRAY"), profile_of(b"CMYK"), bytes(100_000)]
)
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WebP"])
def test_a_profile_that_does_not_fit_leaves_the_colours(name: str, profile: bytes) -> None:
    content = encoded(Image.new("RGB", (200, 150), P3_COLOR), name, icc_profile=profile, **WITHOUT_LOSS[name])

    assert preview_color(content, name) == pytest.approx(P3_COLOR, abs=4)


def test_a_long_profile_of_a_jpeg_comes_in_parts() -> None:
    plain = encoded(Image.new("RGB", (200, 150), P3_COLOR), "JPEG", quality=100, subsampling=0)
    whole = profile_of()
    parts = [whole[:200], whole[200:]]
    segments = b"".join(
        b"\xff\xe2" + struct.pack(">H", 16 + len(part)) + b"ICC_PROFILE\0" + bytes([number, 2]) + part
        for number, part in enumerate(parts, 1)
    )

    assert preview_color(plain[:2] + segments + plain[2:], "JPEG") == pytest.approx(IN_SRGB, abs=4)


@pytest.mark.parametrize("length", [1_200_000, 80_000_000])
def test_a_packed_profile_that_is_too_long_costs_nothing(length: int) -> None:
    extra = chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(length)))

    previews(io.BytesIO(PLAIN_PNG[:33] + extra + PLAIN_PNG[33:]), "PNG", (480,), LIMIT)
