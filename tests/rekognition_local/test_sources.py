"""Pictures given as bytes and as S3 objects."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from botocore.response import StreamingBody
from mypy_boto3_rekognition import RekognitionClient

from rekognition_local.errors import (
    ImageTooLargeError,
    InternalError,
    InvalidS3ObjectError,
    RekognitionError,
    ThroughputExceededError,
)
from rekognition_local.images import MAX_BYTES_INLINE, MAX_BYTES_S3
from rekognition_local.sources import read_object
from tests.rekognition_local.conftest import Control, MemoryReader
from tests.rekognition_local.pictures import plain, sample

TIMEOUT_S = 60
pytestmark = pytest.mark.usefixtures("control")


def stored(name: str = "a.png", version: str | None = None) -> Any:
    """Return the Image parameter for an object of the bucket."""
    chosen = {} if version is None else {"Version": version}
    return {"S3Object": {"Bucket": "uploads", "Name": name, **chosen}}


def code_of(call: Callable[[], object]) -> tuple[str, str]:
    """Return code and message of a call's error."""
    with pytest.raises(ClientError) as failure:
        call()
    error = failure.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.mark.parametrize(
    ("image", "code"),
    [
        ({}, "InvalidParameterException"),
        ({"Bytes": b"x", "S3Object": {"Bucket": "uploads", "Name": "x"}}, "InvalidParameterException"),
        ({"S3Object": {}}, "InvalidS3ObjectException"),
        ({"S3Object": {"Bucket": "uploads"}}, "InvalidS3ObjectException"),
        ({"S3Object": {"Bucket": "uploads", "Name": "missing"}}, "InvalidS3ObjectException"),
        ({"Bytes": b"no picture"}, "InvalidImageFormatException"),
        ({"Bytes": plain(79, 79)}, "InvalidParameterException"),
        ({"Bytes": sample("coffee.jpg")[:20_000]}, "InvalidImageFormatException"),
        ({"Bytes": bytes(MAX_BYTES_INLINE + 1)}, "ValidationException"),
    ],
    ids=["none", "both", "empty", "no-name", "missing", "text", "small", "truncated", "large"],
)
@pytest.mark.parametrize("operation", ["detect_labels", "detect_faces", "detect_moderation_labels", "detect_text"])
def test_answers_the_service_s_error(
    rekognition: RekognitionClient, operation: str, image: dict[str, Any], code: str
) -> None:
    assert code_of(lambda: getattr(rekognition, operation)(Image=image))[0] == code


def test_says_how_many_bytes_are_too_many(rekognition: RekognitionClient) -> None:
    image: Any = {"Bytes": bytes(MAX_BYTES_INLINE + 1)}

    _, message = code_of(lambda: rekognition.detect_labels(Image=image))

    assert message == (
        "1 validation error detected: Value 'java.nio.HeapByteBuffer[pos=0 lim=5242881 cap=5242881]' at 'image.bytes' "
        "failed to satisfy constraint: Member must have length less than or equal to 5242880"
    )


def test_reads_the_version_that_is_named(rekognition: RekognitionClient, reader: MemoryReader) -> None:
    reader.objects["uploads", "a.png", "v1"] = sample("cat.png")
    reader.objects["uploads", "a.png", "v2"] = plain()
    reader.objects["uploads", "a.png", None] = plain()

    names = [{x["Name"] for x in rekognition.detect_labels(Image=stored(version=v))["Labels"]} for v in ("v1", "v2")]

    assert "Cat" in names[0]
    assert names[1] == set()


def test_reads_a_version_once_for_all_operations(rekognition: RekognitionClient, reader: MemoryReader) -> None:
    reader.objects["uploads", "a.png", "v1"] = plain()

    rekognition.detect_labels(Image=stored(version="v1"))
    rekognition.detect_faces(Image=stored(version="v1"))
    rekognition.detect_text(Image=stored(version="v1"))

    assert reader.reads == [("uploads", "a.png", "v1")]


@pytest.mark.parametrize("version", [None, "null"])
def test_reads_what_may_change_each_time(
    rekognition: RekognitionClient, reader: MemoryReader, version: str | None
) -> None:
    reader.objects["uploads", "a.png", version] = plain()
    before = rekognition.detect_labels(Image=stored(version=version))["Labels"]
    reader.objects["uploads", "a.png", version] = sample("cat.png")

    after = rekognition.detect_labels(Image=stored(version=version))["Labels"]

    assert before == []
    assert after != []


def test_four_operations_at_once_share_one_download(
    rekognition: RekognitionClient, reader: MemoryReader, control: Control
) -> None:
    reader.objects["uploads", "a.png", "v1"] = plain()
    reader.gate = threading.Event()
    operations = ("detect_labels", "detect_faces", "detect_moderation_labels", "detect_text")
    with ThreadPoolExecutor(len(operations)) as pool:
        calls = [pool.submit(getattr(rekognition, name), Image=stored(version="v1")) for name in operations]
        wait_until(lambda: control.calls()["inFlight"] == len(operations))
        reader.gate.set()
        answers = [call.result(TIMEOUT_S) for call in calls]

    assert len(answers) == len(operations)
    assert reader.reads == [("uploads", "a.png", "v1")]


def test_a_failed_download_is_tried_again_by_the_next_call(
    rekognition: RekognitionClient, reader: MemoryReader
) -> None:
    reader.objects["uploads", "a.png", "v1"] = plain()
    reader.failures = [InternalError()]

    first = code_of(lambda: rekognition.detect_labels(Image=stored(version="v1")))
    second = rekognition.detect_labels(Image=stored(version="v1"))

    assert first == ("InternalServerError", "Internal server error")
    assert second["Labels"] == []


def test_health_answers_while_a_download_is_slow(
    rekognition: RekognitionClient, reader: MemoryReader, control: Control
) -> None:
    reader.objects["uploads", "a.png", "v1"] = plain()
    reader.gate = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(rekognition.detect_labels, Image=stored(version="v1"))
        assert reader.reading.wait(TIMEOUT_S)
        health = control.request("GET", "health")
        reader.gate.set()
        call.result(TIMEOUT_S)

    assert health["status"] == "running"


def wait_until(holds: Callable[[], bool]) -> None:
    """Poll until something holds; each poll waits for the server's answer."""
    give_up_at_s = monotonic() + TIMEOUT_S
    while not holds():
        if monotonic() > give_up_at_s:
            raise TimeoutError("it never held")


class FakeS3:
    """An S3 client with one object, or one error."""

    def __init__(self, data: bytes = b"data", size: int | None = None, error: Exception | None = None) -> None:
        self._data, self._size, self._error = data, len(data) if size is None else size, error
        self.request: dict[str, Any] = {}

    def get_object(self, **parameters: Any) -> dict[str, Any]:
        """Return the object as boto3 does."""
        self.request = parameters
        if self._error is not None:
            raise self._error
        return {"ContentLength": self._size, "Body": StreamingBody(io.BytesIO(self._data), len(self._data))}


def s3_error(code: str, status: int) -> ClientError:
    """Return an error as boto3 raises it."""
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "GetObject")  # type: ignore[typeddict-item]


def test_asks_s3_for_the_version() -> None:
    client = FakeS3()

    assert read_object(client, "bucket", "key", "v7") == b"data"
    assert client.request == {"Bucket": "bucket", "Key": "key", "VersionId": "v7"}
    read_object(client, "bucket", "key", None)
    assert client.request == {"Bucket": "bucket", "Key": "key"}


def test_judges_an_object_s_size_before_reading_it() -> None:
    with pytest.raises(ImageTooLargeError, match="Image size is too large"):
        read_object(FakeS3(size=MAX_BYTES_S3 + 1), "bucket", "key", None)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (s3_error("NoSuchKey", 404), InvalidS3ObjectError),
        (s3_error("NoSuchBucket", 404), InvalidS3ObjectError),
        (s3_error("NoSuchVersion", 404), InvalidS3ObjectError),
        (s3_error("AccessDenied", 403), InvalidS3ObjectError),
        (s3_error("SlowDown", 503), ThroughputExceededError),
        (s3_error("InternalError", 500), InternalError),
        (NoCredentialsError(), InvalidS3ObjectError),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), InternalError),
    ],
)
def test_translates_s3_s_errors(error: Exception, expected: type[RekognitionError]) -> None:
    with pytest.raises(expected):
        read_object(FakeS3(error=error), "bucket", "key", None)
