"""Previews alone, and the arguments that others get of them."""

from pathlib import Path
from typing import Any, cast

import pulumi
import pytest

from components.guest_access import GuestAccess, GuestAccessArgs
from components.image_processor import ImageProcessor, ImageProcessorArgs
from components.monitoring import Monitoring
from components.previews import Previews, PreviewsArgs
from components.watched import PipelineReference
from tests.recording import ACCOUNT, REGION, Record, once, record

PICTURES = "arn:aws:s3:::pictures"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"
OWN = "arn:aws:s3:::previews-0a1b2c3"
TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/results"
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:previews-events-0a1b2c3"
NOTIFICATION = "aws:s3/bucketNotification:BucketNotification"


@pytest.fixture(scope="module")
def record_previews(sources: Path) -> Any:
    """Return a function that makes a component with some arguments and returns the record."""

    def make(bucket: dict[str, str] | None = None, **arguments: Any) -> Record:
        pictures = {"name": "pictures", "arn": PICTURES, **(bucket or {})}
        args = {"source_dir": sources, "bucket": pictures, **arguments}
        return record(lambda: Previews("previews", cast(PreviewsArgs, args)))

    return once(make)


def statements(recorded: Record) -> list[tuple[list[str], Any]]:
    policy = recorded.single("aws:iam/rolePolicy:RolePolicy").policy()
    pairs = [(statement["Action"], statement["Resource"]) for statement in policy["Statement"]]
    return [pair for pair in pairs if not pair[0][0].startswith("logs:")]


def test_function_may_read_pictures_and_write_previews(record_previews: Any) -> None:
    assert statements(record_previews()) == [
        (["s3:GetObject", "s3:GetObjectVersion"], f"{PICTURES}/*"),
        (["s3:ListBucket"], PICTURES),
        (["s3:GetObject"], f"{OWN}/*"),
        (["s3:ListBucket"], OWN),
        (["s3:PutObject"], f"{OWN}/*"),
        (["s3:DeleteObject"], f"{OWN}/*"),
        (["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], QUEUE),
    ]


def test_events_come_by_eventbridge_one_at_a_time(record_previews: Any) -> None:
    recorded = record_previews(concurrency=7)

    pattern = recorded.single("aws:cloudwatch/eventRule:EventRule").policy("eventPattern")
    assert pattern["detail"] == {"bucket": {"name": ["pictures"]}}
    assert recorded.single("aws:cloudwatch/eventTarget:EventTarget").inputs["arn"] == QUEUE
    mapping = recorded.single("aws:lambda/eventSourceMapping:EventSourceMapping").inputs
    assert (mapping["batchSize"], mapping["scalingConfig"]) == (1, {"maximumConcurrency": 7})
    assert recorded.of(NOTIFICATION) == []


def test_previews_have_no_old_versions_and_go_with_the_stack(record_previews: Any) -> None:
    recorded = record_previews()

    bucket = recorded.single("aws:s3/bucket:Bucket")
    assert (bucket.protect, bucket.inputs["forceDestroy"]) == (False, True)
    assert recorded.of("aws:s3/bucketVersioning:BucketVersioning") == []
    assert len(recorded.of("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock")) == 1


def test_previews_are_encrypted_as_the_pictures_are(record_previews: Any) -> None:
    recorded = record_previews({"kms_key_arn": KEY})

    encryption = recorded.single(
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
    )
    [rule] = encryption.inputs["rules"]
    assert rule["applyServerSideEncryptionByDefault"] == {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": KEY}
    assert [actions for actions, resource in statements(recorded) if resource == KEY] == [
        ["kms:Decrypt"],
        ["kms:Decrypt"],
        ["kms:GenerateDataKey"],
    ]


def test_memory_says_how_large_a_picture_can_be(record_previews: Any) -> None:
    variables = record_previews(memory_mb=512).single("aws:lambda/function:Function").inputs["environment"]["variables"]

    assert (variables["DECODER_MEMORY_MB"], variables["PREVIEWS_BUCKET"]) == ("400", "previews-0a1b2c3")


def test_pages_may_read_previews_by_a_script_where_they_are_named(record_previews: Any) -> None:
    recorded = record_previews(cors_origins=["https://site.example"])

    [rule] = recorded.single("aws:s3/bucketCorsConfiguration:BucketCorsConfiguration").inputs["corsRules"]
    assert (rule["allowedOrigins"], rule["allowedMethods"]) == (["https://site.example"], ["GET", "HEAD"])
    assert record_previews().of("aws:s3/bucketCorsConfiguration:BucketCorsConfiguration") == []


def test_guest_may_read_previews_of_own_pictures_alone() -> None:
    data = {"bucket": {"name": "pictures", "arn": PICTURES}, "table": {"name": "results", "arn": TABLE}}
    args = cast(GuestAccessArgs, {**data, "previews": {"name": "previews", "arn": "arn:aws:s3:::previews"}})

    policy = record(lambda: GuestAccess("guests", args)).single("aws:iam/rolePolicy:RolePolicy").policy()

    guest = "${cognito-identity.amazonaws.com:sub}"
    reading = [each["Resource"] for each in policy["Statement"] if each["Action"] == ["s3:GetObject"]]
    assert reading == [f"arn:aws:s3:::previews/previews/uploads/{guest}/*"]


def test_pipeline_turns_eventbridge_on_beside_its_own_notification(pipeline_arguments: dict[str, Any]) -> None:
    args = cast(ImageProcessorArgs, {**pipeline_arguments, "eventbridge": True})

    notification = record(lambda: ImageProcessor("pipe", args)).single(NOTIFICATION).inputs

    assert (notification["eventbridge"], len(notification["queues"])) == (True, 1)


def test_alarms_tell_of_the_function_and_its_dead_letters() -> None:
    pipeline: PipelineReference = {
        "service": "pipe-test",
        "queue_name": "pipe-events-1",
        "dead_letter_queue_name": "pipe-dead-letters-1",
        "function_name": "pipe-process-image-1",
        "failure_recorder_name": "pipe-record-failure-1",
    }

    def program() -> None:
        previews = Previews("previews", {"bucket": {"name": "pictures", "arn": PICTURES}})
        Monitoring("pipe", {"pipeline": pipeline, "previews": previews})
        pulumi.export("queue", previews.dead_letter_queue_name)

    recorded = record(program)

    alarms = {
        alarm.name.removeprefix("pipe-"): alarm for alarm in recorded.of("aws:cloudwatch/metricAlarm:MetricAlarm")
    }
    assert {"make-previews-errors", "make-previews-throttles", "make-previews-slow"} < set(alarms)
    assert alarms["previews-failed"].inputs["dimensions"] == {"QueueName": recorded.outputs["queue"]}
