"""Requests to Rekognition, and its answers as documents."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from botocore.session import Session
from botocore.validate import ParamValidator

from handlers.labelling.detectors import OPERATIONS, Detector, DetectorSettings
from handlers.results.item import size_bytes

BOX = {"Left": 0.1234567, "Top": 0.5, "Width": 0.25, "Height": 0.125}
OUR_BOX = {"left": Decimal("0.123457"), "top": Decimal("0.5"), "width": Decimal("0.25"), "height": Decimal("0.125")}


def settings(
    *detectors: Detector, min_confidence: str = "70", max_labels: int = 10, image_properties: bool = False
) -> DetectorSettings:
    return DetectorSettings(detectors or tuple(Detector), max_labels, Decimal(min_confidence), image_properties)


@pytest.mark.parametrize("detector", list(Detector))
@pytest.mark.parametrize("image_properties", [False, True])
def test_requests_are_valid(detector: Detector, image_properties: bool) -> None:
    request = settings(image_properties=image_properties).parameters(detector)
    shape = Session().get_service_model("rekognition").operation_model(OPERATIONS[detector]).input_shape
    assert shape is not None

    report = ParamValidator().validate(request | {"Image": {"S3Object": {"Bucket": "bbb", "Name": "n"}}}, shape)

    assert not report.has_errors(), report.generate_report()


def test_labels_keep_parents_aliases_categories_and_boxes() -> None:
    answer = {
        "Labels": [
            {
                "Name": "Cat",
                "Confidence": 98.76543426513672,
                "Parents": [{"Name": "Animal"}],
                "Aliases": [{"Name": "Kitty"}],
                "Categories": [{"Name": "Animals and Pets"}],
                "Instances": [{"BoundingBox": BOX, "Confidence": 98.7}],
            }
        ]
    }

    analysis = settings().analysis(Detector.LABELS, answer)

    assert analysis == {
        "labels": [
            {
                "name": "Cat",
                "confidence": Decimal("98.7654"),
                "parents": ["Animal"],
                "aliases": ["Kitty"],
                "categories": ["Animals and Pets"],
                "instances": [{"confidence": Decimal("98.7"), "boundingBox": OUR_BOX}],
            }
        ]
    }


def test_what_is_less_certain_than_asked_for_is_left_out() -> None:
    answer = {"Labels": [{"Name": "Sure", "Confidence": 70.0}, {"Name": "Unsure", "Confidence": 69.99}]}

    analysis = settings().analysis(Detector.LABELS, answer)

    assert [label["name"] for label in analysis["labels"]] == ["Sure"]


def test_more_labels_than_asked_for_are_cut() -> None:
    answer = {"Labels": [{"Name": f"L{n}", "Confidence": 90.0} for n in range(30)]}

    assert len(settings(max_labels=3).analysis(Detector.LABELS, answer)["labels"]) == 3


@pytest.mark.parametrize("detector", list(Detector))
def test_nothing_found_is_an_empty_list_of_that_detector_alone(detector: Detector) -> None:
    assert settings().analysis(detector, {}) == {str(detector): []}


def test_face_is_described() -> None:
    face = {
        "BoundingBox": BOX,
        "Confidence": 99.9,
        "AgeRange": {"Low": 20, "High": 30},
        "Smile": {"Value": True, "Confidence": 88.0},
        "Gender": {"Value": "Female", "Confidence": 91.5},
        "Emotions": [{"Type": "CALM", "Confidence": 5.0}, {"Type": "HAPPY", "Confidence": 95.0}],
        "Pose": {"Roll": 1.5, "Yaw": -20.25, "Pitch": 0.0},
        "Quality": {"Brightness": 80.0, "Sharpness": 90.0},
        "Landmarks": [{"Type": "eyeLeft", "X": 0.1, "Y": 0.2}],
    }

    [face_result] = settings().analysis(Detector.FACES, {"FaceDetails": [face]})["faces"]

    assert face_result == {
        "confidence": Decimal("99.9"),
        "boundingBox": OUR_BOX,
        "ageRange": {"low": 20, "high": 30},
        "smile": {"value": True, "confidence": 88},
        "gender": {"value": "Female", "confidence": Decimal("91.5")},
        "emotions": [{"type": "HAPPY", "confidence": 95}, {"type": "CALM", "confidence": 5}],
        "pose": {"roll": Decimal("1.5"), "yaw": Decimal("-20.25"), "pitch": 0},
        "quality": {"brightness": 80, "sharpness": 90},
    }


def test_moderation_and_text_are_described() -> None:
    moderation = {"ModerationLabels": [{"Name": "Violence", "ParentName": "", "Confidence": 90.0, "TaxonomyLevel": 1}]}
    text = {
        "TextDetections": [
            {"DetectedText": "STOP", "Type": "LINE", "Confidence": 99.0, "Id": 0, "Geometry": {"BoundingBox": BOX}}
        ]
    }

    assert settings().analysis(Detector.MODERATION, moderation)["moderation"] == [
        {"name": "Violence", "parent": "", "confidence": 90, "taxonomyLevel": 1}
    ]
    assert settings().analysis(Detector.TEXT, text)["text"] == [
        {"text": "STOP", "type": "LINE", "confidence": 99, "boundingBox": OUR_BOX}
    ]


def test_colours_and_quality_come_with_image_properties_only() -> None:
    answer = {
        "Labels": [],
        "ImageProperties": {
            "Quality": {"Brightness": 60.5, "Sharpness": 70.0, "Contrast": 80.0},
            "DominantColors": [{"HexCode": "#ff0000", "SimplifiedColor": "red", "PixelPercent": 33.3}],
        },
    }

    with_properties = settings(image_properties=True).analysis(Detector.LABELS, answer)

    assert with_properties["colors"] == [{"hex": "#ff0000", "name": "red", "percent": Decimal("33.3")}]
    assert with_properties["quality"] == {"brightness": Decimal("60.5"), "sharpness": 70, "contrast": 80}
    assert set(settings().analysis(Detector.LABELS, answer)) == {"labels"}


def test_analysis_has_no_floats() -> None:
    answer: dict[str, Any] = {"Labels": [{"Name": "A", "Confidence": 100.0, "Instances": [{"BoundingBox": BOX}]}]}

    assert size_bytes(settings(min_confidence="0").analysis(Detector.LABELS, answer)) > 0  # a float is a TypeError


def test_whole_numbers_are_written_plainly() -> None:
    answer = {"Labels": [{"Name": "A", "Confidence": 100.0}]}

    [label] = settings().analysis(Detector.LABELS, answer)["labels"]

    assert str(label["confidence"]) == "100"


def test_fingerprint_changes_with_what_shapes_the_answer_only() -> None:
    base = settings()

    assert base.fingerprints[Detector.LABELS] != settings(max_labels=5).fingerprints[Detector.LABELS]
    assert base.fingerprints[Detector.LABELS] != settings(min_confidence="71").fingerprints[Detector.LABELS]
    assert base.fingerprints[Detector.LABELS] != settings(image_properties=True).fingerprints[Detector.LABELS]
    assert base.fingerprints[Detector.FACES] == settings(max_labels=5).fingerprints[Detector.FACES]
    assert base.fingerprints[Detector.FACES] == settings(min_confidence="70.0").fingerprints[Detector.FACES]
    assert len({base.fingerprints[detector] for detector in Detector}) == 4
