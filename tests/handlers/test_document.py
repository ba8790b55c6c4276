"""The document that others get, and where it is."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import yaml

from handlers.labelling.detectors import Detector, DetectorSettings
from handlers.results.codes import Code, Status, sentence
from handlers.results.document import Result, document_key, public_document
from tests.handlers.factories import labeled
from tests.handlers.schemas import faults, schema

BOX = {"Left": -0.1, "Top": 0.25, "Width": 0.5, "Height": 1.05}
ANSWERS: dict[Detector, dict[str, Any]] = {
    Detector.LABELS: {
        "Labels": [
            {
                "Name": "Cat",
                "Confidence": 97.123456,
                "Parents": [{"Name": "Animal"}],
                "Aliases": [{"Name": "Kitty"}],
                "Categories": [{"Name": "Animals and Pets"}],
                "Instances": [{"Confidence": 90.5, "BoundingBox": BOX}],
            }
        ],
        "ImageProperties": {
            "Quality": {"Brightness": 80.1, "Sharpness": 90, "Contrast": 50},
            "DominantColors": [{"HexCode": "#ff00aa", "SimplifiedColor": "pink", "PixelPercent": 12.5}],
        },
    },
    Detector.FACES: {
        "FaceDetails": [
            {
                "Confidence": 99.9,
                "BoundingBox": BOX,
                "AgeRange": {"Low": 20, "High": 30},
                "Emotions": [{"Type": "HAPPY", "Confidence": 88.8}],
                "Smile": {"Value": True, "Confidence": 90},
                "Gender": {"Value": "Female", "Confidence": 90},
                "Pose": {"Roll": -3.5, "Yaw": 1, "Pitch": 0},
                "Quality": {"Brightness": 80, "Sharpness": 90},
            }
        ]
    },
    Detector.MODERATION: {
        "ModerationLabels": [{"Name": "Smoking", "ParentName": "Tobacco", "Confidence": 91, "TaxonomyLevel": 2}]
    },
    Detector.TEXT: {
        "TextDetections": [{"DetectedText": "STOP", "Type": "LINE", "Confidence": 99, "Geometry": {"BoundingBox": BOX}}]
    },
}


def full_result() -> Result:
    """Return a result with every attribute, as the detectors build it from Rekognition's answers."""
    settings = DetectorSettings(tuple(Detector), 10, Decimal(50), image_properties=True)
    result = labeled("uploads/größe +%.jpg").result
    for detector, answer in ANSWERS.items():
        result.update(settings.analysis(detector, answer))  # type: ignore[typeddict-item]  # parts of a result
    more: Any = {
        "etag": "e",
        "sizeBytes": 1000,
        "format": "JPEG",
        "width": 640,
        "height": 480,
        "reused": False,
        "capture": {
            "takenAt": "2026-05-01T12:34:56+02:00",
            "camera": "Canon EOS R5",
            "lens": "RF 24-70mm",
            "exposureSeconds": Decimal("0.008"),
            "aperture": Decimal("2.8"),
            "iso": 400,
            "focalLengthMm": Decimal(35),
            "latitude": Decimal("48.8584"),
            "longitude": Decimal("-2.2945"),
        },
        "converted": True,
    }
    more |= {"detectors": [*Detector], "uploadedAt": "2026-11-20T12:00:01.000Z", "truncated": ["faces"]}
    return {**result, **more}


@pytest.mark.parametrize("status", [Status.REJECTED, Status.FAILED])
def test_document_of_a_picture_that_is_not_labelled_follows_the_schema(status: Status) -> None:
    result = labeled(status=status).result
    result["code"], result["message"] = Code.NOT_AN_IMAGE, sentence(Code.NOT_AN_IMAGE)

    assert faults(public_document(result), "result") == []


def test_document_of_a_labelled_picture_follows_the_schema() -> None:
    document = json.loads(json.dumps(public_document(full_result())))

    assert faults(document, "result") == []
    assert document["schemaVersion"] == 1
    assert document["labels"][0]["confidence"] == 97.1235


def test_schema_knows_every_attribute_of_a_result_and_no_other() -> None:
    names = set(get_type_hints(Result)) | {"schemaVersion"}

    assert set(schema("result")["properties"]) == names
    assert set(public_document(full_result())) == names - {"code", "message"}


@pytest.mark.parametrize(
    "change",
    [
        {"schemaVersion": 2},
        {"status": "DELETED"},
        {"status": "REJECTED"},
        {"code": "NOT_AN_IMAGE"},
        {"labels": [{"name": "Cat", "confidence": "97"}]},
    ],
)
def test_schema_refuses_what_is_no_such_document(change: dict[str, Any]) -> None:
    assert faults(public_document(full_result()) | change, "result") != []


def test_schema_says_of_the_parts_what_the_api_says() -> None:
    contract = yaml.safe_load((Path(__file__).parents[2] / "api" / "openapi.yaml").read_text())["components"]["schemas"]
    document = schema("result")

    assert document["$defs"] == {name: plain(contract[name]) for name in document["$defs"]}
    of_api = plain(contract["Result"]["properties"])
    assert {name: value for name, value in document["properties"].items() if name != "schemaVersion"} == of_api


def plain(part: Any) -> Any:
    """Return a part of the contract as JSON Schema has it: other references, texts on one line."""
    if isinstance(part, dict):
        return {
            name: value.replace("#/components/schemas/", "#/$defs/") if name == "$ref" else plain(value)
            for name, value in part.items()
        }
    if isinstance(part, list):
        return [plain(item) for item in part]
    return " ".join(part.split()) if isinstance(part, str) else part


def test_document_is_found_by_key_and_version() -> None:
    assert document_key("uploads/ein bild.jpg", "v1") == "results/uploads/ein bild.jpg/v1.json"
    assert document_key("cat.jpg", None) == "results/cat.jpg/null.json"


def test_document_of_a_long_key_fits_s3() -> None:
    version = "x" * 32
    fits, too_long = "ä" * 489, "ä" * 490

    assert len(document_key(fits, version).encode()) == 1024
    assert document_key(fits, version) == f"results/{fits}/{version}.json"
    hashed = document_key(too_long, version)
    assert hashed.startswith("results-of-long-keys/")
    assert hashed.endswith(f"/{version}.json")
    assert hashed != document_key(too_long[:-1] + "b", version)
