"""The camera's facts beside the pixels: Exif 2.3 (CIPA DC-008), else XMP. Pure; no block of bytes makes it raise."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final, cast

from . import xmp
from .directory import BYTES, FRACTIONS, SHORT, TEXT, Directory
from .xmp import Bytes

if TYPE_CHECKING:
    from ...results.document import Capture

EXIF_START: Final = b"Exif\x00"
"""Before the block in a JPEG; the byte after it says nothing."""
UPRIGHT: Final = 1
_LAST_ORIENTATION: Final = 8
ORIENTATION: Final = 0x0112
_MAKE, _MODEL, _XMP, _DIRECTORY_OF_CAPTURE, _DIRECTORY_OF_PLACE = 0x010F, 0x0110, 0x02BC, 0x8769, 0x8825
_TAKEN_AT, _ZONE, _EXPOSURE, _APERTURE, _ISO = 0x9003, 0x9011, 0x829A, 0x829D, 0x8827
_FOCAL_LENGTH, _LENS = 0x920A, 0xA434
_LATITUDE, _LONGITUDE = 2, 4
"""Each behind the tag of its hemisphere."""
_MAX_TEXT: Final = 100
_ZONE_FORM: Final = re.compile(r"[+-](?:0\d|1[0-4]):[0-5]\d")
_XMP_TIME: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d:\d\d)(:\d\d)?(?:\.\d+)?(Z|[+-]\d\d:\d\d)?", re.ASCII)
_XMP_NUMBER: Final = re.compile(r"(\d{1,9})(?:/(\d{1,9}))?", re.ASCII)
_XMP_DEGREES: Final = re.compile(r"(\d{1,3}),(\d{1,2}(?:\.\d{1,12})?)(?:,(\d{1,2}(?:\.\d{1,12})?))?([NSEW])", re.ASCII)
_XMP_TIMES: Final = (xmp.EXIF + "DateTimeOriginal", xmp.PHOTOSHOP + "DateCreated", xmp.XMP + "CreateDate")
_CLOCK_STARTS: Final = 1904
"""The first year of the clock of QuickTime and of old Macs: a camera without a clock writes it, or zeros."""


def orientation(exif: bytes) -> int:
    """Return 1 to 8 as Exif has it (tag 0x0112); 1, upright, of a block that is empty, damaged or says nothing."""
    # Not Pillow's getexif: it takes the orientation of XMP too, which neither browsers nor Rekognition heed.
    main = Directory(_block(exif))
    # Browsers do not heed it as another type.
    is_sound = main.fields.get(ORIENTATION, ())[:2] == (SHORT, 1)
    turn = main.number(ORIENTATION, UPRIGHT) if is_sound else UPRIGHT
    return turn if UPRIGHT <= turn <= _LAST_ORIENTATION else UPRIGHT


def capture(exif: Bytes, packet: Bytes = b"") -> Capture | None:
    """Return when, how and where a picture was taken, as far as its file says; None if it does not.

    `exif` is an Exif block or a TIFF file, `packet` XMP where it stands elsewhere. XMP adds facts that Exif lacks.
    """
    block = _block(exif)
    main = Directory(block)
    details, gps = (Directory(block, main.number(tag, 0)) for tag in (_DIRECTORY_OF_CAPTURE, _DIRECTORY_OF_PLACE))
    said = {name: _clean(value) for name, value in xmp.properties(packet or main.data(_XMP, BYTES)).items()}
    facts = {
        "takenAt": _time(_text(details, _TAKEN_AT), _text(details, _ZONE)) or _xmp_time(said),
        "camera": _camera(_text(main, _MAKE), _text(main, _MODEL))
        or _camera(said.get(xmp.TIFF + "Make", ""), said.get(xmp.TIFF + "Model", "")),
        "lens": _text(details, _LENS) or said.get(xmp.AUX + "Lens") or said.get(xmp.EX + "LensModel"),
        "exposureSeconds": _fraction(details, _EXPOSURE) or _xmp_number(said, "ExposureTime"),
        "aperture": _fraction(details, _APERTURE) or _xmp_number(said, "FNumber"),
        "iso": details.number(_ISO, 0) or int(_xmp_number(said, "ISOSpeedRatings")),
        "focalLengthMm": _fraction(details, _FOCAL_LENGTH) or _xmp_number(said, "FocalLength"),
    }
    place = _place(_degrees(gps, _LATITUDE), _degrees(gps, _LONGITUDE)) or _place(
        _xmp_degrees(said, "GPSLatitude"), _xmp_degrees(said, "GPSLongitude")
    )
    return cast("Capture", {name: value for name, value in facts.items() if value} | place) or None


def _block(exif: Bytes) -> memoryview:
    view = memoryview(exif)
    return view[6:] if bytes(view[:5]) == EXIF_START else view


def _text(directory: Directory, tag: int) -> str:
    return _clean(directory.data(tag, TEXT).partition(b"\x00")[0].decode("utf-8", "replace"))


def _fraction(directory: Directory, tag: int) -> Decimal:
    numerator, denominator, *_ = *directory.numbers(tag, FRACTIONS), 0, 0
    return Decimal(f"{numerator / denominator:.4g}") if denominator else Decimal(0)


def _degrees(directory: Directory, tag: int) -> float | None:
    """Return degrees; south and west, of which the tag before says so, are negative."""
    values = directory.numbers(tag, FRACTIONS)
    try:
        parts = zip(values[::2], values[1::2], (1, 60, 3600), strict=True)
        degrees = sum(part / denominator / unit for part, denominator, unit in parts if part)
    except (ValueError, ZeroDivisionError):
        return None
    return -degrees if _text(directory, tag - 1).startswith(("S", "W")) else degrees


def _place(latitude: float | None, longitude: float | None) -> dict[str, Decimal]:
    """Return a place on Earth; nothing of half a one, nor of the zeros that a camera writes without one."""
    if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
        return {}
    place = {"latitude": Decimal(f"{latitude:.9g}"), "longitude": Decimal(f"{longitude:.9g}")}
    return place if any(place.values()) else {}


def _clean(text: str) -> str:
    """Return a text without control characters, shortened."""
    return "".join(sign for sign in text[: 4 * _MAX_TEXT] if sign.isprintable()).strip()[:_MAX_TEXT]


# --- the same facts in XMP


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
    if moment.year <= _CLOCK_STARTS:
        return None
    return f"{moment.isoformat()}{zone if zone and _ZONE_FORM.fullmatch(zone) else ''}"
