"""Pictures made for tests."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

SAMPLES = Path(__file__).parents[2] / "samples"
PHOTOGRAPHS = Path(__file__).parent / "photographs"


def sample(name: str) -> bytes:
    """Return a photograph of samples/, or of those that are for tests alone."""
    path = SAMPLES / name
    return (path if path.exists() else PHOTOGRAPHS / name).read_bytes()


def encoded(image: Image.Image, image_format: str = "PNG", **options: object) -> bytes:
    """Return an image as a file's bytes."""
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def plain(width: int = 200, height: int = 160, color: str = "teal", image_format: str = "PNG") -> bytes:
    """Return a picture of one colour."""
    return encoded(Image.new("RGB", (width, height), color), image_format)


def qr_code(text: str, canvas: tuple[int, int] = (600, 400), corner: tuple[int, int] = (330, 130)) -> Image.Image:
    """Return a white picture with a QR code of about 200 px at a corner (left, top)."""
    modules = np.asarray(cv2.QRCodeEncoder.create().encode(text), dtype=np.uint8)
    code = Image.fromarray(modules).resize((200, 200), Image.Resampling.NEAREST)
    picture = Image.new("RGB", canvas, "white")
    picture.paste(code.convert("RGB"), corner)
    return picture


def page_of_text(lines: list[str], width: int = 800, height: int = 600) -> Image.Image:
    """Return black print on white."""
    picture = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(28)
    for number, line in enumerate(lines):
        draw.text((40, 40 + 50 * number), line, fill="black", font=font)
    return picture
