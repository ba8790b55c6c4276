"""QR codes and bar codes, decoded."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from rekognition_local.images import Picture, Pixels

Point = tuple[float, float]
SEARCH_SIDE_PX = 800
# OpenCV reads bars that are two or three pixels wide; how wide they are is not known beforehand.
BAR_SIDES_PX = (800, 640, 480, 360, 280)
QUIET_PX = 24


class _Detectors(threading.local):
    """Each thread's own detectors: they keep buffers."""

    def __init__(self) -> None:
        self.qr, self.bar = cv2.QRCodeDetector(), cv2.barcode.BarcodeDetector()


_detectors = _Detectors()


@dataclass(frozen=True, slots=True)
class Code:
    """A code: its text and its corners as fractions of the picture."""

    text: str
    corners: tuple[Point, ...]


def find_qr_codes(picture: Picture) -> list[Code]:
    """Find and read QR codes, from top to bottom."""
    gray = picture.gray_at(SEARCH_SIDE_PX)
    any_code, texts, quads, _ = _detectors.qr.detectAndDecodeMulti(_framed(gray))
    return _codes(texts, quads, gray) if any_code else []


def find_bar_codes(picture: Picture) -> list[Code]:
    """Find and read bar codes, from top to bottom; at the largest size at which any is readable."""
    for side_px in BAR_SIDES_PX:
        gray = picture.gray_at(side_px)
        any_code, texts, quads, _ = _detectors.bar.detectAndDecodeMulti(_framed(gray))
        codes = _codes(texts, quads, gray) if any_code and quads is not None else []
        if codes:
            return codes
    return []


def _framed(gray: Pixels) -> Pixels:
    """Return the picture with a quiet zone around it, so that codes at the edge are detected too."""
    quiet = QUIET_PX
    framed = cv2.copyMakeBorder(gray, quiet, quiet, quiet, quiet, cv2.BORDER_CONSTANT, value=[255])
    return framed.astype(np.uint8, copy=False)


def _codes(texts: Sequence[str], quads: npt.ArrayLike, gray: Pixels) -> list[Code]:
    """Return the readable codes: pixels that only look like a code's corners are none."""
    rows, columns = gray.shape[:2]
    points = np.asarray(quads, dtype=float).reshape(len(texts), -1, 2)
    codes = [Code(text, _corners(quad, columns, rows)) for text, quad in zip(texts, points, strict=True) if text]
    return sorted(codes, key=lambda code: (code.corners[0][1], code.corners[0][0]))


def _corners(quad: npt.NDArray[np.float64], columns: int, rows: int) -> tuple[Point, ...]:
    points: list[list[float]] = (quad - QUIET_PX).tolist()
    return tuple((min(1.0, max(0.0, x / columns)), min(1.0, max(0.0, y / rows))) for x, y in points)
