"""The SNS message that announces a result: pure. Its schema: api/notification.schema.json.

Amazon SNS: a message has at most 256 KB, attributes included; an attribute's text takes the characters of XML 1.0; a
subject has less than 100 printable ASCII characters (docs.aws.amazon.com/sns/latest/api/API_Publish.html). A queue that
gets messages raw takes at most 10 attributes (docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class SnsMessage:
    """A message: a body of JSON, and attributes to filter by, whose values are one text or a list."""

    subject: str
    body: str
    attributes: Mapping[str, str | Sequence[str]]

    @property
    def size_bytes(self) -> int:
        """Return the size as SNS counts it: the body, and each attribute's name, type and value."""
        return len(self.body.encode()) + sum(
            len(name) + len(data_type(value)) + len(attribute_text(value).encode())
            for name, value in self.attributes.items()
        )


def data_type(value: str | Sequence[str]) -> str:
    """Return the attribute's type by SNS's name."""
    return "String" if isinstance(value, str) else "String.Array"


def attribute_text(value: str | Sequence[str]) -> str:
    """Return the attribute's value as SNS takes it."""
    return value if isinstance(value, str) else json.dumps(list(value))


def sns_message(
    result: Result, publication_id: str, min_confidence: Decimal, document: Mapping[str, str] | None = None
) -> SnsMessage:
    """Return the message that announces this result.

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
        cut = [part for part in names if len(shown[part]) < len(names[part])]
        message = _message(result, publication_id, min_confidence, document, shown, cut)
        if message.size_bytes <= MAX_BYTES or not any(shown.values()):
            return message
        largest = max(shown, key=lambda part: len(json.dumps(json_ready(shown[part]))))
        shown[largest] = shown[largest][: len(shown[largest]) // 2]


def _message(
    result: Result,
    publication_id: str,
    min_confidence: Decimal,
    document: Mapping[str, str] | None,
    shown: Mapping[str, Sequence[Any]],
    cut: Sequence[str],
) -> SnsMessage:
    body: dict[str, Any] = {"schemaVersion": SCHEMA_VERSION, "id": publication_id}
    body |= {name: result[name] for name in _COPIED if name in result}
    attributes: dict[str, str | Sequence[str]] = {
        "status": str(result["status"]),
        "key": _NOT_XML.sub(_REPLACEMENT, result["key"]),
    }
    if "code" in result:
        attributes["code"] = str(result["code"])
    for part, labels in shown.items():
        body[part] = [{"name": label["name"], "confidence": label["confidence"]} for label in labels]
        sure = [_NOT_XML.sub(_REPLACEMENT, label["name"]) for label in labels if label["confidence"] >= min_confidence]
        if sure:
            attributes[part] = sure
        if part == "moderation":
            attributes["flagged"] = str(bool(sure)).lower()
    if "faces" in result:
        body["faces"] = len(result["faces"])
    if cut:
        body["truncated"] = list(cut)
    if document:
        body["document"] = dict(document)
    # Only ASCII: whatever is in a key, SNS takes the body.
    return SnsMessage(_subject(result), json.dumps(json_ready(body)), attributes)


def _subject(result: Result) -> str:
    words = [str(result["status"]), *([str(result["code"])] if "code" in result else [])]
    space = MAX_SUBJECT_CHARACTERS - len(" ".join(words)) - 1
    name = _NOT_PRINTABLE.sub("?", result["key"])
    # The end of a key says more than its folders.
    return " ".join([*words, name if len(name) <= space else "..." + name[3 - space :]])
