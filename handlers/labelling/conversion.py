"""A picture that Rekognition does not take as it is becomes an upright JPEG that it does. Pure: bytes to bytes.

The sides are judged before a pixel is decoded. Of an animation the first picture is used, of a HEIF file the primary
one. What is converted is turned as browsers show it, so that boxes, which are fractions, fit what a person sees.
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from handlers.labelling.errors import PictureRejectedError
from handlers.labelling.exif import lies_on_its_side, orientation
from handlers.labelling.picture import MAX_SIDE_PX, MIN_SIDE_PX, too_small
from handlers.results.codes import Code

if TYPE_CHECKING:
    from PIL import Image, ImageFile

MAX_INLINE_BYTES: Final = 5 * 1024 * 1024
"""What Rekognition takes as bytes (docs.aws.amazon.com/rekognition/latest/dg/limits.html)."""
WORK_SIDE_PX: Final = 4096
"""Larger pictures are scaled down to it: a 12-megapixel photograph stays as it is."""
MAX_JPEG_PIXELS: Final = 400_000_000
"""A large JPEG is decoded at a fraction of its size, which costs time all the same."""
_QUALITIES: Final = (90, 80, 65)
_SMALLER: Final = 0.7

_TURNED_BY_EXIF: Final = frozenset({"JPEG", "PNG", "AVIF"})
"""Browsers do not heed it in WebP; Pillow and libheif have turned TIFF and HEIC pictures themselves."""
# What Pillow, libheif and their codecs raise for files that are damaged.
_DAMAGED: Final = (
    *(SyntaxError, OSError, EOFError, ValueError, RuntimeError, LookupError, TypeError, OverflowError),
    *(struct.error, zlib.error),
)
_REDUCED_PREVIEW: Final = 1
_SUBFILE_TYPE, _DNG_VERSION = 254, 50706


@dataclass(frozen=True)
class Converted:
    """A JPEG for Rekognition; `width` and `height` are the original's as a person sees it."""

    jpeg: bytes
    width: int
    height: int


def convert(content: bytes, name: str, max_pixels: int) -> Converted:
    """The picture in a file of format `name` (see `picture`), when decoding it takes no more memory than `max_pixels`.

    Raises PictureRejectedError.
    """
    from PIL import Image

    try:
        with _open(content, name) as picture:
            upright, width, height = _upright(picture, name, max_pixels)
            return Converted(_encode(upright), width, height)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError) as error:
        raise PictureRejectedError(Code.IMAGE_TOO_LARGE_PIXELS) from error
    except _DAMAGED as error:
        raise PictureRejectedError(Code.IMAGE_DAMAGED) from error


def _open(content: bytes, name: str) -> ImageFile.ImageFile:
    """By the format's own class: nothing else is tried on the bytes. pillow-heif is loaded for HEIF files only."""
    from PIL import (
        AvifImagePlugin,
        BmpImagePlugin,
        GifImagePlugin,
        JpegImagePlugin,
        PngImagePlugin,
        TiffImagePlugin,
        WebPImagePlugin,
    )

    stream = io.BytesIO(content)
    match name:
        case "JPEG":
            return JpegImagePlugin.JpegImageFile(stream)
        case "PNG":
            return PngImagePlugin.PngImageFile(stream)
        case "GIF":
            return GifImagePlugin.GifImageFile(stream)
        case "WebP":
            return WebPImagePlugin.WebPImageFile(stream)
        case "BMP":
            return BmpImagePlugin.BmpImageFile(stream)
        case "TIFF":
            return TiffImagePlugin.TiffImageFile(stream)
        case "AVIF":
            return AvifImagePlugin.AvifImageFile(stream)
        case _:
            from pillow_heif import HeifImageFile

            return HeifImageFile(stream)  # type: ignore[no-untyped-call]  # its constructor has no types


def _upright(picture: ImageFile.ImageFile, name: str, max_pixels: int) -> tuple[Image.Image, int, int]:
    """The picture as it is to be seen, scaled down; and its own width and height."""
    from PIL import Image

    if name == "TIFF":
        _check_not_raw(picture)
    width, height = picture.size
    target = _target(width, height)
    if name == "JPEG":
        # The decoder leaves out what is not needed: half, a quarter or an eighth of the sides.
        picture.draft("RGB", target)
    _check_pixels(picture, name, width, height, max_pixels)
    picture.load()
    turn = orientation(picture.info.get("exif", b"")) if name in _TURNED_BY_EXIF else 1
    small = _small(picture, target)
    # Before the encoder sees it: it would write the comment of a GIF, and fail at a long one.
    small.info = {}
    if lies_on_its_side(turn):
        width, height = height, width
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
    return (small.transpose(turns[turn]) if turn in turns else small), width, height


def _check_not_raw(picture: ImageFile.ImageFile) -> None:
    """A camera's raw file is a TIFF too: its pictures are previews, or mean nothing without the camera's recipe."""
    from PIL.TiffImagePlugin import TiffImageFile

    tags = picture.tag_v2 if isinstance(picture, TiffImageFile) else {}
    if _DNG_VERSION in tags or int(tags.get(_SUBFILE_TYPE, 0)) & _REDUCED_PREVIEW:
        raise PictureRejectedError(Code.UNSUPPORTED_FORMAT, "It is a camera's raw file")


def _target(width: int, height: int) -> tuple[int, int]:
    """The sides to scale down to."""
    long, short = max(width, height), min(width, height)
    if short < MIN_SIDE_PX:
        raise too_small(width, height)
    scale = min(1.0, max(WORK_SIDE_PX / long, MIN_SIDE_PX / short))
    if long * scale > MAX_SIDE_PX:
        raise PictureRejectedError(
            Code.IMAGE_TOO_LARGE_PIXELS, f"It has {width} x {height} pixels, which is too long for its width"
        )
    return max(MIN_SIDE_PX, round(width * scale)), max(MIN_SIDE_PX, round(height * scale))


def _check_pixels(picture: ImageFile.ImageFile, name: str, width: int, height: int, max_pixels: int) -> None:
    pixels = picture.size[0] * picture.size[1]
    if name == "JPEG" and "progressive" in picture.info:
        # Its coefficients, up to 6 bytes a pixel, are all in memory until the last scan.
        pixels += width * height // 2
    if pixels > max_pixels or width * height > MAX_JPEG_PIXELS:
        raise PictureRejectedError(
            Code.IMAGE_TOO_LARGE_PIXELS,
            f"It has {width} x {height} pixels, and a {name} file of up to {max_pixels / 1e6:.0f} megapixels is taken",
        )


def _small(picture: Image.Image, target: tuple[int, int]) -> Image.Image:
    """Scaled down to `target` and RGB; what is transparent shows white."""
    from PIL import Image

    whole = _eight_bits(picture)
    if whole.size != target:
        whole = whole.resize(target, Image.Resampling.BICUBIC, reducing_gap=2.0)
    if whole.mode in ("RGBA", "RGBa", "LA", "La", "PA"):
        colors = _in(whole, "RGBA")
        ground = Image.new("RGB", colors.size, "white")
        ground.paste(colors, mask=colors.getchannel("A"))
        return ground
    return _in(whole, "RGB")


def _in(picture: Image.Image, mode: str) -> Image.Image:
    """In this mode; without the copy that `convert` makes of what is in it already."""
    return picture if picture.mode == mode else picture.convert(mode)


def _eight_bits(picture: Image.Image) -> Image.Image:
    """In a mode of 8 bits and colours that can be mixed, which scaling needs."""
    if picture.mode == "LAB":
        raise PictureRejectedError(Code.UNSUPPORTED_FORMAT, "Its colours are L*a*b*")
    if picture.mode.startswith("I;16"):
        return picture.convert("I").point(lambda value: value * (1 / 256) + 0).convert("L")
    if picture.mode in ("I", "F"):
        # Numbers of no certain range: measurements, masks, heights.
        least, most = picture.getextrema()
        assert isinstance(least, int | float)
        assert isinstance(most, int | float)
        factor = 255 / ((most - least) or 1)
        return picture.convert("F").point(lambda value: value * factor - least * factor).convert("L")
    if picture.mode not in ("RGBA", "RGBa", "LA", "La") and picture.has_transparency_data:
        return picture.convert("RGBA")
    return picture.convert("RGB") if picture.mode in ("P", "1") else picture


def _encode(picture: Image.Image) -> bytes:
    """As a JPEG of at most MAX_INLINE_BYTES, as good as fits."""
    while True:
        for quality in _QUALITIES:
            stream = io.BytesIO()
            picture.save(stream, "JPEG", quality=quality)
            if stream.tell() <= MAX_INLINE_BYTES:
                return stream.getvalue()
        width, height = (max(MIN_SIDE_PX, int(side * _SMALLER)) for side in picture.size)
        picture = picture.resize((width, height), reducing_gap=2.0)
