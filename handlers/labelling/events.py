"""S3 events as they come in a queue message: from S3 itself, or by EventBridge.

Repairs send the same form, with the source `labelstack:repair` (`handlers/results/repair.py`): without sequencer and
time, since the place of a repair follows from what is stored.

The format: docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html. Keys are URL-encoded
with `+` for a space. Events come at least once and in any order. By EventBridge the same facts come in another form
(docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html): the key is as it is, the time has whole seconds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final
from urllib.parse import unquote_plus

from ..results import keys, repair
from ..results.order import FIRST, Position, State
from .errors import UnreadableMessageError
from .s3_objects import StoredObject

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
    version_id: str | None
    etag: str | None
    size_bytes: int | None
    request_id: str | None
    processed_before: str | None = None
    """A repair's request to replace results from before this time (ISO 8601), whatever is known."""
    labels_only: bool = False
    """A repair's request to apply the rules of labels to stored labels, without Rekognition."""

    @property
    def uploaded_version(self) -> str | None:
        """Return the version of an upload to a bucket with versions, else None."""
        return self.version_id if self.kind is EventKind.CREATED else None

    @property
    def time(self) -> datetime:
        """Return S3's time of the event."""
        return datetime.fromisoformat(self.position.event_time)

    @property
    def uploaded_object(self) -> StoredObject | None:
        """Return the uploaded object if the event describes it completely, so that no request is needed."""
        version_id = self.uploaded_version
        if not version_id or not self.etag or self.size_bytes is None:
            return None
        return StoredObject(self.bucket, self.key, version_id, self.etag, self.size_bytes, self.time)

    def after(self, stored: State | None) -> ObjectEvent:
        """Return the event at its place in the order: a repair's is right behind the stored result."""
        if self.kind is not EventKind.REPAIR or stored is None:
            return self
        return replace(self, position=stored.position.next())


@dataclass(frozen=True)
class Message:
    """The content of one queue message."""

    events: tuple[ObjectEvent, ...]
    ignored: tuple[str, ...]
    """Names of events that mean nothing to labelling, for example "s3:TestEvent"."""
    unreadable: str | None
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
        return Message((), (), f"the body is not JSON: {error}")
    if not isinstance(content, dict):
        return Message((), (), "the body is not a JSON object")
    if content.get("Event") == "s3:TestEvent":
        return Message((), ("s3:TestEvent",), None)
    records = [content] if content.get("source") == EVENTBRIDGE_SOURCE else content.get("Records")
    if not isinstance(records, list) or not records:
        return Message((), (), "the body has no list of Records")
    events: list[ObjectEvent] = []
    ignored: list[str] = []
    unreadable: str | None = None
    for record in records:
        try:
            event = _decode_record(record)
        except UnreadableMessageError as error:
            unreadable = str(error)
        else:
            if isinstance(event, ObjectEvent):
                events.append(event)
            else:
                ignored.append(event)
    return Message(tuple(events), tuple(ignored), unreadable)


def _decode_record(record: object) -> ObjectEvent | str:
    """Return the event, or the name of one that means nothing to labelling."""
    record = _mapping(record, "a record")
    if record.get("source") == EVENTBRIDGE_SOURCE:
        name = _text(record.get("detail-type"), "detail-type")
        detail = _mapping(record.get("detail"), "detail")
        # "Object Deleted" has one of two deletion-types, by a person or by a lifecycle rule.
        known_name = _EVENTBRIDGE_NAMES.get((name, detail.get("deletion-type")), "")
        return _object_event(name, known_name, "detail", detail, record, _EVENTBRIDGE, detail.get("request-id"))
    source = record.get("eventSource")
    if source not in ("aws:s3", repair.SOURCE):
        raise UnreadableMessageError(f"eventSource must be aws:s3; got {source!r:.60}")
    s3 = _mapping(record.get("s3"), "s3")
    if source == repair.SOURCE:
        bucket, key = _bucket_and_key("s3", s3, _S3)
        before = record.get("processedBefore")
        before = None if before is None else _time(before, "processedBefore")
        labels_only = record.get("labelsOnly") is True
        return ObjectEvent(EventKind.REPAIR, bucket, key, FIRST, None, None, None, None, before, labels_only)
    name = _text(record.get("eventName"), "eventName").removeprefix("s3:")
    response = record.get("responseElements")
    request_id = response.get("x-amz-request-id") if isinstance(response, dict) else None
    return _object_event(name, name, "s3", s3, record, _S3, request_id)


@dataclass(frozen=True)
class _Form:
    """The names of facts in a form of events."""

    version_id: str
    etag: str
    time: str
    unquoted: Callable[[str], str]


_S3: Final = _Form("versionId", "eTag", "eventTime", unquote_plus)
_EVENTBRIDGE: Final = _Form("version-id", "etag", "time", str)


def _object_event(
    name: str,
    known_name: str,
    place: str,
    about: Mapping[str, Any],
    record: Mapping[str, Any],
    form: _Form,
    request_id: object,
) -> ObjectEvent | str:
    obj = _mapping(about.get("object"), f"{place}.object")
    version_id = obj.get(form.version_id) or None
    kind = _kind(known_name, version_id)
    if kind is None:
        return name
    bucket, key = _bucket_and_key(place, about, form)
    size, etag = obj.get("size"), obj.get(form.etag)
    return ObjectEvent(
        kind=kind,
        bucket=bucket,
        key=key,
        position=Position(
            _sequencer(obj.get("sequencer"), f"{place}.object.sequencer"), _time(record.get(form.time), form.time)
        ),
        version_id=None if version_id is None else _text(version_id, f"{place}.object.{form.version_id}"),
        etag=etag.strip('"') if isinstance(etag, str) and etag else None,
        size_bytes=size if isinstance(size, int) else None,
        request_id=request_id if isinstance(request_id, str) else None,
    )


def _bucket_and_key(place: str, about: Mapping[str, Any], form: _Form) -> tuple[str, str]:
    bucket = _mapping(about.get("bucket"), f"{place}.bucket").get("name")
    key = _mapping(about.get("object"), f"{place}.object").get("key")
    name = f"{place}.object.key"
    return _text(bucket, f"{place}.bucket.name"), _checked_key(form.unquoted(_text(key, name)), name)


def _kind(name: str, version_id: object) -> EventKind | None:
    family, _, detail = name.partition(":")
    if family == "ObjectCreated":
        return EventKind.CREATED
    # A lifecycle rule that expires an object sends events of another family.
    if family in ("ObjectRemoved", "LifecycleExpiration"):
        if detail == "Delete" and version_id:
            return EventKind.PURGED
        if detail in ("Delete", "DeleteMarkerCreated"):
            return EventKind.REMOVED
    return None


def _mapping(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise UnreadableMessageError(f"{name} must be an object; got {value!r:.60}")
    return value


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or not value:
        raise UnreadableMessageError(f"{name} must be text; got {value!r:.60}")
    return value


def _checked_key(key: str, name: str) -> str:
    try:
        length = len(key.encode())
    except UnicodeEncodeError as error:
        raise UnreadableMessageError(f"{name} must be Unicode text; got {key!r:.60}") from error
    if length > MAX_KEY_BYTES:
        raise UnreadableMessageError(f"{name} has {length} bytes: S3 allows {MAX_KEY_BYTES}")
    return key


def _sequencer(value: object, name: str) -> str:
    sequencer = _text(value, name)
    if not _SEQUENCER.fullmatch(sequencer):
        raise UnreadableMessageError(f"{name} must be a hexadecimal number; got {sequencer!r:.60}")
    return keys.pad_sequencer(sequencer)


def _time(value: object, name: str) -> str:
    try:
        time = datetime.fromisoformat(_text(value, name))
    except ValueError as error:
        raise UnreadableMessageError(f"{name} must be an ISO 8601 time; got {value!r:.60}") from error
    return keys.iso_ms(time if time.tzinfo else time.replace(tzinfo=UTC))
