"""Cutting an analysis to the size of a DynamoDB item."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from handlers.results.document import Analysis, BoundingBox
from handlers.results.item import MAX_ANALYSIS_BYTES, size_bytes, trimmed
from tests.handlers.factories import label

BOX: BoundingBox = {
    "left": Decimal("0.123456"),
    "top": Decimal("0.123456"),
    "width": Decimal("0.123456"),
    "height": Decimal("0.123456"),
}


def text(number: int) -> Any:
    return {"text": f"word {number}", "type": "WORD", "confidence": Decimal(number % 100), "boundingBox": BOX}


def test_small_analysis_is_left_alone() -> None:
    analysis = Analysis(labels=[label("Cat")], faces=[])

    assert trimmed(analysis) == (analysis, [])


def test_page_of_text_loses_its_least_certain_words_and_says_so() -> None:
    analysis = Analysis(labels=[label("Page")], text=[text(number) for number in range(5000)])

    smaller, cut = trimmed(analysis)

    assert cut == ["text"]
    assert size_bytes(smaller) <= MAX_ANALYSIS_BYTES
    assert smaller["labels"] == analysis["labels"]
    assert 0 < len(smaller["text"]) < 5000
    lost = [word for word in analysis["text"] if word not in smaller["text"]]
    assert max(word["confidence"] for word in lost) <= min(word["confidence"] for word in smaller["text"]) + 1
    assert len(analysis["text"]) == 5000, "the analysis that was handed in is not changed"


def test_crowd_loses_boxes_and_keeps_the_one_dog() -> None:
    crowd, dog = label("Person"), label("Dog")
    crowd["instances"] = [{"confidence": Decimal(number), "boundingBox": BOX} for number in range(9000)]
    dog["instances"] = [{"confidence": Decimal(99), "boundingBox": BOX}]

    smaller, cut = trimmed(Analysis(labels=[crowd, dog]))

    assert cut == ["labels.instances"]
    assert smaller["labels"][1]["instances"] == dog["instances"]
    assert len(smaller["labels"][0]["instances"]) > 1000
    assert size_bytes(smaller) <= MAX_ANALYSIS_BYTES


def test_the_largest_parts_are_cut_first() -> None:
    analysis = Analysis(
        labels=[label("Page")],
        text=[text(number) for number in range(4000)],
        moderation=[{"name": "A", "parent": "", "confidence": Decimal(80)}],
    )

    smaller, cut = trimmed(analysis)

    assert cut == ["text"]
    assert smaller["moderation"] == analysis["moderation"]


def test_words_about_labels_go_when_they_are_too_large() -> None:
    huge = label("Thing")
    huge["aliases"] = ["x" * 1000] * 1000

    smaller, cut = trimmed(Analysis(labels=[huge]))

    assert cut == ["labels.aliases"]
    assert smaller["labels"][0]["aliases"] == []


def test_a_float_is_refused() -> None:
    with pytest.raises(TypeError, match="float"):
        size_bytes({"confidence": 0.5})
