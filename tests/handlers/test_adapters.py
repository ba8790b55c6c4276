"""The S3 and Rekognition adapters: their requests, and the services' errors translated."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.response import StreamingBody
from botocore.stub import Stubber

from handlers.labelling import rekognition, s3_objects
from handlers.labelling.detectors import Detector
from handlers.labelling.errors import (
    ObjectGoneError,
    PictureRejectedError,
    RekognitionDeniedError,
    RekognitionServerError,
    RekognitionThrottledError,
    RekognitionTimeoutError,
    StorageError,
)
from handlers.labelling.events import Deadline
from handlers.labelling.metrics import Metric, Metrics
from handlers.labelling.s3_objects import ConvertedObject, StoredObject
from handlers.results.codes import Code
from labelstack.clouds import EmbeddedCloud
from tests.handlers.factories import BUCKET
from tests.handlers.fakes import stored_object

if TYPE_CHECKING:
    from mypy_boto3_rekognition import RekognitionClient
    from mypy_boto3_s3 import S3Client

CREDENTIALS: Any = {"region_name": "us-east-1", "aws_access_key_id": "x", "aws_secret_access_key": "x"}


def rekognition_client(**options: Any) -> RekognitionClient:
    return boto3.client("rekognition", **CREDENTIALS, **options)


def detect(
    client: RekognitionClient,
    detector: Detector,
    parameters: Mapping[str, Any],
    stored: StoredObject,
    metrics: Metrics | None = None,
) -> Mapping[str, Any]:
    return rekognition.SingleCalls(client, metrics or Metrics()).detect(detector, parameters, stored, Deadline(1e12))


@pytest.mark.parametrize(
    ("detector", "operation", "answer"),
    [
        (Detector.LABELS, "detect_labels", {"Labels": []}),
        (Detector.FACES, "detect_faces", {"FaceDetails": []}),
        (Detector.MODERATION, "detect_moderation_labels", {"ModerationLabels": []}),
        (Detector.TEXT, "detect_text", {"TextDetections": []}),
    ],
)
def test_picture_goes_by_reference_to_its_version(detector: Detector, operation: str, answer: dict[str, Any]) -> None:
    client = rekognition_client()
    with Stubber(client) as stubber:
        reference = {"Bucket": BUCKET, "Name": "a b.jpg", "Version": "v7"}
        stubber.add_response(operation, answer, {"Image": {"S3Object": reference}})

        analysis = detect(client, detector, {}, stored_object("a b.jpg", b"x", "v7"))

    assert {name: analysis[name] for name in answer} == answer


def test_converted_picture_goes_as_bytes() -> None:
    client = rekognition_client()
    with Stubber(client) as stubber:
        stubber.add_response("detect_labels", {"Labels": []}, {"Image": {"Bytes": b"a copy"}})
        converted = ConvertedObject(**vars(stored_object("k", b"x")), jpeg=b"a copy")

        detect(client, Detector.LABELS, {}, converted)

        stubber.assert_no_pending_responses()


def test_object_without_versions_goes_without_one() -> None:
    client = rekognition_client()
    with Stubber(client) as stubber:
        expected = {"Image": {"S3Object": {"Bucket": BUCKET, "Name": "k"}}, "MaxLabels": 5}
        stubber.add_response("detect_labels", {"Labels": []}, expected)

        detect(client, Detector.LABELS, {"MaxLabels": 5}, stored_object("k", b"x", None))

        stubber.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("ThrottlingException", 400, RekognitionThrottledError),
        ("ProvisionedThroughputExceededException", 400, RekognitionThrottledError),
        ("Unknown", 429, RekognitionThrottledError),
        ("AccessDeniedException", 400, RekognitionDeniedError),
        ("UnrecognizedClientException", 400, RekognitionDeniedError),
        ("InternalServerError", 500, RekognitionServerError),
        ("ServiceUnavailable", 503, RekognitionServerError),
        ("InvalidParameterException", 400, RekognitionServerError),
        ("InvalidImageFormatException", 400, PictureRejectedError),
        ("ImageTooLargeException", 400, PictureRejectedError),
        ("InvalidS3ObjectException", 400, ObjectGoneError),
    ],
)
def test_rekognition_errors_are_translated(code: str, status: int, expected: type[Exception]) -> None:
    client = rekognition_client()
    with Stubber(client) as stubber:
        stubber.add_client_error("detect_labels", code, http_status_code=status)

        with pytest.raises(expected):
            detect(client, Detector.LABELS, {}, stored_object("k", b"x"))


@pytest.fixture
def silent_server() -> Iterator[str]:
    """Yield a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_service_that_hangs_is_a_time_out(silent_server: str) -> None:
    client = rekognition_client(endpoint_url=silent_server, config=rekognition.client_config(0.2, 1))

    with pytest.raises(RekognitionTimeoutError):
        detect(client, Detector.LABELS, {}, stored_object("k", b"x"))


def test_service_that_is_not_there_is_a_server_error() -> None:
    client = rekognition_client(endpoint_url="http://127.0.0.1:9", config=rekognition.client_config(0.2, 1))

    with pytest.raises(RekognitionServerError):
        detect(client, Detector.LABELS, {}, stored_object("k", b"x"))


def test_calls_and_throttles_are_counted() -> None:
    client, metrics = rekognition_client(), Metrics()
    with Stubber(client) as stubber:
        stubber.add_client_error("detect_labels", "ThrottlingException")
        stubber.add_client_error("detect_labels", "InternalServerError", http_status_code=500)
        stubber.add_response("detect_labels", {"Labels": []})
        for error in (RekognitionThrottledError, RekognitionServerError):
            with pytest.raises(error):
                detect(client, Detector.LABELS, {}, stored_object("k", b"x"), metrics)
        detect(client, Detector.LABELS, {}, stored_object("k", b"x"), metrics)

    assert metrics.take()[0] == {Metric.REKOGNITION_CALLS: 3, Metric.REKOGNITION_THROTTLES: 1}


def test_rekognition_client_does_not_try_again_by_itself() -> None:
    calls: list[str] = []
    client = rekognition_client(endpoint_url="http://127.0.0.1:9", config=rekognition.client_config(0.2, 1))
    client.meta.events.register("before-send", lambda **_: calls.append("sent"))

    with pytest.raises(RekognitionServerError):
        detect(client, Detector.LABELS, {}, stored_object("k", b"x"))

    assert calls == ["sent"]


@pytest.fixture(scope="module")
def s3(cloud: EmbeddedCloud) -> S3Client:
    client: S3Client = cloud.client("s3")
    client.create_bucket(Bucket=BUCKET)
    client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    return client


def test_versions_of_an_object_are_told_apart(s3: S3Client) -> None:
    key = "ordner/größe +%&.jpg"
    first = s3.put_object(Bucket=BUCKET, Key=key, Body=b"first")["VersionId"]
    second = s3.put_object(Bucket=BUCKET, Key=key, Body=b"second one")["VersionId"]
    objects = s3_objects.S3Objects(s3, BUCKET)

    older, start = objects.open(key, first, 1000)
    newer, short_start = objects.open(key, None, 6)

    assert (older.version_id, older.size_bytes, start) == (first, 5, b"first")
    assert (newer.version_id, newer.size_bytes, short_start) == (second, 10, b"second")
    assert older.etag == hashlib.md5(b"first", usedforsecurity=False).hexdigest()
    assert objects.read_start(older, 1000) == b"first"
    assert objects.read_start(newer, 1000) == b"second one"
    assert [*objects.read(newer)] == [b"second one"]
    with pytest.raises(ObjectGoneError):
        [*objects.read(replace(newer, size_bytes=9))]


def test_empty_object_has_no_first_bytes(s3: S3Client) -> None:
    version = s3.put_object(Bucket=BUCKET, Key="empty.jpg", Body=b"")["VersionId"]

    stored, start = s3_objects.S3Objects(s3, BUCKET).open("empty.jpg", None, 1000)

    assert (stored.version_id, stored.size_bytes, start) == (version, 0, b"")


def test_object_that_is_gone_is_told(s3: S3Client) -> None:
    version = s3.put_object(Bucket=BUCKET, Key="gone.jpg", Body=b"x")["VersionId"]
    stored, _ = s3_objects.S3Objects(s3, BUCKET).open("gone.jpg", version, 1)
    marker = s3.delete_object(Bucket=BUCKET, Key="gone.jpg")["VersionId"]
    s3.delete_object(Bucket=BUCKET, Key="gone.jpg", VersionId=version)
    objects = s3_objects.S3Objects(s3, BUCKET)

    for version_id in (None, version, marker):
        with pytest.raises(ObjectGoneError):
            objects.open("gone.jpg", version_id, 1)
    with pytest.raises(ObjectGoneError):
        objects.read_start(stored, 10)


def an_answer(content: bytes) -> dict[str, Any]:
    """Return S3's answer for the beginning of an object of 70,000 bytes in a bucket without versions."""
    return {
        "Body": StreamingBody(BytesIO(content), len(content)),
        "ContentRange": f"bytes 0-{len(content) - 1}/70000",
        "ETag": '"e"',
        "LastModified": datetime(2026, 1, 1, tzinfo=UTC),
        "VersionId": "null",
    }


def test_bucket_without_versions_has_none() -> None:
    client: S3Client = boto3.client("s3", **CREDENTIALS)
    with Stubber(client) as stubber:
        stubber.add_response("get_object", an_answer(b"x"), {"Bucket": BUCKET, "Key": "k", "Range": "bytes=0-0"})

        stored, _ = s3_objects.S3Objects(client, BUCKET).open("k", None, 1)

    assert stored == StoredObject(BUCKET, "k", None, "e", 70_000, "2026-01-01T00:00:00.000Z")


@pytest.mark.parametrize(("code", "status"), [("403", 403), ("SlowDown", 503)])
def test_s3_that_denies_or_fails_is_a_storage_error(code: str, status: int) -> None:
    client: S3Client = boto3.client("s3", **CREDENTIALS)
    with Stubber(client) as stubber:
        stubber.add_client_error("get_object", code, http_status_code=status)
        stubber.add_client_error("get_object", "InvalidRange", http_status_code=416)
        stubber.add_client_error("head_object", code, http_status_code=status)
        objects = s3_objects.S3Objects(client, BUCKET)

        for _ in range(2):
            with pytest.raises(StorageError):
                objects.open("k", None, 10)


SSE_C = "The object was stored using a form of Server Side Encryption. The correct parameters must be provided"


@pytest.mark.parametrize(
    ("code", "status", "message", "words"),
    [("InvalidObjectState", 403, "", "archived"), ("InvalidRequest", 400, SSE_C, "SSE-C")],
)
def test_object_that_no_try_can_read_is_rejected(code: str, status: int, message: str, words: str) -> None:
    client: S3Client = boto3.client("s3", **CREDENTIALS)
    described = {"ETag": '"e"', "ContentLength": 7, "LastModified": datetime(2026, 1, 1, tzinfo=UTC)}
    with Stubber(client) as stubber:
        for _ in range(2):
            stubber.add_client_error("get_object", code, message, status)
        stubber.add_response("head_object", described)
        objects = s3_objects.S3Objects(client, BUCKET)

        with pytest.raises(PictureRejectedError, match=words) as caught:
            objects.read_start(stored_object("k", b"picture"), 10)
        stored, start = objects.open("k", None, 10)

    assert caught.value.code is Code.OBJECT_UNREADABLE
    assert (stored.etag, stored.size_bytes, start) == ("e", 7, b"")


def test_request_that_is_wrong_for_another_reason_is_a_storage_error() -> None:
    client: S3Client = boto3.client("s3", **CREDENTIALS)
    with Stubber(client) as stubber:
        stubber.add_client_error("get_object", "InvalidRequest", "Something else", 400)

        with pytest.raises(StorageError):
            s3_objects.S3Objects(client, BUCKET).open("k", None, 10)


def test_s3_that_cannot_be_reached_is_a_storage_error() -> None:
    once = Config(retries={"total_max_attempts": 1})
    client: S3Client = boto3.client("s3", **CREDENTIALS, endpoint_url="http://127.0.0.1:9", config=once)

    with pytest.raises(StorageError):
        s3_objects.S3Objects(client, BUCKET).open("k", None, 10)


def test_only_the_start_is_asked_for() -> None:
    client: S3Client = boto3.client("s3", **CREDENTIALS)
    with Stubber(client) as stubber:
        expected = {"Bucket": BUCKET, "Key": "k", "VersionId": "v1", "Range": "bytes=0-65535"}
        stubber.add_response("get_object", an_answer(b"start"), expected)

        assert s3_objects.S3Objects(client, BUCKET).read_start(stored_object("k", b"x"), 65536) == b"start"
