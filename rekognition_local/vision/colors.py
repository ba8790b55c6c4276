"""Dominant colours, and what of the picture is foreground.

Pixels are clustered by k-means in Lab, where distances are as the eye sees them, from a fixed start, so that the
same picture always has the same answer; each cluster then takes the nearest CSS colour.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

from rekognition_local.images import Pixels, fit
from rekognition_local.vision.css_colors import CSS_COLORS, CssColor
from rekognition_local.vision.geometry import Box

SIDE_PX = 72
CLUSTERS = 16
SMALLEST_PERCENT = 1.0


@dataclass(frozen=True, slots=True)
class DominantColor:
    """A colour and the percentage of the pixels that are near it."""

    color: CssColor
    percent: float


@cache
def _palette() -> npt.NDArray[np.float32]:
    rgb = np.array([[[c.red, c.green, c.blue] for c in CSS_COLORS]], dtype=np.float32) / 255
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)[0], dtype=np.float32)


def find_colors(pixels: Pixels, mask: npt.NDArray[np.bool_] | None = None) -> list[DominantColor]:
    """Return the dominant colours of RGB pixels, or of those where the mask is true; the most frequent first."""
    small = fit(pixels, SIDE_PX)
    lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB).reshape(-1, 3).astype(np.float32)
    if mask is not None:
        chosen = cv2.resize(mask.astype(np.uint8), (small.shape[1], small.shape[0]), interpolation=cv2.INTER_NEAREST)
        lab = lab[chosen.reshape(-1) > 0]
    if len(lab) == 0:
        return []
    centres, sizes = _cluster(lab)
    nearest = ((centres[:, None, :] - _palette()[None, :, :]) ** 2).sum(axis=2).argmin(axis=1)
    pixels_of: Counter[int] = Counter()
    for index, size in zip(nearest.tolist(), sizes.tolist(), strict=True):
        pixels_of[index] += size
    ranked = sorted(pixels_of.items(), key=lambda entry: (-entry[1], entry[0]))
    colors = [DominantColor(CSS_COLORS[index], 100.0 * size / len(lab)) for index, size in ranked]
    return [color for color in colors if color.percent >= SMALLEST_PERCENT]


def _cluster(lab: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Run k-means from pixels picked evenly along the lightness order, without randomness."""
    order = lab[np.argsort(lab[:, 0], kind="stable")]
    count = min(CLUSTERS, len(order))
    centres = order[np.linspace(0, len(order) - 1, count).astype(int)]
    channels = np.ascontiguousarray(lab.T)
    for _ in range(8):
        squares = ((values - places[:, None]) ** 2 for values, places in zip(channels, centres.T, strict=True))
        labels = sum(squares, np.float32(0)).argmin(axis=0)
        sizes = np.bincount(labels, minlength=count)
        sums = np.zeros((count, 3), dtype=np.float32)
        np.add.at(sums, labels, lab)
        moved = np.where(sizes[:, None] > 0, sums / np.maximum(sizes, 1)[:, None].astype(np.float32), centres)
        if np.array_equal(moved, centres):
            break
        centres = moved
    return centres[sizes > 0], sizes[sizes > 0].astype(np.int64)


def find_foreground(pixels: Pixels, objects: list[Box]) -> npt.NDArray[np.bool_]:
    """Return a mask of the foreground: the boxes of objects, or else the middle of the picture.

    The middle is a box of 70 % a side; nothing here can cut an unknown object out of its background.
    """
    rows, columns = pixels.shape[:2]
    mask = np.zeros((rows, columns), dtype=np.bool_)
    for box in objects or [Box(0.15, 0.15, 0.7, 0.7)]:
        top, left = int(box.top * rows), int(box.left * columns)
        mask[top : max(top + 1, round(box.bottom * rows)), left : max(left + 1, round(box.right * columns))] = True
    return mask
