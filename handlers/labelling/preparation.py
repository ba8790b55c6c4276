"""Send a picture to Rekognition by reference to its object, or as a converted copy."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from ..results.item import PictureHeader
from .decoder import Decoder
from .errors import ConversionDelayedError
from .events import Deadline
from .metrics import Metric, Metrics
from .s3_objects import ConvertedObject, S3Objects, StoredObject

_COPIES_AT_ONCE: Final = 3
"""Copies of at most 5 MB, which boto3 has twice for each operation: while one is made, others are looked at."""
_MAX_FACTS_BYTES: Final = 32 * 1024 * 1024
"""A step of the workflow that converts nothing has room for such a file twice."""


class Preparation:
    """Prepares pictures; thread-safe. One is converted at a time, so that memory bounds a picture and not a batch.

    None is begun in the second half of the function's time, which is for the last one to be converted and looked at.
    """

    def __init__(self, objects: S3Objects, decoder: Decoder, metrics: Metrics) -> None:
        self._objects = objects
        self._decoder = decoder
        self._metrics = metrics
        self._copies = threading.BoundedSemaphore(_COPIES_AT_ONCE)
        self._turn = threading.BoundedSemaphore(1)

    @contextmanager
    def ready(
        self, stored: StoredObject, header: PictureHeader, deadline: Deadline
    ) -> Iterator[tuple[StoredObject, PictureHeader]]:
        """Yield the object to analyse, for all detectors, and its header with all facts known by then.

        Raises PictureRejectedError, ObjectGoneError, StorageError and ConversionDelayedError.
        """
        if not header.converted:
            yield stored, header
            return
        with _turn(self._copies, deadline.halfway):
            with _turn(self._turn, deadline.halfway):
                content = self._objects.read(stored)
                copy = self._decoder.convert(content, stored.size_bytes, header.format, deadline.remaining_s)
            self._metrics.add(Metric.PICTURES_CONVERTED)
            yield (
                ConvertedObject(**vars(stored), jpeg=copy.jpeg),
                PictureHeader(header.format, copy.width, copy.height, True, header.capture or copy.capture),
            )

    def with_facts(self, stored: StoredObject, header: PictureHeader, deadline: Deadline) -> PictureHeader:
        """Return the header with the camera's facts if they lie behind the bytes read so far. Converts nothing.

        Raises PictureRejectedError, ObjectGoneError, StorageError and ConversionDelayedError.
        """
        if header.width is not None or stored.size_bytes > _MAX_FACTS_BYTES:
            return header
        with _turn(self._turn, deadline.halfway):
            content = self._objects.read(stored)
            capture = self._decoder.capture(content, stored.size_bytes, header.format, deadline.remaining_s)
        return replace(header, capture=capture)


@contextmanager
def _turn(free: threading.Semaphore, deadline: Deadline) -> Iterator[None]:
    remaining_s = deadline.remaining_s
    if remaining_s < 0 or not free.acquire(timeout=min(remaining_s, threading.TIMEOUT_MAX)):
        raise ConversionDelayedError("the picture's turn to be converted did not come in time")
    try:
        yield
    finally:
        free.release()
