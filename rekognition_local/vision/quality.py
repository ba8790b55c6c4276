"""Brightness, sharpness and contrast on scales of 0 to 100."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from rekognition_local.images import Pixels, fit

_SIDE_PX = 512


@dataclass(frozen=True, slots=True)
class Quality:
    """Each 0 to 100; higher means brighter, sharper, with more contrast."""

    brightness: float
    sharpness: float
    contrast: float


def measure(pixels: Pixels, mask: npt.NDArray[np.bool_] | None = None) -> Quality:
    """Measure RGB pixels, or those where the mask is true: mean luma, energy of the Laplacian, and spread of the luma.

    The service does not publish its formulas; these order pictures the same way and keep to its scale.
    """
    small = fit(pixels, _SIDE_PX)
    gray = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), dtype=np.float32)
    edges = np.asarray(cv2.Laplacian(gray, cv2.CV_32F))
    if mask is not None and mask.any():
        chosen = cv2.resize(mask.astype(np.uint8), (small.shape[1], small.shape[0]), interpolation=cv2.INTER_NEAREST)
        gray, edges = gray[chosen > 0], edges[chosen > 0]
    return Quality(
        brightness=float(np.mean(gray)) / 2.55,
        sharpness=100 * (1 - math.exp(-float(np.std(edges)) / 20)),
        contrast=min(100.0, float(np.std(gray)) / 1.275),
    )
