"""OpenCV's Haar cascades, loaded once per thread.

A `CascadeClassifier` keeps working buffers, so two threads must not share one. The cascades come with
opencv-python 4; version 5 no longer has them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from rekognition_local.images import Pixels

_per_thread = threading.local()


def _cascade(name: str) -> cv2.CascadeClassifier:
    loaded: dict[str, cv2.CascadeClassifier] = _per_thread.__dict__.setdefault("cascades", {})
    if name not in loaded:
        path = Path(cv2.__file__).parent / "data" / f"haarcascade_{name}.xml"
        cascade = cv2.CascadeClassifier(str(path))
        if cascade.empty():
            raise RuntimeError(f"OpenCV cannot load its cascade {path}: install opencv-python-headless again")
        loaded[name] = cascade
    return loaded[name]


def find(
    name: str, gray: Pixels, *, step: float, votes: int, smallest_px: int
) -> Iterator[tuple[tuple[int, int, int, int], int]]:
    """Run a cascade. Yield for each match (x, y, width, height) in pixels, and how many windows agree.

    `step` is the factor between two window sizes, `votes` the fewest windows that must agree.
    """
    if min(gray.shape[:2]) < smallest_px or smallest_px < 1:
        return
    rectangles, counts = _cascade(name).detectMultiScale2(
        gray, scaleFactor=step, minNeighbors=votes, minSize=(smallest_px, smallest_px)
    )
    for rectangle, count in zip(rectangles, np.ravel(np.asarray(counts)), strict=True):
        x, y, width, height = (int(value) for value in rectangle)
        yield (x, y, width, height), int(count)
