"""Converts channels of more than 8 bits, or of numbers that are no brightness, to 8 bits.

A PNG defines white, as browsers show it. A TIFF holds numbers of a scanner, a microscope or a map: white is the largest
number of the bits in use. Numbers of another range (heights, temperatures) go from black to white.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, Final

from PIL import Image, ImageMath

from ...results.codes import Code
from ..errors import PictureRejectedError
from .stripping import Tiff

_FULL: Final = (1, *(2**bits - 1 for bits in (*range(8, 17), 24, 31, 32)))
"""The usual number of white: 1 of fractions, else the largest number of so many bits."""
_CUSTOMARY: Final = (-9999.0, -32768.0)
"""The numbers by which maps mark that there is no number."""
_NO_MEASUREMENT: Final = 1e30
"""Programs write numbers near the largest that a float holds where they have none."""


def eight_bits(picture: Image.Image, tiff: Tiff | None) -> Image.Image:
    """Return the picture in an 8-bit mode whose colours can be mixed, as scaling needs. Raises PictureRejectedError.

    `tiff` is what its file says, if it is one.
    """
    if picture.mode == "LAB":
        raise PictureRejectedError(Code.UNSUPPORTED_FORMAT, "Its colours are L*a*b*")
    if picture.mode.startswith("I;16") and tiff is None:
        grey, clear = _mapped(picture, 0, 65535), picture.info.get("transparency")
        if clear is not None:
            grey.putalpha(picture.convert("I").point([255 * (value != clear) for value in range(65536)], "L"))
        return grey
    if tiff and tiff.bits == 8 and tiff.signed and picture.mode == "L":
        # They were read as unsigned: the lower half has become the upper.
        picture = picture.point([value ^ 0x80 for value in range(256)]).convert("F").point(lambda value: value - 128)
    if tiff and picture.mode.startswith(("I", "F")):
        return _numbers(picture, tiff)
    if picture.mode not in ("RGBA", "RGBa", "LA", "La") and picture.has_transparency_data:
        picture = picture.convert("RGBA")
    if picture.mode in ("P", "1"):
        picture = picture.convert("RGB")
    if tiff and tiff.white_is_zero:
        return _changed(picture, range(255, -1, -1))
    if tiff and tiff.bits == 16 and picture.mode in ("RGB", "RGBA"):
        # The decoder has kept the upper 8 bits: of pictures that use 12, that is the range from 0 to 15.
        most = max(int(bounds[1]) for bounds in picture.convert("RGB").getextrema() if isinstance(bounds, tuple))
        full = 2 ** most.bit_length() - 1 or 255
        return _changed(picture, [min(255, value * 255 // full) for value in range(256)])
    return picture


def as_srgb(picture: Image.Image, gamma: float) -> Image.Image:
    """Return a picture of 8 bits whose values are light to the power of `gamma` with sRGB's values (IEC 61966-2-1)."""
    light = [(value / 255) ** (1 / gamma) for value in range(256)]
    srgb = [12.92 * y if y <= 0.0031308 else 1.055 * y ** (1 / 2.4) - 0.055 for y in light]
    return _changed(picture, [round(255 * value) for value in srgb])


def _numbers(picture: Image.Image, tiff: Tiff) -> Image.Image:
    if tiff.bits == 32 and picture.mode == "I" and not tiff.signed:
        # They were read as signed: the upper half has become negative.
        picture = ImageMath.lambda_eval(lambda of: of["float"](of["i"]) + of["float"](of["i"] < 0) * 2.0**32, i=picture)
    sample = picture.resize((min(picture.width, 512), min(picture.height, 512)), Image.Resampling.NEAREST)
    # Of a picture of one channel these are its values.
    values: Sequence[Any] = sample.get_flattened_data()
    least, most = value_range(values, tiff.no_data)
    return _mapped(picture, most, least) if tiff.white_is_zero else _mapped(picture, least, most)


def value_range(values: Iterable[float], no_data: float | None) -> tuple[float, float]:
    """Return the numbers that are black and white among a picture's numbers. Numbers without meaning do not count."""
    meaningless = (no_data, *_CUSTOMARY)
    finite = sorted({value for value in values if abs(value) < _NO_MEASUREMENT and value not in meaningless})
    # Other programs have their own number for none, and do not say which. In a mask of two or three there is none.
    if len(finite) > 3:
        gap, place = max((after - before, place) for place, (before, after) in enumerate(pairwise(finite), 1))
        if place == 1 and gap > finite[-1] - finite[1]:
            finite = finite[1:]
        elif place == len(finite) - 1 and gap > finite[-2] - finite[0]:
            finite = finite[:-1]
    if not finite:
        return 0, 1
    least, most = finite[0], finite[-1]
    full = next((full for full in _FULL if full / 2 < most <= full), None)
    return (0, full) if full and 0 <= least <= most / 4 else (least, most)


def _mapped(picture: Image.Image, black: float, white: float) -> Image.Image:
    """Return the numbers from black to white as 0 to 255. Numbers outside are black or white."""
    factor = 255 / (white - black) if white != black else 0.0
    return picture.convert("F").point(lambda value: value * factor - black * factor).convert("L")


def _changed(picture: Image.Image, values: Sequence[int]) -> Image.Image:
    """Return each channel's value by the one in the list, but for transparency."""
    tables = (range(256) if band == "A" else values for band in picture.getbands())
    return picture.point([value for table in tables for value in table])
