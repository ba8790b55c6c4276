"""What the use-cases need of the world."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Protocol, Self

from handlers.labelling.detectors import Detector
from handlers.labelling.notification import Notification
from handlers.labelling.pacing import Deadline
from handlers.results.cache import Answer
from handlers.results.codes import Code
from handlers.results.document import Result
from handlers.results.order import Position
from handlers.results.pending import Pending
from handlers.results.plan import Write
from handlers.results.writer import Snapshot


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
    """An object whose picture Rekognition is to see as these bytes, not as they are in S3."""

    jpeg: bytes = field(repr=False)

    @classmethod
    def of(cls, stored: StoredObject, jpeg: bytes) -> Self:
        """This object, with a copy that Rekognition takes."""
        return cls(**{one.name: getattr(stored, one.name) for one in fields(StoredObject)}, jpeg=jpeg)


class Objects(Protocol):
    """The bucket. Raises ObjectGoneError and StorageError."""

    def head(self, key: str, version_id: str | None) -> StoredObject:
        """This version, or without one the current object."""

    def read_start(self, stored: StoredObject, length_bytes: int) -> bytes:
        """At most the first `length_bytes`."""


class Recogniser(Protocol):
    """Rekognition. Raises PictureRejectedError, ObjectGoneError (cannot get the object) and TransientError."""

    def detect(self, detector: Detector, parameters: Mapping[str, Any], stored: StoredObject) -> Mapping[str, Any]:
        """One call; the operation's answer."""


class PacedRecogniser(Protocol):
    """Rekognition, within the quota and the deadline."""

    def detect(
        self, detector: Detector, parameters: Mapping[str, Any], stored: StoredObject, deadline: Deadline
    ) -> Mapping[str, Any]:
        """The operation's answer, after as many calls as it takes and the deadline allows."""


class Answers(Protocol):
    """The content cache. Raises TableUnavailableError."""

    def find(self, etag: str, size_bytes: int, fingerprints: Mapping[str, str]) -> Mapping[str, Answer]:
        """Answers that are known, by detector."""

    def keep(self, etag: str, size_bytes: int, fingerprints: Mapping[str, str], answers: Mapping[str, Answer]) -> None:
        """Keep some, by detector."""


class DocumentStore(Protocol):
    """The results bucket. Raises AnnouncementError."""

    def put(self, key: str, content: bytes) -> str:
        """Put a JSON document; the name of the bucket it is in."""


class Publisher(Protocol):
    """The topic. Raises AnnouncementError."""

    def publish(self, notification: Notification) -> None:
        """Publish a message."""


class Announcer(Protocol):
    """Who is told of results: `Announcing`, or `AnnouncedLater`. Raises AnnouncementError, AnnouncementClaimedError."""

    def open(self, result: Result, event_time: str) -> Pending:
        """For the write of a result."""

    def announce(self, result: Result, pending: Pending) -> None:
        """The result has been stored."""

    def resume(self, key: str) -> bool:
        """A stored result was come upon that may still wait; whether it was announced now."""


class Results(Protocol):
    """The results table. Raises TableUnavailableError."""

    def read(self, key: str) -> Snapshot:
        """What is stored of a picture now."""

    def write(self, write: Write, seen: Snapshot | None = None) -> bool:
        """Put a result where it belongs; False if what is stored stays."""

    def advance(self, seen: Snapshot, version_id: str | None, position: Position) -> bool:
        """Move this version's result to a later position; False if it is not what was seen."""

    def note_attempt(self, key: str, position: Position, code: Code, expires_at_s: int) -> None:
        """Remember why an attempt failed."""

    def attempt_code(self, key: str, position: Position) -> Code | None:
        """Why the last attempt failed."""

    def keep_unreadable(self, message_id: str, body: str, received_at: str) -> None:
        """Keep a message that is no event."""
