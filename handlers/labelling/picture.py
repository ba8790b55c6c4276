"""The structure of a file: its format, and whether Rekognition takes it as it is or needs a converted copy.

Limits: docs.aws.amazon.com/rekognition/latest/dg/limits.html. Only the header is read. Rekognition finds a JPEG or PNG
that breaks off later, because many good JPEG files have bytes after their end. A file that it cannot read is converted
like any other format.

Rekognition turns a JPEG by its Exif orientation and gives boxes of the turned picture; it does not turn a PNG
(API_DetectLabels and API_DetectFaces: OrientationCorrection). AWS documents neither DetectText nor mirrored pictures.

Formats: JPEG is ITU-T T.81 annex B, PNG is w3.org/TR/png-3 (chunks 5.3, error handling 13.1), GIF is GIF89a. Nothing
but what says how to read the pixels is looked at, so it does not matter what else is in a file.
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .decoding.errors import UnusablePictureError, damaged, too_small, unsupported
from .decoding.exif import EXIF_START, capture, orientation
from .decoding.tiff import UPRIGHT
from .decoding.xmp import MAX_BYTES, Bytes

# The rest of labelling is loaded where it is used: the process that decodes loads this module, and needs no boto3.
if TYPE_CHECKING:
    from ..results.document import Capture
    from ..results.item import PictureHeader
    from .decoding.tiff import Tiff
    from .errors import PictureRejectedError

MAX_OBJECT_BYTES: Final = 100 * 1024 * 1024
"""The largest file that is downloaded and converted: a 24-megapixel TIFF without compression has 72 MB."""
MAX_REFERENCE_BYTES: Final = 15 * 1024 * 1024
"""The largest file that Rekognition reads from S3 itself."""
MIN_SIDE_PX: Final = 80
MAX_SIDE_PX: Final = 10_000
HEADER_READS_BYTES: Final = (64 * 1024, 256 * 1024, 1024 * 1024)
"""Bytes to read, one step after the other, until the pixels begin: a large preview may stand before them."""

_JPEG: Final = b"\xff\xd8\xff"
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_MAGIC: Final = (
    (_JPEG, "JPEG"),
    (_PNG + b"\x00\x00\x00\x04CgBI", "PNG for iPhones"),
    (_PNG, "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
    (b"IIRO", "Olympus raw"),
    (b"IIRS", "Olympus raw"),
    (b"IIU\x00", "Panasonic raw"),
    (b"FUJIFILMCCD-RAW", "Fujifilm raw"),
    (b"II\xbc", "JPEG XR"),
    (b"v/1\x01", "OpenEXR"),
    (b"qoif", "QOI"),
    (b"8BPS", "Photoshop"),
    (b"\x00\x00\x01\x00", "icon"),
    (b"\x00\x00\x02\x00", "cursor"),
    (b"icns", "Apple icon"),
    (b"DDS ", "DirectDraw surface"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
)
_BRANDS: Final = {
    **dict.fromkeys((b"avif", b"avis"), "AVIF"),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"), "HEIC"),
    **dict.fromkeys((b"mif1", b"msf1"), "HEIF"),
    b"crx ": "Canon raw",
}


CONVERTED_FORMATS: Final = frozenset({"GIF", "WebP", "BMP", "TIFF", "AVIF", "HEIC", "HEIF"})
"""Formats that Rekognition does not take and `conversion` reads."""


def check_size(size_bytes: int) -> None:
    """Reject by the object's size alone, before a byte is read. Raises PictureRejectedError."""
    if size_bytes == 0:
        raise _rejection(UnusablePictureError("EMPTY_OBJECT"))
    if size_bytes > MAX_OBJECT_BYTES:
        detail = f"It has {size_bytes / 1024 / 1024:.1f} MB"
        raise _rejection(UnusablePictureError("IMAGE_TOO_LARGE_BYTES", detail))


def read_header(start: bytes, size_bytes: int, *, for_text: bool = False) -> PictureHeader | None:
    """Check the first bytes of a file of `size_bytes`; None when more of them are needed.

    `for_text` is whether DetectText gets the picture. Raises PictureRejectedError.
    """
    try:
        name = _format(start)
        if name in CONVERTED_FORMATS:
            return _header_of_copy(name)
        structure = read_jpeg(start) if name == "JPEG" else read_png(start)
        if min(structure.width, structure.height) < MIN_SIDE_PX:
            raise too_small(structure.width, structure.height)
    except MoreBytesNeededError as error:
        if len(start) >= size_bytes:
            raise _rejection(damaged()) from error
        return None
    except UnusablePictureError as error:
        raise _rejection(error) from error
    return _header(name, structure, size_bytes, for_text)


def format_of(start: bytes) -> str:
    """Return the format of a picture from its first bytes. Raises PictureRejectedError for other files."""
    try:
        return _format(start)
    except UnusablePictureError as error:
        raise _rejection(error) from error


def unread_header(start: bytes) -> PictureHeader:
    """Return the header of a picture whose pixels begin after the bytes that are worth reading: it is converted."""
    return _header_of_copy(_format(start))


def _header_of_copy(name: str) -> PictureHeader:
    from ..results.item import PictureHeader

    return PictureHeader(name, None, None, converted=True)


def _rejection(error: UnusablePictureError) -> PictureRejectedError:
    from .errors import PictureRejectedError

    return PictureRejectedError.of(error)


def _format(start: bytes) -> str:
    """Return JPEG, PNG or one of CONVERTED_FORMATS. Raises UnusablePictureError for everything else."""
    name = next((name for magic, name in _MAGIC if start.startswith(magic)), None)
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        name = "WebP"
    if start[4:8] == b"ftyp":
        name = _by_brand(start)
    if name == "BMP" and start[14:18] not in _BMP_HEADER_SIZES:
        name = None
    if name == "TIFF" and start[8:10] == b"CR":
        name = "Canon raw"
    if name is None:
        raise UnusablePictureError("NOT_AN_IMAGE")
    if name not in CONVERTED_FORMATS and name not in ("JPEG", "PNG"):
        raise unsupported(f"Its format is {name}")
    return name


def _by_brand(start: bytes) -> str | None:
    """Return the format of an ISO media file by its major brand, or, if that is general, by a compatible brand."""
    name = _BRANDS.get(start[8:12])
    if name != "HEIF":
        return name
    end = min(int.from_bytes(start[:4]), len(start))
    compatible = {_BRANDS.get(start[at : at + 4]) for at in range(16, end, 4)}
    return next((known for known in ("HEIC", "AVIF") if known in compatible), name)


_BMP_HEADER_SIZES: Final = frozenset(size.to_bytes(4, "little") for size in (12, 40, 52, 56, 64, 108, 124))
"""A text that begins with "BM" is no picture: the size of the second header must be one that exists."""


def _header(name: str, structure: Structure, size_bytes: int, for_text: bool) -> PictureHeader:
    from ..results.item import PictureHeader

    width, height = structure.width, structure.height
    turned_by_rekognition = name == "JPEG" and structure.turn not in MIRRORED and not for_text
    converted = (
        size_bytes > MAX_REFERENCE_BYTES
        or max(width, height) > MAX_SIDE_PX
        # AWS does not say that it takes other kinds, nor what colours it makes of four inks.
        or not structure.common
        or (structure.turn != UPRIGHT and not turned_by_rekognition)
    )
    if lies_on_its_side(structure.turn):
        width, height = height, width
    facts = capture(structure.exif, structure.xmp) if structure.exif or structure.xmp else None
    return PictureHeader(name, width, height, converted, facts)


# --- structure

Range = tuple[int, int]
"""Start and end of some bytes in a file."""


@dataclass(frozen=True)
class Structure:
    """The sides in pixels, as they are stored; zero where only the decoder knows them."""

    width: int = 0
    height: int = 0
    turn: int = UPRIGHT
    """The Exif orientation, 1 to 8."""
    common: bool = False
    """Rekognition is known to take it: 8 bits or fewer a channel, grey or three colours, Huffman coding, no gamma."""
    buffered: bool = False
    """A JPEG of several scans: the coefficients, up to 6 bytes a pixel, are all in memory until the last one."""
    exif: bytes = b""
    xmp: bytes = b""
    profile: bytes = b""
    """The colour profile (ICC)."""
    gamma: float | None = None
    """The exponent of a PNG's brightness, where it is not sRGB's."""
    scans: int = 0
    """Those of a JPEG, as far as its bytes are there."""
    tiff: Tiff | None = None
    capture: Capture | None = None


class MoreBytesNeededError(EOFError):
    """The bytes end before the pixels begin."""


# --- JPEG

_MARKER: Final = re.compile(rb"\xff([\x01-\xfe])")
_SCAN, _END, _EXIF_SEGMENT = 0xDA, 0xD9, 0xE1
_WITHOUT_LENGTH: Final = frozenset({0x01, *range(0xD0, 0xD9)})
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SEQUENTIAL, _PROGRESSIVE, _ARITHMETIC = {0xC0, 0xC1}, {0xC2, 0xCA}, {0xC9, 0xCA}
_XMP_MARK: Final = b"http://ns.adobe.com/xap/1.0/\x00"
_PROFILE_SEGMENT, _PROFILE_MARK = 0xE2, b"ICC_PROFILE\x00"
_MAX_PROFILE_BYTES: Final = 1024 * 1024
_BETWEEN_SCANS: Final = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])")
MAX_SCANS: Final = 100
"""Encoders write ten, and the best a few dozen. Each costs as much as a picture."""
JPEG_END: Final = b"\xff\xd9"
_KEPT_SEGMENTS: Final = frozenset({0xE0, 0xEE})
"""JFIF and Adobe say what the colours are; no other application segment does."""


def read_jpeg(data: Bytes) -> Structure:
    """Read a JPEG file's structure. Raises MoreBytesNeededError and UnusablePictureError."""
    exif, xmp, profile, frame = b"", b"", b"", None
    for marker, start, end in _segments(data):
        # Browsers heed the first block alone.
        if marker == _EXIF_SEGMENT and not exif and bytes(data[start : start + 5]) == EXIF_START:
            exif = bytes(data[start:end])
        if marker == _EXIF_SEGMENT and bytes(data[start : start + len(_XMP_MARK)]) == _XMP_MARK:
            xmp = xmp or bytes(data[start + len(_XMP_MARK) : end])
        if marker == _PROFILE_SEGMENT and bytes(data[start : start + len(_PROFILE_MARK)]) == _PROFILE_MARK:
            # Its parts have a number and their count before them, and come in their order.
            profile += bytes(data[start + len(_PROFILE_MARK) + 2 : end]) if len(profile) < _MAX_PROFILE_BYTES else b""
        if marker in _FRAMES and frame is None and end - start >= 6:
            frame = marker, *struct.unpack_from(">BHHB", data, start)
    if frame is None:
        raise damaged()
    marker, depth, height, width, channels = frame
    if marker not in _SEQUENTIAL | _PROGRESSIVE | _ARITHMETIC or depth != 8 or channels not in (1, 3, 4):
        raise unsupported(
            f"It is an unsupported kind of JPEG file (SOF{marker - 0xC0}, {depth} bits, {channels} channels)"
        )
    _check_sides(width, height)
    scans = _count_scans(data)
    common = channels != 4 and marker not in _ARITHMETIC and scans <= MAX_SCANS
    return Structure(
        width,
        height,
        orientation(exif) if exif else UPRIGHT,
        common,
        buffered=marker in _PROGRESSIVE or scans > 1,
        exif=exif,
        xmp=xmp,
        profile=profile,
        scans=scans,
    )


def _count_scans(data: Bytes) -> int:
    """Return the number of scans up to the end, or the first number that is too many."""
    scans, place = 0, 2
    while scans <= MAX_SCANS and (mark := _BETWEEN_SCANS.search(data, place)) and (marker := mark[1][0]) != _END:
        scans += marker == _SCAN
        place = mark.end() + int.from_bytes(data[mark.end() : mark.end() + 2])
    return scans


def _segments(data: Bytes) -> Iterator[tuple[int, int, int]]:
    """Yield each segment's marker and the range of its contents, up to the first scan, as libjpeg finds them."""
    place = 2
    while marker_match := _MARKER.search(data, place):
        marker, place = marker_match[1][0], marker_match.end()
        if marker in _WITHOUT_LENGTH:
            continue
        if marker == _END:
            raise damaged()
        if place + 2 > len(data):
            break
        length = int.from_bytes(data[place : place + 2])
        if length < 2:
            raise damaged()
        if place + length > len(data):
            break
        yield marker, place + 2, place + length
        if marker == _SCAN:
            return
        place += length
    raise MoreBytesNeededError


def _jpeg_ranges(data: Bytes) -> Iterator[Range]:
    yield 0, 2
    for marker, start, end in _segments(data):
        if marker == _SCAN:
            yield start - 4, len(data)
        elif marker < 0xE0 or marker in _KEPT_SEGMENTS:
            yield start - 4, end


# --- PNG

_PNG_START: Final = 33
"""The signature and the header chunk, which is always the first."""
_DEPTHS: Final = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_PIXEL_CHUNKS: Final = frozenset({b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_COLOUR_SPACES: Final = frozenset({b"cICP", b"iCCP", b"sRGB"})
"""Beside them gAMA does not count."""
_GREY, _TRUE_COLOUR, _PALETTE = 0, 2, 3
_CLEAR_BYTES: Final = {_GREY: 2, _TRUE_COLOUR: 6}
"""The length of tRNS by the kind of colours; a palette's is any."""
_SRGB_GAMMA: Final = 1 / 2.2


def read_png(data: Bytes) -> Structure:
    """Read a PNG file's structure. Raises MoreBytesNeededError and UnusablePictureError."""
    if len(data) < _PNG_START:
        raise MoreBytesNeededError
    kind, width, height, depth, colours = struct.unpack_from(">4sIIBB", data, 12)
    if kind != b"IHDR" or depth not in _DEPTHS.get(colours, ()) or not _is_sound(data, 16, 29):
        raise damaged()
    _check_sides(width, height)
    exif, xmp, profile, gamma, has_space = b"", b"", b"", _SRGB_GAMMA, False
    for kind, start, end in _chunks(data):
        has_space |= kind in _COLOUR_SPACES
        if kind == b"gAMA" and end - start == 4 and _is_sound(data, start, end):
            gamma = int.from_bytes(data[start:end]) / 100_000
        if kind == b"eXIf" and not exif and _is_sound(data, start, end):
            exif = bytes(data[start:end])
        if kind == b"iTXt" and not xmp and _is_sound(data, start, end):
            xmp = _xmp_of(bytes(data[start:end]))
        if kind == b"iCCP" and not profile and _is_sound(data, start, end):
            profile = _unpacked(bytes(data[start:end]).partition(b"\x00")[2][1:], _MAX_PROFILE_BYTES)
        if kind == b"IDAT":
            turn = orientation(exif) if exif else UPRIGHT
            # Browsers too take a difference of a twentieth for sRGB.
            is_plain = has_space or not 0.01 < gamma < 100 or abs(gamma / _SRGB_GAMMA - 1) < 0.05
            common = depth != 16 and is_plain
            own_gamma = None if is_plain else gamma
            return Structure(width, height, turn, common, exif=exif, xmp=xmp, profile=profile, gamma=own_gamma)
    raise MoreBytesNeededError


def _xmp_of(text: bytes) -> bytes:
    """Return the packet of an international text chunk, if it is one; it may be compressed."""
    keyword, _, rest = text.partition(b"\x00")
    if keyword != b"XML:com.adobe.xmp":
        return b""
    packet = rest[2:].partition(b"\x00")[2].partition(b"\x00")[2]
    return _unpacked(packet, MAX_BYTES) if rest[:1] == b"\x01" else packet


def _unpacked(content: bytes, most_bytes: int) -> bytes:
    """Return the decompressed content, at most `most_bytes` of it, or nothing if it is damaged."""
    try:
        return zlib.decompressobj().decompress(content, most_bytes)
    except zlib.error:
        return b""


def _chunks(data: Bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield each chunk's type and the range of its contents, which may go on after the bytes."""
    place = _PNG_START
    while place + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        yield kind, place + 8, place + 8 + length
        place += 12 + length


def _is_sound(data: Bytes, start: int, end: int) -> bool:
    """Return whether a chunk's checksum is right."""
    return data[end : end + 4] == zlib.crc32(data[start - 4 : end]).to_bytes(4)


def _png_ranges(data: Bytes) -> Iterator[Range]:
    yield 0, _PNG_START
    colours, has_palette = data[25], False
    for kind, start, end in _chunks(data):
        has_palette |= kind == b"PLTE"
        is_kept = kind in _PIXEL_CHUNKS
        if kind == b"tRNS":
            # A decoder leaves out a chunk that it can do without when it is damaged, or in the wrong place.
            fits = has_palette if colours == _PALETTE else end - start == _CLEAR_BYTES.get(colours)
            is_kept = fits and _is_sound(data, start, end)
        if is_kept:
            yield start - 8, min(end + 4, len(data))
        if kind == b"IEND":
            return


# --- GIF

_IMAGE, _EXTENSION, _GRAPHIC_CONTROL = 0x2C, 0x21, 0xF9


def _gif_ranges(data: Bytes) -> Iterator[Range]:
    """Yield the ranges of the screen, and of the first image with its control block: no comments, no further images."""
    place = 13 + _table_bytes(data[10])
    yield 0, place
    control: Range | None = None
    while data[place] == _EXTENSION:
        end = _after_blocks(data, place + 2)
        if data[place + 1] == _GRAPHIC_CONTROL:
            control = place, end
        place = end
    if data[place] != _IMAGE:
        raise damaged()
    if control:
        yield control
    end = _after_blocks(data, place + 11 + _table_bytes(data[place + 9]))
    yield place, min(end, len(data))


def _table_bytes(flags: int) -> int:
    """Return the length of the colour table that these flags announce."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _after_blocks(data: Bytes, place: int) -> int:
    """Return the place after some blocks of up to 255 bytes and the empty one that ends them."""
    while place < len(data) and (length := data[place]):
        place += 1 + length
    return place + 1


# --- WebP

_MAX_WEBP_SIDE: Final = 2**14 - 1
_ANIMATED, _HAS_ALPHA = 0x02, 0x10


def webp_sides(data: Bytes) -> tuple[int, int]:
    """Return width and height of the canvas (RFC 9649); zeros where the file does not say them."""
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


# --- all


def _check_sides(width: int, height: int) -> None:
    if not width or not height:
        raise damaged()


_RANGES: Final = {"JPEG": _jpeg_ranges, "PNG": _png_ranges, "GIF": _gif_ranges}


def keep_pixels(stream: io.BytesIO, name: str) -> None:
    """Remove from a JPEG, PNG or GIF file the parts that its first picture does not need.

    Raises UnusablePictureError, and EOFError or IndexError where the file breaks off before its pixels.
    """
    with stream.getbuffer() as data:
        end = _move_together(data, list(_RANGES[name](data)))
    stream.truncate(end)


def _move_together(data: memoryview, ranges: Sequence[Range]) -> int:
    """Move the ranges to the beginning, one after the other; return where they end."""
    end = 0
    for start, stop in ranges:
        data[end : end + stop - start] = data[start:stop]
        end += stop - start
    return end


# --- orientation

MIRRORED: Final = frozenset({2, 4, 5, 7})
_ON_ITS_SIDE: Final = frozenset({5, 6, 7, 8})


def lies_on_its_side(turn: int) -> bool:
    """Return whether an orientation swaps width and height."""
    return turn in _ON_ITS_SIDE
