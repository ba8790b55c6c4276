"""The structure of a file: its format, and whether Rekognition takes it as it is or needs a converted copy.

Limits: docs.aws.amazon.com/rekognition/latest/dg/limits.html. Only the header is read. Rekognition finds a JPEG or PNG
that breaks off later, because many good JPEG files have bytes after their end. A file that it cannot read is converted
like any other format.

Rekognition turns a JPEG by its Exif orientation and gives boxes of the turned picture; it does not turn a PNG
(API_DetectLabels and API_DetectFaces: OrientationCorrection). AWS documents neither DetectText nor mirrored pictures.

Formats: JPEG is ITU-T T.81 annex B, PNG is w3.org/TR/png-3 (chunks 5.3, error handling 13.1). Nothing but what says how
to read the pixels is looked at, so it does not matter what else is in a file.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ..results.codes import Code
from ..results.document import Capture
from ..results.item import PictureHeader
from .decoding.metadata import EXIF_START, MAX_BYTES, UPRIGHT, Bytes, capture, orientation
from .errors import PictureRejectedError

MAX_OBJECT_BYTES: Final = 100 * 1024 * 1024
"""The largest file that is downloaded and converted: a 24-megapixel TIFF without compression has 72 MB."""
MAX_REFERENCE_BYTES: Final = 15 * 1024 * 1024
"""The largest file that Rekognition reads from S3 itself."""
MIN_SIDE_PX: Final = 80
MAX_SIDE_PX: Final = 10_000
MAX_SCANS: Final = 100
"""Of a JPEG: encoders write ten, and the best a few dozen. Each costs as much as a picture."""
HEADER_READS_BYTES: Final = (64 * 1024, 256 * 1024, 1024 * 1024)
"""Bytes to read, one step after the other, until the pixels begin: a large preview may stand before them."""
CONVERTED_FORMATS: Final = frozenset({"GIF", "WebP", "BMP", "TIFF", "AVIF", "HEIC", "HEIF"})
"""Formats that Rekognition does not take and `conversion` reads."""

MIRRORED: Final = frozenset({2, 4, 5, 7})
"""Exif orientations."""
ON_ITS_SIDE: Final = frozenset({5, 6, 7, 8})
_STARTS: Final = {
    "JPEG": rb"\xff\xd8\xff",
    "PNG for iPhones": rb"\x89PNG\r\n\x1a\n\x00\x00\x00\x04CgBI",
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "HEIC": rb".{4}ftyp(heic|heix|heim|heis|hevc|hevx)",
    "AVIF": rb".{4}ftyp(avif|avis)",
    "HEIF": rb".{4}ftyp(mif1|msf1)",
    "WebP": rb"RIFF.{4}WEBP",
    "GIF": rb"GIF8[79]a",
    # A text that begins with "BM" is no picture: the size of the second header must be one that exists.
    "BMP": rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\x00\x00\x00",
    "Canon raw": rb"(II[*+]\x00|MM\x00[*+]).{4}CR|.{4}ftypcrx ",
    "TIFF": rb"II[*+]\x00|MM\x00[*+]",
    "Olympus raw": rb"IIRO|IIRS",
    "Panasonic raw": rb"IIU\x00",
    "Fujifilm raw": rb"FUJIFILMCCD-RAW",
    "JPEG XR": rb"II\xbc",
    "OpenEXR": rb"v/1\x01",
    "QOI": rb"qoif",
    "Photoshop": rb"8BPS",
    "icon": rb"\x00\x00\x01\x00(?!ftyp)",
    "cursor": rb"\x00\x00\x02\x00(?!ftyp)",
    "Apple icon": rb"icns(?!ftyp)",
    "DirectDraw surface": rb"DDS ",
    "JPEG XL": rb"\xff\x0a|\x00\x00\x00\x0cJXL ",
    "JPEG 2000": rb"\xff\x4f\xff\x51|\x00\x00\x00\x0cjP  ",
}
"""By name what a file of this format begins with; the first that fits counts."""
_MAX_PROFILE_BYTES: Final = 1024 * 1024


def check_size(size_bytes: int) -> None:
    """Reject by the object's size alone, before a byte is read. Raises PictureRejectedError."""
    if size_bytes == 0:
        raise PictureRejectedError(Code.EMPTY_OBJECT)
    if size_bytes > MAX_OBJECT_BYTES:
        raise PictureRejectedError(Code.IMAGE_TOO_LARGE_BYTES, f"It has {size_bytes / 1024 / 1024:.1f} MB")


def read_header(start: bytes, size_bytes: int, *, for_text: bool = False) -> PictureHeader | None:
    """Check the first bytes of a file of `size_bytes`; None when more of them are needed.

    `for_text` is whether DetectText gets the picture. Raises PictureRejectedError.
    """
    name = format_of(start)
    if name in CONVERTED_FORMATS:
        return unread_header(start)
    try:
        structure = read_jpeg(start) if name == "JPEG" else read_png(start)
    except EOFError as error:
        if len(start) >= size_bytes:
            raise PictureRejectedError(Code.IMAGE_DAMAGED) from error
        return None
    sides = structure.width, structure.height
    turned_by_rekognition = name == "JPEG" and structure.turn not in MIRRORED and not for_text
    converted = (
        size_bytes > MAX_REFERENCE_BYTES
        or max(sides) > MAX_SIDE_PX
        # AWS does not say that it takes other kinds, nor what colours it makes of four inks.
        or not structure.common
        or (structure.turn != UPRIGHT and not turned_by_rekognition)
    )
    width, height = sides[::-1] if structure.turn in ON_ITS_SIDE else sides
    return PictureHeader(name, width, height, converted, structure.capture)


def unread_header(start: bytes) -> PictureHeader:
    """Return the header of a picture whose pixels begin after the bytes that are worth reading: it is converted."""
    return PictureHeader(format_of(start), None, None, converted=True)


def format_of(start: bytes) -> str:
    """Return JPEG, PNG or one of CONVERTED_FORMATS. Raises PictureRejectedError for everything else."""
    name = _name(start)
    if name == "HEIF":
        # Its major brand is general: a compatible brand says more.
        end = min(int.from_bytes(start[:4]), 1024)
        compatible = {_name(start[:8] + start[at : at + 4]) for at in range(16, end, 4)}
        name = next((known for known in ("HEIC", "AVIF") if known in compatible), name)
    if name is None:
        raise PictureRejectedError(Code.NOT_AN_IMAGE)
    if name not in CONVERTED_FORMATS and name not in ("JPEG", "PNG"):
        raise PictureRejectedError(Code.UNSUPPORTED_FORMAT, f"Its format is {name}")
    return name


def _name(start: bytes) -> str | None:
    return next((name for name, form in _STARTS.items() if re.match(form, start, re.DOTALL)), None)


# --- structure


@dataclass(frozen=True)
class Structure:
    """The sides in pixels, as they are stored; zero where only the decoder knows them."""

    width: int = 0
    height: int = 0
    turn: int = UPRIGHT
    """The Exif orientation, 1 to 8; other numbers of a TIFF turn nothing."""
    common: bool = False
    """Rekognition is known to take it: 8 bits or fewer a channel, grey or three colours, Huffman coding, no gamma."""
    buffered: bool = False
    """A JPEG of several scans: the coefficients, up to 6 bytes a pixel, are all in memory until the last one."""
    capture: Capture | None = None
    profile: bytes = b""
    """The colour profile (ICC)."""
    gamma: float | None = None
    """The exponent of a PNG's brightness, where it is not sRGB's."""
    scans: int = 0
    """Those of a JPEG, as far as its bytes are there."""


def check_sides(width: int, height: int) -> None:
    """Raise PictureRejectedError for a picture without sides, or with a side below 80 pixels."""
    if not width or not height:
        raise PictureRejectedError(Code.IMAGE_DAMAGED)
    if min(width, height) < MIN_SIDE_PX:
        raise PictureRejectedError(Code.IMAGE_TOO_SMALL, f"It has {width} x {height} pixels")


# --- JPEG

_MARKER: Final = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])")
"""Of a segment that has a length."""
SCAN, _END = 0xDA, 0xD9
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SEQUENTIAL, _PROGRESSIVE, _ARITHMETIC = {0xC0, 0xC1}, {0xC2, 0xCA}, {0xC9, 0xCA}
_EXIF_SEGMENT, _PROFILE_SEGMENT = 0xE1, 0xE2
_XMP_MARK, _PROFILE_MARK = b"http://ns.adobe.com/xap/1.0/\x00", b"ICC_PROFILE\x00"


def read_jpeg(data: Bytes) -> Structure:
    """Read a JPEG file's structure. Raises PictureRejectedError, and EOFError when the bytes end before the pixels."""
    exif, xmp, profile, frame, end = b"", b"", b"", None, 0
    for marker, start, end in segments(data):
        content = bytes(data[start:end])
        # Browsers heed the first block alone.
        if marker == _EXIF_SEGMENT and content.startswith(EXIF_START):
            exif = exif or content
        elif marker == _EXIF_SEGMENT and content.startswith(_XMP_MARK):
            xmp = xmp or content.removeprefix(_XMP_MARK)
        elif marker == _PROFILE_SEGMENT and content.startswith(_PROFILE_MARK) and len(profile) < _MAX_PROFILE_BYTES:
            # Its parts have a number and their count before them, and come in their order.
            profile += content[len(_PROFILE_MARK) + 2 :]
        elif marker in _FRAMES and frame is None and len(content) >= 6:
            frame = marker, *struct.unpack_from(">BHHB", content)
    if frame is None:
        raise PictureRejectedError(Code.IMAGE_DAMAGED)
    marker, depth, height, width, channels = frame
    if marker not in _SEQUENTIAL | _PROGRESSIVE | _ARITHMETIC or depth != 8 or channels not in (1, 3, 4):
        kind = f"SOF{marker - 0xC0}, {depth} bits, {channels} channels"
        raise PictureRejectedError(Code.UNSUPPORTED_FORMAT, f"It is an unsupported kind of JPEG file ({kind})")
    check_sides(width, height)
    scans = 1
    while scans <= MAX_SCANS and (mark := _MARKER.search(data, end)) and mark[1][0] != _END:
        scans += mark[1][0] == SCAN
        end = mark.end() + int.from_bytes(data[mark.end() : mark.end() + 2])
    return Structure(
        width,
        height,
        orientation(exif) if exif else UPRIGHT,
        common=channels != 4 and marker not in _ARITHMETIC and scans <= MAX_SCANS,
        buffered=marker in _PROGRESSIVE or scans > 1,
        capture=capture(exif, xmp) if exif or xmp else None,
        profile=profile,
        scans=scans,
    )


def segments(data: Bytes) -> Iterator[tuple[int, int, int]]:
    """Yield each segment's marker and the range of its contents, up to the first scan, as libjpeg finds them."""
    place = 2
    while (mark := _MARKER.search(data, place)) and (start := mark.end() + 2) <= len(data):
        marker, length = mark[1][0], int.from_bytes(data[start - 2 : start])
        if marker == _END or length < 2:
            raise PictureRejectedError(Code.IMAGE_DAMAGED)
        place = start - 2 + length
        if place > len(data):
            break
        yield marker, start, place
        if marker == SCAN:
            return
    raise EOFError


# --- PNG

PNG_START: Final = 33
"""The signature and the header chunk, which is always the first."""
_DEPTHS: Final = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_COLOUR_SPACES: Final = frozenset({b"cICP", b"iCCP", b"sRGB"})
"""Beside them gAMA does not count."""
_FACTS: Final = frozenset({b"gAMA", b"eXIf", b"iTXt", b"iCCP"})
_SRGB_GAMMA: Final = 1 / 2.2
_XMP_KEYWORD: Final = b"XML:com.adobe.xmp\x00"


def read_png(data: Bytes) -> Structure:
    """Read a PNG file's structure. Raises PictureRejectedError, and EOFError when the bytes end before the pixels."""
    if len(data) < PNG_START:
        raise EOFError
    kind, width, height, depth, colours = struct.unpack_from(">4sIIBB", data, 12)
    if kind != b"IHDR" or depth not in _DEPTHS.get(colours, ()) or not is_sound(data, 16, 29):
        raise PictureRejectedError(Code.IMAGE_DAMAGED)
    check_sides(width, height)
    contents: dict[bytes, bytes] = {}
    has_space = False
    for kind, start, end in chunks(data):
        if kind == b"IDAT":
            break
        has_space |= kind in _COLOUR_SPACES
        is_other_text = kind == b"iTXt" and bytes(data[start : start + len(_XMP_KEYWORD)]) != _XMP_KEYWORD
        if kind in _FACTS and kind not in contents and not is_other_text and is_sound(data, start, end):
            contents[kind] = bytes(data[start:end])
    else:
        raise EOFError
    exif, text = contents.get(b"eXIf", b""), contents.get(b"iTXt", b"")[len(_XMP_KEYWORD) :]
    xmp = text[2:].partition(b"\x00")[2].partition(b"\x00")[2]
    if text[:1] == b"\x01":
        xmp = _unpacked(xmp, MAX_BYTES)
    gamma = int.from_bytes(contents.get(b"gAMA", b"")) / 100_000
    # Browsers too take a difference of a twentieth for sRGB.
    is_plain = has_space or not 0.01 < gamma < 100 or abs(gamma / _SRGB_GAMMA - 1) < 0.05
    return Structure(
        width,
        height,
        orientation(exif) if exif else UPRIGHT,
        common=depth != 16 and is_plain,
        capture=capture(exif, xmp) if exif or xmp else None,
        profile=_unpacked(contents.get(b"iCCP", b"").partition(b"\x00")[2][1:], _MAX_PROFILE_BYTES),
        gamma=None if is_plain else gamma,
    )


def _unpacked(content: bytes, most_bytes: int) -> bytes:
    """Return the decompressed content, at most `most_bytes` of it, or nothing if it is damaged."""
    try:
        return zlib.decompressobj().decompress(content, most_bytes)
    except zlib.error:
        return b""


def chunks(data: Bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield each chunk's type and the range of its contents, which may go on after the bytes."""
    place = PNG_START
    while place + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        yield kind, place + 8, place + 8 + length
        place += 12 + length


def is_sound(data: Bytes, start: int, end: int) -> bool:
    """Return whether a chunk's checksum is right."""
    return data[end : end + 4] == zlib.crc32(data[start - 4 : end]).to_bytes(4)
