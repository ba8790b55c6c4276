"""The functions' environment variables."""

from __future__ import annotations

from decimal import Decimal

import pytest

from handlers.labelling.detectors import Detector
from handlers.labelling.environment import EnvironmentVariableError
from handlers.process_image.environment import Environment

GOOD = {
    "RESULTS_TABLE": "results",
    "UPLOAD_BUCKET": "uploads",
    "QUEUE_URL": "https://sqs/queue",
    "DETECTORS": "labels, faces",
    "MAX_LABELS": "10",
    "MIN_CONFIDENCE": "70.5",
    "IMAGE_PROPERTIES": "false",
    "REKOGNITION_CALLS_PER_SECOND": "2.5",
    "REKOGNITION_TIMEOUT_S": "10",
    "RETRY_BASE_DELAY_S": "5",
    "CACHE_DAYS": "30",
    "MAX_CONVERTED_PIXELS": "16000000",
}


def test_good_variables_are_read() -> None:
    environment = Environment.parse(GOOD)

    assert environment.settings.detectors == (Detector.LABELS, Detector.FACES)
    assert environment.settings.min_confidence == Decimal("70.5")
    assert environment.calls_per_second == 2.5


@pytest.mark.parametrize("name", list(GOOD))
def test_missing_variable_is_named(name: str) -> None:
    with pytest.raises(EnvironmentVariableError, match=f"{name} is not set"):
        Environment.parse({other: value for other, value in GOOD.items() if other != name})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RESULTS_TABLE", ""),
        ("DETECTORS", ""),
        ("DETECTORS", "labels,dogs"),
        ("MAX_LABELS", "0"),
        ("MAX_LABELS", "50"),
        ("MAX_LABELS", "ten"),
        ("MIN_CONFIDENCE", "170"),
        ("MIN_CONFIDENCE", "nan"),
        ("IMAGE_PROPERTIES", "yes"),
        ("REKOGNITION_CALLS_PER_SECOND", "0"),
        ("RETRY_BASE_DELAY_S", "-1"),
    ],
)
def test_wrong_variable_is_named_with_its_value(name: str, value: str) -> None:
    with pytest.raises(EnvironmentVariableError, match=f"{name} is '{value}': expected "):
        Environment.parse(GOOD | {name: value})


def test_image_properties_without_labels_are_refused() -> None:
    with pytest.raises(EnvironmentVariableError, match="IMAGE_PROPERTIES"):
        Environment.parse(GOOD | {"IMAGE_PROPERTIES": "true", "DETECTORS": "faces"})
