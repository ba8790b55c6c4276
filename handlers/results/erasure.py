"""Erasing a picture for good: all that the stack itself keeps of it, wherever it is.

S3 keeps deleted objects as old versions, and documents, known content and notes outlive a picture. Nobody can
erase: the tombstone in the table (15 days: an older event must not bring the result back), the table's backups, the
functions' logs, messages in queues, and announcements (`docs/security.md`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import keys
from .codes import Status
from .document import DOCUMENTS, PREVIEWS, folders_of
from .table import queried, read_item, to_wire, translated_errors

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class Erasure:
    """Erases pictures of one stack. Raises TableUnavailableError, and botocore's errors of S3.

    Attributes:
        documents: The bucket of the result documents; None where there is none.
        previews: The bucket of the previews, which has no versions; None where there is none.
    """

    s3: S3Client
    dynamodb: DynamoDBClient
    uploads: str
    table: str
    documents: str | None
    previews: str | None = None

    def keys_below(self, prefix: str) -> Iterator[str]:
        """Yield the keys below a prefix that still have a version, a delete marker, a document or a preview.

        A key may come twice. Documents and previews of keys that are too long for a name are found by the whole key.
        """
        before = None
        for version in self._versions(self.uploads, prefix):
            if version["Key"] != before:
                yield (before := version["Key"])
        for bucket, folder, depth in self._derived:
            for version in self._versions(bucket, f"{folder}/{prefix}"):
                key = version["Key"].removeprefix(f"{folder}/").rsplit("/", 1 + depth)[0]
                if key.startswith(prefix):
                    yield key
            if any(True for _ in self._versions(bucket, folders_of(folder, prefix)[1])):
                yield prefix

    def erase(self, key: str, contents: set[keys.Content]) -> bool:
        """Erase everything of a picture; return whether nothing is left but the tombstone.

        The pipeline removes the result after S3's event. Until then, call this again.

        Args:
            key: The picture's.
            contents: The picture's known bytes from earlier calls; this one adds to them. Rekognition's answers for
                them are erased too, even if other pictures have the same bytes: those keep their results.
        """
        versions = [version for version in self._versions(self.uploads, key) if version["Key"] == key]
        image = read_item(self.dynamodb, self.table, keys.image_place(key))
        contents |= {(version["ETag"].strip('"'), version["Size"]) for version in versions if "ETag" in version}
        if image and "etag" in image and "sizeBytes" in image:
            contents.add((image["etag"], int(image["sizeBytes"])))
        # The present one last: without it, an older one would come to light and be labelled.
        self._remove(self.uploads, sorted(versions, key=lambda version: version["IsLatest"]))
        for pk in [keys.ATTEMPT + key, *(keys.content_pk(*content) for content in contents)]:
            for item in queried(self.dynamodb, self.table, pk, ProjectionExpression="pk, sk", ConsistentRead=True):
                with translated_errors():
                    self.dynamodb.delete_item(TableName=self.table, Key=to_wire(item))
        is_gone = not versions and (image is None or image["status"] == Status.DELETED)
        for bucket, kind, depth in self._derived:
            if is_gone or kind == PREVIEWS:  # a result that is still there can be announced once more
                for folder in folders_of(kind, key):
                    below = self._versions(bucket, folder)
                    self._remove(bucket, [each for each in below if each["Key"].count("/", len(folder)) == depth])
        return is_gone

    @property
    def _derived(self) -> list[tuple[str, str, int]]:
        """Return the bucket of documents and that of previews, with their folder, and its depth below a key's.

        They are looked through: an event of a version that is gone may have been lost.
        """
        derived = ((self.documents, DOCUMENTS, 0), (self.previews, PREVIEWS, 1))
        return [(bucket, folder, depth) for bucket, folder, depth in derived if bucket]

    def _versions(self, bucket: str, prefix: str) -> Iterator[Any]:
        """Yield versions and markers of deletions, by key."""
        for page in self.s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
            yield from [*page.get("Versions", []), *page.get("DeleteMarkers", [])]

    def _remove(self, bucket: str, versions: Iterable[Any]) -> None:
        # One by one: a list of them is XML, which not every key can be part of.
        for version in versions:
            self.s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
