"""Events, messages and pictures as S3 and SQS give them."""

from __future__ import annotations

import io
import json
import random
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote_plus

import pillow_heif
from PIL import ExifTags, Image, ImageColor

from handlers.labelling.events import EventKind, ObjectEvent
from handlers.results.codes import Status
from handlers.results.document import BoundingBox, Label, Result
from handlers.results.item import Write
from handlers.results.keys import iso_ms, pad_sequencer
from handlers.results.order import Position
from integration_tests.png import png as whole_png

BUCKET = "uploads-bucket"
START = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)


def time_of(sequencer: int) -> datetime:
    """Return the time of the event with this number."""
    return START + timedelta(seconds=sequencer)


def record(
    key: str = "cat.jpg",
    *,
    name: str = "ObjectCreated:Put",
    sequencer: int = 1,
    version_id: str | None = "v1",
    bucket: str = BUCKET,
) -> dict[str, Any]:
    """Return one S3 record, its key encoded as S3 does."""
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


def eventbridge(
    key: str = "cat.jpg",
    *,
    name: str = "ObjectCreated:Put",
    sequencer: int = 1,
    version_id: str | None = "v1",
    bucket: str = BUCKET,
) -> str:
    """Return the event that S3 sends to EventBridge where it sends `record` to a queue."""
    removed = name.partition(":")[2] if name.startswith("ObjectRemoved") else ""
    obj: dict[str, Any] = {"key": key, "sequencer": f"{sequencer:018X}"}
    if not removed:
        obj |= {"size": 1000, "etag": "0123"}
    if version_id:
        obj["version-id"] = version_id
    detail: dict[str, Any] = {"version": "0", "bucket": {"name": bucket}, "object": obj, "request-id": "REQUEST1"}
    if removed:
        kinds = {"DeleteMarkerCreated": "Delete Marker Created", "Delete": "Permanently Deleted"}
        detail |= {"reason": "DeleteObject", "deletion-type": kinds[removed]}
    return json.dumps(
        {
            "version": "0",
            "id": "17793124-05d4-b198-2fde-7ededc63b103",
            "detail-type": "Object Deleted" if removed else "Object Created",
            "source": "aws.s3",
            "account": "000000000000",
            "time": iso_ms(time_of(sequencer)).replace(".000Z", "Z"),
            "region": "us-east-1",
            "resources": [f"arn:aws:s3:::{bucket}"],
            "detail": detail,
        }
    )


def body(*records: Mapping[str, Any]) -> str:
    """Return an S3 notification with these records."""
    return json.dumps({"Records": list(records)})


def message(content: str, *, message_id: str = "m1", receive_count: int = 1) -> dict[str, Any]:
    """Return a message as SQS hands it to Lambda."""
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
    """Return a decoded event."""
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
    """Return the place of the event with this number."""
    return Position(pad_sequencer(f"{sequencer:X}"), iso_ms(time_of(sequencer)))


def label(name: str, confidence: str = "90.5") -> Label:
    """Return a label with nothing but a confidence."""
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
    """Return a result to write."""
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


def reading(key: str, *words: str, sequencer: int = 1, labels: str = "") -> Write:
    """Return the result of a picture with print, and with 49 labels named so."""
    write = labeled(key, *(label(f"{labels} {n}") for n in range(49) if labels), sequencer=sequencer)
    box: BoundingBox = {"left": Decimal(0), "top": Decimal(0), "width": Decimal(1), "height": Decimal(1)}
    write.result["text"] = [
        {"text": word, "type": "WORD", "confidence": Decimal(90), "boundingBox": box} for word in words
    ]
    return write


def jpeg(width: int = 160, height: int = 120, *, seed: int = 0, **options: Any) -> bytes:
    """Return a JPEG file; other seeds make other bytes."""
    return _encoded("JPEG", width, height, seed, **options)


def png(width: int = 160, height: int = 120, *, seed: int = 0) -> bytes:
    """Return a PNG file."""
    return _encoded("PNG", width, height, seed)


def png_of(width: int, height: int) -> bytes:
    """Return a small PNG file that says it has these sides: what a decompression bomb begins with."""
    return whole_png((width, height), zlib.compress(b""))


CODECS = {"HEIC": "HEIF", "WebP": "WEBP"}
"""Pillow's names of formats that have others here."""
INVERSE_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""Transformations of an upright picture to its stored form, by Exif orientation."""


def corners(width: int = 300, height: int = 200) -> Image.Image:
    """Return an image with red and green above, blue and white below."""
    image = Image.new("RGB", (2, 2))
    for place, color in zip(((0, 0), (1, 0), (0, 1), (1, 1)), ("red", "lime", "blue", "white"), strict=True):
        image.putpixel(place, ImageColor.getrgb(color))
    return image.resize((width, height), Image.Resampling.NEAREST)


def encoded(image: Image.Image, name: str, *, turn: int | None = None, **options: Any) -> bytes:
    """Return a file of a format, named as in results; `turn` is its Exif orientation."""
    if turn is not None and name == "TIFF":
        options["tiffinfo"] = {ExifTags.Base.Orientation: turn}
    elif turn is not None:
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = turn
        options["exif"] = exif.tobytes()
    pillow_heif.register_heif_opener()
    buffer = io.BytesIO()
    image.save(buffer, CODECS.get(name, name), **options)
    return buffer.getvalue()


def _encoded(name: str, width: int, height: int, seed: int, **options: Any) -> bytes:
    colour = random.Random(seed).choices(range(256), k=3)
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (colour[0], colour[1], colour[2])).save(buffer, name, **options)
    return buffer.getvalue()
