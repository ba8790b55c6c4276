"""Converts pictures that Rekognition does not take to upright JPEG, and any picture to previews. Pure.

The sides are judged before a pixel is decoded. Of an animation the first picture is used, of a HEIF file the primary
one. A converted picture is turned as browsers show it, so that boxes, which are fractions, fit what a person sees. A
truncated file is converted if browsers show all but its last rows.
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import reduce
from importlib import import_module
from typing import IO, Final

from PIL import ExifTags, Image, ImageChops, ImageFile, ImageOps, ImagePalette

from ...results.codes import Code
from ...results.document import Capture
from ..errors import PictureRejectedError
from ..picture import MAX_SIDE_PX, MIN_SIDE_PX, ON_ITS_SIDE, Structure, check_sides
from . import Converted
from .brightness import as_srgb, eight_bits
from .metadata import capture, orientation
from .stripping import Tiff, keep_pixels, webp_sides

MAX_INLINE_BYTES: Final = 5 * 1024 * 1024
"""The bytes that Rekognition takes (docs.aws.amazon.com/rekognition/latest/dg/limits.html)."""
WORK_SIDE_PX: Final = 4096
"""Larger pictures are scaled down to it: a 12-megapixel photograph stays as it is."""
MAX_JPEG_PIXELS: Final = 400_000_000
"""A large JPEG is decoded at a fraction of its size, which costs time all the same."""
MAX_RLE_PIXELS: Final = 16_000_000
"""Of a BMP in runs, which Pillow decodes in Python."""
_OUT_OF_MEMORY: Final = re.compile(r"(?is)^(?!.*security limit).*memory|decoder error -9")
"""Messages of Pillow and libheif in place of a MemoryError. libheif's security limits are about files that lie."""
# The errors of Pillow, libheif and their codecs for damaged files.
_DAMAGED: Final = (
    *(SyntaxError, OSError, EOFError, ValueError, RuntimeError, LookupError, TypeError, ArithmeticError),
    *(AssertionError, AttributeError, struct.error, zlib.error),
)

Allow = Callable[[int], None]
"""Gets the number of pixels before they are decoded."""


def convert(stream: io.BytesIO, name: str, max_pixels: int, allow: Allow = lambda pixels: None) -> Converted:
    """Return the picture in a file of format `name` (see `picture`), when it has no more than `max_pixels` to decode.

    The file's bytes are changed. Raises PictureRejectedError and MemoryError.
    """
    with _opened(stream, name, max_pixels) as (file, structure):
        picture, width, height = _turned(file, structure, name, WORK_SIDE_PX, max_pixels, allow)
        return Converted(_encode(picture), width, height, structure.capture)


def facts(stream: io.BytesIO, name: str, max_pixels: int) -> Capture | None:
    """Return the camera's facts from a file of format `name`, without decoding a pixel. Raises as `convert` does."""
    with _opened(stream, name, max_pixels) as (_, structure):
        return structure.capture


def previews(
    stream: io.BytesIO, name: str, sides_px: Sequence[int], max_pixels: int, allow: Allow = lambda pixels: None
) -> list[bytes]:
    """Return the picture as WebP files in sRGB, of at most these longest sides, the longest first: see `convert`.

    They have no metadata. Colours stay as they are where the profile is not one of their kind.
    """
    from PIL import ImageCms

    files = []
    with _opened(stream, name, max_pixels) as (file, structure):
        profile = structure.profile or file.info.get("icc_profile") or b""
        picture, *_ = _turned(file, structure, name, sides_px[0], max_pixels, allow)
        with suppress(ImageCms.PyCMSError):
            srgb = ImageCms.createProfile("sRGB")
            picture = ImageCms.profileToProfile(picture, io.BytesIO(profile), srgb) or picture
        for side_px in sides_px:
            picture.thumbnail((side_px, side_px), Image.Resampling.LANCZOS)
            small = io.BytesIO()
            picture.save(small, "WEBP", quality=80)
            files.append(small.getvalue())
    return files


@contextmanager
def _opened(stream: io.BytesIO, name: str, max_pixels: int) -> Iterator[tuple[ImageFile.ImageFile, Structure]]:
    """Yield the file without a decoded pixel, and its structure with the camera's facts."""
    try:
        structure = keep_pixels(stream, name)
        with _open(stream, name, structure, max_pixels) as picture:
            blocks = (picture.info.get(block) or b"" for block in ("exif", "xmp"))
            yield picture, replace(structure, capture=structure.capture or capture(*blocks))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PictureRejectedError(Code.IMAGE_TOO_LARGE_PIXELS) from error
    except _DAMAGED as error:
        if _OUT_OF_MEMORY.search(str(error)):
            raise MemoryError from error
        # Pillow and libheif say so of codecs and kinds that they do not have.
        if "unsupported" in str(error).lower():
            reason = f"The decoder says: {str(error)[:80].rstrip('.')}"
            raise PictureRejectedError(Code.UNSUPPORTED_FORMAT, reason) from error
        raise PictureRejectedError(Code.IMAGE_DAMAGED) from error


def _open(stream: io.BytesIO, name: str, structure: Structure, max_pixels: int) -> ImageFile.ImageFile:
    """Open by the format's own class: nothing else is tried on the bytes, and no other format's library is loaded."""
    stream.seek(0)
    if name in ("HEIC", "HEIF"):
        from pillow_heif import HeifImageFile

        return HeifImageFile(stream)  # type: ignore[no-untyped-call]  # its constructor has no types
    if isinstance(structure, Tiff):
        return _open_tiff(stream, structure.planar)
    if name == "WebP":
        # The decoder takes the room for the whole canvas before it says how large it is.
        with stream.getbuffer() as data:
            _check_pixels(name, *webp_sides(data), max_pixels)
            if bytes(data[12:16]) == b"VP8X" and data[20] & 0x02:
                # An animation: browsers show the canvas beside its first picture as transparent, whatever it says.
                data[20] |= 0x10
    prefix = name if name == "WebP" else name.capitalize()
    picture: ImageFile.ImageFile = getattr(import_module(f"PIL.{prefix}ImagePlugin"), f"{prefix}ImageFile")(stream)
    if "transparency" in picture.info and (bits := _FEW_BITS.get(str(picture.tile[0].args))):
        # Pillow brings the pixels of a PNG to 8 bits, but not the value that is transparent.
        most = 2**bits - 1
        picture.info["transparency"] = (picture.info["transparency"] & most) * 255 // most
    return picture


def _open_tiff(stream: io.BytesIO, planar: bool) -> ImageFile.ImageFile:
    from PIL import TiffImagePlugin

    # Pillow's own reader takes 16 bits for 8 where each channel has its place, and no transparency.
    TiffImagePlugin.READ_LIBTIFF = planar
    try:
        picture = TiffImagePlugin.TiffImageFile(stream)
    except (SyntaxError, KeyError) as error:
        # The directory has been read by then: its combination of tags is one that Pillow does not have.
        reason = "Its combination of channels, numbers and compression is not supported"
        raise PictureRejectedError(Code.UNSUPPORTED_FORMAT, reason) from error
    tile = picture.tile[0]
    if tile.codec_name == "libtiff" and isinstance(tile.args, tuple):
        # It has put the bytes in this machine's order, which Pillow heeds for unsigned numbers of 16 bits only.
        kind, *others = tile.args
        picture.tile = [tile._replace(args=(_IN_NATIVE_ORDER.get(kind, kind), *others))]
    if picture.mode == "P" and max(colors := picture.tag_v2[TiffImagePlugin.COLORMAP]) < 256:
        # Some programs write numbers of 8 bits in place of 16.
        picture.palette = ImagePalette.raw("RGB;L", bytes(colors))
    return picture


_FEW_BITS: Final = {"L;2": 2, "L;4": 4, "L": 8}
_IN_NATIVE_ORDER: Final = {"F;32BF": "F;32NF", "I;32BS": "I;32NS", "I;16BS": "I;16NS"}


def _turned(
    picture: ImageFile.ImageFile, structure: Structure, name: str, side_px: int, max_pixels: int, allow: Allow
) -> tuple[Image.Image, int, int]:
    width, height = picture.size
    target = _target(width, height, side_px)
    if name == "JPEG":
        # The decoder can decode only half, a quarter or an eighth of the sides.
        picture.draft("RGB", target)
    if isinstance(structure, Tiff) and structure.tile_pixels > max_pixels:
        sizes = f"tiles of {structure.tile_pixels / 1e6:.0f} megapixels; the limit is {max_pixels / 1e6:.0f}"
        raise PictureRejectedError(Code.IMAGE_TOO_LARGE_PIXELS, f"It has {sizes}")
    pixels = picture.width * picture.height
    pixels += width * height // 2 if structure.buffered else 0
    if name == "BMP" and picture.tile[0].codec_name == "bmp_rle":
        max_pixels = min(max_pixels, MAX_RLE_PIXELS)
    _check_pixels(name, width, height, max_pixels * width * height // pixels)
    allow(width * height)
    extents = picture.tile[0].extents if name == "GIF" else None
    deep = picture.fp if name == "PNG" and picture.tile[0].args == "RGB;16B" else None
    _load(picture)
    if deep and "transparency" in picture.info:
        _clear_where_all_bits_are(picture, deep)
    # For WebP and AVIF it keeps the canvases, which take more memory than the picture.
    vars(picture).pop("_decoder", None)
    # libheif has turned HEIC pictures itself, and browsers do not heed it in WebP.
    turn = orientation(picture.info.get("exif", b"")) if name == "AVIF" else structure.turn
    small = _small(_on_clear_ground(picture, extents) if extents else picture, structure, target)
    # Before the encoder sees it: it would write the comment of a GIF, and fail at a long one.
    small.info = {}
    if turn in ON_ITS_SIDE:
        width, height = height, width
    small.getexif()[ExifTags.Base.Orientation] = turn
    ImageOps.exif_transpose(small, in_place=True)
    return small, width, height


def _load(picture: ImageFile.ImageFile) -> None:
    """Decode the pixels. A file that breaks off must have nine tenths of its rows; the rest is black."""
    try:
        picture.load()
    except OSError:
        picture.tile = []
        _, rows = picture.getprojection()
        if sum(rows) < 0.9 * picture.height:
            raise


def _clear_where_all_bits_are(picture: ImageFile.ImageFile, stream: IO[bytes]) -> None:
    """Make the transparent colour of a PNG of 16 bits so: the decoder keeps the upper 8, and a second run the lower."""
    from PIL import PngImagePlugin

    stream.seek(0)
    lower = PngImagePlugin.PngImageFile(stream)
    lower.tile = [tile._replace(args="RGB;16L") for tile in lower.tile]
    _load(lower)
    planes = (part.getchannel(band) for part in (picture, lower) for band in "RGB")
    values = [value >> shift & 255 for shift in (8, 0) for value in picture.info["transparency"]]
    others = (
        plane.point([255 * (level != value) for level in range(256)])
        for plane, value in zip(planes, values, strict=True)
    )
    picture.putalpha(reduce(ImageChops.lighter, others))


def _target(width: int, height: int, side_px: int) -> tuple[int, int]:
    """Return the sides to scale down to: `side_px`, or more where a narrow picture would have too few pixels."""
    check_sides(width, height)
    long, short = max(width, height), min(width, height)
    scale = min(1.0, max(side_px / long, MIN_SIDE_PX / short))
    if long * scale > MAX_SIDE_PX:
        detail = f"It has {width} x {height} pixels, which is too long for its width"
        raise PictureRejectedError(Code.IMAGE_TOO_LARGE_PIXELS, detail)
    return max(MIN_SIDE_PX, round(width * scale)), max(MIN_SIDE_PX, round(height * scale))


def _check_pixels(name: str, width: int, height: int, max_pixels: int) -> None:
    limit = min(MAX_JPEG_PIXELS, max_pixels)
    if width * height > limit:
        detail = f"It has {width} x {height} pixels; the limit for {name} files like it is {limit / 1e6:.0f} megapixels"
        raise PictureRejectedError(Code.IMAGE_TOO_LARGE_PIXELS, detail)


def _on_clear_ground(picture: Image.Image, extents: tuple[int, int, int, int]) -> Image.Image:
    """Return a GIF's picture where it covers its screen; browsers show the rest as transparent."""
    if extents == (0, 0, *picture.size):
        return picture
    screen = Image.new("RGBA", picture.size)
    screen.paste(picture.crop(extents).convert("RGBA"), extents[:2])
    return screen


def _small(picture: Image.Image, structure: Structure, target: tuple[int, int]) -> Image.Image:
    """Scale down to `target` and RGB; transparent pixels become white."""
    whole = eight_bits(picture, structure if isinstance(structure, Tiff) else None)
    if structure.gamma:
        whole = as_srgb(whole, structure.gamma)
    if whole.size != target:
        whole = whole.resize(target, Image.Resampling.BICUBIC, reducing_gap=2.0)
    if whole.mode in ("RGBA", "RGBa", "LA", "La", "PA"):
        colors = whole if whole.mode == "RGBA" else whole.convert("RGBA")
        ground = Image.new("RGB", target, "white")
        ground.paste(colors, mask=colors)
        return ground
    return whole if whole.mode == "RGB" else whole.convert("RGB")


def _encode(picture: Image.Image) -> bytes:
    """Encode as the best JPEG of at most MAX_INLINE_BYTES."""
    while True:
        for quality in (90, 80, 65):
            stream = io.BytesIO()
            picture.save(stream, "JPEG", quality=quality)
            if stream.tell() <= MAX_INLINE_BYTES:
                return stream.getvalue()
        width, height = (max(MIN_SIDE_PX, int(side * 0.7)) for side in picture.size)
        picture = picture.resize((width, height), reducing_gap=2.0)
