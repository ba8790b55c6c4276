"""The first directory of a TIFF file: its pixels, and the same file with nothing else in the directory.

Decoders read every tag into memory, and tags may share their bytes: a small file can take a thousand times its size.
Sources: TIFF 6.0, BigTIFF (libtiff.gitlab.io/libtiff/specification/bigtiff.html), GDAL_NODATA
(gdal.org/drivers/raster/gtiff.html).
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import Final

from .errors import damaged, unsupported
from .exif import UPRIGHT

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES = 256, 257, 258, 259, 262, 277
_PLANAR, _TILE_WIDTH, _TILE_HEIGHT, _EXTRA_SAMPLES, _SAMPLE_FORMAT = 284, 322, 323, 338, 339
_SUBFILE, _ORIENTATION, _DNG_VERSION, _NO_DATA, _PROFILE = 254, 274, 50706, 42113, 34675
_DECODING: Final = frozenset(
    {
        *(_WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _SAMPLES, _TILE_WIDTH, _TILE_HEIGHT, _EXTRA_SAMPLES, _SAMPLE_FORMAT),
        *(_COMPRESSION, 266, 273, 278, 279, _PLANAR, 292, 293, 317, 320, 324, 325, 332, 334, 347),
        *(512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532, 50674),
    }
)
"""Tags that pixels are decoded by: compression, places, colours, JPEG's tables."""
_SIZES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_CODES: Final = {1: "B", 3: "H", 4: "I", 16: "Q"}
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _INKS, _YCBCR = 0, 1, 5, 6
_UNCOMPRESSED, _BY_JPEG, _BY_WEBP = 1, (6, 7), 50001
_PLANES: Final = 2
_UNSIGNED, _SIGNED = 1, 2
_PREVIEW: Final = 1
_MAX_VALUES: Final = 16
"""The most values of a tag that are read: no picture has more channels."""


@dataclass(frozen=True)
class Tiff:
    """The first picture of a TIFF file; sides in pixels, as they are stored."""

    width: int
    height: int
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
    """The colour profile (ICC), as far as it has up to 64 KB."""


def keep_first_picture(stream: io.BytesIO) -> Tiff:
    """Replace the file's directory by the tags that decode its first picture. Raises UnusablePictureError.

    In that directory black is zero, integers of 32 bits are signed, and inks have no transparency: the decoder reads no
    others. `Tiff` has the original facts.
    """
    with stream.getbuffer() as content:
        try:
            directory = _Directory(content)
            tiff, new, header = directory.describe(), directory.written(), directory.header(len(content))
        except struct.error as error:
            raise damaged() from error
    stream.seek(0, io.SEEK_END)
    stream.write(new)
    stream.seek(0)
    stream.write(header)
    return tiff


class _Directory:
    def __init__(self, content: memoryview) -> None:
        self._content = content
        self._order = "<" if bytes(content[:2]) == b"II" else ">"
        big = bytes(content[2:4]) in (b"+\0", b"\0+")
        self._offset, self._number, self._entry = ("Q", "Q", "HHQ") if big else ("I", "H", "HHI")
        self._inline_bytes = 8 if big else 4
        self._entries = self._read()

    def _read(self) -> dict[int, tuple[int, int, bytes]]:
        """Read the type, the number and the last bytes (values or their place) of each tag that is of use."""
        (place,) = self._unpack(self._offset, self._inline_bytes)
        (number,) = self._unpack(self._number, place)
        place += struct.calcsize(self._order + self._number)
        head_bytes = struct.calcsize(self._order + self._entry)
        step = head_bytes + self._inline_bytes
        entries: dict[int, tuple[int, int, bytes]] = {}
        for at in range(place, place + number * step, step):
            tag, kind, count = self._unpack(self._entry, at)
            if tag in _DECODING or tag in (_SUBFILE, _ORIENTATION, _DNG_VERSION, _NO_DATA, _PROFILE):
                entries.setdefault(tag, (kind, count, bytes(self._content[at + head_bytes : at + step])))
        taken = sum(_SIZES.get(kind, 1) * count for tag, (kind, count, _) in entries.items() if tag in _DECODING)
        if taken > len(self._content):
            raise damaged("Its tags say that they have more bytes than the file")
        return entries

    def describe(self) -> Tiff:
        """Return the structure that the tags describe. Raises UnusablePictureError."""
        if _DNG_VERSION in self._entries or self._value(_SUBFILE, 0) & _PREVIEW:
            # A camera's raw file is a TIFF too: its pictures are previews, or mean nothing without the camera's recipe.
            raise unsupported("It is a camera's raw file")
        if self._value(_COMPRESSION, _UNCOMPRESSED) == _BY_WEBP:
            raise unsupported("It is compressed by WebP")
        width, height = self._value(_WIDTH, 0), self._value(_HEIGHT, 0)
        if not width or not height:
            raise damaged()
        if (
            self._value(_PHOTOMETRIC, _WHITE_IS_ZERO) == _YCBCR
            and self._value(_COMPRESSION, _UNCOMPRESSED) not in _BY_JPEG
        ):
            # The decoder would take the fewer bytes of its colours for a file that breaks off.
            raise unsupported("Its colours are YCbCr without JPEG's compression")
        turn = self._value(_ORIENTATION, UPRIGHT)
        return Tiff(
            width=width,
            height=height,
            turn=turn if 1 <= turn <= 8 else UPRIGHT,
            planar=self._value(_PLANAR, 1) == _PLANES,
            tile_pixels=self._value(_TILE_WIDTH, 0) * self._value(_TILE_HEIGHT, 0),
            bits=self._value(_BITS, 1),
            signed=self._value(_SAMPLE_FORMAT, _UNSIGNED) == _SIGNED,
            white_is_zero=self._value(_PHOTOMETRIC, _WHITE_IS_ZERO) == _WHITE_IS_ZERO,
            no_data=self._no_data(),
            profile=self._data(_PROFILE) if _PROFILE in self._entries else b"",
        )

    def written(self) -> bytes:
        """Return a directory for the decoder."""
        entries = {tag: entry for tag, entry in self._entries.items() if tag in _DECODING}
        photometric = self._value(_PHOTOMETRIC, _WHITE_IS_ZERO)
        if photometric == _WHITE_IS_ZERO:
            entries[_PHOTOMETRIC] = self._shorts([_BLACK_IS_ZERO])
        if self._values(_BITS) == (32,) and self._value(_SAMPLE_FORMAT, _UNSIGNED) == _UNSIGNED:
            entries[_SAMPLE_FORMAT] = self._shorts([_SIGNED])
        extra = self._values(_EXTRA_SAMPLES)
        if photometric == _INKS and 0 < len(extra) <= 2:
            entries[_EXTRA_SAMPLES] = self._shorts([0] * len(extra))
        parts = [struct.pack(self._order + self._number, len(entries))]
        for tag, (kind, count, last) in sorted(entries.items()):
            parts.append(struct.pack(self._order + self._entry, tag, kind, count) + last)
        return b"".join(parts) + bytes(self._inline_bytes)

    def header(self, place: int) -> bytes:
        """Return the file's first bytes with the place of its first directory."""
        return bytes(self._content[: self._inline_bytes]) + struct.pack(self._order + self._offset, place)

    def _shorts(self, values: list[int]) -> tuple[int, int, bytes]:
        packed = struct.pack(f"{self._order}{len(values)}H", *values)
        return 3, len(values), packed.ljust(self._inline_bytes, b"\0")

    def _unpack(self, code: str, place: int) -> tuple[int, ...]:
        return struct.unpack_from(self._order + code, self._content, place)

    def _data(self, tag: int) -> bytes:
        kind, count, last = self._entries[tag]
        size = _SIZES.get(kind, 1) * min(count, 1 << 16)
        if _SIZES.get(kind, 1) * count <= self._inline_bytes:
            return last[:size]
        (place,) = struct.unpack(self._order + self._offset, last)
        return bytes(self._content[place : place + size])

    def _values(self, tag: int) -> tuple[int, ...]:
        if tag not in self._entries:
            return ()
        kind, count, _ = self._entries[tag]
        if kind not in _CODES:
            raise damaged()
        return struct.unpack_from(f"{self._order}{min(count, _MAX_VALUES)}{_CODES[kind]}", self._data(tag))

    def _value(self, tag: int, default: int) -> int:
        return next(iter(self._values(tag)), default)

    def _no_data(self) -> float | None:
        if _NO_DATA not in self._entries:
            return None
        try:
            return float(self._data(_NO_DATA).rstrip(b"\0 ").decode("ascii"))
        except ValueError:
            return None
