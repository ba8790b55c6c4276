"""What Lambda calls a function with: messages with S3's events, and the time that it has for them.

The events come from S3 itself, or by EventBridge. Repairs send S3's form, with the source `labelstack:repair`
(`handlers/results/repair.py`): without sequencer and time, since the place of a repair follows from what is stored.

The format: docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html. Keys are URL-encoded
with `+` for a space. Events come at least once and in any order. By EventBridge the same facts come in another form
(docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html): the key is as it is, the time has whole seconds.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple, Self, cast
from urllib.parse import unquote_plus

from aws_lambda_powertools.utilities.typing import LambdaContext

from ..results import keys, repair
from ..results.codes import Code, Status, sentence
from ..results.document import Result
from ..results.item import Write
from ..results.order import FIRST, TOMBSTONE_DAYS, Position, State
from .errors import UnreadableMessageError
from .s3_objects import StoredObject

MARGIN_S: Final = 2.0
"""Seconds of the function's time that are kept for writing results and answering the caller."""
MAX_KEY_BYTES: Final = 1024
RECEIVE_COUNT: Final = "ApproximateReceiveCount"
SENT_TIMESTAMP: Final = "SentTimestamp"
EVENTBRIDGE_SOURCE: Final = "aws.s3"
_EVENTBRIDGE_NAMES: Final[dict[tuple[str, object], str]] = {
    ("Object Created", None): "ObjectCreated",
    ("Object Deleted", "Delete Marker Created"): "ObjectRemoved:DeleteMarkerCreated",
    ("Object Deleted", "Permanently Deleted"): "ObjectRemoved:Delete",
}
"""S3's own names of what EventBridge calls otherwise, by detail-type and deletion-type."""
_SEQUENCER: Final = re.compile(rf"[0-9A-Fa-f]{{1,{keys.SEQUENCER_DIGITS}}}")


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


class EventKind(StrEnum):
    """The kind of an event of an object."""

    CREATED = "CREATED"
    REMOVED = "REMOVED"
    """The key has no object any more: a delete marker, or a delete in a bucket without versions."""
    PURGED = "PURGED"
    """One version, or a delete marker, was removed for good. The current version must be looked up."""
    REPAIR = "REPAIR"
    """A repair's request to label the current version, if it is not labelled yet."""


@dataclass(frozen=True)
class ObjectEvent:
    """One thing that happened to one object."""

    kind: EventKind
    bucket: str
    key: str
    position: Position
    version_id: str | None = None
    etag: str | None = None
    size_bytes: int | None = None
    request_id: str | None = None
    processed_before: str | None = None
    """A repair's request to replace results from before this time (ISO 8601), whatever is known."""
    labels_only: bool = False
    """A repair's request to apply the rules of labels to stored labels, without Rekognition."""

    @property
    def uploaded_version(self) -> str | None:
        """Return the version of an upload to a bucket with versions, else None."""
        return self.version_id if self.kind is EventKind.CREATED else None

    @property
    def uploaded_object(self) -> StoredObject | None:
        """Return the uploaded object if the event describes it completely, so that no request is needed."""
        version_id = self.uploaded_version
        if not version_id or not self.etag or self.size_bytes is None:
            return None
        return StoredObject(self.bucket, self.key, version_id, self.etag, self.size_bytes, self.position.event_time)

    def after(self, stored: State | None) -> ObjectEvent:
        """Return the event at its place in the order: a repair's is right behind the stored result."""
        if self.kind is not EventKind.REPAIR or stored is None:
            return self
        return replace(self, position=stored.position.next())

    def result(self, status: Status, now: datetime, code: Code | None = None) -> Result:
        """Return what every result of this event says."""
        result: Result = {
            "key": self.key,
            "bucket": self.bucket,
            "status": status,
            "sequencer": self.position.sequencer,
            "processedAt": keys.iso_ms(now),
        }
        if code:
            result["code"], result["message"] = code, sentence(code)
        return result

    def tombstone(self, now: datetime) -> Write:
        """Return the write that takes the picture's result away, at the event's place in the order."""
        result = self.result(Status.DELETED, now, Code.OBJECT_DELETED)
        # The version of a purge is not the last current version, which is no longer known.
        if self.version_id and self.kind is not EventKind.PURGED:
            result["versionId"] = self.version_id
        expires_at = now + timedelta(days=TOMBSTONE_DAYS)
        return Write(result, self.position.event_time, expires_at_s=int(expires_at.timestamp()))

    def failed(self, now: datetime, code: Code) -> Write:
        """Return the result of an event that used up its attempts."""
        result = self.result(Status.FAILED, now, code)
        if self.kind is EventKind.CREATED:
            facts = {"versionId": self.version_id, "etag": self.etag, "sizeBytes": self.size_bytes}
            result["uploadedAt"] = self.position.event_time
            result.update(cast("Result", {name: fact for name, fact in facts.items() if fact is not None}))
        return Write(result, self.position.event_time)


class Outcome(StrEnum):
    """The outcome of an event."""

    LABELED = "LABELED"
    REJECTED = "REJECTED"
    FAILED = "FAILED"
    DELETED = "DELETED"
    STALE = "STALE"
    """The stored result is newer, or the same and done."""
    UNCHANGED = "UNCHANGED"
    """A version was purged that is not the current one, or a repair found everything in order."""
    FOREIGN = "FOREIGN"
    """The event is about another bucket."""


@dataclass(frozen=True)
class Ended:
    """The end of an event, with the result that was stored because of it, if one was."""

    outcome: str
    result: Result | None = None


@dataclass
class Message:
    """The content of one queue message."""

    events: list[ObjectEvent] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    """Names of events that mean nothing to labelling, for example "s3:TestEvent"."""
    unreadable: str | None = None
    """The reason why a part of the message is unreadable."""


@dataclass(frozen=True)
class QueueMessage:
    """A message that was received."""

    id: str
    receipt_handle: str
    body: str
    receives: int
    """The number of receives, this one included."""
    sent_at: datetime
    content: Message
    attempts: int = 1
    """The number of receives that were no waits."""

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> QueueMessage:
        """Return the message in a record of Lambda's event, or in the same form of SQS's answer."""
        attributes, body = record["attributes"], record["body"]
        return cls(
            id=record["messageId"],
            receipt_handle=record["receiptHandle"],
            body=body,
            receives=int(attributes[RECEIVE_COUNT]),
            sent_at=datetime.fromtimestamp(int(attributes[SENT_TIMESTAMP]) / 1000, UTC),
            content=decode_message(body),
        )


def decode_message(body: str) -> Message:
    """Read a message body. Never raises: `unreadable` has the reason."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        return Message(unreadable=f"the body is not JSON: {error}")
    if not isinstance(content, dict):
        return Message(unreadable="the body is not a JSON object")
    if content.get("Event") == "s3:TestEvent":
        return Message(ignored=["s3:TestEvent"])
    records = [content] if content.get("source") == EVENTBRIDGE_SOURCE else content.get("Records")
    if not isinstance(records, list) or not records:
        return Message(unreadable="the body has no list of Records")
    message = Message()
    for record in records:
        try:
            event = _decode_record(record)
        except UnreadableMessageError as error:
            message.unreadable = str(error)
        else:
            if isinstance(event, ObjectEvent):
                message.events.append(event)
            else:
                message.ignored.append(event)
    return message


def _decode_record(record: object) -> ObjectEvent | str:
    """Return the event, or the name of one that means nothing to labelling."""
    if not isinstance(record, dict):
        raise UnreadableMessageError(f"a record must be an object; got {record!r:.60}")
    if record.get("source") == EVENTBRIDGE_SOURCE:
        name = _text(record, "detail-type")
        # "Object Deleted" has one of two deletion-types, by a person or by a lifecycle rule.
        known_name = _EVENTBRIDGE_NAMES.get((name, _value(record, "detail.deletion-type")), "")
        return _object_event(record, _EVENTBRIDGE, known_name) or name
    source = record.get("eventSource")
    if source == "aws:s3":
        name = _text(record, "eventName").removeprefix("s3:")
        return _object_event(record, _S3, name) or name
    if source != repair.SOURCE:
        raise UnreadableMessageError(f"eventSource must be aws:s3; got {source!r:.60}")
    return ObjectEvent(
        kind=EventKind.REPAIR,
        bucket=_text(record, "s3.bucket.name"),
        key=_key(record, _S3),
        position=FIRST,
        processed_before=None if record.get("processedBefore") is None else _time(record, "processedBefore"),
        labels_only=record.get("labelsOnly") is True,
    )


class _Form(NamedTuple):
    """The names of facts in a form of events."""

    place: str
    version_id: str
    etag: str
    time: str
    request_id: str
    unquoted: Callable[[str], str]


_S3: Final = _Form("s3", "versionId", "eTag", "eventTime", "responseElements.x-amz-request-id", unquote_plus)
_EVENTBRIDGE: Final = _Form("detail", "version-id", "etag", "time", "detail.request-id", str)


def _object_event(record: Mapping[str, Any], form: _Form, name: str) -> ObjectEvent | None:
    """Return the event of this name by S3, or None if it means nothing to labelling."""
    place, version = f"{form.place}.object", f"{form.place}.object.{form.version_id}"
    version_id = _text(record, version) if _value(record, version) else None
    family, _, detail = name.partition(":")
    # A lifecycle rule that expires an object sends events of another family.
    is_removal = family in ("ObjectRemoved", "LifecycleExpiration") and detail in ("Delete", "DeleteMarkerCreated")
    if family != "ObjectCreated" and not is_removal:
        return None
    removal = EventKind.PURGED if detail == "Delete" and version_id else EventKind.REMOVED
    etag, size = _value(record, f"{place}.{form.etag}"), _value(record, f"{place}.size")
    request_id = _value(record, form.request_id)
    return ObjectEvent(
        kind=removal if is_removal else EventKind.CREATED,
        bucket=_text(record, f"{form.place}.bucket.name"),
        key=_key(record, form),
        position=Position(_sequencer(record, f"{place}.sequencer"), _time(record, form.time)),
        version_id=version_id,
        etag=etag.strip('"') if isinstance(etag, str) and etag else None,
        size_bytes=size if isinstance(size, int) else None,
        request_id=request_id if isinstance(request_id, str) else None,
    )


def _value(record: Mapping[str, Any], path: str) -> object:
    """Return the value at a path with dots; None where there is none."""
    value: object = record
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _text(record: Mapping[str, Any], path: str) -> str:
    value = _value(record, path)
    if not isinstance(value, str) or not value:
        raise UnreadableMessageError(f"{path} must be text; got {value!r:.60}")
    return value


def _key(record: Mapping[str, Any], form: _Form) -> str:
    path = f"{form.place}.object.key"
    key = form.unquoted(_text(record, path))
    try:
        length = len(key.encode())
    except UnicodeEncodeError as error:
        raise UnreadableMessageError(f"{path} must be Unicode text; got {key!r:.60}") from error
    if length > MAX_KEY_BYTES:
        raise UnreadableMessageError(f"{path} has {length} bytes: S3 allows {MAX_KEY_BYTES}")
    return key


def _sequencer(record: Mapping[str, Any], path: str) -> str:
    sequencer = _text(record, path)
    if not _SEQUENCER.fullmatch(sequencer):
        raise UnreadableMessageError(f"{path} must be a hexadecimal number; got {sequencer!r:.60}")
    return keys.pad_sequencer(sequencer)


def _time(record: Mapping[str, Any], path: str) -> str:
    text = _text(record, path)
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise UnreadableMessageError(f"{path} must be an ISO 8601 time; got {text!r:.60}") from error
    return keys.iso_ms(time if time.tzinfo else time.replace(tzinfo=UTC))
