"""The camera's facts beside the pixels: Exif 2.3 (CIPA DC-008), else XMP (ISO 16684-1). Pure; no bytes make it raise.

An Exif block is a directory, as those of a TIFF file are: TIFF 6.0, and BigTIFF
(libtiff.gitlab.io/libtiff/specification/bigtiff.html).
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Container, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final, cast
from xml.etree.ElementTree import ParseError, TreeBuilder, XMLParser

from ...results.document import Capture

Bytes = bytes | bytearray | memoryview

# --- directories

EXIF_START: Final = b"Exif\x00"
"""Before the block in a JPEG; the byte after it says nothing."""
SHORT: Final = 3
TEXT: Final = {2}
BYTES: Final = {1, 7}
_WHOLE: Final = {1: "B", SHORT: "H", 4: "I", 13: "I", 16: "Q"}
_FRACTIONS: Final = {5: "II"}
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
MAX_BYTES: Final = 256 * 1024
"""Of a tag's values, and of an XMP packet: a camera's has a few KB."""

Field = tuple[int, int, bytes]
"""An entry of a directory: its type, the number of its values, and the values or their place."""


class Directory:
    """A directory of a TIFF file or an Exif block; of equal tags the first counts. Values are read when asked for."""

    def __init__(self, content: Bytes, place: int | None = None) -> None:
        """Read the directory at `place`, or the first. It breaks off, and may be empty, where the file is damaged."""
        if bytes(content[:5]) == EXIF_START:
            content = content[6:]
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
        start += self._number.size
        entries = content[start : start + min(number, _MAX_ENTRIES) * self._entry.size]
        whole = len(entries) // self._entry.size
        self.breaks_off = whole < min(number, _MAX_ENTRIES)
        for tag, kind, count, last in self._entry.iter_unpack(entries[: whole * self._entry.size]):
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
        return bytes(self._content[place : place + min(size_bytes, MAX_BYTES)])

    def numbers(self, tag: int, codes: Mapping[int, str] = _WHOLE) -> tuple[int, ...]:
        """Return a tag's numbers, at most 16; none of a tag that is missing, breaks off or has another type."""
        data = self.data(tag, codes)
        if not data:
            return ()
        kind, count, _ = self.fields[tag]
        code = self._order + codes[kind] * min(count, _MAX_VALUES)
        return struct.unpack_from(code, data) if len(data) >= struct.calcsize(code) else ()

    def number(self, tag: int, default: int = 0) -> int:
        """Return the first of a tag's numbers."""
        return next(iter(self.numbers(tag)), default)

    def fraction(self, tag: int) -> Decimal:
        """Return the first of a tag's fractions; 0 if it has none."""
        numerator, denominator, *_ = *self.numbers(tag, _FRACTIONS), 0, 0
        return _quotient(numerator, denominator)

    def degrees(self, tag: int) -> float | None:
        """Return degrees; south and west, of which the tag before says so, are negative."""
        values = self.numbers(tag, _FRACTIONS)
        try:
            parts = zip(values[::2], values[1::2], (1, 60, 3600), strict=True)
            degrees = sum(part / denominator / unit for part, denominator, unit in parts if part)
        except (ValueError, ZeroDivisionError):
            return None
        return -degrees if self.text(tag - 1).startswith(("S", "W")) else degrees

    def text(self, tag: int) -> str:
        """Return a tag's text, cleaned."""
        return _clean(self.data(tag, TEXT).partition(b"\0")[0].decode("utf-8", "replace"))

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


# --- facts

UPRIGHT: Final = 1
ORIENTATION: Final = 0x0112
_MAX_TEXT: Final = 100
_ZONE_FORM: Final = re.compile(r"[+-](?:0\d|1[0-4]):[0-5]\d")


def orientation(exif: bytes) -> int:
    """Return 1 to 8 as Exif has it (tag 0x0112); 1, upright, of a block that is empty, damaged or says nothing."""
    # Not Pillow's getexif: it takes the orientation of XMP too, which neither browsers nor Rekognition heed.
    # Browsers do not heed it as another type.
    turns = Directory(exif).numbers(ORIENTATION, {SHORT: "H"})
    return turns[0] if len(turns) == 1 and UPRIGHT <= turns[0] <= 8 else UPRIGHT


def capture(exif: Bytes, packet: Bytes = b"") -> Capture | None:
    """Return when, how and where a picture was taken, as far as its file says; None if it does not.

    `exif` is an Exif block or a TIFF file, `packet` XMP where it stands elsewhere. XMP adds facts that Exif lacks.
    """
    main = Directory(exif)
    details, gps = (Directory(exif, main.number(tag)) for tag in (0x8769, 0x8825))
    xmp = properties(packet or main.data(0x02BC, BYTES))
    facts = {
        "takenAt": _time(details.text(0x9003), details.text(0x9011)) or _xmp_time(xmp),
        "camera": _camera(main.text(0x010F), main.text(0x0110))
        or _camera(xmp.get(TIFF + "Make", ""), xmp.get(TIFF + "Model", "")),
        "lens": details.text(0xA434) or xmp.get(AUX + "Lens") or xmp.get(EX + "LensModel"),
        "exposureSeconds": details.fraction(0x829A) or _xmp_number(xmp, "ExposureTime"),
        "aperture": details.fraction(0x829D) or _xmp_number(xmp, "FNumber"),
        "iso": details.number(0x8827) or int(_xmp_number(xmp, "ISOSpeedRatings")),
        "focalLengthMm": details.fraction(0x920A) or _xmp_number(xmp, "FocalLength"),
    }
    place_in_xmp = (_xmp_degrees(xmp, name) for name in ("GPSLatitude", "GPSLongitude"))
    place = _place(gps.degrees(2), gps.degrees(4)) or _place(*place_in_xmp)
    return cast(Capture, {name: value for name, value in facts.items() if value} | place) or None


def _quotient(numerator: int, denominator: int) -> Decimal:
    return Decimal(f"{numerator / denominator:.4g}") if denominator else Decimal(0)


def _place(latitude: float | None, longitude: float | None) -> dict[str, Decimal]:
    """Return a place on Earth; nothing of half a one, nor of the zeros that a camera writes without one."""
    if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
        return {}
    place = {"latitude": Decimal(f"{latitude:.9g}"), "longitude": Decimal(f"{longitude:.9g}")}
    return place if any(place.values()) else {}


def _clean(text: str) -> str:
    """Return a text without control characters, shortened."""
    return "".join(sign for sign in text[: 4 * _MAX_TEXT] if sign.isprintable()).strip()[:_MAX_TEXT]


def _camera(make: str, model: str) -> str:
    """Return maker and model; many models begin with the maker's name."""
    if not make or not model:
        return model or make
    return model if model.lower().startswith(make.split()[0].lower()) else f"{make} {model}"[:_MAX_TEXT]


def _time(text: str, zone: str | None) -> str | None:
    """Return the camera's time as ISO 8601, with its zone where it says one; None of a time that no camera had."""
    try:
        moment = datetime.strptime(text, "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return None
    # The clock of QuickTime and of old Macs starts in 1904: a camera without a clock writes it, or zeros.
    if moment.year <= 1904:
        return None
    return f"{moment.isoformat()}{zone if zone and _ZONE_FORM.fullmatch(zone) else ''}"


# --- the same facts in XMP

RDF: Final = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
XMP: Final = "{http://ns.adobe.com/xap/1.0/}"
EXIF: Final = "{http://ns.adobe.com/exif/1.0/}"
EX: Final = "{http://cipa.jp/exif/1.0/}"
AUX: Final = "{http://ns.adobe.com/exif/1.0/aux/}"
TIFF: Final = "{http://ns.adobe.com/tiff/1.0/}"
PHOTOSHOP: Final = "{http://ns.adobe.com/photoshop/1.0/}"
_TIMES: Final = (EXIF + "DateTimeOriginal", PHOTOSHOP + "DateCreated", XMP + "CreateDate")
_TIME: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d:\d\d)(:\d\d)?(?:\.\d+)?(Z|[+-]\d\d:\d\d)?", re.ASCII)
_NUMBER: Final = re.compile(r"(\d{1,9})(?:/(\d{1,9}))?", re.ASCII)
_DEGREES: Final = re.compile(r"(\d{1,3}),(\d{1,2}(?:\.\d{1,12})?)(?:,(\d{1,2}(?:\.\d{1,12})?))?([NSEW])", re.ASCII)


class _WithoutDoctype(TreeBuilder):
    """Refuses a document type: it could declare entities, which make much of little."""

    def doctype(self, *_: object) -> None:
        raise ValueError("XMP has no document type")


def properties(packet: Bytes) -> dict[str, str]:
    """Return the picture's own properties by `{namespace}name`, the first value of a list; none of a damaged packet."""
    if not packet or len(packet) > MAX_BYTES:
        return {}
    parser = XMLParser(target=_WithoutDoctype())
    try:
        parser.feed(bytes(packet).strip(b"\x00 \t\r\n"))
        root = parser.close()
    except (ParseError, ValueError, LookupError):
        return {}
    values: dict[str, str] = {}
    rdf = root if root.tag == f"{RDF}RDF" else root.find(f"{RDF}RDF")
    # The pictures that this one consists of have descriptions that are deeper.
    for description in () if rdf is None else rdf.iterfind(f"{RDF}Description"):
        elements = [(element.tag, element.findtext(f"*/{RDF}li", element.text or "")) for element in description]
        for name, value in [*description.items(), *elements]:
            if value.strip():
                values.setdefault(name, _clean(value.strip()))
    return values


def _xmp_time(xmp: Mapping[str, str]) -> str | None:
    """Return the first time that is one, of the properties from the surest on."""
    for name in _TIMES:
        if written := _TIME.fullmatch(xmp.get(name, "")):
            year, month, day, minute, second, zone = written.groups()
            time = _time(f"{year}:{month}:{day} {minute}{second or ':00'}", "+00:00" if zone == "Z" else zone)
            if time:
                return time
    return None


def _xmp_number(xmp: Mapping[str, str], name: str) -> Decimal:
    """Return a number or a fraction, or 0 for any other text."""
    written = _NUMBER.fullmatch(xmp.get(EXIF + name, ""))
    return _quotient(int(written[1]), int(written[2] or 1)) if written else Decimal(0)


def _xmp_degrees(xmp: Mapping[str, str], name: str) -> float | None:
    """Return degrees of `degrees,minutes.fractionN` or `degrees,minutes,secondsN`."""
    written = _DEGREES.fullmatch(xmp.get(EXIF + name, ""))
    if written is None:
        return None
    degrees = int(written[1]) + float(written[2]) / 60 + float(written[3] or 0) / 3600
    return -degrees if written[4] in "SW" else degrees
