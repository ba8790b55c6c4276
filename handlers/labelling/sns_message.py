"""The SNS message that announces a result: pure. Its schema: api/notification.schema.json.

Amazon SNS: a message has at most 256 KB, attributes included; an attribute's text takes the characters of XML 1.0; a
subject has less than 100 printable ASCII characters (docs.aws.amazon.com/sns/latest/api/API_Publish.html). A queue that
gets messages raw takes at most 10 attributes (docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from ..results.document import Result, json_ready

SCHEMA_VERSION: Final = 1
"""Raised when a reader of the schema would have to change; attributes may be added without."""

MAX_BYTES: Final = 256 * 1024
MAX_SUBJECT_CHARACTERS: Final = 99
_COPIED: Final = ("status", "code", "message", "bucket", "key", "versionId", "sequencer", "uploadedAt", "processedAt")
_NOT_XML: Final = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NOT_PRINTABLE: Final = re.compile(r"[^ -~]")
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"


def sns_message(
    result: Result, publication_id: str, min_confidence: Decimal, document: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return the message that announces this result, as parameters of SNS's Publish.

    Labels and kinds of content of at least `min_confidence` become attributes. `document` says where the whole result
    is: bucket and key. A message that would be too large names fewer, the least certain left out.
    """
    names: dict[str, list[Any]] = {
        part: sorted(result[part], key=lambda label: label["confidence"], reverse=True)
        for part in ("labels", "moderation")
        if part in result
    }
    shown = dict(names)
    while True:
        body: dict[str, Any] = {"schemaVersion": SCHEMA_VERSION, "id": publication_id}
        body |= {name: result[name] for name in _COPIED if name in result}
        for part, labels in shown.items():
            body[part] = [{"name": label["name"], "confidence": label["confidence"]} for label in labels]
        if "faces" in result:
            body["faces"] = len(result["faces"])
        if cut := [part for part in names if len(shown[part]) < len(names[part])]:
            body["truncated"] = cut
        if document:
            body["document"] = document
        message = {
            "Subject": _subject(result),
            # Only ASCII: whatever is in a key, SNS takes the body.
            "Message": json.dumps(json_ready(body)),
            "MessageAttributes": _attributes(result, shown, min_confidence),
        }
        if size_bytes(message) <= MAX_BYTES or not any(shown.values()):
            return message
        largest = max(shown, key=lambda part: len(json.dumps(json_ready(shown[part]))))
        shown[largest] = shown[largest][: len(shown[largest]) // 2]


def size_bytes(message: Mapping[str, Any]) -> int:
    """Return the size as SNS counts it: the body, and each attribute's name, type and value."""
    return len(message["Message"].encode()) + sum(
        len(name) + len(attribute["DataType"]) + len(attribute["StringValue"].encode())
        for name, attribute in message["MessageAttributes"].items()
    )


def _attributes(result: Result, shown: Mapping[str, Sequence[Any]], min_confidence: Decimal) -> dict[str, Any]:
    """Return the attributes to filter by, each one text or a list."""
    texts = {"status": str(result["status"]), "key": _NOT_XML.sub(_REPLACEMENT, result["key"])}
    if "code" in result:
        texts["code"] = str(result["code"])
    sure = {
        part: [_NOT_XML.sub(_REPLACEMENT, label["name"]) for label in labels if label["confidence"] >= min_confidence]
        for part, labels in shown.items()
    }
    if "moderation" in sure:
        texts["flagged"] = str(bool(sure["moderation"])).lower()
    return {name: {"DataType": "String", "StringValue": text} for name, text in texts.items()} | {
        part: {"DataType": "String.Array", "StringValue": json.dumps(names)} for part, names in sure.items() if names
    }


def _subject(result: Result) -> str:
    words = [str(result["status"]), *([str(result["code"])] if "code" in result else [])]
    space = MAX_SUBJECT_CHARACTERS - len(" ".join(words)) - 1
    name = _NOT_PRINTABLE.sub("?", result["key"])
    # The end of a key says more than its folders.
    return " ".join([*words, name if len(name) <= space else "..." + name[3 - space :]])
