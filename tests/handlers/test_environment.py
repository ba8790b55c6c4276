"""The functions' environment variables."""

from __future__ import annotations

import os
from decimal import Decimal
from typing import Any
from unittest import mock

import pytest

from handlers.environment import EnvironmentVariableError
from handlers.labelling import composition
from handlers.labelling.detectors import Detector
from handlers.labelling.pipeline import Pipeline
from handlers.labelling.sqs_queue import QueueFunction

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


def process_image(**variables: str) -> tuple[QueueFunction, Pipeline]:
    """Return the labelling function in an environment of these variables, and its pipeline."""
    with mock.patch.dict(os.environ, {"AWS_DEFAULT_REGION": "us-east-1", **variables}, clear=True):
        handler: Any = composition.process_image.__wrapped__()
    # As Powertools wraps the function's method.
    function = handler.__wrapped__.__self__
    assert isinstance(function, QueueFunction)
    pipeline = getattr(function.process, "__self__", None)
    assert isinstance(pipeline, Pipeline)
    return function, pipeline


def test_good_variables_are_read() -> None:
    function, pipeline = process_image(**GOOD)

    assert pipeline.settings.detectors == (Detector.LABELS, Detector.FACES)
    assert pipeline.settings.min_confidence == Decimal("70.5")
    assert function.pictures_at_once
    assert function.pictures_at_once() == 2.5 * 0.8, "2.5 calls a second, at 0.8 s for each picture"


@pytest.mark.parametrize("name", list(GOOD))
def test_missing_variable_is_named(name: str) -> None:
    with pytest.raises(EnvironmentVariableError, match=f"{name} is not set"):
        process_image(**{other: value for other, value in GOOD.items() if other != name})


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
        process_image(**GOOD | {name: value})


def test_image_properties_without_labels_are_refused() -> None:
    with pytest.raises(EnvironmentVariableError, match="IMAGE_PROPERTIES"):
        process_image(**GOOD | {"IMAGE_PROPERTIES": "true", "DETECTORS": "faces"})
