"""Printed text by PP-OCR, where the extra `ocr` is installed (PyPI's `rapidocr` and `onnxruntime`)."""

from __future__ import annotations

import os
import threading
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np

from rekognition_local.images import Picture
from rekognition_local.vision.geometry import Box

# A larger picture takes longer and reads no better.
READING_SIDE_PX = 960
# Below this the network reads leaves and bricks.
SMALLEST_CONFIDENCE = 55.0
# PP-OCR reads these too; the service does not (rekognition/latest/dg/text-detection.html).
_OTHER_SCRIPTS = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "FULLWIDTH")
_one_at_a_time = threading.Lock()


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
    """Return whether the packages of the extra `ocr` are installed, without importing them, which takes a second."""
    return all(find_spec(name) is not None for name in ("rapidocr", "onnxruntime"))


@cache
def _reader() -> Any:
    # The installed package may be newer than the lock: from 1.29 on onnxruntime sends telemetry unless this is set.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    from rapidocr import RapidOCR

    return RapidOCR(
        params={
            "Global.log_level": "error",
            "Global.use_cls": False,
            "Det.limit_type": "max",
            "Det.limit_side_len": READING_SIDE_PX,
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )


def find_lines(picture: Picture) -> list[Line]:
    """Read the printed lines, from top to bottom; nothing where the extra is not installed."""
    if not can_read_print():
        return []
    pixels = picture.pixels_at(READING_SIDE_PX)
    with _one_at_a_time:
        output = _reader()(np.ascontiguousarray(pixels[..., ::-1]), return_word_box=True)
    rows, columns = pixels.shape[:2]
    return [] if output.boxes is None else lines_of(output.word_results, columns, rows)


def lines_of(word_results: Iterable[Iterable[tuple[str, float, Any]]], columns: int, rows: int) -> list[Line]:
    """Convert the reader's lines of (text, score 0 to 1, corners in pixels) to ours, without those that are no text."""
    lines = [Line(tuple(_words(each, columns, rows))) for each in word_results]
    return sorted(
        (line for line in lines if line.words), key=lambda line: (line.words[0].box.top, line.words[0].box.left)
    )


def _words(word_results: Iterable[tuple[str, float, Any]], columns: int, rows: int) -> Iterable[Word]:
    for text, score, corners in word_results:
        if is_readable(text) and 100 * score >= SMALLEST_CONFIDENCE:
            points = np.asarray(corners, dtype=float)
            (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
            yield Word(
                text, Box.from_pixels((left, top, right - left, bottom - top), columns, rows), 100 * float(score)
            )


def is_readable(text: str) -> bool:
    """Return whether a word has a letter or digit, and none of a script that the service does not read."""
    letters = [character for character in text if character.isalnum()]
    return bool(letters) and not any(unicodedata.name(letter, "").startswith(_OTHER_SCRIPTS) for letter in letters)
