"""From bytes to an upright RGB picture, within the service's limits.

Limits: docs.aws.amazon.com/rekognition/latest/dg/limits.html. The header is read and judged before a pixel is
decoded, so a decompression bomb costs nothing.
"""

from __future__ import annotations

import io
import struct
import threading
import zlib
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps, TiffTags
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from rekognition_local.errors import ImageTooLargeError, InvalidImageFormatError, InvalidParameterError
from rekognition_local.vision.geometry import Box

MAX_BYTES_INLINE = 5 * 1024 * 1024
MAX_BYTES_S3 = 15 * 1024 * 1024
MIN_SIDE_PX = 80
MAX_SIDE_PX = 10_000
# The sides that detectors work on: the kept copy, and the smaller ones for faces and shapes.
WORK_SIDE_PX = 1280
MAX_PIXELS_AT_ONCE = 20_000_000

Pixels = npt.NDArray[np.uint8]

# Pillow's errors for damaged files of these two formats.
_DAMAGED = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, IndexError, KeyError)
_STRIP_PX = 512
_one_large_picture_at_a_time = threading.Lock()


@dataclass(frozen=True, eq=False)
class Picture:
    """An upright RGB picture, scaled down to at most 1280 px a side; `width` and `height` are the original's."""

    pixels: Pixels
    width: int
    height: int

    @cached_property
    def gray(self) -> Pixels:
        """Return the picture in grey."""
        return cv2.cvtColor(self.pixels, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)

    def gray_at(self, side_px: int) -> Pixels:
        """Return the picture in grey, scaled down so that the longer side is at most `side_px`."""
        return fit(self.gray, side_px)

    def pixels_at(self, side_px: int) -> Pixels:
        """Return the picture in colour, scaled down so that the longer side is at most `side_px`."""
        return fit(self.pixels, side_px)

    def cut(self, box: Box) -> Pixels:
        """Return the pixels inside a box (at least one)."""
        height, width = self.pixels.shape[:2]
        left, top = min(int(box.left * width), width - 1), min(int(box.top * height), height - 1)
        right, bottom = max(left + 1, round(box.right * width)), max(top + 1, round(box.bottom * height))
        return self.pixels[top:bottom, left:right]


def fit(pixels: Pixels, side_px: int) -> Pixels:
    """Scale pixels down so that the longer side is at most `side_px`; never up."""
    height, width = pixels.shape[:2]
    scale = side_px / max(height, width)
    if scale >= 1:
        return pixels
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _open(data: bytes) -> JpegImageFile | PngImageFile:
    """Open by signature; the file classes are used directly, so no other format is ever parsed."""
    try:
        if data.startswith(b"\xff\xd8\xff"):
            return JpegImageFile(io.BytesIO(data))
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            return PngImageFile(io.BytesIO(data))
    except _DAMAGED as error:
        raise InvalidImageFormatError from error
    raise InvalidImageFormatError


def read_sides(data: bytes) -> tuple[int, int]:
    """Return width and height in pixels as stored (before Exif rotation), judged without decoding.

    Raises InvalidImageFormatError for what is not JPEG or PNG, InvalidParameterError below 80 px a side, and
    ImageTooLargeError above 10,000 px a side. The service documents that last limit for labels and moderation;
    here it guards all operations.
    """
    width, height = _open(data).size
    if width > MAX_SIDE_PX or height > MAX_SIDE_PX:
        raise ImageTooLargeError(
            f"Input image dimensions {width} x {height} exceed maximum dimension size of {MAX_SIDE_PX} pixels"
        )
    if width < MIN_SIDE_PX or height < MIN_SIDE_PX:
        raise InvalidParameterError
    return width, height


def decode(data: bytes) -> Picture:
    """Decode an image that `read_sides` has accepted.

    A JPEG is turned upright by its Exif orientation and coordinates refer to the upright picture; a PNG is taken
    as it is, as the service does (API_DetectLabels: OrientationCorrection). Raises InvalidImageFormatError for
    truncated or damaged data.
    """
    width, height = read_sides(data)
    if width * height <= MAX_PIXELS_AT_ONCE:
        return _decode(data)
    with _one_large_picture_at_a_time:
        return _decode(data)


def _decode(data: bytes) -> Picture:
    image = _open(data)
    width, height = image.size
    orientation = 1
    try:
        if isinstance(image, JpegImageFile):
            orientation = _orientation(image)
            # DCT scaling: decodes a 12-megapixel photograph at half its size, which is all that is looked at.
            image.draft("RGB", (WORK_SIDE_PX, WORK_SIDE_PX))
        image.load()
        rgb = _shrunk(image)
    except _DAMAGED as error:
        raise InvalidImageFormatError from error
    if orientation in (5, 6, 7, 8):
        width, height = height, width
    # Without the file's own Exif, which Pillow would read.
    rgb.info = {}
    rgb.getexif()[ExifTags.Base.Orientation] = orientation
    ImageOps.exif_transpose(rgb, in_place=True)
    return Picture(fit(np.asarray(rgb, dtype=np.uint8), WORK_SIDE_PX), width, height)


def _orientation(image: JpegImageFile) -> int:
    """Read one short number of the Exif block, as browsers do; return 1 where there is none.

    Pillow's getexif would take XMP's too, numbers of other types, and no picture with a damaged block.
    """
    block = image.info.get("exif", b"")[6:]
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    if order is None:
        return 1
    try:
        (place,) = struct.unpack_from(f"{order}I", block, 4)
        (entries,) = struct.unpack_from(f"{order}H", block, place)
        for start in range(place + 2, place + 2 + 12 * entries, 12):
            tag, kind, count, orientation = struct.unpack_from(f"{order}HHIH", block, start)
            if tag == ExifTags.Base.Orientation:
                return int(orientation) if (kind, count) == (TiffTags.SHORT, 1) else 1
    except struct.error:
        return 1
    return 1


def _shrunk(image: Image.Image) -> Image.Image:
    """Return the image in RGB, reduced by a whole factor to about the size that is kept; strips avoid a large copy."""
    width, height = image.size
    factor = max(width, height) // WORK_SIDE_PX
    if factor < 2 or min(width, height) < factor:
        return _to_rgb(image)
    shrunk = Image.new("RGB", (-(-width // factor), -(-height // factor)))
    rows = factor * max(1, _STRIP_PX // factor)
    for top in range(0, height, rows):
        strip = image.crop((0, top, width, min(height, top + rows)))
        shrunk.paste(_to_rgb(strip).reduce(factor), (0, top // factor))
    return shrunk


def _to_rgb(image: Image.Image) -> Image.Image:
    """Convert any mode of JPEG or PNG to RGB; transparent pixels become white."""
    if image.mode.startswith("I"):
        sixteen_bit = np.asarray(image, dtype=np.int32)
        return Image.fromarray((sixteen_bit >> 8).clip(0, 255).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        background = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(background, rgba).convert("RGB")
    return image.convert("RGB")
