"""The outbox: a stored result becomes a document in the results bucket and an SNS message, each result once.

The transaction that stores a result notes on the image item that it waits, and until when its writer has claimed to
publish it. If that one dies, the claim runs out, and the next function that comes upon the result publishes it. A
message is doubled only when its function dies between the message and the note of it, or takes longer than its claim:
its id is the same then.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from ..results import keys, table
from ..results.document import Result, document_key, public_document
from ..results.errors import AnnouncementClaimedError, TableUnavailableError
from ..results.item import OUTBOX_ATTRIBUTES, UNCLAIMED, OutboxEntry, document, publication_id
from ..results.table import Rows
from .errors import AnnouncementError
from .metrics import Metric, Metrics
from .sns_message import sns_message

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient

CLAIM: Final = timedelta(seconds=60)
"""Longer than the time-outs and retries of both targets together (`client_config`)."""


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
