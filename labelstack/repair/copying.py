"""Pictures of another bucket, copied by S3 itself into the upload bucket, whose events then label them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from labelstack.errors import InputError, RepairError

SCHEME = "s3://"
ORIGINAL_ETAG = "labelstack-original-etag"
# Archived; larger than 5 GB, which CopyObject does not take.
NOT_COPYABLE = frozenset({"InvalidObjectState", "InvalidRequest", "EntityTooLarge"})
KEPT_HEADERS = ("ContentType", "ContentEncoding", "ContentDisposition", "ContentLanguage", "CacheControl")


@dataclass(frozen=True)
class Place:
    """A bucket, or a part of one."""

    bucket: str
    prefix: str = ""

    @classmethod
    def parse(cls, url: str) -> Place:
        """Parse `s3://bucket/prefix`.

        Raises:
            InputError: It is none.
        """
        bucket, _, prefix = url.removeprefix(SCHEME).partition("/")
        if not url.startswith(SCHEME) or not bucket:
            raise InputError(f"the source must be s3://BUCKET or s3://BUCKET/PREFIX; got {url!r}.")
        return cls(bucket, prefix)


@dataclass(frozen=True)
class Listed:
    """An object as a listing shows it."""

    key: str
    size_bytes: int
    etag: str


class NotCopyableError(RepairError):
    """S3 can never copy this object. The copying of others continues."""


def listed(s3: Any, place: Place, after: str = "", *, folders: bool = True) -> Iterator[Listed]:
    """Yield the objects of a place in the order of their keys; those behind `after`.

    Args:
        folders: With the empty objects by which the console shows folders; they are uploads as all others.

    Raises:
        InputError: There is no such bucket, or it may not be listed.
    """
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=place.prefix, StartAfter=after)
    try:
        for page in pages:
            for entry in page.get("Contents", []):
                if folders or not entry["Key"].endswith("/"):
                    yield Listed(entry["Key"], int(entry["Size"]), entry["ETag"].strip('"'))
    except ClientError as error:
        raise InputError(f"cannot list the bucket {place.bucket!r}: {error}") from error


def destination(source: Place, key: str, prefix: str) -> str:
    """Return the key of a copy: `prefix`, and the object's own key from the last folder of the source's prefix on."""
    return prefix + key.removeprefix(source.prefix[: source.prefix.rfind("/") + 1])


def copy(s3: Any, source: Place, entry: Listed, bucket: str, key: str) -> bool:
    """Copy an object; False if the same bytes are there already, or the object has gone since it was listed.

    Where an object is encrypted with KMS or was uploaded in parts its copy has another ETag. So the copy keeps the
    original's ETag in its metadata.

    Raises:
        NotCopyableError: It is archived, larger than S3 copies at once, or encrypted with its owner's own key.
        RepairError: S3 does not copy it for another reason.
    """
    there = _head(s3, bucket, key)
    if there and there["ContentLength"] == entry.size_bytes:
        original = there.get("Metadata", {}).get(ORIGINAL_ETAG)
        if entry.etag in (there["ETag"].strip('"'), original):
            return False
    described = _head(s3, source.bucket, entry.key)
    if described is None:
        return False
    kept = {name: described[name] for name in KEPT_HEADERS if described.get(name)}
    try:
        s3.copy_object(
            Bucket=bucket,
            Key=key,
            CopySource={"Bucket": source.bucket, "Key": entry.key},
            MetadataDirective="REPLACE",
            Metadata={**described.get("Metadata", {}), ORIGINAL_ETAG: entry.etag},
            **kept,
        )
    except (ClientError, BotoCoreError) as error:
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
        if code == "NoSuchKey":
            return False
        kind = NotCopyableError if code in NOT_COPYABLE else RepairError
        raise kind(f"S3 did not copy {entry.key!r} of {source.bucket!r}: {error}") from error
    return True


def _head(s3: Any, bucket: str, key: str) -> Mapping[str, Any] | None:
    try:
        head: Mapping[str, Any] = s3.head_object(Bucket=bucket, Key=key)
    except (ClientError, BotoCoreError) as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"] if isinstance(error, ClientError) else 0
        if status == 404:
            return None
        kind = NotCopyableError if status == 400 else RepairError  # 400: encrypted with its owner's own key (SSE-C)
        raise kind(f"S3 did not answer whether {bucket!r} has {key!r}: {error}") from error
    return head
