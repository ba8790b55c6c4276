"""How a picture goes to Rekognition: by reference to its object, or as a converted copy."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from handlers.labelling.conversion import convert
from handlers.labelling.errors import ConversionDelayedError
from handlers.labelling.pacing import Deadline
from handlers.labelling.ports import ConvertedObject, Objects, StoredObject
from handlers.labelling.tally import Count, Tally
from handlers.results.cache import PictureHeader

_COPIES_AT_ONCE: Final = 3
"""Copies of at most 5 MB, which boto3 has twice for each operation: while one is made, others are looked at."""


class Preparation:
    """Prepares pictures; thread-safe. One is converted at a time, so that memory bounds a picture and not a batch.

    None is begun in the second half of the function's time, which is for the last one to be converted and looked at.
    """

    def __init__(self, objects: Objects, max_pixels: int, tally: Tally) -> None:
        self._objects = objects
        self._max_pixels = max_pixels
        self._tally = tally
        self._copies = threading.BoundedSemaphore(_COPIES_AT_ONCE)
        self._converter = threading.BoundedSemaphore(1)

    @contextmanager
    def ready(
        self, stored: StoredObject, header: PictureHeader, deadline: Deadline
    ) -> Iterator[tuple[StoredObject, PictureHeader]]:
        """What to ask Rekognition about, for all detectors, and the header with all that is known then.

        Raises PictureRejectedError, ObjectGoneError, StorageError and ConversionDelayedError.
        """
        if not header.converted:
            yield stored, header
            return
        with _turn(self._copies, deadline.halfway):
            with _turn(self._converter, deadline.halfway):
                made = convert(self._objects.read_start(stored, stored.size_bytes), header.format, self._max_pixels)
            self._tally.add(Count.PICTURES_CONVERTED)
            yield (
                ConvertedObject.of(stored, made.jpeg),
                PictureHeader(header.format, made.width, made.height, converted=True),
            )


@contextmanager
def _turn(free: threading.Semaphore, deadline: Deadline) -> Iterator[None]:
    remaining_s = deadline.remaining_s
    if remaining_s < 0 or not free.acquire(timeout=min(remaining_s, threading.TIMEOUT_MAX)):
        raise ConversionDelayedError("no turn to convert the picture while there was time for it")
    try:
        yield
    finally:
        free.release()
