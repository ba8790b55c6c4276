"""DetectText: codes, and print where the extra `ocr` is installed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from rekognition_local.analysis import Analysis
from rekognition_local.contents import box_of, lines_of_codes
from rekognition_local.rule_answers import box_document, text_of
from rekognition_local.vision.codes import find_bar_codes, find_qr_codes
from rekognition_local.vision.geometry import Box
from rekognition_local.vision.print_text import Line, Word, find_lines
from rekognition_local.vocabulary import TEXT_MODEL_VERSION

# API_DetectText: at most 100 words; API_DetectionFilter: default of MinConfidence.
MOST_WORDS = 100
DEFAULT_MIN_CONFIDENCE = 80.0


async def detect_text(
    parameters: Mapping[str, Any], analysis: Analysis, rule_items: list[Any] | None
) -> dict[str, Any]:
    """Answer DetectText: all lines, then all words, each word with its line's id as ParentId."""
    if rule_items is not None:
        lines = text_of(rule_items)
    else:
        qr_codes, bar_codes, printed = await asyncio.gather(
            analysis.find(find_qr_codes), analysis.find(find_bar_codes), analysis.find(find_lines)
        )
        lines = lines_of_codes(qr_codes + bar_codes) + printed
    return {
        "TextDetections": detections(apply_filters(lines, parameters.get("Filters", {}))),
        "TextModelVersion": TEXT_MODEL_VERSION,
    }


def apply_filters(lines: list[Line], filters: Mapping[str, Any]) -> list[Line]:
    """Return the lines with the words that pass, at most 100 words; a line without words goes.

    A word lies in a region of interest when more than half of it does.
    """
    word_filter = filters.get("WordFilter", {})
    least = word_filter.get("MinConfidence", DEFAULT_MIN_CONFIDENCE)
    min_height = word_filter.get("MinBoundingBoxHeight", 0.0)
    min_width = word_filter.get("MinBoundingBoxWidth", 0.0)
    regions = [_region(region) for region in filters.get("RegionsOfInterest", [])]

    def passes(word: Word) -> bool:
        large_enough = word.box.height >= min_height and word.box.width >= min_width
        inside = not regions or any(word.box.intersection(region) > word.box.area / 2 for region in regions)
        return word.confidence >= least and large_enough and inside

    kept, room = [], MOST_WORDS
    for line in lines:
        words = tuple(word for word in line.words if passes(word))[:room]
        room -= len(words)
        if words:
            kept.append(Line(words))
    return kept


def _region(region: Mapping[str, Any]) -> Box:
    """Return a region's box; of a polygon, the upright box around it."""
    if "BoundingBox" in region:
        box = region["BoundingBox"]
        return Box(box.get("Left", 0.0), box.get("Top", 0.0), box.get("Width", 1.0), box.get("Height", 1.0))
    points = [(point.get("X", 0.0), point.get("Y", 0.0)) for point in region.get("Polygon", [])]
    return box_of(points) if points else Box(0.0, 0.0, 1.0, 1.0)


def detections(lines: list[Line]) -> list[dict[str, Any]]:
    """Return lines and words, numbered as the service does."""
    documents = []
    for number, line in enumerate(lines):
        box = box_of(corner for word in line.words for corner in _polygon(word.box))
        text = " ".join(word.text for word in line.words)
        confidence = sum(word.confidence for word in line.words) / len(line.words)
        documents.append({"Type": "LINE", "Id": number, **_document(text, box, confidence)})
    words = [(number, word) for number, line in enumerate(lines) for word in line.words]
    for number, (parent, word) in enumerate(words, len(lines)):
        document = _document(word.text, word.box, word.confidence)
        documents.append({"Type": "WORD", "Id": number, "ParentId": parent, **document})
    return documents


def _polygon(box: Box) -> list[tuple[float, float]]:
    return [(box.left, box.top), (box.right, box.top), (box.right, box.bottom), (box.left, box.bottom)]


def _document(text: str, box: Box, confidence: float) -> dict[str, Any]:
    polygon = [{"X": x, "Y": y} for x, y in _polygon(box)]
    geometry = {"BoundingBox": box_document(box), "Polygon": polygon}
    return {"DetectedText": text, "Confidence": confidence, "Geometry": geometry}
