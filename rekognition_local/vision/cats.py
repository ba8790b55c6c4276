"""Cat faces, upright or tilted.

OpenCV has two cat cascades trained apart; only a face on which both agree counts. Cats hold their heads at an
angle and fill the frame, so large faces are also looked for in tilted copies, on a picture with its edges spread
outwards (the cascades expect some background).
"""

from __future__ import annotations

import cv2
import numpy as np

from rekognition_local.images import Picture, Pixels
from rekognition_local.vision.cascades import find
from rekognition_local.vision.geometry import Box, Sighting, confidence_of_votes

TILTS_DEGREES = (0, 10, -10, 20, -20)
SMALL_SIDE_PX = 112
LARGE_SIDE_PX = 240
PORTRAIT_SHARE = 0.4
SMALLEST_SHARE = 0.15
# Fewest votes of both cascades together; noise stays below 6 where they happen to agree.
VOTES = 8


def find_cats(picture: Picture) -> list[Sighting]:
    """Find cat faces, the surest first."""
    found = _small(picture)
    if not found:
        found = _portrait(picture)
    return sorted(found, key=lambda cat: (-cat.confidence, cat.box.left, cat.box.top))


def _small(picture: Picture) -> list[Sighting]:
    gray = picture.gray_at(LARGE_SIDE_PX)
    smallest = max(24, round(SMALLEST_SHARE * min(gray.shape)))
    return [_sighting(r, votes, gray) for r, votes in _agreed(gray, step=1.1, smallest=smallest)]


def _portrait(picture: Picture) -> list[Sighting]:
    gray = picture.gray_at(SMALL_SIDE_PX)
    height, width = gray.shape[:2]
    pad = SMALL_SIDE_PX // 4
    padded = cv2.copyMakeBorder(gray, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
    rows, columns = padded.shape[:2]
    smallest = max(24, round(PORTRAIT_SHARE * min(gray.shape)))
    for tilt in TILTS_DEGREES:
        turn = cv2.getRotationMatrix2D((columns / 2, rows / 2), tilt, 1.0)
        view = cv2.warpAffine(padded, turn, (columns, rows), borderMode=cv2.BORDER_REPLICATE).astype(np.uint8)
        found = _agreed(view, step=1.06, smallest=smallest)
        if found:
            (x, y, w, h), votes = max(found, key=lambda entry: entry[1])
            back = cv2.invertAffineTransform(turn)
            centre_x, centre_y = (float(v) for v in back @ np.array([x + w / 2, y + h / 2, 1.0]))
            upright = (centre_x - pad - w / 2, centre_y - pad - h / 2, w, h)
            box = Box.from_pixels(upright, width, height)
            return [Sighting(box, confidence_of_votes(votes, floor=60, half=14, ceiling=97))]
    return []


def _agreed(gray: Pixels, *, step: float, smallest: int) -> list[tuple[tuple[int, int, int, int], int]]:
    """Rectangles that both cascades find, with their votes together."""
    first = list(find("frontalcatface_extended", gray, step=step, votes=2, smallest_px=smallest))
    if not first:
        return []
    second = list(find("frontalcatface", gray, step=step, votes=2, smallest_px=smallest))
    rows, columns = gray.shape[:2]
    agreed = []
    for rectangle, votes in first:
        box = Box.from_pixels(rectangle, columns, rows)
        seconds = [n for other, n in second if Box.from_pixels(other, columns, rows).overlap(box) > 0.5]
        if seconds and votes + max(seconds) >= VOTES:
            agreed.append((rectangle, votes + max(seconds)))
    return agreed


def _sighting(rectangle: tuple[int, int, int, int], votes: int, gray: Pixels) -> Sighting:
    box = Box.from_pixels(rectangle, gray.shape[1], gray.shape[0])
    return Sighting(box, confidence_of_votes(votes, floor=60, half=14, ceiling=97))
