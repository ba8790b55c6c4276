"""Events, messages and pictures as S3 and SQS give them."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote_plus

from PIL import Image

from handlers.labelling.events import EventKind, ObjectEvent, iso_ms
from handlers.results.codes import Status
from handlers.results.document import Label, Result
from handlers.results.keys import pad_sequencer
from handlers.results.order import Position
from handlers.results.plan import Write

BUCKET = "uploads-bucket"
START = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)


def time_of(sequencer: int) -> datetime:
    """The time of the event with this number."""
    return START + timedelta(seconds=sequencer)


def record(
    key: str = "cat.jpg",
    *,
    name: str = "ObjectCreated:Put",
    sequencer: int = 1,
    version_id: str | None = "v1",
    bucket: str = BUCKET,
) -> dict[str, Any]:
    """One S3 record, its key encoded as S3 does."""
    obj: dict[str, Any] = {
        "key": quote_plus(key, safe="/"),
        "size": 1000,
        "eTag": "0123",
        "sequencer": f"{sequencer:018X}",
    }
    if version_id:
        obj["versionId"] = version_id
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventTime": iso_ms(time_of(sequencer)),
        "eventName": name,
        "responseElements": {"x-amz-request-id": "REQUEST1"},
        "s3": {"bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"}, "object": obj},
    }


def body(*records: Mapping[str, Any]) -> str:
    """An S3 notification with these records."""
    return json.dumps({"Records": list(records)})


def message(content: str, *, message_id: str = "m1", receive_count: int = 1) -> dict[str, Any]:
    """A message as SQS hands it to Lambda."""
    return {
        "messageId": message_id,
        "receiptHandle": f"receipt-{message_id}",
        "body": content,
        "attributes": {"ApproximateReceiveCount": str(receive_count), "SentTimestamp": "1"},
        "messageAttributes": {},
        "md5OfBody": "",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:queue",
        "awsRegion": "us-east-1",
    }


def event(
    key: str = "cat.jpg",
    *,
    kind: EventKind = EventKind.CREATED,
    sequencer: int = 1,
    version_id: str | None = "v1",
    bucket: str = BUCKET,
) -> ObjectEvent:
    """A decoded event."""
    return ObjectEvent(
        kind=kind,
        bucket=bucket,
        key=key,
        position=position(sequencer),
        version_id=version_id,
        etag="0123",
        size_bytes=1000,
        request_id="REQUEST1",
    )


def position(sequencer: int) -> Position:
    """The place of the event with this number."""
    return Position(pad_sequencer(f"{sequencer:X}"), iso_ms(time_of(sequencer)))


def label(name: str, confidence: str = "90.5") -> Label:
    """A label with nothing but a confidence."""
    return {
        "name": name,
        "confidence": Decimal(confidence),
        "parents": [],
        "aliases": [],
        "categories": [],
        "instances": [],
    }


def labeled(
    key: str = "cat.jpg",
    *labels: Label,
    sequencer: int = 1,
    processed: int | None = None,
    status: Status = Status.LABELED,
) -> Write:
    """A result to write."""
    result: Result = {
        "key": key,
        "bucket": BUCKET,
        "status": status,
        "sequencer": position(sequencer).sequencer,
        "versionId": f"v{sequencer}",
        "processedAt": iso_ms(time_of(sequencer if processed is None else processed)),
    }
    if status is Status.LABELED:
        result["labels"] = list(labels)
    return Write(result, position(sequencer).event_time, fingerprint="f")


def jpeg(width: int = 160, height: int = 120, *, seed: int = 0, **options: Any) -> bytes:
    """A JPEG file; other seeds make other bytes."""
    return _encoded("JPEG", width, height, seed, **options)


def png(width: int = 160, height: int = 120, *, seed: int = 0) -> bytes:
    """A PNG file."""
    return _encoded("PNG", width, height, seed)


def other_format(name: str) -> bytes:
    """A picture in a format that Rekognition does not take."""
    return _encoded(name, 160, 120, 0)


def _encoded(name: str, width: int, height: int, seed: int, **options: Any) -> bytes:
    colour = random.Random(seed).choices(range(256), k=3)
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (colour[0], colour[1], colour[2])).save(buffer, name, **options)
    return buffer.getvalue()
