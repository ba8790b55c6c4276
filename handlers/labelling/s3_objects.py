"""The S3 adapter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from handlers.labelling.errors import LabellingError, ObjectGoneError, StorageError
from handlers.labelling.ports import StoredObject

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def client_config(connections: int) -> Config:
    """How the S3 client is built: short time-outs, botocore's own retries."""
    return Config(
        connect_timeout=3,
        read_timeout=5,
        max_pool_connections=connections,
        retries={"mode": "standard", "total_max_attempts": 4},
    )


class S3Objects:
    """`Objects` by boto3, in one bucket."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def head(self, key: str, version_id: str | None) -> StoredObject:
        """This version, or without one the current object."""
        request = _request(self._bucket, key, version_id)
        try:
            answer = self._client.head_object(**request)
        except ClientError as error:
            raise _translated(error, key) from error
        except BotoCoreError as error:
            raise StorageError(f"S3 cannot be reached: {error}") from error
        found = answer.get("VersionId")
        return StoredObject(
            bucket=self._bucket,
            key=key,
            # A bucket without versions says "null" or nothing.
            version_id=version_id or (found if found != "null" else None),
            etag=answer["ETag"].strip('"'),
            size_bytes=answer["ContentLength"],
            modified_at=answer["LastModified"],
        )

    def read_start(self, stored: StoredObject, length_bytes: int) -> bytes:
        """At most the first `length_bytes`."""
        request = _request(self._bucket, stored.key, stored.version_id)
        try:
            answer = self._client.get_object(**request, Range=f"bytes=0-{length_bytes - 1}")
            with answer["Body"] as body:
                return body.read(length_bytes)
        except ClientError as error:
            raise _translated(error, stored.key) from error
        except BotoCoreError as error:
            raise StorageError(f"S3 cannot be reached: {error}") from error


def _request(bucket: str, key: str, version_id: str | None) -> Any:
    request = {"Bucket": bucket, "Key": key}
    if version_id:
        request["VersionId"] = version_id
    return request


def _translated(error: ClientError, key: str) -> LabellingError:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    # 405 is the answer for a version that is a delete marker.
    if status in (404, 405):
        return ObjectGoneError(f"there is no object {key!r}")
    return StorageError(f"S3 did not give the object {key!r}: {error}")
