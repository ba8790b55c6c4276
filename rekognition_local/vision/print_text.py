"""Printed text by Tesseract, where it is installed (Debian: ``apt-get install tesseract-ocr``)."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import pytesseract

from rekognition_local.images import Picture
from rekognition_local.vision.geometry import Box

# Sparse text: as much as can be found, in no particular layout.
_OPTIONS = "--psm 11"
_TIMEOUT_S = 20
# Below this Tesseract is reading leaves and bricks.
SMALLEST_CONFIDENCE = 55.0
MIN_HEIGHT_PX = 6
# A larger picture takes longer and reads no better; small print is enlarged, which Tesseract needs.
READING_SIDE_PX = 1280
ENLARGE_BELOW_PX = 640


@dataclass(frozen=True, slots=True)
class Word:
    """A word with its box and confidence 0 to 100."""

    text: str
    box: Box
    confidence: float


@dataclass(frozen=True, slots=True)
class Line:
    """Words side by side."""

    words: tuple[Word, ...]


@cache
def can_read_print() -> bool:
    """Whether a `tesseract` command is on the PATH."""
    return shutil.which("tesseract") is not None


def find_lines(picture: Picture) -> list[Line]:
    """Read the printed lines, from top to bottom; nothing where Tesseract is not installed."""
    if not can_read_print():
        return []
    gray = picture.gray_at(READING_SIDE_PX)
    if max(gray.shape) < ENLARGE_BELOW_PX:
        gray = cv2.resize(gray, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC).astype(np.uint8, copy=False)
    rows, columns = gray.shape[:2]
    data = pytesseract.image_to_data(gray, config=_OPTIONS, output_type=pytesseract.Output.DICT, timeout=_TIMEOUT_S)
    return lines_of(data, columns, rows)


def lines_of(data: Mapping[str, Sequence[object]], columns: int, rows: int) -> list[Line]:
    """Group the words of Tesseract's table into lines, without what is too unsure to be text."""
    groups: dict[tuple[str, ...], list[Word]] = {}
    for i, raw in enumerate(data["text"]):
        text, confidence = str(raw).strip(), float(str(data["conf"][i]))
        x, y, width, height = (float(str(data[name][i])) for name in ("left", "top", "width", "height"))
        readable = any(character.isalnum() for character in text)
        if not readable or confidence < SMALLEST_CONFIDENCE or height < MIN_HEIGHT_PX:
            continue
        line = tuple(str(data[name][i]) for name in ("block_num", "par_num", "line_num"))
        groups.setdefault(line, []).append(
            Word(text, Box.from_pixels((x, y, width, height), columns, rows), confidence)
        )
    lines = [Line(tuple(words)) for words in groups.values() if any(_is_sure(word) for word in words)]
    return sorted(lines, key=lambda line: (line.words[0].box.top, line.words[0].box.left))


def _is_sure(word: Word) -> bool:
    """Whether a word alone is enough to believe in its line: leaves and gravel give short, unsure ones."""
    characters = sum(character.isalnum() for character in word.text)
    return (characters >= 3 and word.confidence >= 80) or (characters == 2 and word.confidence >= 90)
