"""Pictures of another bucket, copied by S3 itself into the upload bucket, whose events then label them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from labelstack.errors import InputError, RepairError

SCHEME = "s3://"


@dataclass(frozen=True)
class Place:
    """A bucket, or a part of one."""

    bucket: str
    prefix: str = ""

    @classmethod
    def parse(cls, url: str) -> Place:
        """From `s3://bucket/prefix`.

        Raises:
            InputError: It is none.
        """
        bucket, _, prefix = url.removeprefix(SCHEME).partition("/")
        if not url.startswith(SCHEME) or not bucket:
            raise InputError(f"{url!r} is no place in S3: expected s3://BUCKET or s3://BUCKET/PREFIX.")
        return cls(bucket, prefix)


@dataclass(frozen=True)
class Listed:
    """An object as a listing shows it."""

    key: str
    size_bytes: int
    etag: str


def listed(s3: Any, place: Place, after: str = "") -> Iterator[Listed]:
    """The objects of a place in the order of their keys; those behind `after`.

    Raises:
        InputError: There is no such bucket, or it may not be listed.
    """
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=place.prefix, StartAfter=after)
    try:
        for page in pages:
            for entry in page.get("Contents", []):
                if not entry["Key"].endswith("/"):  # a folder of the console
                    yield Listed(entry["Key"], int(entry["Size"]), entry["ETag"].strip('"'))
    except ClientError as error:
        raise InputError(f"the bucket {place.bucket!r} cannot be listed: {error}") from error


def copy(s3: Any, source: Place, one: Listed, bucket: str, key: str) -> bool:
    """Copy an object unless the same bytes are there already; whether it was copied.

    Raises:
        RepairError: S3 does not copy it.
    """
    try:
        there = s3.head_object(Bucket=bucket, Key=key)
        if there["ETag"].strip('"') == one.etag and there["ContentLength"] == one.size_bytes:
            return False
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise RepairError(f"{key!r} cannot be looked up in {bucket!r}: {error}") from error
    try:
        s3.copy_object(Bucket=bucket, Key=key, CopySource={"Bucket": source.bucket, "Key": one.key})
    except (ClientError, BotoCoreError) as error:
        raise RepairError(f"{one.key!r} of {source.bucket!r} could not be copied: {error}") from error
    return True
