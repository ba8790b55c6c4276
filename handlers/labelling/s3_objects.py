"""Objects of the upload bucket, and the previews' bucket, by boto3."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from ..results import keys
from ..results.codes import Code
from ..results.document import PREVIEW_TYPE
from .errors import ObjectGoneError, PictureRejectedError, StorageError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_PART_BYTES: Final = 1024 * 1024


@dataclass(frozen=True)
class StoredObject:
    """An object version as S3 has it."""

    bucket: str
    key: str
    version_id: str | None
    etag: str
    size_bytes: int
    modified_at: str
    """ISO 8601, as `keys.iso_ms` has it."""


@dataclass(frozen=True)
class ConvertedObject(StoredObject):
    """An object that Rekognition gets as these converted bytes, not from S3."""

    jpeg: bytes = field(repr=False)


@dataclass
class S3Objects:
    """The upload bucket. Raises ObjectGoneError, StorageError, and PictureRejectedError where no bytes can be read."""

    client: S3Client
    bucket: str

    def open(self, key: str, version_id: str | None, length_bytes: int) -> tuple[StoredObject, bytes]:
        """Return this version, or without one the current object, and at most its first `length_bytes`.

        An object whose bytes cannot be read, such as an archived one, has none here. Reading it further raises the
        reason.
        """
        try:
            return self._read(key, version_id, length_bytes)
        except PictureRejectedError:
            request = self._request(key, version_id)
            with _translated_errors(key):
                answer = self.client.head_object(**request)
            return self._stored(request, answer), b""

    def read_start(self, stored: StoredObject, length_bytes: int) -> bytes:
        """Return at most the first `length_bytes`."""
        return self._read(stored.key, stored.version_id, length_bytes)[1]

    def read(self, stored: StoredObject) -> Iterator[bytes]:
        """Yield all bytes, a megabyte after the other. Raises ObjectGoneError where another object has come."""
        with _translated_errors(stored.key):
            answer = self.client.get_object(**self._request(stored.key, stored.version_id))
            if answer["ContentLength"] != stored.size_bytes:
                raise ObjectGoneError(f"there is another object {stored.key!r} now")
            with closing(answer["Body"]) as body:
                yield from body.iter_chunks(_PART_BYTES)

    def _read(self, key: str, version_id: str | None, length_bytes: int) -> tuple[StoredObject, bytes]:
        request = self._request(key, version_id)
        with _translated_errors(key):
            answer = self.client.get_object(**request, Range=f"bytes=0-{length_bytes - 1}")
            with answer["Body"] as body:
                start = body.read(length_bytes)
        return self._stored(request, answer), start

    def _request(self, key: str, version_id: str | None) -> Any:
        return {"Bucket": self.bucket, "Key": key} | ({"VersionId": version_id} if version_id else {})

    def _stored(self, request: Any, answer: Any) -> StoredObject:
        version_id = answer.get("VersionId")
        return StoredObject(
            bucket=self.bucket,
            key=request["Key"],
            # A bucket without versions says "null" or nothing.
            version_id=request.get("VersionId") or (version_id if version_id != "null" else None),
            etag=answer["ETag"].strip('"'),
            # A server may answer with the whole object, and then without a range.
            size_bytes=int(answer.get("ContentRange", "").rpartition("/")[2] or answer["ContentLength"]),
            modified_at=keys.iso_ms(answer["LastModified"]),
        )


@dataclass
class S3Previews:
    """The bucket of previews. Raises StorageError."""

    client: S3Client
    bucket: str

    def has(self, key: str) -> bool:
        """Return whether there is an object of this key."""
        with suppress(ObjectGoneError), _translated_errors(key):
            self.client.head_object(Bucket=self.bucket, Key=key)
            return True
        return False

    def put(self, key: str, content: bytes) -> None:
        """Store a WebP file."""
        with _translated_errors(key):
            self.client.put_object(Bucket=self.bucket, Key=key, Body=content, ContentType=PREVIEW_TYPE)

    def delete(self, key: str) -> None:
        """Delete an object, if there is one."""
        with _translated_errors(key):
            self.client.delete_object(Bucket=self.bucket, Key=key)


@contextmanager
def _translated_errors(key: str) -> Iterator[None]:
    try:
        yield
    except BotoCoreError as error:
        raise StorageError(f"S3 cannot be reached: {error}") from error
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        code = error.response["Error"].get("Code")
        # 405 is the answer for a version that is a delete marker.
        if status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
            raise ObjectGoneError(f"there is no object {key!r}") from error
        # The uploader chooses these, and no retry reads it. A KMS key that the function may not use is left to us:
        # S3 takes none that the uploader may not use either.
        if code == "InvalidObjectState":
            raise PictureRejectedError(Code.OBJECT_UNREADABLE, "It is archived (GLACIER or DEEP_ARCHIVE)") from error
        if code == "InvalidRequest" and "encryption" in str(error).lower():
            detail = "Only its owner has its encryption key (SSE-C)"
            raise PictureRejectedError(Code.OBJECT_UNREADABLE, detail) from error
        # Of an empty object there is no range.
        if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise PictureRejectedError(Code.EMPTY_OBJECT) from error
        raise StorageError(f"S3 did not give the object {key!r}: {error}") from error
