"""TIFF directories, which Exif has too, and a TIFF file with nothing but its first picture.

Decoders read every tag into memory, and tags may share their bytes: a small file can take a thousand times its size.
Sources: TIFF 6.0, BigTIFF (libtiff.gitlab.io/libtiff/specification/bigtiff.html), GDAL_NODATA
(gdal.org/drivers/raster/gtiff.html).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from .errors import damaged, unsupported

BYTE, TEXT, SHORT, UNDEFINED = 1, 2, 3, 7
WHOLE: Final = {BYTE: "B", SHORT: "H", 4: "I", 13: "I", 16: "Q"}
FRACTIONS: Final = {5: "II"}
_SIZES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_LAYOUTS: Final = {
    b"II*\0": ("<", "I", "H", "HHI4s"),
    b"MM\0*": (">", "I", "H", "HHI4s"),
    b"II+\0": ("<", "Q", "Q", "HHQ8s"),
    b"MM\0+": (">", "Q", "Q", "HHQ8s"),
}
"""By the first bytes: their order, and the codes of a place, a number of entries and an entry."""
_MAX_ENTRIES: Final = 500
_MAX_VALUES: Final = 16
"""The most values of a tag that are read: no picture has more channels."""
_MAX_VALUE_BYTES: Final = 256 * 1024

ORIENTATION: Final = 274
UPRIGHT, LAST_ORIENTATION = 1, 8
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


Field = tuple[int, int, bytes]
"""An entry of a directory: its type, the number of its values, and the values or their place."""


class Directory:
    """A directory of a TIFF file or an Exif block; of equal tags the first counts. Values are read when asked for."""

    def __init__(self, content: memoryview, place: int | None = None) -> None:
        """Read the directory at `place`, or the first. Raises KeyError, OverflowError and struct.error without one."""
        order, *codes = _LAYOUTS[bytes(content[:4])]
        self._content, self._order = content, order
        self._place, self._number, self._entry = (struct.Struct(order + code) for code in codes)
        if place is None:
            (place,) = self._place.unpack_from(content, self._place.size)
        (number,) = self._number.unpack_from(content, place)
        start, size = place + self._number.size, min(number, _MAX_ENTRIES) * self._entry.size
        entries = content[start : start + size]
        self.breaks_off = len(entries) < size
        self.fields: dict[int, Field] = {}
        for at in range(0, len(entries) - self._entry.size + 1, self._entry.size):
            tag, kind, count, last = self._entry.unpack_from(entries, at)
            self.fields.setdefault(tag, (kind, count, last))

    def kind(self, tag: int) -> int:
        """Return the type of a tag's values; 0 without the tag."""
        return self.fields[tag][0] if tag in self.fields else 0

    def data(self, tag: int) -> bytes:
        """Return the bytes of a tag's values, at most 256 KB, as far as the file has them. Raises KeyError."""
        kind, count, last = self.fields[tag]
        size = _SIZES.get(kind, 1) * count
        if size <= len(last):
            return last[:size]
        (place,) = self._place.unpack(last)
        return bytes(self._content[place : place + min(size, _MAX_VALUE_BYTES)])

    def numbers(self, tag: int, codes: Mapping[int, str] = WHOLE) -> tuple[int, ...]:
        """Return a tag's numbers, none without the tag. Raises KeyError for other types, and struct.error."""
        if tag not in self.fields:
            return ()
        kind, count, _ = self.fields[tag]
        return struct.unpack_from(self._order + codes[kind] * min(count, _MAX_VALUES), self.data(tag))

    def number(self, tag: int, default: int) -> int:
        """Return the first of a tag's numbers. Raises as `numbers` does."""
        return next(iter(self.numbers(tag)), default)

    def shorts(self, *values: int) -> Field:
        """Return a field of short numbers, as many as have room in an entry."""
        packed = struct.pack(f"{self._order}{len(values)}H", *values)
        return SHORT, len(values), packed.ljust(self._place.size, b"\0")

    def place_in(self, stream: io.BytesIO, fields: Mapping[int, Field]) -> None:
        """Write a directory of these fields behind a file of the same layout, and make it the file's only one."""
        entries = (self._entry.pack(tag, *field) for tag, field in sorted(fields.items()))
        place = stream.seek(0, io.SEEK_END)
        stream.write(self._number.pack(len(fields)) + b"".join(entries) + self._place.pack(0))
        stream.seek(self._place.size)
        stream.write(self._place.pack(place))


@dataclass(frozen=True)
class Tiff:
    """The first picture of a TIFF file, as it is stored."""

    turn: int
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
    profile: bytes
    """The colour profile (ICC), of at most 256 KB."""


def keep_first_picture(stream: io.BytesIO) -> Tiff:
    """Replace the file's directory by the tags that decode its first picture.

    In that directory black is zero, integers of 32 bits are signed, and inks have no transparency: the decoder reads no
    others. `Tiff` has the original facts. Raises UnusablePictureError, and for damaged files as `Directory` does.
    """
    with stream.getbuffer() as content:
        directory = Directory(content)
        kept = {tag: field for tag, field in directory.fields.items() if tag in _DECODING}
        if directory.breaks_off:
            raise damaged()
        if sum(_SIZES.get(kind, 1) * count for kind, count, _ in kept.values()) > len(content):
            raise damaged("Its tags say that they have more bytes than the file")
        tiff = _describe(directory)
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
        raise unsupported("It is a camera's raw file")
    compression, photometric = number(_COMPRESSION, _UNCOMPRESSED), number(_PHOTOMETRIC, _WHITE_IS_ZERO)
    if compression == _BY_WEBP:
        raise unsupported("It is compressed by WebP")
    if not number(_WIDTH, 0) or not number(_HEIGHT, 0):
        raise damaged()
    if photometric == _YCBCR and compression not in _BY_JPEG:
        # The decoder would take the fewer bytes of its colours for a file that breaks off.
        raise unsupported("Its colours are YCbCr without JPEG's compression")
    turn = number(ORIENTATION, UPRIGHT)
    return Tiff(
        turn=turn if UPRIGHT <= turn <= LAST_ORIENTATION else UPRIGHT,
        planar=number(_PLANAR, 1) == _PLANES,
        tile_pixels=number(_TILE_WIDTH, 0) * number(_TILE_HEIGHT, 0),
        bits=number(_BITS, 1),
        signed=number(_SAMPLE_FORMAT, _UNSIGNED) == _SIGNED,
        white_is_zero=photometric == _WHITE_IS_ZERO,
        no_data=_no_data(directory),
        profile=directory.data(_PROFILE) if _PROFILE in directory.fields else b"",
    )


def _no_data(directory: Directory) -> float | None:
    if _NO_DATA not in directory.fields:
        return None
    try:
        return float(directory.data(_NO_DATA).rstrip(b"\0 ").decode("ascii"))
    except ValueError:
        return None
