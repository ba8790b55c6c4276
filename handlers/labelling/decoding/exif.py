"""The camera's facts beside the pixels: Exif 2.3 (CIPA DC-008). Pure; no block of bytes makes it raise."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final, TypeVar, cast

if TYPE_CHECKING:
    from ...results.document import Capture

Bytes = bytes | bytearray | memoryview
V = TypeVar("V", str, int, Decimal)

UPRIGHT: Final = 1
_LAST_ORIENTATION: Final = 8
_ORIENTATION, _MAKE, _MODEL, _DIRECTORY_OF_CAPTURE = 0x0112, 0x010F, 0x0110, 0x8769
_TAKEN_AT, _ZONE, _EXPOSURE, _APERTURE, _ISO, _FOCAL_LENGTH, _LENS = (
    *(0x9003, 0x9011, 0x829A, 0x829D),
    *(0x8827, 0x920A, 0xA434),
)
_BYTE_ORDERS: Final = {b"II*\x00": "<", b"MM\x00*": ">"}
_TEXT, _SHORT, _LONG, _RATIONAL, _PLACE = 2, 3, 4, 5, 13
_MAX_ENTRIES: Final = 500
_MAX_TEXT: Final = 100
_ZONE_FORM: Final = re.compile(r"[+-](?:0\d|1[0-4]):[0-5]\d")
_CLOCK_STARTS: Final = 1904
"""The first year of the clock of QuickTime and of old Macs: a camera without a clock writes it, or zeros."""


def orientation(exif: bytes) -> int:
    """Return 1 to 8 as Exif has it (tag 0x0112); 1, upright, of a block that is empty, damaged or says nothing."""
    # Not Pillow's getexif: it takes the orientation of XMP too, which neither browsers nor Rekognition heed.
    block = _block(exif)
    for tag, _, place in _entries(block, None):
        if tag == _ORIENTATION:
            (turn,) = struct.unpack_from(f"{_BYTE_ORDERS[bytes(block[:4])]}H", block, place + 8)
            return int(turn) if UPRIGHT <= turn <= _LAST_ORIENTATION else UPRIGHT
    return UPRIGHT


def capture(exif: Bytes) -> Capture | None:
    """Return when and how a picture was taken, as far as an Exif block, or a TIFF file, says; None if it does not."""
    block = _block(exif)
    main = _values(block, None)
    place = main.get(_DIRECTORY_OF_CAPTURE)
    details = _values(block, place) if isinstance(place, int) else {}
    facts = {
        "takenAt": _time(details.get(_TAKEN_AT), details.get(_ZONE)),
        "camera": _camera(main.get(_MAKE), main.get(_MODEL)),
        "lens": _of_type(details.get(_LENS), str),
        "exposureSeconds": _of_type(details.get(_EXPOSURE), Decimal),
        "aperture": _of_type(details.get(_APERTURE), Decimal),
        "iso": _of_type(details.get(_ISO), int),
        "focalLengthMm": _of_type(details.get(_FOCAL_LENGTH), Decimal),
    }
    return cast("Capture", {name: value for name, value in facts.items() if value}) or None


def _of_type(value: object, kind: type[V]) -> V | None:
    """Return a value of the type that its tag has; None of another one, which a damaged file may give it."""
    return value if isinstance(value, kind) else None


def _block(exif: Bytes) -> memoryview:
    view = memoryview(exif)
    return view[6:] if bytes(view[:6]) == b"Exif\x00\x00" else view


def _entries(block: memoryview, directory: int | None) -> Iterator[tuple[int, int, int]]:
    """Yield tag, type and place of each entry of a directory, or of the first one; none where the block is damaged."""
    order = _BYTE_ORDERS.get(bytes(block[:4]))
    if order is None:
        return
    try:
        if directory is None:
            (directory,) = struct.unpack_from(f"{order}I", block, 4)
        (count,) = struct.unpack_from(f"{order}H", block, directory)
        for place in range(directory + 2, directory + 2 + 12 * min(count, _MAX_ENTRIES), 12):
            tag, kind, _ = struct.unpack_from(f"{order}HHI", block, place)
            # All of the entry must be there, the value too.
            struct.unpack_from("4x", block, place + 8)
            yield tag, kind, place
    except struct.error:
        return


def _values(block: memoryview, directory: int | None) -> dict[int, str | int | Decimal]:
    """Return the texts and numbers of a directory, by tag; without those that are damaged or zero."""
    order = _BYTE_ORDERS.get(bytes(block[:4]))
    values: dict[int, str | int | Decimal] = {}
    for tag, kind, place in _entries(block, directory):
        count, offset = struct.unpack_from(f"{order}II", block, place + 4)
        try:
            if kind == _TEXT:
                start = place + 8 if count <= 4 else offset
                if text := _clean(bytes(block[start : start + min(count, 4 * _MAX_TEXT)])):
                    values.setdefault(tag, text)
            elif kind == _SHORT:
                values.setdefault(tag, struct.unpack_from(f"{order}H", block, place + 8)[0])
            elif kind in (_LONG, _PLACE):
                values.setdefault(tag, offset)
            elif kind == _RATIONAL:
                numerator, denominator = struct.unpack_from(f"{order}II", block, offset)
                if numerator and denominator:
                    values.setdefault(tag, Decimal(f"{numerator / denominator:.4g}"))
        except struct.error:
            continue
    return values


def _clean(value: bytes) -> str:
    """Return a text up to its first NUL, without control characters, shortened."""
    text = value.partition(b"\x00")[0].decode("utf-8", "replace")
    return "".join(sign for sign in text if sign.isprintable()).strip()[:_MAX_TEXT]


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
