"""Counting what happened; thread-safe. The edge publishes it as metrics."""

from __future__ import annotations

import threading
from collections import Counter
from enum import StrEnum


class Count(StrEnum):
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


UPLOAD_TO_RESULT = "UploadToResult"
"""Name of the metric of the milliseconds from the upload to its result."""


class Tally:
    """Counts and times of one invocation."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[Count] = Counter()
        self._upload_to_result_ms: list[float] = []

    def add(self, name: Count, amount: int = 1) -> None:
        """Count something."""
        with self._lock:
            self._counts[name] += amount

    def time_upload_to_result(self, milliseconds: float) -> None:
        """Note how long one picture took, from the upload on."""
        with self._lock:
            self._upload_to_result_ms.append(milliseconds)

    def take(self) -> tuple[dict[Count, int], list[float]]:
        """The counts and the times, which begin anew."""
        with self._lock:
            counts = {name: count for name, count in self._counts.items() if count}
            times = self._upload_to_result_ms
            self._counts, self._upload_to_result_ms = Counter(), []
        return counts, times
