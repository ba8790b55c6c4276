"""Boxes as fractions 0 to 1 of a picture's width and height."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle; `left`, `top`, `width` and `height` are fractions of the picture's width and height."""

    left: float
    top: float
    width: float
    height: float

    @classmethod
    def from_pixels(cls, rectangle: Sequence[int | float], picture_width: float, picture_height: float) -> Box:
        """Make a box of (x, y, width, height) in pixels, cut at the picture's edges."""
        x, y, width, height = (float(value) for value in rectangle)
        left, top = max(0.0, x), max(0.0, y)
        right, bottom = min(picture_width, x + width), min(picture_height, y + height)
        return cls(
            left / picture_width,
            top / picture_height,
            max(0.0, right - left) / picture_width,
            max(0.0, bottom - top) / picture_height,
        )

    @property
    def right(self) -> float:
        """Return the right edge."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """Return the lower edge."""
        return self.top + self.height

    @property
    def area(self) -> float:
        """Return the share of the picture that the box covers."""
        return self.width * self.height

    def intersection(self, other: Box) -> float:
        """Return the area that both boxes cover."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        return width * height if width > 0 and height > 0 else 0.0

    def overlap(self, other: Box) -> float:
        """Return intersection over union, 0 to 1."""
        shared = self.intersection(other)
        union = self.area + other.area - shared
        return shared / union if union else 0.0

    def contains_centre_of(self, other: Box) -> bool:
        """Return whether the other box's centre lies inside this one."""
        x, y = other.left + other.width / 2, other.top + other.height / 2
        return self.left <= x <= self.right and self.top <= y <= self.bottom


@dataclass(frozen=True, slots=True)
class Sighting:
    """A detection: its box and its confidence (0 to 100)."""

    box: Box
    confidence: float


def confidence_of_votes(votes: float, floor: float = 50.0, half: float = 12.0, ceiling: float = 99.5) -> float:
    """Turn a detector's number of agreeing windows into a confidence.

    Cascades and sliding windows fire several times around a real object and once or twice around noise. The
    curve starts at `floor`, rises by half of what is left for each `half` votes, and never reaches `ceiling`.
    """
    return ceiling - (ceiling - floor) * math.pow(0.5, votes / half)
