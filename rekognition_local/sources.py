"""Read a picture's bytes from the call itself, or from S3 in the cloud in use."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from rekognition_local.analysis import REMEMBERED_PICTURES, Analysis, Analyzer
from rekognition_local.call_queue import SharedWork
from rekognition_local.errors import (
    ImageTooLargeError,
    InternalError,
    InvalidParameterError,
    InvalidS3ObjectError,
    ThroughputExceededError,
)
from rekognition_local.images import MAX_BYTES_S3

ReadObject = Callable[[str, str, str | None], bytes]
"""Bucket, key and version → the object's bytes. Raises the errors of `errors`; blocks."""


def read_object(client: Any, bucket: str, key: str, version: str | None) -> bytes:
    """Read at most 15 MB by boto3's client of S3; the size is judged before the body is read: see `ReadObject`."""
    chosen = {} if version is None else {"VersionId": version}
    try:
        answer = client.get_object(Bucket=bucket, Key=key, **chosen)
        with answer["Body"] as body:
            if answer["ContentLength"] > MAX_BYTES_S3:
                raise ImageTooLargeError
            data: bytes = body.read()
    except ClientError as error:
        raise _translated(error) from error
    except NoCredentialsError as error:
        raise InvalidS3ObjectError(
            "The local Rekognition has no credentials to read S3 with: set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY for it"
        ) from error
    except BotoCoreError as error:
        raise InternalError(f"The local Rekognition cannot reach S3: {error}") from error
    return data


def _translated(error: ClientError) -> Exception:
    """Translate S3's error to Rekognition's: not found and denied look the same, slowness is a throughput error."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in ("SlowDown", "503", "ServiceUnavailable", "RequestLimitExceeded"):
        return ThroughputExceededError("S3 download limit exceeded.")
    if status >= 500:
        return InternalError()
    return InvalidS3ObjectError()


def is_lasting_version(version: str | None) -> bool:
    """Return whether a version's bytes never change; "null" is the one that an unversioned write replaces."""
    return version not in (None, "null")


def is_unchanging(image: Mapping[str, Any]) -> bool:
    """Return whether an `Image` will always be the same picture."""
    return "Bytes" in image or is_lasting_version(image.get("S3Object", {}).get("Version"))


class ImageSource:
    """Turns the `Image` parameter of a call into an analysis.

    Calls for the same object at the same time share one download. An object version never changes, so a version
    that has been read before is not read again while its picture is remembered.
    """

    def __init__(self, analyzer: Analyzer, read: ReadObject, executor: Executor) -> None:
        self._analyzer = analyzer
        self._read = read
        self._executor = executor
        self._stored = SharedWork(REMEMBERED_PICTURES)

    async def load(self, image: Mapping[str, Any]) -> Analysis:
        """Return the analysis of an `Image`. Raises the service's errors."""
        inline, stored = image.get("Bytes"), image.get("S3Object")
        if (inline is None) == (stored is None):
            raise InvalidParameterError
        if inline is not None:
            return await self._analyzer.analyse(inline)
        if not stored or "Bucket" not in stored or "Name" not in stored:
            raise InvalidS3ObjectError("Request has invalid S3 object.")
        place = (stored["Bucket"], stored["Name"], stored.get("Version"))
        is_lasting = is_lasting_version(place[2])
        return await asyncio.shield(self._stored.future(place, lambda: self._download(place), is_lasting=is_lasting))

    async def _download(self, place: tuple[str, str, str | None]) -> Analysis:
        data = await asyncio.get_running_loop().run_in_executor(self._executor, self._read, *place)
        return await self._analyzer.analyse(data)

    def forget(self) -> None:
        """Forget all pictures."""
        self._stored.forget()
        self._analyzer.forget()
