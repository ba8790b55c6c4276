"""The functions' environment variables."""

from __future__ import annotations

from decimal import Decimal

import pytest

from handlers.environment import EnvironmentVariableError, Variables
from handlers.labelling import composition
from handlers.labelling.detectors import Detector
from handlers.labelling.pipeline import Pipeline
from handlers.labelling.rekognition import PacedCalls

GOOD = {
    "RESULTS_TABLE": "results",
    "UPLOAD_BUCKET": "uploads",
    "QUEUE_URL": "https://sqs/queue",
    "DEAD_LETTER_QUEUE_URL": "https://sqs/dead-letters",
    "MAX_ATTEMPTS": "5",
    "BATCH_SIZE": "10",
    "DETECTORS": "labels, faces",
    "MAX_LABELS": "10",
    "MIN_CONFIDENCE": "70.5",
    "IMAGE_PROPERTIES": "false",
    "KEEP_LOCATION": "false",
    "REKOGNITION_CALLS_PER_SECOND": "2.5",
    "REKOGNITION_TIMEOUT_S": "10",
    "RETRY_BASE_DELAY_S": "5",
    "CACHE_DAYS": "30",
    "MAX_CONVERTED_PIXELS": "16000000",
    "DECODER_MEMORY_MB": "400",
}


def test_good_variables_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    pipeline = composition.process_image(Variables(GOOD)).use_case

    assert isinstance(pipeline, Pipeline)
    assert pipeline.settings.detectors == (Detector.LABELS, Detector.FACES)
    assert pipeline.settings.min_confidence == Decimal("70.5")
    assert isinstance(pipeline.rekognition, PacedCalls)
    assert pipeline.rekognition.buckets[Detector.FACES].calls_per_second == 2.5


@pytest.mark.parametrize("name", list(GOOD))
def test_missing_variable_is_named(name: str) -> None:
    with pytest.raises(EnvironmentVariableError, match=f"{name} is not set"):
        composition.process_image(Variables({other: value for other, value in GOOD.items() if other != name}))


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
        ("MAX_ATTEMPTS", "0"),
    ],
)
def test_wrong_variable_is_named_with_its_value(name: str, value: str) -> None:
    with pytest.raises(EnvironmentVariableError, match=f"{name} is '{value}': expected "):
        composition.process_image(Variables(GOOD | {name: value}))


def test_image_properties_without_labels_are_refused() -> None:
    with pytest.raises(EnvironmentVariableError, match="IMAGE_PROPERTIES"):
        composition.process_image(Variables(GOOD | {"IMAGE_PROPERTIES": "true", "DETECTORS": "faces"}))
