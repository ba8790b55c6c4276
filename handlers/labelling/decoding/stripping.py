"""Files without the parts that their first picture does not need: they can cost much time and memory to decode."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Final

from ...results.codes import Code
from ..errors import PictureRejectedError
from ..picture import MAX_SCANS, PNG_START, SCAN, Structure, chunks, is_sound, read_jpeg, read_png, segments
from .exif import capture
from .xmp import Bytes, in_gif

Range = tuple[int, int]
"""Start and end of some bytes in a file."""
_JPEG_END: Final = b"\xff\xd9"
_KEPT_SEGMENTS: Final = frozenset({0xE0, 0xEE})
"""JFIF and Adobe say what the colours are; no other application segment does."""
_PIXEL_CHUNKS: Final = frozenset({b"PLTE", b"IDAT", b"IEND"})
_PALETTE: Final = 3
_CLEAR_BYTES: Final = {0: 2, 2: 6}
"""The length of tRNS by the kind of colours: grey, true colours; a palette's is any."""
_IMAGE, _EXTENSION, _GRAPHIC_CONTROL = 0x2C, 0x21, 0xF9
_MAX_WEBP_SIDE: Final = 2**14 - 1
_ANIMATED, _HAS_ALPHA = 0x02, 0x10


def keep_pixels(stream: io.BytesIO, name: str) -> Structure:
    """Return the structure, and remove from a JPEG, PNG or GIF file the parts that its first picture does not need.

    Raises PictureRejectedError, and EOFError or IndexError where the file breaks off before its pixels.
    """
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
        stream.write(_JPEG_END)
    return structure


def _jpeg_ranges(data: Bytes) -> Iterator[Range]:
    yield 0, 2
    for marker, start, end in segments(data):
        if marker == SCAN:
            yield start - 4, len(data)
        elif marker < 0xE0 or marker in _KEPT_SEGMENTS:
            yield start - 4, end


def _png_ranges(data: Bytes) -> Iterator[Range]:
    yield 0, PNG_START
    colours, has_palette = data[25], False
    for kind, start, end in chunks(data):
        has_palette |= kind == b"PLTE"
        is_kept = kind in _PIXEL_CHUNKS
        if kind == b"tRNS":
            # A decoder leaves out a chunk that it can do without when it is damaged, or in the wrong place.
            fits = has_palette if colours == _PALETTE else end - start == _CLEAR_BYTES.get(colours)
            is_kept = fits and is_sound(data, start, end)
        if is_kept:
            yield start - 8, min(end + 4, len(data))
        if kind == b"IEND":
            return


def _read_gif(data: Bytes) -> Structure:
    return Structure(capture=capture(b"", in_gif(data)))


def _gif_ranges(data: Bytes) -> Iterator[Range]:
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


def show_webp_canvas(data: memoryview) -> None:
    """Make an animation's canvas transparent beside its first picture, as browsers do, whatever the file says."""
    if bytes(data[12:16]) == b"VP8X" and data[20] & _ANIMATED:
        data[20] |= _HAS_ALPHA
