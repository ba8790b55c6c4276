"""Pictures the tests make themselves, each of other content, and files that are not pictures."""

from __future__ import annotations

import io
import random
import struct
import zlib
from pathlib import Path
from typing import Any

import pillow_heif
from PIL import Image, ImageDraw

from integration_tests.png import png

SAMPLES = Path(__file__).parent.parent / "samples"


def sample(name: str) -> bytes:
    """Return a photograph of the project."""
    return (SAMPLES / name).read_bytes()


def picture(seed: object, *, width: int = 160, height: int = 120, fmt: str = "JPEG") -> bytes:
    """Return a picture of coloured boxes; another seed gives other bytes."""
    rng = random.Random(str(seed))
    image = Image.new("RGB", (width, height), tuple(rng.randrange(256) for _ in range(3)))
    draw = ImageDraw.Draw(image)
    for _ in range(6):
        x, y = rng.randrange(width), rng.randrange(height)
        colour = tuple(rng.randrange(256) for _ in range(3))
        draw.rectangle((x, y, x + rng.randrange(1, width), y + rng.randrange(1, height)), fill=colour)
    return encoded(image, fmt)


def encoded(image: Image.Image, fmt: str, **options: Any) -> bytes:
    """Return a file of a picture, in any of Pillow's formats or HEIF."""
    pillow_heif.register_heif_opener()
    out = io.BytesIO()
    image.save(out, fmt, **options)
    return out.getvalue()


def heic(seed: object, *, width: int = 160, height: int = 120, claims: tuple[int, int] | None = None) -> bytes:
    """Return `picture` as a phone saves it, if wanted with false sides."""
    content = encoded(Image.open(io.BytesIO(picture(seed, width=width, height=height))), "HEIF")
    if claims is None:
        return content
    true = b"ispe\0\0\0\0" + struct.pack(">II", width, height)
    assert true in content
    return content.replace(true, b"ispe\0\0\0\0" + struct.pack(">II", *claims))


def gif_bomb(*, screen: tuple[int, int] = (30_000, 30_000), frame: tuple[int, int] = (30_000, 30_000)) -> bytes:
    """Return a GIF file of a few bytes that claims a screen, and on it a first picture, of these sides."""
    header = b"GIF89a" + struct.pack("<HHBBB", *screen, 0x80, 0, 0) + bytes(3) + b"\xff" * 3
    return header + b"," + struct.pack("<HHHHB", 0, 0, *frame, 0) + b"\x02\x02\x44\x01\x00;"


def jpeg_bomb(width: int = 30_000, height: int = 30_000) -> bytes:
    """Return a JPEG file whose frame header claims these sides."""
    content = bytearray(picture("bomb"))
    at = content.index(b"\xff\xc0") + 5  # baseline: length, precision, then height and width
    content[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(content)


def truncated_jpeg() -> bytes:
    """Return the first third of a photograph."""
    whole = picture("truncated", width=800, height=600)
    return whole[: len(whole) // 3]


def decompression_bomb(width: int = 30_000, height: int = 30_000) -> bytes:
    """Return a small, valid PNG file that decodes to width by height pixels of one colour."""
    packer = zlib.compressobj(9)
    row = b"\0" * (1 + (width + 7) // 8)  # filter byte, then 1 bit a pixel
    rows = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    return png((width, height), rows, depth=1, colours=0)
