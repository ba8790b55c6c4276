"""Scene cues that colour and texture can carry: sky, vegetation, starry sky, night, a page of text.

Each is claimed only where several properties agree, and with a confidence that says how much that is worth.
Nothing here knows what an object is.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from rekognition_local.images import Picture, Pixels

SIDE_PX = 256
TEXT_SIDE_PX = 800
# A page of small print has about 3,000 strokes; more is gravel or a starfield.
MOST_STROKES = 5000
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Cue:
    """A label or moderation label by the service's name, and a confidence 0 to 100."""

    name: str
    confidence: float


def find_scene(picture: Picture) -> list[Cue]:
    """Collect the cues of a picture."""
    pixels = picture.pixels_at(SIDE_PX)
    hsv = cv2.cvtColor(pixels, cv2.COLOR_RGB2HSV).astype(np.int16)
    gray = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    texture = np.asarray(cv2.blur(np.abs(cv2.Laplacian(gray, cv2.CV_32F)), (9, 9)), dtype=np.float32)
    cues = [
        _sky(pixels, hsv, texture),
        _vegetation(hsv, texture),
        *_darkness(gray),
        *_text(picture.gray_at(TEXT_SIDE_PX)),
    ]
    return [cue for cue in cues if cue is not None]


def _sky(pixels: Pixels, hsv: npt.NDArray[np.int16], texture: npt.NDArray[np.float32]) -> Cue | None:
    """Return a smooth bluish area hanging from the top edge, with something rougher below it."""
    hue, saturation, value = hsv[..., 0], hsv[..., 1], hsv[..., 2]
    blueness = pixels[..., 2].astype(np.int16) - pixels[..., 0]
    blue = (hue >= 95) & (hue <= 128) & (saturation > 50) & (value > 45)
    hazy = (blueness >= 10) & (value > 170)
    smooth = texture < 9
    area = _hanging_from_top((blue | hazy) & smooth)
    share, top_share = float(area.mean()), float(area[:3].any(axis=0).mean())
    if share < 0.12 or share > 0.95 or top_share < 0.4:
        return None
    below = texture[area.shape[0] * 2 // 3 :]
    if float((below > 9).mean()) < 0.1:
        return None
    return Cue("Sky", min(94.0, 66.0 + 30.0 * top_share * min(1.0, share / 0.3)))


def _hanging_from_top(mask: Mask) -> Mask:
    """Return the connected parts of a mask that touch the top rows."""
    _, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    touching = np.unique(labels[:3])
    return np.isin(labels, touching[touching != 0])


def _vegetation(hsv: npt.NDArray[np.int16], texture: npt.NDArray[np.float32]) -> Cue | None:
    """Detect rough green in many shades; painted green is smooth and of one shade."""
    hue, saturation, value = hsv[..., 0], hsv[..., 1], hsv[..., 2]
    green = (hue >= 28) & (hue <= 88) & (saturation > 45) & (value > 25) & (value < 235)
    leaves = green & (texture > 12)
    share = float(leaves.mean())
    if share < 0.05 or float(np.std(value[leaves])) < 22 or float(np.std(hue[leaves])) < 3:
        return None
    return Cue("Plant", min(92.0, 62.0 + 90.0 * share))


def _darkness(gray: Pixels) -> list[Cue]:
    """Detect night, nearly all dark with some light in it, and starry sky, whose light is many separate points."""
    dark_share = float(np.mean(gray < 50))
    if float(np.median(gray)) > 35 or dark_share < 0.8:
        return []
    bright = (gray > 90).astype(np.uint8)
    count, _, stats, _ = cv2.connectedComponentsWithStats(bright, connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]
    small = int(np.sum(areas <= gray.size * 0.0015))
    if count > 40 and small > 0.9 * (count - 1):
        return [Cue("Starry Sky", min(88.0, 68.0 + small / 10))]
    largest = float(areas.max(initial=0)) / gray.size
    return [Cue("Night", 64.0)] if small >= 4 and largest < 0.05 else []


def _text(gray: Pixels) -> list[Cue]:
    """Detect lines of print: rows of many small strokes, of like height, side by side on a plain ground."""
    rows = gray.shape[0]
    ground = cv2.morphologyEx(gray, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_RECT, (19, 19)))
    strokes = cv2.threshold(cv2.subtract(ground, gray), 45, 1, cv2.THRESH_BINARY)[1]
    count, _, stats, _ = cv2.connectedComponentsWithStats(strokes, connectivity=8)
    if count > MOST_STROKES:
        return []
    letters = [
        (int(x), int(y), int(w), int(h))
        for x, y, w, h, area in stats[1:count]
        if 5 <= h <= rows / 6 and 1 <= w <= 3 * h and 0.15 <= area / (w * h) <= 0.95
    ]
    lines = text_lines(letters)
    in_lines = sum(len(line) for line in lines)
    if in_lines < 8 or in_lines < 0.6 * (count - 1):
        return []
    cues = [Cue("Text", min(96.0, 70.0 + in_lines / 5))]
    paper = float(np.mean(ground > 120))
    if len(lines) >= 4 and paper > 0.7:
        cues.append(Cue("Page", min(90.0, 66.0 + 2.0 * len(lines))))
    return cues


def text_lines(letters: list[tuple[int, int, int, int]]) -> list[list[tuple[int, int, int, int]]]:
    """Group boxes (x, y, width, height) into lines of at least five letters of like height and near each other."""
    lines: list[list[tuple[int, int, int, int]]] = []
    for x, y, w, h in sorted(letters):
        for line in lines:
            last_x, last_y, last_w, last_h = line[-1]
            near = x - (last_x + last_w) <= 2.0 * max(h, last_h)
            level = abs((y + h / 2) - (last_y + last_h / 2)) <= 0.5 * max(h, last_h)
            if near and level and 0.45 <= h / last_h <= 2.2:
                line.append((x, y, w, h))
                break
        else:
            lines.append([(x, y, w, h)])
    return [line for line in lines if len(line) >= 5]
