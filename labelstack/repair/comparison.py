"""A comparison of a bucket with a results table: missing, stale, orphaned, failed or unannounced results."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from handlers.results.codes import Status
from handlers.results.document import Result
from labelstack.repair.requests import batches
from labelstack.table_results import TableResults

LOOKED_UP_AT_ONCE = 100


class Kind(StrEnum):
    """A difference between bucket and table."""

    MISSING = "MISSING"
    """It is in the bucket and has no result."""
    STALE = "STALE"
    """Its result is of other bytes than the bucket's current version."""
    ORPHANED = "ORPHANED"
    """It has a result and is not in the bucket any more."""
    FAILED = "FAILED"
    """Its result says that it failed: `labelstack redrive` tries it again."""
    UNANNOUNCED = "UNANNOUNCED"
    """Its result could not be written to the results bucket or sent to the topic."""


MENDED = (Kind.MISSING, Kind.STALE, Kind.ORPHANED, Kind.UNANNOUNCED)
"""The kinds that a request for the picture repairs."""


@dataclass(frozen=True)
class Finding:
    """One picture and its problem.

    Attributes:
        detail: A code, or the expected and the actual value.
    """

    kind: Kind
    key: str
    detail: str = ""


@dataclass(frozen=True)
class Waiting:
    """A picture that was uploaded, labelled or deleted so lately that what does not fit yet may be on its way."""

    key: str


class Comparison:
    """Compares one stack's bucket with its table, some pictures at a time.

    Neither need fit into memory, but the hashes of all keys have to: about 100 bytes a picture.

    Args:
        s3: A boto3 S3 client.
        bucket: The upload bucket.
        table: The results.
        prefix: Only pictures whose keys start with this.
        settled_before: Events after this time may still be on their way.
    """

    def __init__(
        self, s3: Any, bucket: str, table: TableResults, *, prefix: str = "", settled_before: datetime
    ) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._table = table
        self._prefix = prefix
        self._settled_before = settled_before

    def findings(self, on_looked: Callable[[int], None] = lambda _: None) -> Iterator[Finding | Waiting]:
        """Yield each difference; call `on_looked` with the number of pictures compared since."""
        there: set[int] = set()
        for chunk in batches(self._objects(), LOOKED_UP_AT_ONCE):
            there.update(hash(entry["Key"]) for entry in chunk)
            stored = self._table.get_many([entry["Key"] for entry in chunk])
            for entry in chunk:
                if finding := self._judge(entry, stored.get(entry["Key"])):
                    yield finding
            on_looked(len(chunk))
        for key, result in self._unlisted(there):
            if finding := self._judge_unlisted(key, result):
                yield finding
        for key in self._table.unannounced():
            if key.startswith(self._prefix):
                yield Finding(Kind.UNANNOUNCED, key)

    def _judge(self, entry: Mapping[str, Any], result: Result | None) -> Finding | Waiting | None:
        key, etag = entry["Key"], entry["ETag"].strip('"')
        # A result that came after the listing may be of another upload, or of a delete.
        young = self._is_young(entry["LastModified"]) or (result is not None and self._is_young(_processed(result)))
        if result is None or result["status"] == Status.DELETED:
            return Waiting(key) if young else Finding(Kind.MISSING, key, f"uploaded {entry['LastModified']:%F %T}")
        known = (result.get("etag") or etag).strip('"')  # a failure may not know it
        if known != etag:
            detail = f"result of {known[:8]}, the bucket has {etag[:8]}"
            return Waiting(key) if young else Finding(Kind.STALE, key, detail)
        if result["status"] == Status.FAILED:
            return Finding(Kind.FAILED, key, str(result.get("code", "")))
        return None

    def _unlisted(self, there: Set[int]) -> Iterator[tuple[str, Result]]:
        """Yield results of pictures that the listing did not show, each once."""
        reported: set[str] = set()
        for result in self._table.walk((Status.LABELED, Status.REJECTED, Status.FAILED), self._prefix):
            if hash(result["key"]) not in there and result["key"] not in reported:
                reported.add(result["key"])
                yield result["key"], result

    def _judge_unlisted(self, key: str, result: Result) -> Finding | Waiting | None:
        # The listing may have passed the key before its upload, so this asks the bucket again, also for the time of a
        # deletion. It asks for a whole page, because LocalStack cannot end one at a key with a control character.
        answer = self._s3.list_object_versions(Bucket=self._bucket, Prefix=key)
        latest: dict[str, datetime] = {
            kind: entry["LastModified"]
            for kind in ("Versions", "DeleteMarkers")
            for entry in answer.get(kind, [])
            if entry["Key"] == key and entry["IsLatest"]
        }
        if "Versions" in latest:
            return None
        deleted = latest.get("DeleteMarkers")
        if deleted is not None and self._is_young(deleted):
            return Waiting(key)
        when = f", deleted {deleted:%F %T}" if deleted else ""
        return Finding(Kind.ORPHANED, key, f"{result['status']} of {result['processedAt']}{when}")

    def _is_young(self, time: datetime) -> bool:
        return time >= self._settled_before

    def _objects(self) -> Iterator[Mapping[str, Any]]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix)
        for page in pages:
            yield from page.get("Contents", [])


def _processed(result: Result) -> datetime:
    return datetime.fromisoformat(result["processedAt"])
