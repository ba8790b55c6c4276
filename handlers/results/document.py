"""The result document of one picture.

It is the image item of the table without the table's own attributes, and, as JSON, what users get. Numbers are
Decimal here, as DynamoDB gives them; `json_ready` makes ints and floats of them for an answer.

An absent attribute means that its detector is off, or that the object has no versions. An empty list means that the
detector found nothing. BoundingBox: fractions 0-1 of the picture's width and height. Confidences and percentages:
0-100.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, NotRequired, TypedDict


class BoundingBox(TypedDict):
    """Fractions of the picture's width (left, width) and height (top, height); may reach over the picture's edge."""

    left: Decimal
    top: Decimal
    width: Decimal
    height: Decimal


class Instance(TypedDict):
    """One place of a label in the picture."""

    confidence: Decimal
    boundingBox: BoundingBox


class Label(TypedDict):
    """One thing, scene or action that was recognised."""

    name: str
    confidence: Decimal
    parents: list[str]
    aliases: list[str]
    categories: list[str]
    instances: list[Instance]


class Range(TypedDict):
    """An inclusive range of years."""

    low: Decimal
    high: Decimal


class Emotion(TypedDict):
    """The look of a face, not a person's feelings."""

    type: str
    confidence: Decimal


class Trait(TypedDict):
    """A property of a face, with the confidence of the value."""

    value: bool | str
    confidence: Decimal


class Face(TypedDict):
    """One face. All but the box and the confidence may be absent."""

    confidence: Decimal
    boundingBox: BoundingBox
    ageRange: NotRequired[Range]
    emotions: NotRequired[list[Emotion]]
    smile: NotRequired[Trait]
    gender: NotRequired[Trait]
    eyeglasses: NotRequired[Trait]
    sunglasses: NotRequired[Trait]
    beard: NotRequired[Trait]
    mustache: NotRequired[Trait]
    eyesOpen: NotRequired[Trait]
    mouthOpen: NotRequired[Trait]
    faceOccluded: NotRequired[Trait]
    pose: NotRequired[dict[str, Decimal]]
    quality: NotRequired[dict[str, Decimal]]


class ModerationLabel(TypedDict):
    """A kind of content that some people do not want to see; `parent` is "" at the first level."""

    name: str
    parent: str
    confidence: Decimal
    taxonomyLevel: NotRequired[Decimal]


class Text(TypedDict):
    """A line or a word of print."""

    text: str
    type: str
    confidence: Decimal
    boundingBox: BoundingBox


class Color(TypedDict):
    """A dominant colour and its share of the pixels."""

    hex: str
    name: str
    percent: Decimal


class Capture(TypedDict, total=False):
    """Time, place and settings of a photograph, as its camera or an editor wrote them (Exif, XMP)."""

    takenAt: str
    """ISO 8601 by the camera's clock, to the second; with the zone, as +02:00, where the camera wrote one."""
    camera: str
    lens: str
    exposureSeconds: Decimal
    aperture: Decimal
    """The f-number."""
    iso: int
    focalLengthMm: Decimal
    latitude: Decimal
    """In degrees, south negative; with `keepLocation` alone. So is `longitude`, west negative."""
    longitude: Decimal


PLACE: Final = ("latitude", "longitude")


class Analysis(TypedDict, total=False):
    """The detectors' results, one key for each detector that ran."""

    labels: list[Label]
    faces: list[Face]
    moderation: list[ModerationLabel]
    text: list[Text]
    colors: list[Color]
    quality: dict[str, Decimal]


class Result(Analysis):
    """The result document of one picture."""

    key: str
    bucket: str
    status: str
    """One of `Status`."""
    sequencer: str
    """Hex, left-padded with zeros to 64 characters: compares as a string."""
    processedAt: str
    """ISO 8601 UTC, milliseconds, "Z"; so are all times."""
    code: NotRequired[str]
    """One of `Code`; with `message`, only when the status is not LABELED."""
    message: NotRequired[str]
    versionId: NotRequired[str]
    etag: NotRequired[str]
    sizeBytes: NotRequired[int]
    format: NotRequired[str]
    """The uploaded file's format: JPEG, PNG, HEIC, HEIF, AVIF, WebP, GIF, TIFF or BMP."""
    width: NotRequired[int]
    """The uploaded file's width as a person sees it, turned by its orientation; so is `height`."""
    height: NotRequired[int]
    capture: NotRequired[Capture]
    converted: NotRequired[bool]
    """True when Rekognition saw a converted copy: an upright JPEG. Boxes fit the original all the same."""
    uploadedAt: NotRequired[str]
    detectors: NotRequired[list[str]]
    """The detectors that were called."""
    reused: NotRequired[bool]
    """Every detector's answer came from an earlier analysis of the same bytes."""
    truncated: NotRequired[list[str]]
    """Parts that were shortened because a DynamoDB item holds 400 KB, for example ["labels.instances", "text"]."""


def json_ready(document: object) -> Any:
    """Return the document with ints and floats in place of Decimals, for `json.dumps`."""
    if isinstance(document, Decimal):
        return int(document) if document == document.to_integral_value() else float(document)
    if isinstance(document, dict):
        return {name: json_ready(value) for name, value in document.items()}
    if isinstance(document, (list, tuple)):
        return [json_ready(value) for value in document]
    return document


SCHEMA_VERSION: Final = 1
"""The version of `public_document`, raised when readers of its schema must change; new attributes do not raise it."""
DOCUMENTS: Final = "results"
"""The folder of the documents in their bucket."""
_MAX_KEY_BYTES: Final = 1024
NO_VERSION: Final = "null"
"""In place of the version's id, in a bucket without versions."""


def public_document(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document as others get it, in the results bucket and in an export (api/result.schema.json)."""
    return {"schemaVersion": SCHEMA_VERSION, **json_ready(dict(result))}


def document_key(key: str, version_id: str | None) -> str:
    """Return where the document of a picture's version is: `results/<key>/<version id>.json`; see `place_of`."""
    return place_of(DOCUMENTS, key, f"{version_id or NO_VERSION}.json")


def place_of(folder: str, key: str, name: str) -> str:
    """Return where something of a picture is: `<folder>/<key>/<name>`.

    S3 keys have at most 1,024 bytes: where that would be longer, the key's SHA-256 stands for the key, in
    `<folder>-of-long-keys/`.
    """
    whole, hashed = (f"{each}{name}" for each in folders_of(folder, key))
    return whole if len(whole.encode()) <= _MAX_KEY_BYTES else hashed


def folders_of(folder: str, key: str) -> tuple[str, str]:
    """Return the folders of a picture's objects: by its key, and by its hash if the key is too long."""
    return f"{folder}/{key}/", f"{folder}-of-long-keys/{hashlib.sha256(key.encode()).hexdigest()}/"


# --- the previews of pictures

SIDES_PX: Final = (1600, 480)
"""The longest sides. The smallest is stored last: where it is, all are."""
PREVIEW_TYPE: Final = "image/webp"
PREVIEWS: Final = "previews"
"""The folder of the previews in their bucket."""


def preview_key(key: str, version_id: str | None, side_px: int) -> str:
    """Return where a preview of a picture's version is: `previews/<key>/<version id>/<side>.webp`; see `place_of`."""
    return place_of(PREVIEWS, key, f"{version_id or NO_VERSION}/{side_px}.webp")
