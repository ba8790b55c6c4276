"""S3 and SQS in memory as far as repairs use them, with the ways in which they refuse."""

from __future__ import annotations

import hashlib
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from handlers.results.codes import Status
from handlers.results.document import Label, Result
from tests.labelstack.cli.fakes import FakeResults, refusal

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
LONG_AGO = datetime(2026, 11, 1, tzinfo=UTC)
BUCKET, QUEUE, DEAD_LETTERS = "the-bucket", "the-queue", "the-dead-letters"
PAGE = 3


def etag_of(content: bytes) -> str:
    """Return S3's ETag of an upload in one part that KMS does not encrypt."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class StoredObject:
    """One object."""

    content: bytes
    etag: str
    at: datetime
    described: dict[str, Any] = field(default_factory=dict)


class FakeStorage:
    """S3 with some buckets."""

    def __init__(self) -> None:
        self.buckets: dict[str, dict[str, StoredObject]] = {BUCKET: {}}
        self.deleted: dict[tuple[str, str], datetime] = {}
        self.copies: list[str] = []
        self.fail: Callable[[str, str], None] = lambda operation, key: None
        """Called with each operation and key; may raise."""
        self._lock = threading.Lock()

    def refuse(self, operation: str, code: str, status: int = 403, *, of: str = "") -> None:
        """Refuse an operation on objects whose keys end with a text."""

        def fail(called: str, key: str) -> None:
            if called == operation and key.endswith(of):
                raise refusal(operation, code, status)

        self.fail = fail

    def put(
        self, key: str, content: bytes = b"picture", *, bucket: str = BUCKET, at: datetime = LONG_AGO, **described: Any
    ) -> str:
        """Upload; the ETag."""
        etag = described.pop("etag", etag_of(content))
        self.buckets.setdefault(bucket, {})[key] = StoredObject(content, etag, at, described)
        return str(etag)

    def delete(self, key: str, at: datetime | None, bucket: str = BUCKET) -> None:
        """Delete; with a delete marker, unless `at` is None."""
        self.buckets[bucket].pop(key, None)
        if at is not None:
            self.deleted[bucket, key] = at

    def get_paginator(self, operation: str) -> FakeStorage:
        """Return this fake."""
        assert operation == "list_objects_v2"
        return self

    def paginate(self, *, Bucket: str, Prefix: str = "", StartAfter: str = "") -> Iterator[dict[str, Any]]:
        """Yield small pages; each shows the objects of the moment."""
        if Bucket not in self.buckets:
            raise refusal("ListObjectsV2", "NoSuchBucket", 404)
        after = StartAfter
        while True:
            self.fail("list", after)
            keys = sorted(key for key in self.buckets[Bucket] if key.startswith(Prefix) and key > after)
            yield {"Contents": [self._entry(Bucket, key) for key in keys[:PAGE]]} if keys else {}
            if len(keys) <= PAGE:
                return
            after = keys[PAGE - 1]

    def _entry(self, bucket: str, key: str) -> dict[str, Any]:
        stored = self.buckets[bucket][key]
        size = stored.described.get("size", len(stored.content))
        return {"Key": key, "Size": size, "ETag": f'"{stored.etag}"', "LastModified": stored.at}

    def list_object_versions(self, *, Bucket: str, Prefix: str) -> dict[str, Any]:
        """Return the current versions, and the delete markers with the version that each hides."""
        present = {key: self._entry(Bucket, key) | {"IsLatest": True} for key in self.buckets[Bucket]}
        marked = {key: at for (bucket, key), at in self.deleted.items() if bucket == Bucket and key not in present}
        markers = [{"Key": key, "LastModified": at, "IsLatest": True} for key, at in marked.items()]
        hidden = [{"Key": key, "LastModified": at, "IsLatest": False} for key, at in marked.items()]
        listed = {"Versions": [*present.values(), *hidden], "DeleteMarkers": markers}
        return {kind: [each for each in entries if each["Key"].startswith(Prefix)] for kind, entries in listed.items()}

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        """Raise 404 for an object that is not there."""
        self.fail("head", Key)
        if Key not in self.buckets.get(Bucket, {}):
            raise refusal("HeadObject", "404", 404)
        stored = self.buckets[Bucket][Key]
        entry = self._entry(Bucket, Key)
        return {"ContentLength": entry["Size"], "ETag": entry["ETag"], **stored.described}

    def copy_object(
        self, *, Bucket: str, Key: str, CopySource: dict[str, str], MetadataDirective: str, **described: Any
    ) -> dict[str, Any]:
        """Copy an object; with KMS, the copy's ETag is another."""
        assert MetadataDirective == "REPLACE"
        self.fail("copy", CopySource["Key"])
        with self._lock:
            source = self.buckets[CopySource["Bucket"]].get(CopySource["Key"])
            if source is None:
                raise refusal("CopyObject", "NoSuchKey", 404)
            # A copy of an object that KMS encrypts, or that was uploaded in parts, has another ETag.
            self.put(Key, source.content, bucket=Bucket, at=NOW, etag=etag_of(source.etag.encode()), **described)
            self.copies.append(Key)
        return {}


class FakeQueues:
    """SQS with two queues; messages come in any order that the test likes, here the order in which they were sent."""

    def __init__(self) -> None:
        self.waiting: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        self.calls = 0
        self.refuse: Callable[[str], str | None] = lambda body: None
        """The reason why SQS refuses a message of a batch."""
        self.fail: Callable[[str], None] = lambda operation: None
        self.now = NOW
        self.date: str | None = "Sat, 21 Nov 2026 12:00:00 GMT"
        self.groups: set[str | None] = set()
        """Of all messages that were sent."""
        self._invisible: dict[str, dict[str, Any]] = {}
        self._numbers = iter(range(1_000_000))

    def bodies(self, queue: str = QUEUE) -> list[str]:
        """Return the messages that wait in a queue."""
        return [message["Body"] for message in self.waiting[queue]]

    def put(self, queue: str, body: str, sent_at: datetime) -> None:
        """Put a message that was sent some time ago."""
        attributes = {"SentTimestamp": str(int(sent_at.timestamp() * 1000))}
        self.waiting[queue].append({"Body": body, "ReceiptHandle": str(next(self._numbers)), "Attributes": attributes})

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:
        """Take the messages that the test does not refuse."""
        self.calls += 1
        self.fail("send_message_batch")
        assert 1 <= len(Entries) <= 10
        failed = []
        for entry in Entries:
            reason = self.refuse(entry["MessageBody"])
            if reason is not None:
                failed.append({"Id": entry["Id"], "SenderFault": False, "Message": reason})
            else:
                self.groups.add(entry.get("MessageGroupId"))
                self.put(QueueUrl, entry["MessageBody"], self.now)
        return {"Failed": failed} if failed else {}

    def send_message(self, *, QueueUrl: str, MessageBody: str, MessageGroupId: str) -> None:
        """Take it."""
        self.fail("send_message")
        self.groups.add(MessageGroupId)
        self.put(QueueUrl, MessageBody, self.now)

    def receive_message(
        self, *, QueueUrl: str, MaxNumberOfMessages: int, MessageSystemAttributeNames: list[str]
    ) -> dict[str, Any]:
        """Return the next messages, and hide them."""
        assert MessageSystemAttributeNames == ["SentTimestamp"]
        taken = self.waiting[QueueUrl][:MaxNumberOfMessages]
        del self.waiting[QueueUrl][:MaxNumberOfMessages]
        self._invisible.update({message["ReceiptHandle"]: message for message in taken})
        return {"Messages": taken} if taken else {}

    def delete_message(self, *, QueueUrl: str, ReceiptHandle: str) -> None:
        """Delete the message."""
        self.fail("delete_message")
        del self._invisible[ReceiptHandle]

    def time_out(self, queue: str) -> None:
        """Show received messages again that were not deleted."""
        self.waiting[queue] += self._invisible.values()
        self._invisible = {}

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]:
        """Return the number of waiting messages and the time."""
        headers = {} if self.date is None else {"date": self.date}
        return {
            "Attributes": {
                "ApproximateNumberOfMessages": str(len(self.waiting[QueueUrl])),
                "ApproximateNumberOfMessagesNotVisible": str(len(self._invisible)),
            },
            "ResponseMetadata": {"HTTPHeaders": headers},
        }


class RepairResults(FakeResults):
    """A results table with an outbox."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: list[str] = []
        self.all_labels: dict[str, list[Label]] = {}
        """Rekognition's labels of a picture, where the result shows other ones."""

    def walk_labels(self, prefix: str = "") -> Iterator[tuple[Result, list[Label]]]:
        """Yield LABELED results in the order of storage."""
        for result in self.walk((Status.LABELED,), prefix):
            yield result, self.all_labels.get(result["key"], result["labels"])

    def unannounced(self) -> Iterator[str]:
        """Yield the keys in the order of refusal."""
        return iter(self.refused)
