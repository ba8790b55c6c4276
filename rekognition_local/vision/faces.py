"""Faces: frontal and profile, with eyes and smile as far as cascades detect them.

A frontal face needs two cascades, trained apart, that agree on it: either alone fires on coins, flowers and
foliage. A profile needs many agreeing windows. They detect faces down to about 5 % of the longer side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from rekognition_local.images import Picture, Pixels
from rekognition_local.vision.cascades import find
from rekognition_local.vision.geometry import Box, confidence_of_votes
from rekognition_local.vision.quality import Quality, measure

SEARCH_SIDE_PX = 360
PROFILE_SIDE_PX = 240
SMALLEST_SHARE = 0.05
# Votes on photographs with faces start at 20; on coins, petals and gravel they end at 5 (first cascade).
FRONTAL_VOTES = 8
FRONTAL_VOTES_WITH_EYES = 5
PROFILE_VOTES = 11
_PATCH_PX = 160


@dataclass(frozen=True, slots=True)
class Eye:
    """An open eye; the centre in fractions of the picture."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Face:
    """A face; angles in degrees, confidences 0 to 100.

    `smile` and `eyes_open` are (value, confidence); `roll` comes from the line between two eyes, else 0; `yaw` is
    0 for frontal faces and about ±60 for profiles.
    """

    box: Box
    confidence: float
    quality: Quality
    left_eye: Eye | None = None
    right_eye: Eye | None = None
    smile: tuple[bool, float] = (False, 50.0)
    eyes_open: tuple[bool, float] = (False, 50.0)
    roll: float = 0.0
    yaw: float = 0.0


def find_faces(picture: Picture) -> list[Face]:
    """Find faces, the largest first."""
    gray = picture.gray_at(SEARCH_SIDE_PX)
    smallest = max(20, round(SMALLEST_SHARE * max(gray.shape)))
    candidates = find("frontalface_alt2", gray, step=1.12, votes=3, smallest_px=smallest)
    frontals = [_frontal(picture, gray, rectangle, votes) for rectangle, votes in candidates]
    faces = [face for face in frontals if face is not None]
    for box, votes, yaw in _profiles(picture):
        if not any(face.box.overlap(box) > 0.1 or face.box.contains_centre_of(box) for face in faces):
            confidence = confidence_of_votes(votes, floor=62, half=20, ceiling=95)
            faces.append(Face(box, confidence, measure(picture.cut(box)), yaw=yaw))
    return sorted(faces, key=lambda face: (-face.box.area, face.box.left, face.box.top))


def _frontal(picture: Picture, gray: Pixels, rectangle: tuple[int, int, int, int], votes: int) -> Face | None:
    """Judge a candidate of the first cascade by the second one and by the eyes."""
    x, y, width, height = rectangle
    margin = round(0.3 * width)
    around = gray[max(0, y - margin) : y + height + margin, max(0, x - margin) : x + width + margin]
    second = max(
        (count for _, count in find("frontalface_default", around, step=1.1, votes=3, smallest_px=round(0.7 * width))),
        default=0,
    )
    square = Box.from_pixels(rectangle, gray.shape[1], gray.shape[0])
    patch = cv2.resize(cv2.cvtColor(picture.cut(square), cv2.COLOR_RGB2GRAY), (_PATCH_PX, _PATCH_PX)).astype(np.uint8)
    left, right = _eyes(patch, square)
    both_eyes = left is not None and right is not None
    needed = FRONTAL_VOTES_WITH_EYES if both_eyes else FRONTAL_VOTES
    if min(votes, second) < needed:
        return None
    eyes_seen = (left is not None) + (right is not None)
    return Face(
        box=_face_box(square),
        confidence=confidence_of_votes(min(votes, second) + 6 * eyes_seen, floor=70, half=8),
        left_eye=left,
        right_eye=right,
        smile=_smile(patch),
        eyes_open=(eyes_seen > 0, (50.0, 75.0, 95.0)[eyes_seen]),
        roll=_roll(left, right, picture),
        quality=measure(picture.cut(square)),
    )


def _profiles(picture: Picture) -> list[tuple[Box, int, float]]:
    """Return profiles that look to either side.

    The cascade knows one side, so the picture is mirrored for the other.
    """
    gray = picture.gray_at(PROFILE_SIDE_PX)
    height, width = gray.shape[:2]
    candidates = []
    for mirrored, yaw in ((False, -60.0), (True, 60.0)):
        view = cv2.flip(gray, 1).astype(np.uint8, copy=False) if mirrored else gray
        for (x, y, w, h), votes in find("profileface", view, step=1.12, votes=PROFILE_VOTES, smallest_px=24):
            candidates.append((Box.from_pixels((width - x - w if mirrored else x, y, w, h), width, height), votes, yaw))
    best = sorted(candidates, key=lambda entry: -entry[1])
    return [entry for i, entry in enumerate(best) if not any(entry[0].overlap(o[0]) > 0.1 for o in best[:i])]


def _face_box(square: Box) -> Box:
    """Return the service's box of a face: the cascade's square reaches past the cheeks and ends above the chin."""
    left, right = max(0.0, square.left + 0.08 * square.width), min(1.0, square.right - 0.08 * square.width)
    return Box(left, square.top, right - left, min(1.0, square.bottom + 0.1 * square.height) - square.top)


def _eyes(patch: Pixels, square: Box) -> tuple[Eye | None, Eye | None]:
    """Return the best open eye of each half of a face patch (left as the viewer sees it)."""
    best: dict[bool, tuple[int, Eye]] = {}
    for (x, y, w, h), votes in find("eye", patch[: _PATCH_PX * 5 // 8], step=1.1, votes=8, smallest_px=24):
        across, down = (x + w / 2) / _PATCH_PX, (y + h / 2) / _PATCH_PX
        if not 0.2 < down < 0.55:
            continue
        eye = Eye(square.left + across * square.width, square.top + down * square.height)
        is_right = across > 0.5
        if is_right not in best or votes > best[is_right][0]:
            best[is_right] = (votes, eye)
    left, right = best.get(False), best.get(True)
    return (left[1] if left else None, right[1] if right else None)


def _smile(patch: Pixels) -> tuple[bool, float]:
    """Return whether the lower half smiles. The cascade alone is weak: few votes mean nothing either way."""
    lower = patch[_PATCH_PX // 2 :]
    votes = max((count for _, count in find("smile", lower, step=1.1, votes=20, smallest_px=40)), default=0)
    if votes >= 60:
        return True, confidence_of_votes(votes, floor=60, half=120, ceiling=97)
    return False, 60.0 if votes < 20 else 50.0


def _roll(left: Eye | None, right: Eye | None, picture: Picture) -> float:
    if left is None or right is None:
        return 0.0
    down, across = (right.y - left.y) * picture.height, (right.x - left.x) * picture.width
    return math.degrees(math.atan2(down, across))
