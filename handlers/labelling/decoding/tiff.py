"""A TIFF file with nothing but its first picture.

Decoders read every tag into memory, and tags may share their bytes: a small file can take a thousand times its size.
Sources: TIFF 6.0, GDAL_NODATA (gdal.org/drivers/raster/gtiff.html).
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from typing import Final

from ...results.codes import Code
from ..errors import PictureRejectedError
from ..picture import Structure
from .directory import BYTES, TEXT, Directory
from .exif import ORIENTATION, UPRIGHT, capture

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES = 256, 257, 258, 259, 262, 277
_PLANAR, _TILE_WIDTH, _TILE_HEIGHT, _EXTRA_SAMPLES, _SAMPLE_FORMAT = 284, 322, 323, 338, 339
_SUBFILE, _DNG_VERSION, _NO_DATA, _PROFILE = 254, 50706, 42113, 34675
_DECODING: Final = frozenset(
    {
        *(_WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _SAMPLES, _TILE_WIDTH, _TILE_HEIGHT, _EXTRA_SAMPLES, _SAMPLE_FORMAT),
        *(_COMPRESSION, 266, 273, 278, 279, _PLANAR, 292, 293, 317, 320, 324, 325, 332, 334, 347),
        *(512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532, 50674),
    }
)
"""Tags that pixels are decoded by: compression, places, colours, JPEG's tables."""
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _INKS, _YCBCR = 0, 1, 5, 6
_UNCOMPRESSED, _BY_JPEG, _BY_WEBP = 1, (6, 7), 50001
_PLANES: Final = 2
_UNSIGNED, _SIGNED = 1, 2
_PREVIEW: Final = 1


@dataclass(frozen=True, kw_only=True)
class Tiff(Structure):
    """The first picture of a TIFF file."""

    planar: bool
    """Each channel has a place of its own."""
    tile_pixels: int
    """The pixels of a tile, which is decoded at once, however small the picture is; 0 without tiles."""
    bits: int
    """Of one channel."""
    signed: bool
    white_is_zero: bool
    no_data: float | None
    """The value of pixels that have none."""


def keep_first_picture(stream: io.BytesIO) -> Tiff:
    """Replace the file's directory by the tags that decode its first picture.

    In that directory black is zero, integers of 32 bits are signed, and inks have no transparency: the decoder reads no
    others. `Tiff` has the original facts. Raises PictureRejectedError.
    """
    with stream.getbuffer() as content:
        directory = Directory(content)
        kept = {tag: field for tag, field in directory.fields.items() if tag in _DECODING}
        if directory.breaks_off:
            raise PictureRejectedError(Code.IMAGE_DAMAGED)
        if sum(directory.size_bytes(tag) for tag in kept) > len(content):
            raise PictureRejectedError(Code.IMAGE_DAMAGED, "Its tags say that they have more bytes than the file")
        tiff = replace(_describe(directory), capture=capture(content))
        extra, bits = directory.numbers(_EXTRA_SAMPLES), directory.numbers(_BITS)
        if tiff.white_is_zero:
            kept[_PHOTOMETRIC] = directory.shorts(_BLACK_IS_ZERO)
        if bits == (32,) and directory.number(_SAMPLE_FORMAT, _UNSIGNED) == _UNSIGNED:
            kept[_SAMPLE_FORMAT] = directory.shorts(_SIGNED)
        if directory.number(_PHOTOMETRIC, _WHITE_IS_ZERO) == _INKS and 0 < len(extra) <= 2:
            kept[_EXTRA_SAMPLES] = directory.shorts(*[0] * len(extra))
    directory.place_in(stream, kept)
    return tiff


def _describe(directory: Directory) -> Tiff:
    number = directory.number
    if _DNG_VERSION in directory.fields or number(_SUBFILE, 0) & _PREVIEW:
        # A camera's raw file is a TIFF too: its pictures are previews, or mean nothing without the camera's recipe.
        raise PictureRejectedError(Code.UNSUPPORTED_FORMAT, "It is a camera's raw file")
    compression, photometric = number(_COMPRESSION, _UNCOMPRESSED), number(_PHOTOMETRIC, _WHITE_IS_ZERO)
    if compression == _BY_WEBP:
        raise PictureRejectedError(Code.UNSUPPORTED_FORMAT, "It is compressed by WebP")
    if not number(_WIDTH, 0) or not number(_HEIGHT, 0):
        raise PictureRejectedError(Code.IMAGE_DAMAGED)
    if photometric == _YCBCR and compression not in _BY_JPEG:
        # The decoder would take the fewer bytes of its colours for a file that breaks off.
        raise PictureRejectedError(Code.UNSUPPORTED_FORMAT, "Its colours are YCbCr without JPEG's compression")
    return Tiff(
        turn=number(ORIENTATION, UPRIGHT),
        planar=number(_PLANAR, 1) == _PLANES,
        tile_pixels=number(_TILE_WIDTH, 0) * number(_TILE_HEIGHT, 0),
        bits=number(_BITS, 1),
        signed=number(_SAMPLE_FORMAT, _UNSIGNED) == _SIGNED,
        white_is_zero=photometric == _WHITE_IS_ZERO,
        no_data=_no_data(directory),
        profile=directory.data(_PROFILE, BYTES),
    )


def _no_data(directory: Directory) -> float | None:
    try:
        return float(directory.data(_NO_DATA, TEXT).rstrip(b"\0 ").decode("ascii"))
    except ValueError:
        return None
