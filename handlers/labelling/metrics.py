"""Counts and times of an invocation, published in CloudWatch's embedded metric format."""

from __future__ import annotations

import threading
from collections import Counter
from enum import StrEnum

from aws_lambda_powertools import Metrics as EmbeddedMetrics
from aws_lambda_powertools.metrics import MetricUnit


class Metric(StrEnum):
    """Names of the metrics that count."""

    PICTURES_LABELED = "PicturesLabeled"
    PICTURES_REJECTED = "PicturesRejected"
    PICTURES_FAILED = "PicturesFailed"
    PICTURES_DELETED = "PicturesDeleted"
    PICTURES_CONVERTED = "PicturesConverted"
    REKOGNITION_CALLS = "RekognitionCalls"
    REKOGNITION_CALLS_SAVED = "RekognitionCallsSaved"
    REKOGNITION_THROTTLES = "RekognitionThrottles"
    STALE_EVENTS = "StaleEvents"
    IGNORED_EVENTS = "IgnoredEvents"
    UNREADABLE_MESSAGES = "UnreadableMessages"
    PICTURES_POSTPONED = "PicturesPostponed"
    RESULTS_ANNOUNCED = "ResultsAnnounced"
    ANNOUNCEMENTS_FAILED = "AnnouncementsFailed"
    PREVIEWS_MADE = "PreviewsMade"
    PICTURES_WITHOUT_PREVIEW = "PicturesWithoutPreview"


UPLOAD_TO_RESULT = "UploadToResult"
"""Name of the metric of the milliseconds from the upload to its result."""


class Metrics:
    """Counts and times of one invocation; thread-safe, which Powertools' own class is not."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[Metric] = Counter()
        self._upload_to_result_ms: list[float] = []

    def add(self, metric: Metric, amount: int = 1) -> None:
        """Add to a count."""
        with self._lock:
            self._counts[metric] += amount

    def time_upload_to_result(self, milliseconds: float) -> None:
        """Record the time from one picture's upload to its result."""
        with self._lock:
            self._upload_to_result_ms.append(milliseconds)

    def take(self) -> tuple[dict[Metric, int], list[float]]:
        """Return the counts and the times, and start again from zero."""
        with self._lock:
            counts, times = dict(+self._counts), self._upload_to_result_ms
            self._counts, self._upload_to_result_ms = Counter(), []
        return counts, times

    def publish(self) -> None:
        """Print the counts and times, if any, and start again from zero."""
        counts, upload_to_result_ms = self.take()
        embedded = EmbeddedMetrics()
        for metric, count in counts.items():
            embedded.add_metric(metric, MetricUnit.Count, count)
        for milliseconds in upload_to_result_ms:
            embedded.add_metric(UPLOAD_TO_RESULT, MetricUnit.Milliseconds, milliseconds)
        if counts or upload_to_result_ms:
            embedded.flush_metrics()
