"""Files without the parts that their first picture does not need: they can cost much time and memory to decode.

Sources: TIFF 6.0, GDAL_NODATA (gdal.org/drivers/raster/gtiff.html).
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from ...results.codes import Code
from ..errors import PictureRejectedError
from ..picture import MAX_SCANS, PNG_START, SCAN, Structure, chunks, is_sound, read_jpeg, read_png, segments
from .metadata import BYTES, MAX_BYTES, ORIENTATION, TEXT, UPRIGHT, Bytes, Directory, capture

_CLEAR_BYTES: Final = {0: 2, 2: 6}
"""The length of a PNG's tRNS by the kind of colours: grey, true colours; a palette's is any."""
_IMAGE, _EXTENSION, _GRAPHIC_CONTROL = 0x2C, 0x21, 0xF9
_MAX_WEBP_SIDE: Final = 2**14 - 1


def keep_pixels(stream: io.BytesIO, name: str) -> Structure:
    """Return the structure, and remove from a JPEG, PNG, GIF or TIFF file what its first picture does not need.

    Raises PictureRejectedError, and EOFError or IndexError where the file breaks off before its pixels.
    """
    if name == "TIFF":
        return _keep_first_directory(stream)
    if name not in _READERS:
        return Structure()
    read, ranges = _READERS[name]
    end = 0
    with stream.getbuffer() as data:
        structure = read(data)
        if structure.scans > MAX_SCANS:
            raise PictureRejectedError(Code.IMAGE_TOO_COSTLY, f"It has more than {MAX_SCANS} scans")
        for start, stop in list(ranges(data)):
            data[end : end + stop - start] = data[start:stop]
            end += stop - start
    stream.truncate(end)
    if structure.scans > 1:
        # The first scan shows all rows, the others make them finer: an end of their own makes do with those that came.
        stream.seek(end)
        stream.write(b"\xff\xd9")
    return structure


def _jpeg_ranges(data: Bytes) -> Iterator[tuple[int, int]]:
    yield 0, 2
    for marker, start, end in segments(data):
        if marker == SCAN:
            yield start - 4, len(data)
        elif marker <= 0xE0 or marker == 0xEE:
            # JFIF and Adobe say what the colours are; no other application segment does.
            yield start - 4, end


def _png_ranges(data: Bytes) -> Iterator[tuple[int, int]]:
    yield 0, PNG_START
    colours, kept = data[25], set[bytes]()
    for kind, start, end in chunks(data):
        is_kept = kind in (b"PLTE", b"IDAT", b"IEND")
        if kind == b"tRNS" and kept.isdisjoint((b"tRNS", b"IDAT")):
            # A decoder leaves out a chunk that it can do without when it is damaged, repeated or in the wrong place.
            fits = b"PLTE" in kept if colours == 3 else end - start == _CLEAR_BYTES.get(colours)
            is_kept = fits and is_sound(data, start, end)
        if is_kept:
            kept.add(kind)
            yield start - 8, min(end + 4, len(data))
        if kind == b"IEND":
            return


def _read_gif(data: Bytes) -> Structure:
    """Read the XMP alone: its bytes stand in an extension as they are, before a trailer."""
    mark = re.search(rb"XMP DataXMP", data)
    packet = bytes(data[mark.end() : mark.end() + MAX_BYTES]).partition(b"\x01\xff\xfe")[0] if mark else b""
    return Structure(capture=capture(b"", packet))


def _gif_ranges(data: Bytes) -> Iterator[tuple[int, int]]:
    """Yield the ranges of the screen, and of the first image with its control block: without comments."""
    place = 13 + (3 * 2 ** ((data[10] & 7) + 1) if data[10] & 0x80 else 0)
    yield 0, place
    control = place, place
    while data[place] == _EXTENSION:
        end = place + 2
        while length := data[end]:
            end += 1 + length
        if data[place + 1] == _GRAPHIC_CONTROL:
            control = place, end + 1
        place = end + 1
    if data[place] != _IMAGE:
        raise PictureRejectedError(Code.IMAGE_DAMAGED)
    yield control
    yield place, len(data)


_READERS: Final = {"JPEG": (read_jpeg, _jpeg_ranges), "PNG": (read_png, _png_ranges), "GIF": (_read_gif, _gif_ranges)}


def webp_sides(data: Bytes) -> tuple[int, int]:
    """Return width and height of the canvas; zeros where the file does not say them."""
    kind, bits = bytes(data[12:16]), int.from_bytes(data[21:30], "little")
    if kind == b"VP8X":
        return (bits >> 24) % 2**24 + 1, (bits >> 48) % 2**24 + 1
    if kind == b"VP8L":
        return (bits & _MAX_WEBP_SIDE) + 1, (bits >> 14 & _MAX_WEBP_SIDE) + 1
    return (bits >> 40 & _MAX_WEBP_SIDE, bits >> 56 & _MAX_WEBP_SIDE) if kind == b"VP8 " else (0, 0)


# --- TIFF: decoders read every tag into memory, and tags may share their bytes, a thousand times the size of the file

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_PLANAR, _TILE_WIDTH, _TILE_HEIGHT, _EXTRA_SAMPLES, _SAMPLE_FORMAT = 284, 322, 323, 338, 339
_SUBFILE, _DNG_VERSION, _NO_DATA, _PROFILE = 254, 50706, 42113, 34675
_DECODING: Final = frozenset(
    {
        *(*range(256, 260), 262, 266, 273, *range(277, 280), 284, 292, 293, 317, 320, *range(322, 326), 332, 334, 338),
        *(339, 347, *range(512, 516), *range(517, 522), *range(529, 533), 50674),
    }
)
"""Tags that pixels are decoded by: sides, compression, places, colours, JPEG's tables."""
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _INKS, _YCBCR = 0, 1, 5, 6
_UNCOMPRESSED, _BY_JPEG, _BY_WEBP = 1, (6, 7), 50001
_UNSIGNED, _SIGNED = 1, 2
_PLANES, _PREVIEW = 2, 1


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


def _keep_first_directory(stream: io.BytesIO) -> Tiff:
    """Replace the file's directory by the tags that decode its first picture.

    In that directory black is zero, integers of 32 bits are signed, and inks have no transparency: the decoder reads no
    others. `Tiff` has the original facts.
    """
    with stream.getbuffer() as content:
        directory = Directory(content)
        number, fields = directory.number, {tag: directory.fields[tag] for tag in directory.fields.keys() & _DECODING}
        if directory.breaks_off:
            raise PictureRejectedError(Code.IMAGE_DAMAGED)
        if sum(map(directory.size_bytes, fields)) > len(content):
            raise PictureRejectedError(Code.IMAGE_DAMAGED, "Its tags say that they have more bytes than the file")
        tiff = replace(_describe(directory), capture=capture(content))
        extra = directory.numbers(_EXTRA_SAMPLES)
        if tiff.white_is_zero:
            fields[_PHOTOMETRIC] = directory.shorts(_BLACK_IS_ZERO)
        if directory.numbers(_BITS) == (32,) and number(_SAMPLE_FORMAT, _UNSIGNED) == _UNSIGNED:
            fields[_SAMPLE_FORMAT] = directory.shorts(_SIGNED)
        if number(_PHOTOMETRIC) == _INKS and 0 < len(extra) <= 2:
            fields[_EXTRA_SAMPLES] = directory.shorts(*[0] * len(extra))
    directory.place_in(stream, fields)
    return tiff


def _describe(directory: Directory) -> Tiff:
    number = directory.number
    if _DNG_VERSION in directory.fields or number(_SUBFILE) & _PREVIEW:
        # A camera's raw file is a TIFF too: its pictures are previews, or mean nothing without the camera's recipe.
        raise PictureRejectedError(Code.UNSUPPORTED_FORMAT, "It is a camera's raw file")
    compression, photometric = number(_COMPRESSION, _UNCOMPRESSED), number(_PHOTOMETRIC, _WHITE_IS_ZERO)
    if compression == _BY_WEBP:
        raise PictureRejectedError(Code.UNSUPPORTED_FORMAT, "It is compressed by WebP")
    if not number(_WIDTH) or not number(_HEIGHT):
        raise PictureRejectedError(Code.IMAGE_DAMAGED)
    if photometric == _YCBCR and compression not in _BY_JPEG:
        # The decoder would take the fewer bytes of its colours for a file that breaks off.
        raise PictureRejectedError(Code.UNSUPPORTED_FORMAT, "Its colours are YCbCr without JPEG's compression")
    try:
        no_data = float(directory.data(_NO_DATA, TEXT).rstrip(b"\0 "))
    except ValueError:
        no_data = None
    return Tiff(
        turn=number(ORIENTATION, UPRIGHT),
        profile=directory.data(_PROFILE, BYTES),
        planar=number(_PLANAR) == _PLANES,
        tile_pixels=number(_TILE_WIDTH) * number(_TILE_HEIGHT),
        bits=number(_BITS, 1),
        signed=number(_SAMPLE_FORMAT) == _SIGNED,
        white_is_zero=photometric == _WHITE_IS_ZERO,
        no_data=no_data,
    )
