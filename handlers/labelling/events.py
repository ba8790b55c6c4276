"""S3 events as they come in a queue message: from S3 itself, or by EventBridge.

Repairs ask in the same form, as source `labelstack:repair` (`labelstack/repair/asking.py`): without sequencer and time,
since what is asked for follows what is stored.

The format: docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html. Keys are URL-encoded
with `+` for a space. Events come at least once and in any order. By EventBridge the same facts come in another form
(docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html): the key is as it is, the time has whole seconds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final
from urllib.parse import unquote_plus

from handlers.labelling.errors import UnreadableMessageError
from handlers.results import keys
from handlers.results.order import FIRST, Position

MAX_KEY_BYTES: Final = 1024
REPAIR_SOURCE: Final = "labelstack:repair"
EVENTBRIDGE_SOURCE: Final = "aws.s3"
_EVENTBRIDGE_NAMES: Final[dict[tuple[str, object], str]] = {
    ("Object Created", None): "ObjectCreated",
    ("Object Deleted", "Delete Marker Created"): "ObjectRemoved:DeleteMarkerCreated",
    ("Object Deleted", "Permanently Deleted"): "ObjectRemoved:Delete",
}
"""S3's own names of what EventBridge calls otherwise, by detail-type and deletion-type."""
_SEQUENCER: Final = re.compile(rf"[0-9A-Fa-f]{{1,{keys.SEQUENCER_DIGITS}}}")


class EventKind(StrEnum):
    """What happened to the object."""

    CREATED = "CREATED"
    REMOVED = "REMOVED"
    """The key has no object any more: a delete marker, or a delete in a bucket without versions."""
    PURGED = "PURGED"
    """One version, or a delete marker, was removed for good: what is current now must be looked up."""
    ASKED = "ASKED"
    """Nothing happened: a repair asks to look at what is current now, and to label what is not labelled yet."""


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
    made_before: str | None = None
    """Of a repair: a result that was made before this time (ISO 8601) is to be made anew, whatever is known."""

    @property
    def uploaded_version(self) -> str | None:
        """The version that was uploaded, if this is an upload to a bucket with versions."""
        return self.version_id if self.kind is EventKind.CREATED else None

    @property
    def time(self) -> datetime:
        """When S3 saw it."""
        return datetime.fromisoformat(self.position.event_time)


@dataclass(frozen=True)
class Message:
    """What one queue message says."""

    events: tuple[ObjectEvent, ...]
    ignored: tuple[str, ...]
    """Names of events that mean nothing to labelling, for example "s3:TestEvent"."""
    unreadable: str | None
    """Why a part of the message could not be read, if so."""


def iso_ms(time: datetime) -> str:
    """ISO 8601 UTC with milliseconds and "Z"."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def decode_message(body: str) -> Message:
    """Read a message body. Never raises: what cannot be read is told in `unreadable`."""
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
    """The event, or the name of one that means nothing to labelling."""
    record = _mapping(record, "a record")
    if record.get("source") == EVENTBRIDGE_SOURCE:
        return _decode_eventbridge(record)
    if record.get("eventSource") == REPAIR_SOURCE:
        return _decode_repair(record)
    if record.get("eventSource") != "aws:s3":
        raise UnreadableMessageError("a record does not come from S3")
    name = _text(record.get("eventName"), "eventName").removeprefix("s3:")
    s3 = _mapping(record.get("s3"), "s3")
    bucket = _mapping(s3.get("bucket"), "s3.bucket")
    obj = _mapping(s3.get("object"), "s3.object")
    version_id = obj.get("versionId") or None
    kind = _kind(name, version_id)
    if kind is None:
        return name
    size = obj.get("size")
    etag = obj.get("eTag")
    response = record.get("responseElements")
    return ObjectEvent(
        kind=kind,
        bucket=_text(bucket.get("name"), "s3.bucket.name"),
        key=_key(obj.get("key")),
        position=Position(_sequencer(obj.get("sequencer")), _time(record.get("eventTime"))),
        version_id=None if version_id is None else _text(version_id, "s3.object.versionId"),
        etag=etag.strip('"') if isinstance(etag, str) and etag else None,
        size_bytes=size if isinstance(size, int) else None,
        request_id=response.get("x-amz-request-id") if isinstance(response, dict) else None,
    )


def _decode_eventbridge(record: Mapping[str, Any]) -> ObjectEvent | str:
    name = _text(record.get("detail-type"), "detail-type")
    detail = _mapping(record.get("detail"), "detail")
    bucket = _mapping(detail.get("bucket"), "detail.bucket")
    obj = _mapping(detail.get("object"), "detail.object")
    version_id = obj.get("version-id") or None
    # "Object Deleted" has one of two deletion-types, whoever deleted: a person or a lifecycle rule.
    deletion = detail.get("deletion-type")
    kind = _kind(_EVENTBRIDGE_NAMES.get((name, deletion), ""), version_id)
    if kind is None:
        return name
    size, etag, request_id = obj.get("size"), obj.get("etag"), detail.get("request-id")
    return ObjectEvent(
        kind=kind,
        bucket=_text(bucket.get("name"), "detail.bucket.name"),
        key=_checked_key(_text(obj.get("key"), "detail.object.key"), "detail.object.key"),
        position=Position(
            _sequencer(obj.get("sequencer"), "detail.object.sequencer"), _time(record.get("time"), "time")
        ),
        version_id=None if version_id is None else _text(version_id, "detail.object.version-id"),
        etag=etag.strip('"') if isinstance(etag, str) and etag else None,
        size_bytes=size if isinstance(size, int) else None,
        request_id=request_id if isinstance(request_id, str) else None,
    )


def _decode_repair(record: Mapping[str, Any]) -> ObjectEvent:
    s3 = _mapping(record.get("s3"), "s3")
    return ObjectEvent(
        kind=EventKind.ASKED,
        bucket=_text(_mapping(s3.get("bucket"), "s3.bucket").get("name"), "s3.bucket.name"),
        key=_key(_mapping(s3.get("object"), "s3.object").get("key")),
        position=FIRST,
        version_id=None,
        etag=None,
        size_bytes=None,
        request_id=None,
        made_before=None if record.get("madeBefore") is None else _time(record["madeBefore"], "madeBefore"),
    )


def _kind(name: str, version_id: object) -> EventKind | None:
    family, _, detail = name.partition(":")
    if family == "ObjectCreated":
        return EventKind.CREATED
    # A lifecycle rule that expires an object says so by an event family of its own.
    if family in ("ObjectRemoved", "LifecycleExpiration"):
        if detail == "Delete" and version_id:
            return EventKind.PURGED
        if detail in ("Delete", "DeleteMarkerCreated"):
            return EventKind.REMOVED
    return None


def _mapping(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise UnreadableMessageError(f"{name} is not an object")
    return value


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or not value:
        raise UnreadableMessageError(f"{name} is missing or not text")
    return value


def _key(value: object) -> str:
    return _checked_key(unquote_plus(_text(value, "s3.object.key")), "s3.object.key")


def _checked_key(key: str, name: str) -> str:
    try:
        length = len(key.encode())
    except UnicodeEncodeError as error:
        raise UnreadableMessageError(f"{name} is not Unicode text") from error
    if length > MAX_KEY_BYTES:
        raise UnreadableMessageError(f"{name} has {length} bytes: S3 allows {MAX_KEY_BYTES}")
    return key


def _sequencer(value: object, name: str = "s3.object.sequencer") -> str:
    sequencer = _text(value, name)
    if not _SEQUENCER.fullmatch(sequencer):
        raise UnreadableMessageError(f"{name} is not a hexadecimal number")
    return keys.pad_sequencer(sequencer)


def _time(value: object, name: str = "eventTime") -> str:
    try:
        time = datetime.fromisoformat(_text(value, name))
    except ValueError as error:
        raise UnreadableMessageError(f"{name} is not an ISO 8601 time") from error
    return iso_ms(time if time.tzinfo else time.replace(tzinfo=UTC))
