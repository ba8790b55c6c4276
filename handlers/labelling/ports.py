"""The pipeline's ports: an object of the bucket, the time that is left, and the services."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

from .detectors import Detector
from .sns_message import SnsMessage

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

MARGIN_S: Final = 2.0
"""Seconds of the function's time that are kept for writing results and answering the caller."""


@dataclass(frozen=True)
class Deadline:
    """A moment on the monotonic clock after which nothing new is begun."""

    at_s: float
    clock: Callable[[], float] = field(default=time.monotonic, repr=False, compare=False)
    total_s: float = 0.0
    """The time that the invocation had at first."""

    @classmethod
    def of(cls, context: LambdaContext, clock: Callable[[], float] = time.monotonic) -> Self:
        """Return the deadline of a call of a function."""
        total_s = context.get_remaining_time_in_millis() / 1000 - MARGIN_S
        return cls(clock() + total_s, clock, total_s)

    @property
    def halfway(self) -> Deadline:
        """Return the deadline for starting long work, which then has the other half of the time."""
        return Deadline(self.at_s - self.total_s / 2, self.clock)

    @property
    def remaining_s(self) -> float:
        """Return the seconds left, negative after the deadline."""
        return self.at_s - self.clock()


@dataclass(frozen=True)
class StoredObject:
    """An object version as S3 has it."""

    bucket: str
    key: str
    version_id: str | None
    etag: str
    size_bytes: int
    modified_at: datetime


@dataclass(frozen=True)
class ConvertedObject(StoredObject):
    """An object that Rekognition gets as these converted bytes, not from S3."""

    jpeg: bytes = field(repr=False)

    @classmethod
    def of(cls, stored: StoredObject, jpeg: bytes) -> Self:
        """Return this object, with a copy that Rekognition takes."""
        return cls(**{each.name: getattr(stored, each.name) for each in fields(StoredObject)}, jpeg=jpeg)


class Objects(Protocol):
    """The bucket. Raises ObjectGoneError and StorageError."""

    def open(self, key: str, version_id: str | None, length_bytes: int) -> tuple[StoredObject, bytes]:
        """Return this version, or without one the current object, and at most its first `length_bytes`."""

    def read_start(self, stored: StoredObject, length_bytes: int) -> bytes:
        """Return at most the first `length_bytes`."""

    def read(self, stored: StoredObject) -> Iterator[bytes]:
        """Yield all bytes, a part after the other."""


class Rekognition(Protocol):
    """Raises PictureRejectedError, ObjectGoneError (Rekognition cannot get the object) and TransientError."""

    def detect(
        self, detector: Detector, parameters: Mapping[str, Any], stored: StoredObject, deadline: Deadline
    ) -> Mapping[str, Any]:
        """Return the operation's answer, after as many calls as it takes and the deadline allows."""


class DocumentStore(Protocol):
    """The results bucket. Raises AnnouncementError."""

    def put(self, key: str, content: bytes) -> str:
        """Put a JSON document; return the name of the bucket it is in."""


class Topic(Protocol):
    """The SNS topic. Raises AnnouncementError."""

    def publish(self, message: SnsMessage) -> None:
        """Publish a message."""
