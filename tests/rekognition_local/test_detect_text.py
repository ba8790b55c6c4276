"""DetectText: codes, and print by the extra `ocr`."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from mypy_boto3_rekognition import RekognitionClient
from PIL import Image, ImageDraw, ImageFont

from rekognition_local.vision.print_text import lines_of
from tests.rekognition_local.conftest import Control
from tests.rekognition_local.pictures import encoded, page_of_text, plain, qr_code, sample


def text_in(client: RekognitionClient, data: bytes, **parameters: Any) -> list[Any]:
    """Return the detections of a picture."""
    answer = client.detect_text(Image={"Bytes": data}, **parameters)
    assert answer["TextModelVersion"] == "3.0"
    return answer["TextDetections"]


def lines(detections: list[Any]) -> list[str]:
    """Return the lines' text."""
    return [detection["DetectedText"] for detection in detections if detection["Type"] == "LINE"]


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
    """Return a picture of an EAN-13 bar code."""
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
    ("filters", "expected"),
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
    rekognition: RekognitionClient, control: Control, filters: dict[str, Any], expected: list[str]
) -> None:
    control.put_rules({"text": RULE_TEXT})

    assert lines(text_in(rekognition, plain(), Filters=filters)) == expected


def test_answers_at_most_a_hundred_words(rekognition: RekognitionClient, control: Control) -> None:
    control.put_rules({"text": [" ".join(["word"] * 60), " ".join(["more"] * 60), "last"]})

    detections = text_in(rekognition, plain())

    assert [detection["Type"] for detection in detections].count("WORD") == 100
    assert len(lines(detections)) == 2


def test_reads_print(rekognition: RekognitionClient) -> None:
    page = page_of_text(["Hello from the printed page", "Second line 2026"])

    detections = text_in(rekognition, encoded(page))

    assert lines(detections) == ["Hello from the printed page", "Second line 2026"]
    first = detections[0]["Geometry"]["BoundingBox"]
    assert first["Left"] == pytest.approx(0.05, abs=0.03)
    assert first["Top"] == pytest.approx(0.08, abs=0.04)


def test_reads_the_poster(rekognition: RekognitionClient) -> None:
    texts = lines(text_in(rekognition, sample("poster-qr-code.jpg")))

    assert texts == [
        "https://example.com/labelstack", "LABELSTACK", "Put a picture in,", "get labels out.", "Scan the code",
    ]  # fmt: skip


@pytest.mark.parametrize(("degrees", "size_px"), [(0, 14), (4, 28), (-6, 40)])
def test_reads_print_that_is_small_or_tilted(rekognition: RekognitionClient, degrees: int, size_px: int) -> None:
    picture = Image.new("RGB", (640, 480), "#e8e0d0")
    ImageDraw.Draw(picture).text((80, 200), "Platform 9 to York", fill="#203040", font=ImageFont.load_default(size_px))

    texts = lines(text_in(rekognition, encoded(picture.rotate(degrees, fillcolor="#e8e0d0"))))

    assert texts == ["Platform 9 to York"]


def test_keeps_the_words_that_the_service_would_read() -> None:
    def word(text: str, score: float, left: int, top: int) -> tuple[str, float, list[list[int]]]:
        return text, score, [[left, top], [left + 40, top + 2], [left + 40, top + 20], [left, top + 18]]

    words = [
        [word("unsure", 0.4, 0, 0), word("—", 0.99, 50, 0)],
        [word("below", 0.91, 10, 50)],
        [word("Straße", 0.95, 10, 10), word("出口", 0.99, 60, 10), word("2", 0.8, 110, 10)],
    ]

    lines_found = lines_of(words, columns=200, rows=100)

    assert [[each.text for each in line.words] for line in lines_found] == [["Straße", "2"], ["below"]]
    box = lines_found[0].words[0].box
    assert (box.left, box.top, box.width, box.height) == pytest.approx((0.05, 0.1, 0.2, 0.2))
