"""Files as people have them, each with its expected result: metadata, depths, formats, damage, names.

All pictures show the same cat: in a picture that is too dark, negative or in wrong colours, no detector sees a cat.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, PngImagePlugin

from integration_tests.pictures import SAMPLES, encoded, gif_bomb
from integration_tests.png import chunk, png
from integration_tests.tiff import tiff

SIDES = WIDTH, HEIGHT = 600, 400  # of every picture, as people see it
LABELED, LEFT_OUT, NOT_UPLOADED = "LABELED", "left out", "NOT_UPLOADED"
LABEL = "Cat"


@dataclass(frozen=True)
class Case:
    """A file.

    Attributes:
        name: Its path in the folder that is uploaded; bytes where it is no UTF-8.
        what: For people.
        expected: LABELED with a cat and SIDES, `left out`, NOT_UPLOADED or a code of a rejection.
    """

    name: str | bytes
    what: str
    content: bytes
    expected: str = LABELED

    @property
    def path(self) -> str:
        """Return the name as Python has it."""
        return os.fsdecode(self.name)

    def write(self, folder: Path) -> None:
        """Write the file."""
        file = folder / self.path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(self.content)


def all_cases() -> list[Case]:
    """Return every case."""
    picture = Image.open(SAMPLES / "cat.png").convert("RGB").resize(SIDES)
    return [*_metadata(picture), *_depths(picture), *_formats(picture), *_damage(picture), *_names(picture)]


def _metadata(picture: Image.Image) -> Sequence[Case]:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("workflow", "x" * 1_200_000, zip=True)
    png = encoded(picture, "PNG")
    wrong_sum = bytearray(chunk(b"tEXt", b"a\0b"))
    wrong_sum[-1] ^= 1
    mirrored = _exif(picture, 2)
    filler = b"".join(b"\xff\xed" + struct.pack(">H", 65535) + bytes(65533) for _ in range(20))
    turned = _exif(picture, 6)
    return [
        Case("texts.png", "PNG with 1.2 MB of unpacked text", encoded(picture, "PNG", pnginfo=texts)),
        Case("sum.png", "PNG, wrong checksum of a text", png[:33] + bytes(wrong_sum) + png[33:]),
        Case("mirrored.jpg", "mirrored JPEG, 1.3 MB before its sides", mirrored[:2] + filler + mirrored[2:]),
        Case("turned.jpg", "JPEG that lies on its side", turned),
    ]


def _depths(picture: Image.Image) -> Sequence[Case]:
    grey = np.asarray(picture.convert("L"))
    twelve = (grey.astype(np.uint16) * 16).reshape(HEIGHT, WIDTH // 2, 2)
    packed = np.zeros((HEIGHT, WIDTH // 2, 3), np.uint8)
    packed[..., 0], packed[..., 2] = twelve[..., 0] >> 4, twelve[..., 1] & 255
    packed[..., 1] = ((twelve[..., 0] & 15) << 4) | (twelve[..., 1] >> 8)
    floats = (grey / 255).astype("<f4")
    floats[:3, :3] = np.nan
    small = (grey.astype("<u2") * 16).tobytes()
    keyed = np.where(grey < 240, np.maximum(grey // 16, 1), 0)
    keyed = keyed[:, ::2] << 4 | keyed[:, 1::2]
    linear = (grey / 255) ** 2.2 * 255
    return [
        Case("12-bit.tif", "TIFF of 12 bits", tiff(packed.tobytes(), [12], sides=SIDES)),
        Case("16-bit.tif", "TIFF of 16 bits that uses 12", tiff(small, [16], sides=SIDES)),
        Case("nan.tif", "TIFF of floats, with NaN", tiff(floats.tobytes(), [32], kind=3, sides=SIDES)),
        Case("negative.tif", "TIFF in which 0 is white", tiff((255 - grey).tobytes(), [8], 0, sides=SIDES)),
        Case("key.png", "PNG of 4 bits, of which one is transparent", _grey_png(keyed, chunk(b"tRNS", bytes(2)))),
        Case("linear.png", "PNG of a linear gamma", _grey_png(linear, chunk(b"gAMA", struct.pack(">I", 100_000)))),
        Case("16-bit.png", "PNG of 16 bits", encoded(Image.fromarray(grey.astype(np.uint16) * 257), "PNG")),
    ]


def _formats(picture: Image.Image) -> Sequence[Case]:
    inks = picture.convert("CMYK")
    return [
        Case("cmyk.jpg", "JPEG in four inks", encoded(inks, "JPEG")),
        Case("cmyk.tif", "TIFF in four inks", encoded(inks, "TIFF")),
        Case("phone.heic", "HEIC", encoded(picture, "HEIF")),
        Case("page.webp", "WebP", encoded(picture, "WEBP")),
        Case("animated.gif", "GIF", encoded(picture, "GIF")),
        Case("paint.dib", "BMP by another ending", encoded(picture, "BMP")),
        Case("camera.HIF", "JPEG by a camera's ending of HEIF", encoded(picture, "JPEG")),
    ]


def _damage(picture: Image.Image) -> Sequence[Case]:
    jpeg = encoded(picture, "JPEG")
    return [
        Case("empty.jpg", "0 bytes", b"", "EMPTY_OBJECT"),
        Case("text.jpg", "no picture", b"only text", "NOT_AN_IMAGE"),
        Case("small.png", "79 pixels", encoded(picture.resize((79, 90)), "PNG"), "IMAGE_TOO_SMALL"),
        Case("bomb.gif", "claims 900 megapixels", gif_bomb(), "IMAGE_TOO_LARGE_PIXELS"),
        Case("photoshop.png", "Photoshop", b"8BPS\0\1" + bytes(100), "UNSUPPORTED_FORMAT"),
        Case("cut.webp", "a WebP of which half is missing", encoded(picture, "WEBP")[:2000], "IMAGE_DAMAGED"),
        Case("end.jpg", "JPEG that lacks its last bytes", jpeg[:-200]),
    ]


def _names(picture: Image.Image) -> Sequence[Case]:
    jpeg = encoded(picture, "JPEG")
    return [
        Case("control\x01\x7f.jpg", "control characters in the name", jpeg),
        Case("line\nbreak.jpg", "a line break in the name", jpeg),
        Case("\u202egpj.jpg", "a name that is read backwards", jpeg),
        Case("a b+c%2F&=#?.jpg", "what URLs have a meaning for", jpeg),
        Case("\U0001f408\u200d\u2b1b 猫 ü.jpg", "emoji and other scripts", jpeg),
        Case(b"latin\xe9.jpg", "a name that is not UTF-8", jpeg, NOT_UPLOADED),
        Case("@eaDir/a.jpg/SYNOPHOTO_THUMB_XL.jpg", "a NAS's thumbnail", jpeg, LEFT_OUT),
        Case(".hidden.jpg", "a hidden file", jpeg, LEFT_OUT),
        Case("notes.txt", "another file", b"x", LEFT_OUT),
    ]


def _grey_png(rows: npt.NDArray[Any], about: bytes) -> bytes:
    packed = np.pad(rows.astype(np.uint8), ((0, 0), (1, 0))).tobytes()
    return png(SIDES, zlib.compress(packed), depth=8 * rows.shape[1] // WIDTH, colours=0, chunks=[about])


def _exif(picture: Image.Image, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    shown = {2: Image.Transpose.FLIP_LEFT_RIGHT, 6: Image.Transpose.ROTATE_90}[orientation]
    return encoded(picture.transpose(shown), "JPEG", exif=exif)
