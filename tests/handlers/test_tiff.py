"""TIFF files: what their tags say of pixels is heeded, and nothing else in them costs anything."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from handlers.labelling.decoding import conversion
from handlers.labelling.decoding.brightness import value_range
from handlers.labelling.errors import PictureRejectedError
from integration_tests.tiff import Tag, tiff
from tests.handlers.factories import corners, encoded

LIMIT = 50_000_000
GREY: npt.NDArray[np.uint8] = np.tile(np.linspace(0, 255, 200).astype(np.uint8), (120, 1))
HEIGHT, WIDTH = GREY.shape


def shown(content: bytes) -> npt.NDArray[np.int64]:
    """Return the grey pixels that Rekognition gets."""
    converted = conversion.convert(io.BytesIO(content), "TIFF", LIMIT)
    return np.asarray(Image.open(io.BytesIO(converted.jpeg)).convert("L"), dtype=np.int64)


def assert_as_bright_as_8_bits(content: bytes) -> None:
    assert np.abs(shown(content) - GREY).mean() < 4


def error(content: bytes) -> PictureRejectedError:
    with pytest.raises(PictureRejectedError) as caught:
        conversion.convert(io.BytesIO(content), "TIFF", LIMIT)
    return caught.value


def twelve_bits() -> bytes:
    """Return two values in three bytes."""
    pairs = (GREY.astype(np.uint16) * 16).reshape(HEIGHT, WIDTH // 2, 2)
    packed = np.zeros((HEIGHT, WIDTH // 2, 3), np.uint8)
    packed[..., 0], packed[..., 2] = pairs[..., 0] >> 4, pairs[..., 1] & 255
    packed[..., 1] = ((pairs[..., 0] & 15) << 4) | (pairs[..., 1] >> 8)
    return packed.tobytes()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("shift", "used"), [(0, 8), (2, 10), (4, 12), (6, 14), (8, 16)])
@pytest.mark.parametrize("photometric", [0, 1])
def test_16_bits_that_hold_fewer_are_as_bright_as_8(order: str, shift: int, used: int, photometric: int) -> None:
    values = GREY.astype(order + "u2") << shift
    if photometric == 0:
        values = (2**used - 1) - values

    assert_as_bright_as_8_bits(tiff(values.astype(order + "u2").tobytes(), [16], photometric, order=order))


def test_12_bits_are_scaled_by_what_12_bits_hold() -> None:
    assert_as_bright_as_8_bits(tiff(twelve_bits(), [12]))


@pytest.mark.parametrize("compression", [1, 8])
@pytest.mark.parametrize("big", [False, True])
def test_white_is_zero_is_no_negative(compression: int, big: bool) -> None:
    data = (255 - GREY).tobytes()

    content = tiff(zlib.compress(data) if compression == 8 else data, [8], 0, compression=compression, big=big)

    assert_as_bright_as_8_bits(content)


def test_one_bit_and_white_is_zero() -> None:
    black_right = np.packbits(np.tile(np.arange(WIDTH) >= WIDTH // 2, (HEIGHT, 1)), axis=1).tobytes()

    pixels = shown(tiff(black_right, [1], 0))

    assert (pixels[50, 20], pixels[50, 180]) == (255, 0)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf, -3.4028235e38, -9999.0, 1e38])
@pytest.mark.parametrize("factor", [1 / 255, 1.0, 257.0, 0.0001])
def test_floats_that_mean_nothing_do_not_count(order: str, odd: float, factor: float) -> None:
    floats = (GREY * factor).astype(order + "f4")
    floats[:12, :12] = odd

    pixels = shown(tiff(floats.tobytes(), [32], kind=3, order=order))

    assert np.abs(pixels[16:] - GREY[16:]).mean() < 4


def test_floats_where_white_is_zero() -> None:
    assert_as_bright_as_8_bits(tiff((1 - GREY / 255).astype("<f4").tobytes(), [32], 0, kind=3))


@pytest.mark.parametrize("value", [-32768, 12345])
def test_value_that_the_file_calls_no_data_does_not_count(value: int) -> None:
    numbers = (GREY.astype("<i2") * 2) - 100
    numbers[:12, :40] = value

    pixels = shown(tiff(numbers.tobytes(), [16], kind=2, tags=[(42113, "s", f"{value}\0".encode())]))

    assert np.abs(pixels[16:] - GREY[16:]).mean() < 4


@pytest.mark.parametrize("photometric", [0, 1])
def test_signed_8_bits_are_no_jumble(photometric: int) -> None:
    numbers = (GREY.astype(np.int16) - 128).astype(np.int8)

    content = tiff((numbers if photometric else -1 - numbers).tobytes(), [8], photometric, kind=2)

    assert_as_bright_as_8_bits(content)


@pytest.mark.parametrize("compression", [1, 5, 8])
def test_ycbcr_without_jpeg_is_unsupported_not_damaged(compression: int) -> None:
    content = tiff(bytes(WIDTH * HEIGHT * 3), [8, 8, 8], 6, compression=compression)

    assert error(content).code == "UNSUPPORTED_FORMAT"


@pytest.mark.parametrize("order", ["<", ">"])
def test_large_integers_do_not_wrap(order: str) -> None:
    values = GREY.astype(np.uint64) * ((2**32 - 1) // 255)

    assert_as_bright_as_8_bits(tiff(values.astype(order + "u4").tobytes(), [32], order=order))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [1, 8])
@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (GREY.astype(np.uint16) * 256 + 7, 1),
        (GREY.astype(np.uint32) * 2**24 + 7, 1),
        ((GREY.astype(np.int16) - 100) * 128 + 7, 2),
        ((GREY.astype(np.int32) - 100) * 2**23 + 7, 2),
        (GREY.astype(np.float32) / 255, 3),
    ],
    ids=["u2", "u4", "i2", "i4", "f4"],
)
def test_compressed_numbers_are_read_in_either_order_of_bytes(
    values: npt.NDArray[Any], kind: int, compression: int, order: Literal["<", ">"]
) -> None:
    data = values.astype(values.dtype.newbyteorder(order)).tobytes()

    content = tiff(
        zlib.compress(data) if compression == 8 else data,
        [8 * values.itemsize],
        kind=kind,
        order=order,
        compression=compression,
    )

    assert_as_bright_as_8_bits(content)


@pytest.mark.parametrize("extra", [[], [0], [1], [2]])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("order", ["<", ">"])
def test_channels_that_have_a_place_each_are_read(order: str, bits: int, extra: list[int]) -> None:
    channels = [GREY, GREY // 2, 255 - GREY, *[np.full_like(GREY, 255)] * len(extra)]
    planes = [(channel.astype(np.uint16) * (257 if bits == 16 else 1)) for channel in channels]
    data = [plane.astype(f"{order}u{bits // 8}").tobytes() for plane in planes]
    content = tiff(
        b"".join(data), [bits] * len(data), 2, extra=extra, order=order, tags=plane_tags([0] * len(data), bits)
    )
    start = len(content) - len(b"".join(data))
    places = [start + number * len(data[0]) for number in range(len(data))]
    content = tiff(b"".join(data), [bits] * len(data), 2, extra=extra, order=order, tags=plane_tags(places, bits))

    converted = conversion.convert(io.BytesIO(content), "TIFF", LIMIT)

    pixels = np.asarray(Image.open(io.BytesIO(converted.jpeg)), dtype=np.int64)
    assert np.abs(pixels - np.dstack(channels[:3])).mean() < 4


def plane_tags(places: list[int], bits: int) -> list[Tag]:
    return [(284, "H", [2]), (273, "I", places), (279, "I", [GREY.size * bits // 8] * len(places))]


@pytest.mark.parametrize("factor", [1, 257])
def test_colours_of_a_palette_have_8_bits_or_16(factor: int) -> None:
    colours = [value * factor for value in range(256)] * 3

    assert_as_bright_as_8_bits(tiff(GREY.tobytes(), [8], 3, tags=[(320, "H", colours)]))


@pytest.mark.parametrize("order", ["<", ">"])
def test_16_bit_colours_of_which_12_are_used_are_not_black(order: str) -> None:
    values = np.dstack([GREY.astype(np.uint16) * 16] * 3).astype(order + "u2")

    assert np.abs(shown(tiff(values.tobytes(), [16] * 3, 2, order=order)) - GREY).mean() < 12


def test_black_picture_stays_black() -> None:
    assert shown(tiff(bytes(2 * GREY.size), [16])).max() == 0
    assert shown(tiff(np.full(GREY.shape, np.nan, "<f4").tobytes(), [32], kind=3)).max() == 0


def test_mask_shows_its_two_values() -> None:
    assert value_range([0, 1, 1, 0], None) == (0, 1)
    assert value_range([0, 2, 0], None) == (0, 2)
    assert value_range([], None) == (0, 1)


@pytest.mark.parametrize("extra", [[0], [1], [2], [1, 0]])
def test_inks_with_transparency_are_read(extra: list[int]) -> None:
    inks = np.asarray(Image.fromarray(GREY).convert("RGB").convert("CMYK"))
    more = [np.full_like(GREY, 255)] * len(extra)

    assert_as_bright_as_8_bits(tiff(np.dstack([inks, *more]).tobytes(), [8] * (4 + len(extra)), 5, extra=extra))


@pytest.mark.parametrize(
    "content",
    [
        tiff(np.dstack([GREY.astype("<u2")] * 2).tobytes(), [16, 16], extra=[2]),
        tiff(np.dstack([GREY.astype("<f4")] * 3).tobytes(), [32] * 3, 2, kind=3),
        tiff(GREY.astype("<f2").tobytes(), [16], kind=3),
        tiff(GREY.astype("<f8").tobytes(), [64], kind=3),
        tiff(GREY.tobytes(), [8], compression=34712),
        tiff(GREY.tobytes(), [8], compression=50001),
        tiff(GREY.tobytes() * 7, [8] * 7, 2),
    ],
    ids=[
        "16-bit-grey-with-alpha",
        "float-colours",
        "half-floats",
        "double-floats",
        "JPEG-2000",
        "WebP",
        "seven-channels",
    ],
)
def test_rare_kinds_are_not_called_damaged(content: bytes) -> None:
    assert error(content).code == "UNSUPPORTED_FORMAT"


def test_orientation_of_any_directory_is_heeded() -> None:
    for big in (False, True):
        converted = conversion.convert(
            io.BytesIO(tiff(GREY.tobytes(), [8], tags=[(274, "H", [6])], big=big)), "TIFF", LIMIT
        )
        assert (converted.width, converted.height) == (HEIGHT, WIDTH)


@pytest.mark.abuse
def test_tags_that_share_their_data_are_not_read() -> None:
    shared = [(tag, "B", bytes(400_000)) for tag in range(40_000, 40_100)]
    content = bytearray(tiff(GREY.tobytes(), [8], tags=shared[:1]))
    place = content.index(struct.pack("<HHI", 40_000, 1, 400_000))
    entry = bytes(content[place : place + 12])
    number = struct.unpack_from("<H", content, 8)[0]
    content[place : place + 12] = entry * 100
    struct.pack_into("<H", content, 8, number + 99)
    # The strip has moved with what stands before it.
    moved = content.index(struct.pack("<HHI", 273, 4, 1)) + 8
    struct.pack_into("<I", content, moved, struct.unpack_from("<I", content, moved)[0] + 99 * 12)

    assert_as_bright_as_8_bits(bytes(content))


@pytest.mark.abuse
def test_tags_larger_than_the_file_are_damage() -> None:
    assert (
        error(
            tiff(GREY.tobytes(), [8]).replace(struct.pack("<HHI", 273, 4, 1), struct.pack("<HHI", 273, 4, 2**30))
        ).code
        == "IMAGE_DAMAGED"
    )


@pytest.mark.abuse
def test_one_tile_that_is_larger_than_can_be_decoded_is_rejected() -> None:
    whole = bytearray(tiff(bytes(30_000), [8], sides=(100, 100), tags=[(322, "I", [20_000]), (323, "I", [20_000])]))

    assert error(bytes(whole)).code == "IMAGE_TOO_LARGE_PIXELS"


def test_directory_that_lies_outside_of_the_file_is_damage() -> None:
    assert error(b"II*\0" + struct.pack("<I", 10**6) + bytes(200)).code == "IMAGE_DAMAGED"
    assert error(b"II+\0" + struct.pack("<HHQ", 8, 0, 2**60) + bytes(200)).code == "IMAGE_DAMAGED"
    assert error(encoded(corners(), "TIFF")[:200]).code == "IMAGE_DAMAGED"
