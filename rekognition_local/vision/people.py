"""Standing people seen whole, by OpenCV's HOG detector and its body cascade."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from rekognition_local.images import Picture
from rekognition_local.vision.cascades import find
from rekognition_local.vision.geometry import Box, Sighting

SEARCH_SIDE_PX = 400
# Margin of the support vector machine: helmets and handlebars reach 0.9, walking people 1.0 to 3.
SURE_MARGIN = 1.4
CONFIRMED_MARGIN = 0.7


@cache
def _descriptor() -> cv2.HOGDescriptor:
    hog = cv2.HOGDescriptor()
    hog.setSVMDetector(np.asarray(cv2.HOGDescriptor.getDefaultPeopleDetector()))
    return hog


def find_people(picture: Picture) -> list[Sighting]:
    """Find whole upright people, the surest first; a weak find needs the body cascade to agree."""
    gray = picture.gray_at(SEARCH_SIDE_PX)
    rows, columns = gray.shape[:2]
    if rows < 128 or columns < 64:
        return []
    rectangles, margins = _descriptor().detectMultiScale(gray, winStride=(8, 8), padding=(8, 8), scale=1.08)
    candidates = [
        (Box.from_pixels([int(v) for v in rectangle], columns, rows), float(margin))
        for rectangle, margin in zip(rectangles, np.ravel(np.asarray(margins)), strict=True)
        if float(margin) >= CONFIRMED_MARGIN
    ]
    if not candidates:
        return []
    bodies = [
        Box.from_pixels(rectangle, columns, rows)
        for rectangle, _ in find("fullbody", gray, step=1.1, votes=3, smallest_px=32)
    ]
    people: list[Sighting] = []
    for box, margin in sorted(candidates, key=lambda entry: -entry[1]):
        confirmed = any(box.overlap(body) > 0.3 for body in bodies)
        if (margin >= SURE_MARGIN or confirmed) and not any(box.overlap(other.box) > 0.3 for other in people):
            people.append(Sighting(box, min(95.0, 58.0 + 14.0 * margin + (8.0 if confirmed else 0.0))))
    return people
