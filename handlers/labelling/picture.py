"""What the first bytes of a file tell: whether Rekognition will take it.

Limits: docs.aws.amazon.com/rekognition/latest/dg/limits.html. Only the header is read; a picture that breaks off
later is found by Rekognition, because many good JPEG files have something after their end.
"""

from __future__ import annotations

import io
from typing import Final

from handlers.labelling.errors import PictureRejectedError
from handlers.results.cache import PictureHeader
from handlers.results.codes import Code

MAX_OBJECT_BYTES: Final = 15 * 1024 * 1024
MIN_SIDE_PX: Final = 80
MAX_SIDE_PX: Final = 10_000
HEADER_READS_BYTES: Final = (64 * 1024, 256 * 1024, 1024 * 1024)
"""How much of the file is read, one after the other, until the header is whole: it may hold a large preview."""

_JPEG: Final = b"\xff\xd8\xff"
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_MAGIC: Final = (
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


def check_size(size_bytes: int) -> None:
    """Reject by the object's size alone, before a byte is read. Raises PictureRejectedError."""
    if size_bytes == 0:
        raise PictureRejectedError(Code.EMPTY_OBJECT)
    if size_bytes > MAX_OBJECT_BYTES:
        raise PictureRejectedError(Code.IMAGE_TOO_LARGE_BYTES, f"It has {size_bytes / 1024 / 1024:.1f} MB")


def read_header(start: bytes, size_bytes: int) -> PictureHeader | None:
    """Check the first bytes of a file of `size_bytes`; None when more of them are needed.

    Raises PictureRejectedError.
    """
    name = _format(start)
    header = _open(start, name)
    if header is None or header.width is None or header.height is None:
        if len(start) >= size_bytes:
            raise PictureRejectedError(Code.IMAGE_DAMAGED)
        return None
    _check_sides(header.width, header.height)
    return header


def unread_header(start: bytes) -> PictureHeader:
    """The header of a picture whose sides are beyond the bytes that are worth reading: Rekognition will say."""
    return PictureHeader(_format(start), None, None)


def _check_sides(width: int, height: int) -> None:
    found = f"It has {width} x {height} pixels"
    if min(width, height) < MIN_SIDE_PX:
        raise PictureRejectedError(Code.IMAGE_TOO_SMALL, found)
    if max(width, height) > MAX_SIDE_PX:
        raise PictureRejectedError(Code.IMAGE_TOO_LARGE_PIXELS, found)


def _format(start: bytes) -> str:
    """JPEG or PNG. Raises PictureRejectedError for everything else."""
    if start.startswith(_JPEG):
        return "JPEG"
    if start.startswith(_PNG):
        return "PNG"
    name = next((name for magic, name in _MAGIC if start.startswith(magic)), None)
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        name = "WebP"
    if start[4:8] == b"ftyp":
        name = _BRANDS.get(start[8:12])
    if name == "BMP" and start[14:18] not in _BMP_HEADER_SIZES:
        name = None
    if name is None:
        raise PictureRejectedError(Code.NOT_AN_IMAGE)
    raise PictureRejectedError(Code.UNSUPPORTED_FORMAT, f"It is a {name} file")


_BMP_HEADER_SIZES: Final = frozenset(size.to_bytes(4, "little") for size in (12, 40, 52, 56, 64, 108, 124))
"""A text that begins with "BM" is no picture: the size of the second header must be one that exists."""


def _open(start: bytes, name: str) -> PictureHeader | None:
    # Here, so that functions and batches that read no header do not pay for loading Pillow. The format's own class and
    # not Image.open: that one refuses (or warns of) large pictures before their sides can be told.
    from PIL import JpegImagePlugin, PngImagePlugin

    plugin = JpegImagePlugin.JpegImageFile if name == "JPEG" else PngImagePlugin.PngImageFile
    try:
        with plugin(io.BytesIO(start)) as picture:
            width, height = picture.size
    # What Pillow raises for a header that is damaged or breaks off: SyntaxError, OSError (truncated, broken PNG),
    # ValueError (chunks that unpack to too much).
    except (SyntaxError, OSError, ValueError):
        return None
    return PictureHeader(name, width, height) if width > 0 and height > 0 else None
