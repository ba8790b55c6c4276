"""The outbox: a stored result becomes a document in the results bucket and an SNS message, each result once.

The transaction that stores a result notes on the image item that it waits, and until when its writer has claimed to
publish it. If that one dies, the claim runs out, and the next function that comes upon the result publishes it. A
message is doubled only when its function dies between the message and the note of it, or takes longer than its claim:
its id is the same then.

The schema of the message: api/notification.schema.json. Amazon SNS: a message has at most 256 KB, attributes included;
an attribute's text takes the characters of XML 1.0; a subject has less than 100 printable ASCII characters
(docs.aws.amazon.com/sns/latest/api/API_Publish.html). A queue that gets messages raw takes at most 10 attributes
(docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from ..results import keys, table
from ..results.document import Result, document_key, json_ready, public_document
from ..results.errors import AnnouncementClaimedError, TableUnavailableError
from ..results.item import OUTBOX_ATTRIBUTES, UNCLAIMED, OutboxEntry, document, publication_id
from ..results.table import Rows
from .errors import AnnouncementError
from .metrics import Metric, Metrics

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient

CLAIM: Final = timedelta(seconds=60)
"""Longer than the time-outs and retries of both targets together (`client_config`)."""
SCHEMA_VERSION: Final = 1
"""Raised when a reader of the schema would have to change; attributes may be added without."""
MAX_BYTES: Final = 256 * 1024
MAX_SUBJECT_CHARACTERS: Final = 99
_COPIED: Final = ("status", "code", "message", "bucket", "key", "versionId", "sequencer", "uploadedAt", "processedAt")
_NOT_XML: Final = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NOT_PRINTABLE: Final = re.compile(r"[^ -~]")
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"


class Outbox:
    """Leaves publishing to another function, the workflow's next step: the stored result waits, unclaimed."""

    def entry(self, result: Result, event_time: str) -> OutboxEntry:
        """Return the outbox entry of a result that is about to be stored."""
        return OutboxEntry(publication_id(result, event_time), UNCLAIMED)

    def deliver(self, result: Result, entry: OutboxEntry) -> None:
        """Publish a result that has just been stored with this entry."""

    def resume(self, key: str) -> bool:
        """Publish the stored result of a picture if it is unannounced; return whether it was published."""
        return False


@dataclass(frozen=True)
class DeliveringOutbox(Outbox):
    """Publishes results to the targets that there are: at least one of them.

    When a target does not take a result, or another function is at it, the result waits on and may be resumed. Raises
    AnnouncementError, AnnouncementClaimedError and TableUnavailableError.
    """

    rows: Rows
    documents: tuple[S3Client, str] | None
    """A client, and the results bucket's name."""
    topic: tuple[SNSClient, str] | None
    """A client, and the topic's ARN."""
    min_confidence: Decimal
    metrics: Metrics
    now: Callable[[], datetime]
    warn: Callable[[str], None]

    def entry(self, result: Result, event_time: str) -> OutboxEntry:
        return OutboxEntry(publication_id(result, event_time), self._claim())

    def deliver(self, result: Result, entry: OutboxEntry) -> None:
        try:
            self._publish(result, entry)
        except AnnouncementError:
            self.metrics.add(Metric.ANNOUNCEMENTS_FAILED)
            self._release(result["key"], entry)
            raise
        # A result that has replaced this one has its own entry.
        self.rows.update(keys.image_place(result["key"]), where={"unannounced": entry.id}, remove=OUTBOX_ATTRIBUTES)
        self.metrics.add(Metric.RESULTS_ANNOUNCED)

    def resume(self, key: str) -> bool:
        place = keys.image_place(key)
        image = self.rows.read_items([place]).get(place)
        waiting = OutboxEntry.of(image)
        if image is None or waiting is None:
            return False
        if waiting.claimed_until > keys.iso_ms(self.now()):
            raise AnnouncementClaimedError(f"the result of {key!r} is being published")
        claimed = OutboxEntry(waiting.id, self._claim())
        if not self.rows.update(place, where=waiting.attributes(), put={"claimedUntil": claimed.claimed_until}):
            raise AnnouncementClaimedError(f"the result of {key!r} has changed, or is being published")
        self.deliver(document(image), claimed)
        return True

    def _publish(self, result: Result, entry: OutboxEntry) -> None:
        document = None
        if self.documents:
            s3, bucket = self.documents
            key = document_key(result["key"], result.get("versionId"))
            content = json.dumps(public_document(result), ensure_ascii=False, separators=(",", ":")).encode()
            with _refusals(f"the results bucket refused {key!r}"):
                s3.put_object(Bucket=bucket, Key=key, Body=content, ContentType="application/json")
            document = {"bucket": bucket, "key": key}
        if self.topic:
            sns, arn = self.topic
            with _refusals("the topic refused the message"):
                sns.publish(TopicArn=arn, **sns_message(result, entry.id, self.min_confidence, document))

    def _release(self, key: str, entry: OutboxEntry) -> None:
        """Release the claim, and list the result among those that could not be published."""
        listed = {"gsi1pk": keys.UNANNOUNCED, "gsi1sk": keys.sort_key(keys.iso_ms(self.now()), key)}
        try:
            self.rows.update(keys.image_place(key), where=entry.attributes(), put={"claimedUntil": UNCLAIMED, **listed})
        except TableUnavailableError as error:
            # The claim runs out by itself.
            self.warn(f"Releasing the claim on a result failed; the next attempt waits for its end: {error}")

    def _claim(self) -> str:
        return keys.iso_ms(self.now() + CLAIM)


client_config: Final = partial(table.client_config, connect_timeout_s=2, read_timeout_s=4, attempts=2)
"""The configuration of the targets' clients: half a minute for both at most."""


@contextmanager
def _refusals(what: str) -> Iterator[None]:
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise AnnouncementError(f"{what}: {error}") from error


# --- the message


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
