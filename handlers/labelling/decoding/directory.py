"""The directory of a TIFF file, which an Exif block is too: what its tags say, and another one in its place.

Sources: TIFF 6.0, BigTIFF (libtiff.gitlab.io/libtiff/specification/bigtiff.html).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Container, Mapping
from typing import Final

SHORT: Final = 3
TEXT: Final = {2}
BYTES: Final = {1, 7}
WHOLE: Final = {1: "B", SHORT: "H", 4: "I", 13: "I", 16: "Q"}
FRACTIONS: Final = {5: "II"}
_SIZES: Final = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Bytes of a value by its type; of the others a value has one byte."""
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

Field = tuple[int, int, bytes]
"""An entry of a directory: its type, the number of its values, and the values or their place."""


class Directory:
    """A directory of a TIFF file or an Exif block; of equal tags the first counts. Values are read when asked for."""

    def __init__(self, content: memoryview, place: int | None = None) -> None:
        """Read the directory at `place`, or the first. It breaks off, and may be empty, where the file is damaged."""
        self._content, self.fields, self.breaks_off = content, dict[int, Field](), True
        layout = _LAYOUTS.get(bytes(content[:4]))
        if layout is None or place == 0:
            return
        self._order, *codes = layout
        self._place, self._number, self._entry = (struct.Struct(self._order + code) for code in codes)
        try:
            start = self._place.unpack_from(content, self._place.size)[0] if place is None else place
            (number,) = self._number.unpack_from(content, start)
        except (OverflowError, struct.error):
            return
        start, size = start + self._number.size, min(number, _MAX_ENTRIES) * self._entry.size
        entries = content[start : start + size]
        self.breaks_off = len(entries) < size
        for at in range(0, len(entries) - self._entry.size + 1, self._entry.size):
            tag, kind, count, last = self._entry.unpack_from(entries, at)
            self.fields.setdefault(tag, (kind, count, last))

    def size_bytes(self, tag: int) -> int:
        """Return how many bytes a tag's values have, as it says."""
        kind, count, _ = self.fields[tag]
        return _SIZES.get(kind, 1) * count

    def data(self, tag: int, kinds: Container[int]) -> bytes:
        """Return the bytes of a tag's values, at most 256 KB, as far as the file has them; none of other types."""
        if tag not in self.fields or self.fields[tag][0] not in kinds:
            return b""
        size_bytes, last = self.size_bytes(tag), self.fields[tag][2]
        if size_bytes <= len(last):
            return last[:size_bytes]
        (place,) = self._place.unpack(last)
        return bytes(self._content[place : place + min(size_bytes, _MAX_VALUE_BYTES)])

    def numbers(self, tag: int, codes: Mapping[int, str] = WHOLE) -> tuple[int, ...]:
        """Return a tag's numbers, at most 16; none of a tag that is missing, breaks off or has another type."""
        data = self.data(tag, codes)
        if not data:
            return ()
        kind, count, _ = self.fields[tag]
        code = self._order + codes[kind] * min(count, _MAX_VALUES)
        return struct.unpack_from(code, data) if len(data) >= struct.calcsize(code) else ()

    def number(self, tag: int, default: int) -> int:
        """Return the first of a tag's numbers."""
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
