"""The S3 and Rekognition adapters: what they send, and the services' errors in our words."""

from __future__ import annotations

import socket
from collections.abc import Iterator
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
from handlers.labelling.ports import ConvertedObject, StoredObject
from labelstack.clouds import EmbeddedCloud
from tests.handlers.factories import BUCKET
from tests.handlers.fakes import stored_object

if TYPE_CHECKING:
    from mypy_boto3_rekognition import RekognitionClient
    from mypy_boto3_s3 import S3Client

CREDENTIALS: Any = {"region_name": "us-east-1", "aws_access_key_id": "x", "aws_secret_access_key": "x"}


def rekognition_client(**options: Any) -> RekognitionClient:
    return boto3.client("rekognition", **CREDENTIALS, **options)


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

        found = rekognition.RekognitionService(client).detect(detector, {}, stored_object("a b.jpg", b"x", "v7"))

    assert {name: found[name] for name in answer} == answer


def test_converted_picture_goes_as_bytes() -> None:
    client = rekognition_client()
    with Stubber(client) as stubber:
        stubber.add_response("detect_labels", {"Labels": []}, {"Image": {"Bytes": b"a copy"}})
        converted = ConvertedObject.of(stored_object("k", b"x"), b"a copy")

        rekognition.RekognitionService(client).detect(Detector.LABELS, {}, converted)

        stubber.assert_no_pending_responses()


def test_object_without_versions_goes_without_one() -> None:
    client = rekognition_client()
    with Stubber(client) as stubber:
        expected = {"Image": {"S3Object": {"Bucket": BUCKET, "Name": "k"}}, "MaxLabels": 5}
        stubber.add_response("detect_labels", {"Labels": []}, expected)

        rekognition.RekognitionService(client).detect(Detector.LABELS, {"MaxLabels": 5}, stored_object("k", b"x", None))

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
            rekognition.RekognitionService(client).detect(Detector.LABELS, {}, stored_object("k", b"x"))


@pytest.fixture
def silent_server() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_service_that_hangs_is_a_time_out(silent_server: str) -> None:
    client = rekognition_client(endpoint_url=silent_server, config=rekognition.client_config(0.2, 1))

    with pytest.raises(RekognitionTimeoutError):
        rekognition.RekognitionService(client).detect(Detector.LABELS, {}, stored_object("k", b"x"))


def test_service_that_is_not_there_is_a_server_error() -> None:
    client = rekognition_client(endpoint_url="http://127.0.0.1:9", config=rekognition.client_config(0.2, 1))

    with pytest.raises(RekognitionServerError):
        rekognition.RekognitionService(client).detect(Detector.LABELS, {}, stored_object("k", b"x"))


def test_rekognition_client_does_not_try_again_by_itself() -> None:
    calls: list[str] = []
    client = rekognition_client(endpoint_url="http://127.0.0.1:9", config=rekognition.client_config(0.2, 1))
    client.meta.events.register("before-send", lambda **_: calls.append("sent"))

    with pytest.raises(RekognitionServerError):
        rekognition.RekognitionService(client).detect(Detector.LABELS, {}, stored_object("k", b"x"))

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

    assert objects.head(key, first).size_bytes == 5
    assert objects.head(key, None).version_id == second
    assert objects.read_start(objects.head(key, second), 6) == b"second"
    assert objects.read_start(objects.head(key, first), 1000) == b"first"


def test_object_that_is_gone_is_told(s3: S3Client) -> None:
    version = s3.put_object(Bucket=BUCKET, Key="gone.jpg", Body=b"x")["VersionId"]
    stored = s3_objects.S3Objects(s3, BUCKET).head("gone.jpg", version)
    marker = s3.delete_object(Bucket=BUCKET, Key="gone.jpg")["VersionId"]
    s3.delete_object(Bucket=BUCKET, Key="gone.jpg", VersionId=version)
    objects = s3_objects.S3Objects(s3, BUCKET)

    for version_id in (None, version, marker):
        with pytest.raises(ObjectGoneError):
            objects.head("gone.jpg", version_id)
    with pytest.raises(ObjectGoneError):
        objects.read_start(stored, 10)


def test_bucket_without_versions_has_none() -> None:
    client: S3Client = boto3.client("s3", **CREDENTIALS)
    with Stubber(client) as stubber:
        answer = {
            "ETag": '"e"',
            "ContentLength": 3,
            "LastModified": datetime(2026, 1, 1, tzinfo=UTC),
            "VersionId": "null",
        }
        stubber.add_response("head_object", answer, {"Bucket": BUCKET, "Key": "k"})

        stored = s3_objects.S3Objects(client, BUCKET).head("k", None)

    assert stored == StoredObject(BUCKET, "k", None, "e", 3, datetime(2026, 1, 1, tzinfo=UTC))


def test_s3_that_denies_or_fails_is_a_storage_error() -> None:
    client: S3Client = boto3.client("s3", **CREDENTIALS)
    with Stubber(client) as stubber:
        stubber.add_client_error("head_object", "403", http_status_code=403)
        stubber.add_client_error("get_object", "SlowDown", http_status_code=503)
        objects = s3_objects.S3Objects(client, BUCKET)

        with pytest.raises(StorageError):
            objects.head("k", None)
        with pytest.raises(StorageError):
            objects.read_start(stored_object("k", b"x"), 10)


def test_s3_that_cannot_be_reached_is_a_storage_error() -> None:
    once = Config(retries={"total_max_attempts": 1})
    client: S3Client = boto3.client("s3", **CREDENTIALS, endpoint_url="http://127.0.0.1:9", config=once)

    with pytest.raises(StorageError):
        s3_objects.S3Objects(client, BUCKET).head("k", None)


def test_only_the_start_is_asked_for() -> None:
    client: S3Client = boto3.client("s3", **CREDENTIALS)
    with Stubber(client) as stubber:
        expected = {"Bucket": BUCKET, "Key": "k", "VersionId": "v1", "Range": "bytes=0-65535"}
        stubber.add_response("get_object", {"Body": StreamingBody(BytesIO(b"start"), 5)}, expected)

        assert s3_objects.S3Objects(client, BUCKET).read_start(stored_object("k", b"x"), 65536) == b"start"
