"""DetectText: codes always, print where Tesseract is installed."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from mypy_boto3_rekognition import RekognitionClient
from PIL import Image

from rekognition_local.vision.print_text import can_read_print, lines_of
from tests.rekognition_local.conftest import Control
from tests.rekognition_local.pictures import encoded, page_of_text, plain, qr_code, sample

needs_tesseract = pytest.mark.skipif(not can_read_print(), reason="reading print needs the tesseract command")


def text_in(client: RekognitionClient, data: bytes, **parameters: Any) -> list[Any]:
    """The detections of a picture."""
    answer = client.detect_text(Image={"Bytes": data}, **parameters)
    assert answer["TextModelVersion"] == "3.0"
    return answer["TextDetections"]


def lines(detections: list[Any]) -> list[str]:
    """The lines' text."""
    return [found["DetectedText"] for found in detections if found["Type"] == "LINE"]


def test_reads_a_qr_code_as_a_line_and_words(rekognition: RekognitionClient) -> None:
    line, first, second = text_in(rekognition, encoded(qr_code("hello world")))

    assert (line["Type"], line["DetectedText"], line["Id"]) == ("LINE", "hello world", 0)
    assert "ParentId" not in line
    assert [(word["Type"], word["DetectedText"], word["Id"], word["ParentId"]) for word in (first, second)] == [
        ("WORD", "hello", 1, 0),
        ("WORD", "world", 2, 0),
    ]
    box = line["Geometry"]["BoundingBox"]
    assert (box["Left"], box["Top"]) == pytest.approx((330 / 600, 130 / 400), abs=0.06)
    assert len(line["Geometry"]["Polygon"]) == 4


def test_reads_two_codes_from_top_to_bottom(rekognition: RekognitionClient) -> None:
    picture = Image.new("RGB", (600, 900), "white")
    picture.paste(qr_code("second"), (0, 450))
    picture.paste(qr_code("first"), (0, 0))

    assert lines(text_in(rekognition, encoded(picture)))[:2] == ["first", "second"]


def test_reads_a_bar_code(rekognition: RekognitionClient) -> None:
    assert lines(text_in(rekognition, encoded(ean13("4006381333931"))))[0] == "4006381333931"


def ean13(digits: str) -> Image.Image:
    """A picture of an EAN-13 bar code."""
    left = [
        "0001101",
        "0011001",
        "0010011",
        "0111101",
        "0100011",
        "0110001",
        "0101111",
        "0111011",
        "0110111",
        "0001011",
    ]
    parity = ["LLLLLL", "LLGLGG", "LLGGLG", "LLGGGL", "LGLLGG", "LGGLLG", "LGGGLL", "LGLGLG", "LGLGGL", "LGGLGL"]
    right = ["".join("10"[int(bit)] for bit in code) for code in left]
    halves = zip(digits[1:7], parity[int(digits[0])], strict=True)
    first = "".join(left[int(d)] if p == "L" else right[int(d)][::-1] for d, p in halves)
    bits = "101" + first + "01010" + "".join(right[int(d)] for d in digits[7:]) + "101"
    bars = np.array([[255 * (bit == "0") for bit in bits]], dtype=np.uint8)
    picture = cv2.resize(bars, (95 * 4, 150), interpolation=cv2.INTER_NEAREST)
    padded = cv2.copyMakeBorder(picture, 80, 80, 80, 80, cv2.BORDER_CONSTANT, value=[255])
    return Image.fromarray(np.asarray(padded, dtype=np.uint8))


@pytest.mark.parametrize("name", ["coffee.jpg", "cat.png", "flower.jpg"])
def test_reads_nothing_where_nothing_is_written(rekognition: RekognitionClient, name: str) -> None:
    assert text_in(rekognition, sample(name)) == []


LOWER_RIGHT = {"Left": 0.4, "Top": 0.4, "Width": 0.6, "Height": 0.6}
TRIANGLE = [{"X": 0, "Y": 0}, {"X": 0.6, "Y": 0}, {"X": 0.6, "Y": 0.2}]
RULE_TEXT = [
    {"text": "one two", "confidence": 95, "boundingBox": {"left": 0, "top": 0, "width": 0.5, "height": 0.1}},
    {"text": "three", "confidence": 70, "boundingBox": {"left": 0.5, "top": 0.5, "width": 0.2, "height": 0.05}},
]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, ["one two"]),
        ({"WordFilter": {"MinConfidence": 60}}, ["one two", "three"]),
        ({"WordFilter": {"MinConfidence": 96}}, []),
        ({"WordFilter": {"MinConfidence": 0, "MinBoundingBoxHeight": 0.08}}, ["one two"]),
        ({"WordFilter": {"MinConfidence": 0, "MinBoundingBoxWidth": 0.6}}, []),
        ({"WordFilter": {"MinConfidence": 0}, "RegionsOfInterest": [{"BoundingBox": LOWER_RIGHT}]}, ["three"]),
        ({"WordFilter": {"MinConfidence": 0}, "RegionsOfInterest": [{"Polygon": TRIANGLE}]}, ["one two"]),
        ({"RegionsOfInterest": [{"BoundingBox": LOWER_RIGHT | {"Left": 0.9}}]}, []),
    ],
)  # fmt: skip
def test_filters_words(
    rekognition: RekognitionClient, control: Control, filters: dict[str, Any], found: list[str]
) -> None:
    control.put_rules({"text": RULE_TEXT})

    assert lines(text_in(rekognition, plain(), Filters=filters)) == found


def test_answers_at_most_a_hundred_words(rekognition: RekognitionClient, control: Control) -> None:
    control.put_rules({"text": [" ".join(["word"] * 60), " ".join(["more"] * 60), "last"]})

    detections = text_in(rekognition, plain())

    assert [found["Type"] for found in detections].count("WORD") == 100
    assert len(lines(detections)) == 2


@needs_tesseract
def test_reads_print(rekognition: RekognitionClient) -> None:
    page = page_of_text(["Hello from the printed page", "Second line 2026"])

    detections = text_in(rekognition, encoded(page))

    assert lines(detections) == ["Hello from the printed page", "Second line 2026"]
    first = detections[0]["Geometry"]["BoundingBox"]
    assert first["Left"] == pytest.approx(0.05, abs=0.03)
    assert first["Top"] == pytest.approx(0.08, abs=0.04)


@needs_tesseract
def test_reads_the_poster(rekognition: RekognitionClient) -> None:
    found = lines(text_in(rekognition, sample("poster-qr-code.jpg")))

    assert "https://example.com/labelstack" in found
    assert "LABELSTACK" in found


def test_keeps_lines_with_a_word_that_is_sure() -> None:
    table: dict[str, list[object]] = {
        "text": ["", "sure", "weak", "xx", "mumble", "~~"],
        "conf": [-1, 91.5, 60, 70, 40, 99],
        "left": [0, 10, 60, 0, 0, 0],
        "top": [0, 10, 10, 50, 50, 90],
        "width": [100, 40, 40, 10, 40, 40],
        "height": [100, 20, 20, 20, 20, 20],
        "block_num": [1, 1, 1, 2, 2, 3],
        "par_num": [0, 1, 1, 1, 1, 1],
        "line_num": [0, 1, 1, 1, 1, 1],
    }

    found = lines_of(table, columns=200, rows=100)

    assert [[word.text for word in line.words] for line in found] == [["sure", "weak"]]
    assert found[0].words[0].box.left == pytest.approx(0.05)
