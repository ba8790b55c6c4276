"""The operations that are implemented, one module each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from rekognition_local.analysis import Analysis
from rekognition_local.operations.detect_faces import detect_faces
from rekognition_local.operations.detect_labels import detect_labels
from rekognition_local.operations.detect_moderation_labels import detect_moderation_labels
from rekognition_local.operations.detect_text import detect_text

# Parameters, the picture, and a rule's items in place of detections (or None) → the answer.
Operation = Callable[[Mapping[str, Any], Analysis, "list[Any] | None"], Awaitable[dict[str, Any]]]

OPERATIONS: dict[str, Operation] = {
    "DetectFaces": detect_faces,
    "DetectLabels": detect_labels,
    "DetectModerationLabels": detect_moderation_labels,
    "DetectText": detect_text,
}
