"""The camera's facts beside the pixels: Exif 2.3 (CIPA DC-008), else XMP. Pure; no block of bytes makes it raise."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final, TypeVar, cast

from . import xmp
from .xmp import Bytes

if TYPE_CHECKING:
    from ...results.document import Capture

V = TypeVar("V", str, int, Decimal, bytes)

UPRIGHT: Final = 1
EXIF_START: Final = b"Exif\x00"
"""Before the block in a JPEG; the byte after it says nothing."""
_LAST_ORIENTATION: Final = 8
_ORIENTATION, _MAKE, _MODEL, _XMP, _DIRECTORY_OF_CAPTURE, _DIRECTORY_OF_PLACE = (
    *(0x0112, 0x010F, 0x0110),
    *(0x02BC, 0x8769, 0x8825),
)
_LATITUDE, _LONGITUDE = 2, 4
"""Each behind the tag of its hemisphere."""
_TAKEN_AT, _ZONE, _EXPOSURE, _APERTURE, _ISO, _FOCAL_LENGTH, _LENS = (
    *(0x9003, 0x9011, 0x829A, 0x829D),
    *(0x8827, 0x920A, 0xA434),
)
_BYTE_ORDERS: Final = {b"II*\x00": "<", b"MM\x00*": ">"}
_BYTE, _TEXT, _SHORT, _LONG, _RATIONAL, _UNDEFINED, _DIRECTORY = 1, 2, 3, 4, 5, 7, 13
_FIRST: Final = -1
"""In place of a directory's offset: the block's start says where it is."""
_MAX_ENTRIES: Final = 500
_MAX_TEXT: Final = 100
_ZONE_FORM: Final = re.compile(r"[+-](?:0\d|1[0-4]):[0-5]\d")
_XMP_TIME: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d:\d\d)(:\d\d)?(?:\.\d+)?(Z|[+-]\d\d:\d\d)?", re.ASCII)
_XMP_NUMBER: Final = re.compile(r"(\d{1,9})(?:/(\d{1,9}))?", re.ASCII)
_XMP_DEGREES: Final = re.compile(r"(\d{1,3}),(\d{1,2}(?:\.\d{1,12})?)(?:,(\d{1,2}(?:\.\d{1,12})?))?([NSEW])", re.ASCII)
_XMP_TIMES: Final = (xmp.EXIF + "DateTimeOriginal", xmp.PHOTOSHOP + "DateCreated", xmp.XMP + "CreateDate")
_XMP_CAMERA: Final = (xmp.TIFF + "Make", xmp.TIFF + "Model")
_CLOCK_STARTS: Final = 1904
"""The first year of the clock of QuickTime and of old Macs: a camera without a clock writes it, or zeros."""


def orientation(exif: bytes) -> int:
    """Return 1 to 8 as Exif has it (tag 0x0112); 1, upright, of a block that is empty, damaged or says nothing."""
    # Not Pillow's getexif: it takes the orientation of XMP too, which neither browsers nor Rekognition heed.
    block = _block(exif)
    for tag, kind, place in _entries(block, _FIRST):
        if tag == _ORIENTATION:
            count, turn = struct.unpack_from(f"{_BYTE_ORDERS[bytes(block[:4])]}IH", block, place + 4)
            # Browsers do not heed it as another type.
            is_sound = kind == _SHORT and count == 1 and UPRIGHT <= turn <= _LAST_ORIENTATION
            return int(turn) if is_sound else UPRIGHT
    return UPRIGHT


def capture(exif: Bytes, packet: Bytes = b"") -> Capture | None:
    """Return when, how and where a picture was taken, as far as its file says; None if it does not.

    `exif` is an Exif block or a TIFF file, `packet` XMP where it stands elsewhere. XMP adds facts that Exif lacks.
    """
    block = _block(exif)
    main = _values(block, _FIRST)
    details = _values(block, _of_type(main.get(_DIRECTORY_OF_CAPTURE), int))
    said = xmp.properties(packet or _of_type(main.get(_XMP), bytes) or b"")
    facts = {
        "takenAt": _time(details.get(_TAKEN_AT), details.get(_ZONE)) or _xmp_time(said),
        "camera": _camera(main.get(_MAKE), main.get(_MODEL)) or _camera(*(_text(said, name) for name in _XMP_CAMERA)),
        "lens": _of_type(details.get(_LENS), str) or _text(said, xmp.AUX + "Lens") or _text(said, xmp.EX + "LensModel"),
        "exposureSeconds": _of_type(details.get(_EXPOSURE), Decimal) or _xmp_number(said, "ExposureTime"),
        "aperture": _of_type(details.get(_APERTURE), Decimal) or _xmp_number(said, "FNumber"),
        "iso": _of_type(details.get(_ISO), int) or int(_xmp_number(said, "ISOSpeedRatings")),
        "focalLengthMm": _of_type(details.get(_FOCAL_LENGTH), Decimal) or _xmp_number(said, "FocalLength"),
    }
    place = _place(*_degrees(block, _of_type(main.get(_DIRECTORY_OF_PLACE), int))) or _place(
        _xmp_degrees(said, "GPSLatitude"), _xmp_degrees(said, "GPSLongitude")
    )
    return cast("Capture", {name: value for name, value in facts.items() if value} | place) or None


def _of_type(value: object, kind: type[V]) -> V | None:
    """Return a value of the type that its tag has; None of another one, which a damaged file may give it."""
    return value if isinstance(value, kind) else None


def _block(exif: Bytes) -> memoryview:
    view = memoryview(exif)
    return view[6:] if bytes(view[:5]) == EXIF_START else view


def _entries(block: memoryview, directory: int | None) -> Iterator[tuple[int, int, int]]:
    """Yield tag, type and place of each entry of a directory; none where there is none, or the block is damaged."""
    order = _BYTE_ORDERS.get(bytes(block[:4]))
    if order is None or directory is None:
        return
    try:
        if directory == _FIRST:
            (directory,) = struct.unpack_from(f"{order}I", block, 4)
        (count,) = struct.unpack_from(f"{order}H", block, directory)
        for place in range(directory + 2, directory + 2 + 12 * min(count, _MAX_ENTRIES), 12):
            tag, kind, _ = struct.unpack_from(f"{order}HHI", block, place)
            # All of the entry must be there, the value too.
            struct.unpack_from("4x", block, place + 8)
            yield tag, kind, place
    except struct.error:
        return


def _values(block: memoryview, directory: int | None) -> dict[int, str | int | Decimal | bytes]:
    """Return the texts and numbers of a directory, and XMP, by tag; without those that are damaged or zero."""
    order = _BYTE_ORDERS.get(bytes(block[:4]))
    values: dict[int, str | int | Decimal | bytes] = {}
    for tag, kind, place in _entries(block, directory):
        count, offset = struct.unpack_from(f"{order}II", block, place + 4)
        try:
            if kind == _TEXT:
                start = place + 8 if count <= 4 else offset
                if text := _clean(bytes(block[start : start + min(count, 4 * _MAX_TEXT)])):
                    values.setdefault(tag, text)
            elif kind == _SHORT:
                values.setdefault(tag, struct.unpack_from(f"{order}H", block, place + 8)[0])
            elif kind in (_LONG, _DIRECTORY):
                values.setdefault(tag, offset)
            elif kind == _RATIONAL:
                numerator, denominator = struct.unpack_from(f"{order}II", block, offset)
                if numerator and denominator:
                    values.setdefault(tag, Decimal(f"{numerator / denominator:.4g}"))
            elif kind in (_BYTE, _UNDEFINED) and tag == _XMP and count <= xmp.MAX_BYTES:
                values.setdefault(tag, bytes(block[offset : offset + count]))
        except struct.error:
            continue
    return values


def _degrees(block: memoryview, directory: int | None) -> tuple[float | None, float | None]:
    """Return latitude and longitude in degrees, south and west negative, as the directory of the place has them."""
    order = _BYTE_ORDERS.get(bytes(block[:4]))
    degrees: dict[int, float] = {}
    negative = set[int]()
    for tag, kind, place in _entries(block, directory):
        count, offset = struct.unpack_from(f"{order}II", block, place + 4)
        if kind == _TEXT and bytes(block[place + 8 : place + 9]) in (b"S", b"W"):
            negative.add(tag + 1)
        if kind == _RATIONAL and count == 3:
            try:
                values = struct.unpack_from(f"{order}6I", block, offset)
                parts = zip(values[::2], values[1::2], (1, 60, 3600), strict=True)
                degrees[tag] = sum(part / denominator / unit for part, denominator, unit in parts if part)
            except (struct.error, ZeroDivisionError):
                continue
    latitude, longitude = (
        -degrees[tag] if tag in negative and tag in degrees else degrees.get(tag) for tag in (_LATITUDE, _LONGITUDE)
    )
    return latitude, longitude


def _place(latitude: float | None, longitude: float | None) -> dict[str, Decimal]:
    """Return a place on Earth; nothing of half a one, nor of the zeros that a camera writes without one."""
    if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
        return {}
    place = {"latitude": Decimal(f"{latitude:.9g}"), "longitude": Decimal(f"{longitude:.9g}")}
    return place if any(place.values()) else {}


def _clean(value: bytes) -> str:
    """Return a text up to its first NUL, without control characters, shortened."""
    text = value.partition(b"\x00")[0].decode("utf-8", "replace")
    return "".join(sign for sign in text if sign.isprintable()).strip()[:_MAX_TEXT]


# --- the same facts in XMP


def _text(said: Mapping[str, str], name: str) -> str | None:
    return _clean(said.get(name, "").encode("utf-8", "replace")) or None


def _xmp_time(said: Mapping[str, str]) -> str | None:
    """Return the first time that is one, of the properties from the surest on."""
    for name in _XMP_TIMES:
        if written := _XMP_TIME.fullmatch(said.get(name, "")):
            year, month, day, minute, second, zone = written.groups()
            time = _time(f"{year}:{month}:{day} {minute}{second or ':00'}", "+00:00" if zone == "Z" else zone)
            if time:
                return time
    return None


def _xmp_number(said: Mapping[str, str], name: str) -> Decimal:
    """Return a number or a fraction, or 0 for any other text."""
    written = _XMP_NUMBER.fullmatch(said.get(xmp.EXIF + name, ""))
    denominator = int(written[2] or 1) if written else 0
    return Decimal(f"{int(written[1]) / denominator:.4g}") if written and denominator else Decimal(0)


def _xmp_degrees(said: Mapping[str, str], name: str) -> float | None:
    """Return degrees of `degrees,minutes.fractionN` or `degrees,minutes,secondsN`."""
    written = _XMP_DEGREES.fullmatch(said.get(xmp.EXIF + name, ""))
    if written is None:
        return None
    degrees = int(written[1]) + float(written[2]) / 60 + float(written[3] or 0) / 3600
    return -degrees if written[4] in "SW" else degrees


def _camera(make: object, model: object) -> str | None:
    """Return maker and model; many models begin with the maker's name."""
    if not isinstance(make, str) or not isinstance(model, str):
        return model if isinstance(model, str) else make if isinstance(make, str) else None
    return model if model.lower().startswith(make.split()[0].lower()) else f"{make} {model}"[:_MAX_TEXT]


def _time(text: object, zone: object) -> str | None:
    """Return the camera's time as ISO 8601, with its zone where it says one; None of a time that no camera had."""
    try:
        moment = datetime.strptime(str(text), "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return None
    if moment.year <= _CLOCK_STARTS:
        return None
    known_zone = zone if isinstance(zone, str) and _ZONE_FORM.fullmatch(zone) else ""
    return f"{moment.isoformat()}{known_zone}"
