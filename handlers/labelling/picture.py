"""What the first bytes of a file tell: what it is, and whether Rekognition takes it as it is or wants a converted copy.

Limits: docs.aws.amazon.com/rekognition/latest/dg/limits.html. Only the header is read; a JPEG or PNG that breaks off
later is found by Rekognition, because many good JPEG files have something after their end.

Rekognition turns a JPEG by its Exif orientation and gives boxes of the turned picture; a PNG it takes as it lies
(API_DetectLabels and API_DetectFaces: OrientationCorrection). Nothing is said of DetectText, nor of mirrored pictures.
"""

from __future__ import annotations

import io
from typing import Final

from handlers.labelling.errors import PictureRejectedError
from handlers.labelling.exif import MIRRORED, UPRIGHT, lies_on_its_side, orientation
from handlers.results.cache import PictureHeader
from handlers.results.codes import Code

MAX_OBJECT_BYTES: Final = 100 * 1024 * 1024
"""The largest file that is downloaded and converted: a 24-megapixel TIFF without compression has 72 MB."""
MAX_REFERENCE_BYTES: Final = 15 * 1024 * 1024
"""The largest file that Rekognition reads from S3 itself."""
MIN_SIDE_PX: Final = 80
MAX_SIDE_PX: Final = 10_000
HEADER_READS_BYTES: Final = (64 * 1024, 256 * 1024, 1024 * 1024)
"""How much of the file is read, one after the other, until the header is whole: it may hold a large preview."""

_JPEG: Final = b"\xff\xd8\xff"
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_MAGIC: Final = (
    (_JPEG, "JPEG"),
    (_PNG, "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
    (b"8BPS", "Photoshop"),
    (b"\x00\x00\x01\x00", "icon"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
)
_BRANDS: Final = {
    b"avif": "AVIF",
    b"avis": "AVIF",
    b"heic": "HEIC",
    b"heix": "HEIC",
    b"heim": "HEIC",
    b"heis": "HEIC",
    b"hevc": "HEIC",
    b"hevx": "HEIC",
    b"mif1": "HEIF",
    b"msf1": "HEIF",
}


CONVERTED_FORMATS: Final = frozenset({"GIF", "WebP", "BMP", "TIFF", "AVIF", "HEIC", "HEIF"})
"""Formats that Rekognition does not take and `conversion` reads."""


def check_size(size_bytes: int) -> None:
    """Reject by the object's size alone, before a byte is read. Raises PictureRejectedError."""
    if size_bytes == 0:
        raise PictureRejectedError(Code.EMPTY_OBJECT)
    if size_bytes > MAX_OBJECT_BYTES:
        raise PictureRejectedError(Code.IMAGE_TOO_LARGE_BYTES, f"It has {size_bytes / 1024 / 1024:.1f} MB")


def read_header(start: bytes, size_bytes: int, *, for_text: bool = False) -> PictureHeader | None:
    """Check the first bytes of a file of `size_bytes`; None when more of them are needed.

    `for_text` is whether DetectText is to see the picture. Raises PictureRejectedError.
    """
    name = _format(start)
    if name in CONVERTED_FORMATS:
        return PictureHeader(name, None, None, converted=True)
    header = _open(start, name, size_bytes, for_text)
    if header is None or header.width is None or header.height is None:
        if len(start) >= size_bytes:
            raise PictureRejectedError(Code.IMAGE_DAMAGED)
        return None
    if min(header.width, header.height) < MIN_SIDE_PX:
        raise too_small(header.width, header.height)
    return header


def unread_header(start: bytes, size_bytes: int) -> PictureHeader:
    """The header of a picture whose sides are beyond the bytes that are worth reading: Rekognition will say."""
    return PictureHeader(_format(start), None, None, converted=size_bytes > MAX_REFERENCE_BYTES)


def too_small(width: int, height: int) -> PictureRejectedError:
    """The rejection of a picture below 80 pixels a side."""
    return PictureRejectedError(Code.IMAGE_TOO_SMALL, f"It has {width} x {height} pixels")


def _format(start: bytes) -> str:
    """JPEG, PNG or one of CONVERTED_FORMATS. Raises PictureRejectedError for everything else."""
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
        raise PictureRejectedError(Code.NOT_AN_IMAGE)
    if name not in CONVERTED_FORMATS and name not in ("JPEG", "PNG"):
        raise PictureRejectedError(Code.UNSUPPORTED_FORMAT, f"It is a {name} file")
    return name


def _by_brand(start: bytes) -> str | None:
    """The format of an ISO media file: its major brand, or of a general one the compatible brand that says more."""
    name = _BRANDS.get(start[8:12])
    if name != "HEIF":
        return name
    end = min(int.from_bytes(start[:4]), len(start))
    compatible = {_BRANDS.get(start[at : at + 4]) for at in range(16, end, 4)}
    return next((known for known in ("HEIC", "AVIF") if known in compatible), name)


_BMP_HEADER_SIZES: Final = frozenset(size.to_bytes(4, "little") for size in (12, 40, 52, 56, 64, 108, 124))
"""A text that begins with "BM" is no picture: the size of the second header must be one that exists."""


def _open(start: bytes, name: str, size_bytes: int, for_text: bool) -> PictureHeader | None:
    # Here, so that functions and batches that read no header do not pay for loading Pillow. The format's own class and
    # not Image.open: that one refuses (or warns of) large pictures before their sides can be told.
    from PIL import JpegImagePlugin, PngImagePlugin

    plugin = JpegImagePlugin.JpegImageFile if name == "JPEG" else PngImagePlugin.PngImageFile
    try:
        with plugin(io.BytesIO(start)) as picture:
            width, height = picture.size
            turn = orientation(picture.info.get("exif", b""))
            four_colors = picture.mode == "CMYK"
    # What Pillow raises for a header that is damaged or breaks off: SyntaxError, OSError (truncated, broken PNG),
    # ValueError (chunks that unpack to too much).
    except (SyntaxError, OSError, ValueError):
        return None
    if width <= 0 or height <= 0:
        return None
    turned_by_rekognition = name == "JPEG" and turn not in MIRRORED and not for_text
    converted = (
        size_bytes > MAX_REFERENCE_BYTES
        or max(width, height) > MAX_SIDE_PX
        # AWS does not say that it takes these two, nor what colours it makes of four inks.
        or four_colors
        or (name == "PNG" and start[24] == _SIXTEEN_BITS)
        or (turn != UPRIGHT and not turned_by_rekognition)
    )
    if lies_on_its_side(turn):
        width, height = height, width
    return PictureHeader(name, width, height, converted)


_SIXTEEN_BITS: Final = 16
"""A PNG file's byte 24 is its bit depth."""
