"""The two Lambda handlers as Lambda calls them: S3, SQS, DynamoDB emulated, Rekognition answered by a small server."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import handlers
from handlers.environment import EnvironmentVariableError
from handlers.labelling import composition
from handlers.process_image import handler as process_image
from handlers.record_failure import handler as record_failure
from labelstack.clouds import EmbeddedCloud
from tests.handlers.factories import body, jpeg, message, record
from tests.handlers.lambda_context import emitted, lambda_context
from tests.handlers.tables import ResultsTable
from tests.serving import served

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

BUCKET = "handler-uploads"


@dataclass
class RekognitionServer:
    """Answers every operation; with a status other than 200, the error."""

    url: str = ""
    status: int = 200
    error: str = ""
    targets: list[str] = field(default_factory=list)


@pytest.fixture
def rekognition() -> Iterator[RekognitionServer]:
    server = RekognitionServer()

    def answer(request: Request) -> Response:
        server.targets.append(request.headers["X-Amz-Target"])
        content: dict[str, Any] = {"Labels": [{"Name": "Cat", "Confidence": 97.5}], "FaceDetails": []}
        if server.status != 200:
            content = {"__type": server.error, "message": "as told"}
        return JSONResponse(content, server.status, media_type="application/x-amz-json-1.1")

    with served(Starlette(routes=[Route("/", answer, methods=["POST"])])) as server.url:
        yield server


@dataclass
class Deployed:
    """The functions' environment, and the clients of an observer."""

    s3: S3Client
    sqs: SQSClient
    table: ResultsTable
    queue_url: str

    def upload(self, key: str, content: bytes, sequencer: int = 1) -> dict[str, Any]:
        """Put the object; the record S3 sends for it."""
        answer = self.s3.put_object(Bucket=BUCKET, Key=key, Body=content)
        sent = record(key, bucket=BUCKET, sequencer=sequencer, version_id=answer["VersionId"])
        sent["s3"]["object"] |= {"eTag": answer["ETag"].strip('"'), "size": len(content)}
        return sent


@pytest.fixture
def deployed(
    cloud: EmbeddedCloud,
    dynamodb: DynamoDBClient,
    table_name: str,
    rekognition: RekognitionServer,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Deployed]:
    s3: S3Client = cloud.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    sqs: SQSClient = cloud.client("sqs")
    queue_url = sqs.create_queue(QueueName=table_name)["QueueUrl"]
    environment = {
        **cloud.environment(),
        "AWS_ENDPOINT_URL_REKOGNITION": rekognition.url,
        "AWS_REGION": cloud.region,
        "RESULTS_TABLE": table_name,
        "UPLOAD_BUCKET": BUCKET,
        "QUEUE_URL": queue_url,
        "DEAD_LETTER_QUEUE_URL": f"{queue_url}-dead",
        "MAX_ATTEMPTS": "5",
        "BATCH_SIZE": "10",
        "DETECTORS": "labels,faces",
        "MAX_LABELS": "10",
        "MIN_CONFIDENCE": "70",
        "IMAGE_PROPERTIES": "false",
        "KEEP_LOCATION": "false",
        "REKOGNITION_CALLS_PER_SECOND": "100",
        "REKOGNITION_TIMEOUT_S": "30",
        "RETRY_BASE_DELAY_S": "1",
        "CACHE_DAYS": "30",
        "MAX_CONVERTED_PIXELS": "16000000",
        "DECODER_MEMORY_MB": "400",
        "POWERTOOLS_SERVICE_NAME": "labelstack-test",
        "POWERTOOLS_METRICS_NAMESPACE": "Labelstack",
        "POWERTOOLS_LOG_LEVEL": "INFO",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    composition.process_image.cache_clear()
    composition.record_failure.cache_clear()
    yield Deployed(s3, sqs, ResultsTable(dynamodb, table_name), queue_url)
    composition.process_image.cache_clear()
    composition.record_failure.cache_clear()
    for version in s3.list_object_versions(Bucket=BUCKET).get("Versions", []):
        s3.delete_object(Bucket=BUCKET, Key=version["Key"], VersionId=version["VersionId"])
    s3.delete_bucket(Bucket=BUCKET)
    sqs.delete_queue(QueueUrl=queue_url)


def test_batch_of_pictures_becomes_results(
    deployed: Deployed, rekognition: RekognitionServer, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["cat.jpg", "ein bild +%.jpg", "日本/🐈.jpg", "k" * 1000]
    records = [deployed.upload(name, jpeg(seed=number)) for number, name in enumerate(names)]
    text = deployed.upload("text.jpg", b"This is text.")
    batch = [message(body(record_body), message_id=f"m{number}") for number, record_body in enumerate([*records, text])]

    answer = process_image.handle({"Records": batch}, lambda_context())

    assert answer == {"batchItemFailures": []}
    for name in names:
        result = deployed.table.get(name)
        assert result is not None
        assert (result["status"], [label["name"] for label in result["labels"]]) == ("LABELED", ["Cat"])
        assert result["faces"] == []
    rejected = deployed.table.get("text.jpg")
    assert rejected is not None
    assert rejected.get("code") == "NOT_AN_IMAGE"
    assert deployed.table.label_counts() == {"Cat": 4}
    assert sorted(set(rekognition.targets)) == ["RekognitionService.DetectFaces", "RekognitionService.DetectLabels"]
    assert len(rekognition.targets) == 8
    metrics = emitted(capsys)
    assert (metrics["PicturesLabeled"], metrics["PicturesRejected"], metrics["RekognitionCalls"]) == ([4], [1], [8])
    assert len(metrics["UploadToResult"]) == 5


NOT_TRACED = ("results/keys.py", "labelling/metrics.py")


def trace(call: Callable[[], object]) -> list[tuple[str, str]]:
    """Return the calls from one file of `handlers` into another, as (from, to).

    A thread's first call comes from no file.
    """
    root = str(Path(handlers.__file__).parent) + "/"
    calls: list[tuple[str, str]] = []

    def profile(frame: FrameType, event: str, _: object) -> None:
        called = frame.f_code.co_filename
        if event != "call" or not called.startswith(root):
            return
        caller = frame.f_back
        while caller is not None and not caller.f_code.co_filename.startswith(root):
            caller = caller.f_back
        source = caller.f_code.co_filename if caller else ""
        if source != called:
            calls.append((source.removeprefix(root), called.removeprefix(root)))

    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        call()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return [(source, called) for source, called in calls if called not in NOT_TRACED]


def test_way_of_a_picture_is_straight(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DETECTORS", "labels")
    events = [{"Records": [message(body(deployed.upload(f"{n}.jpg", jpeg(seed=n))))]} for n in range(2)]
    process_image.handle(events[0], lambda_context())  # builds the objects that the second one reuses

    calls = trace(lambda: process_image.handle(events[1], lambda_context()))

    assert deployed.table.get("1.jpg") is not None
    assert len({called for _, called in calls}) <= 10, sorted({called for _, called in calls})
    assert len(calls) <= 30, calls


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (400, "ThrottlingException", "REKOGNITION_THROTTLED"),
        (400, "AccessDeniedException", "REKOGNITION_ACCESS_DENIED"),
        (500, "InternalServerError", "REKOGNITION_ERROR"),
    ],
)
def test_failure_stays_in_the_queue_and_ends_as_failed_with_its_reason(
    deployed: Deployed, rekognition: RekognitionServer, status: int, error: str, code: str
) -> None:
    batch = {"Records": [message(body(deployed.upload("cat.jpg", jpeg())))]}
    rekognition.status, rekognition.error = status, error

    answer = process_image.handle(batch, lambda_context(remaining_ms=4000))

    assert answer == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
    assert deployed.table.get("cat.jpg") is None

    assert record_failure.handle(batch, lambda_context()) == {"batchItemFailures": []}

    result = deployed.table.get("cat.jpg")
    assert result is not None
    assert (result["status"], result.get("code")) == ("FAILED", code)

    rekognition.status = 200
    process_image.handle(batch, lambda_context())

    result = deployed.table.get("cat.jpg")
    assert result is not None
    assert result["status"] == "LABELED"


def test_wrong_environment_is_an_error_that_names_the_variable(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIN_CONFIDENCE", "170")

    with pytest.raises(EnvironmentVariableError, match="MIN_CONFIDENCE is '170'"):
        process_image.handle({"Records": []}, lambda_context())


@pytest.mark.parametrize("function", ["process_image", "record_failure"])
def test_import_builds_nothing_and_reads_no_variable(function: str) -> None:
    # In a process of its own, without any variable: no client, no Pillow.
    code = (
        f"import sys, boto3, threading; import handlers.{function}.handler;"
        "assert boto3.DEFAULT_SESSION is None; assert 'PIL' not in sys.modules; assert threading.active_count() == 1"
    )

    subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": "."}, check=True)
