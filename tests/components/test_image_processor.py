"""ImageProcessor alone."""

from typing import Any, cast

import pytest

from components.image_processor import ImageProcessor, ImageProcessorArgs
from tests.recording import ACCOUNT, REGION, Record, once, record

SQS = f"arn:aws:sqs:{REGION}:{ACCOUNT}:"
QUEUE, DEAD_LETTERS = f"{SQS}pipe-events-0a1b2c3", f"{SQS}pipe-dead-letters-0a1b2c3"
EXPIRED = "s3:LifecycleExpiration:DeleteMarkerCreated"
TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/results"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:"


@pytest.fixture(scope="module")
def record_processor(pipeline_arguments: dict[str, Any]) -> Any:
    """Return a function that makes a component with some arguments and returns the record."""

    def make(**arguments: Any) -> Record:
        args = cast(ImageProcessorArgs, (pipeline_arguments | {"service": "pipe-test"} | arguments))
        return record(lambda: ImageProcessor("pipe", args))

    return once(make)


def statements(recorded: Record, function: str) -> list[dict[str, Any]]:
    policy = recorded.single("aws:iam/rolePolicy:RolePolicy", f"pipe-{function}-policy").policy()
    return [statement for statement in policy["Statement"] if not statement["Action"][0].startswith("logs:")]


def environment(recorded: Record, function: str) -> dict[str, str]:
    inputs = recorded.single("aws:lambda/function:Function", f"pipe-{function}").inputs
    return dict(inputs["environment"]["variables"])


def test_pauses_where_it_is_told_to(record_processor: Any) -> None:
    recorded = record_processor(on_cost_bound="pause")

    (may,) = statements(recorded, "pause")
    assert may["Action"] == ["lambda:UpdateEventSourceMapping"]
    assert may["Resource"].endswith(environment(recorded, "pause")["EVENT_SOURCE_MAPPING_ID"])
    assert "pipe-pause" not in {function.name for function in record_processor().of("aws:lambda/function:Function")}


def test_queue_outlasts_the_function_and_gives_up_to_the_dead_letters(record_processor: Any) -> None:
    recorded = record_processor(timeout_seconds=20, max_receive_count=7)

    queue = recorded.single("aws:sqs/queue:Queue", "pipe-events")
    assert queue.inputs["visibilityTimeoutSeconds"] == 120
    assert queue.policy("redrivePolicy") == {"deadLetterTargetArn": DEAD_LETTERS, "maxReceiveCount": 607}
    assert environment(recorded, "process-image")["MAX_ATTEMPTS"] == "7"


def test_dead_letters_stay_longer_than_in_the_queue(record_processor: Any) -> None:
    recorded = record_processor()

    queue = recorded.single("aws:sqs/queue:Queue", "pipe-events").inputs
    dead_letters = recorded.single("aws:sqs/queue:Queue", "pipe-dead-letters").inputs
    assert queue["messageRetentionSeconds"] == 4 * 86_400
    assert dead_letters["messageRetentionSeconds"] == 14 * 86_400
    recorder = recorded.single("aws:lambda/function:Function", "pipe-record-failure").inputs
    assert dead_letters["visibilityTimeoutSeconds"] >= 6 * recorder["timeout"]


def test_dead_letters_come_from_that_queue_alone(record_processor: Any) -> None:
    redrive = record_processor().single("aws:sqs/redriveAllowPolicy:RedriveAllowPolicy")

    assert redrive.inputs["queueUrl"].endswith("/pipe-dead-letters-0a1b2c3")
    assert redrive.policy("redriveAllowPolicy") == {"redrivePermission": "byQueue", "sourceQueueArns": [QUEUE]}


def test_only_the_bucket_sends_and_only_over_tls(record_processor: Any) -> None:
    policy = record_processor().single("aws:sqs/queuePolicy:QueuePolicy", "pipe-events-policy")

    allowed, denied = policy.policy()["Statement"]
    assert allowed == {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": ["sqs:SendMessage"],
        "Resource": QUEUE,
        "Condition": {
            "ArnEquals": {"aws:SourceArn": "arn:aws:s3:::pictures"},
            "StringEquals": {"aws:SourceAccount": ACCOUNT},
        },
    }
    assert (denied["Effect"], denied["Resource"]) == ("Deny", QUEUE)
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_dead_letters_are_reached_over_tls_only(record_processor: Any) -> None:
    (denied,) = (
        record_processor().single("aws:sqs/queuePolicy:QueuePolicy", "pipe-dead-letters-policy").policy()["Statement"]
    )

    assert (denied["Effect"], denied["Resource"], denied["Action"]) == ("Deny", DEAD_LETTERS, ["sqs:*"])


def test_processor_may_do_what_its_detectors_need(record_processor: Any) -> None:
    assert statements(record_processor(), "process-image") == [
        {
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:GetObjectVersion"],
            "Resource": "arn:aws:s3:::pictures/*",
        },
        {"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": "arn:aws:s3:::pictures"},
        {
            "Effect": "Allow",
            "Action": [
                "dynamodb:BatchGetItem",
                "dynamodb:PutItem",
                "dynamodb:UpdateItem",
                "dynamodb:DeleteItem",
            ],
            "Resource": TABLE,
        },
        {"Effect": "Allow", "Action": ["dynamodb:BatchWriteItem"], "Resource": TABLE},
        {
            "Effect": "Allow",
            "Action": ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
            "Resource": QUEUE,
        },
        {"Effect": "Allow", "Action": ["sqs:ChangeMessageVisibility"], "Resource": QUEUE},
        {"Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": DEAD_LETTERS},
        {"Effect": "Allow", "Action": ["rekognition:DetectLabels", "rekognition:DetectFaces"], "Resource": "*"},
    ]


def test_processor_may_decrypt_with_the_buckets_key(record_processor: Any) -> None:
    key = "arn:aws:kms:eu-central-1:1:key/k"

    assert {"Effect": "Allow", "Action": ["kms:Decrypt"], "Resource": key} in statements(
        record_processor(bucket={"name": "pictures", "arn": "arn:aws:s3:::pictures", "kms_key_arn": key}),
        "process-image",
    )


def test_recorder_may_write_results_and_take_dead_letters(record_processor: Any) -> None:
    services = {
        (action.split(":")[0], statement["Resource"])
        for statement in statements(record_processor(), "record-failure")
        for action in statement["Action"]
    }

    assert services == {("dynamodb", TABLE), ("sqs", DEAD_LETTERS)}


def test_tells_the_processor_its_settings(record_processor: Any) -> None:
    assert environment(record_processor(memory_mb=512), "process-image") == {
        "RESULTS_TABLE": "results",
        "UPLOAD_BUCKET": "pictures",
        "QUEUE_URL": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/pipe-events-0a1b2c3",
        "DETECTORS": "labels,faces",
        "MAX_LABELS": "12",
        "MIN_CONFIDENCE": "72.5",
        "IMAGE_PROPERTIES": "false",
        "KEEP_LOCATION": "false",
        "DEAD_LETTER_QUEUE_URL": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/pipe-dead-letters-0a1b2c3",
        "MAX_ATTEMPTS": "6",
        "BATCH_SIZE": "10",
        "REKOGNITION_CALLS_PER_SECOND": "15",
        "REKOGNITION_TIMEOUT_S": "10",
        "RETRY_BASE_DELAY_S": "5",
        "CACHE_DAYS": "30",
        "MAX_CONVERTED_PIXELS": "18751006",
        "DECODER_MEMORY_MB": "400",
        "POWERTOOLS_SERVICE_NAME": "pipe-test",
        "POWERTOOLS_METRICS_NAMESPACE": "Labelstack",
        "POWERTOOLS_LOG_LEVEL": "INFO",
    }


def test_tells_the_recorder_its_settings(record_processor: Any) -> None:
    assert environment(record_processor(), "record-failure") == {
        "RESULTS_TABLE": "results",
        "UPLOAD_BUCKET": "pictures",
        "QUEUE_URL": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/pipe-dead-letters-0a1b2c3",
        "RETRY_BASE_DELAY_S": "5",
        "POWERTOOLS_SERVICE_NAME": "pipe-test",
        "POWERTOOLS_METRICS_NAMESPACE": "Labelstack",
        "POWERTOOLS_LOG_LEVEL": "INFO",
    }


@pytest.mark.parametrize(("setting_s", "recorder_s"), [(0, "5"), (60, "60")])
def test_recorder_never_tries_without_a_pause(record_processor: Any, setting_s: int, recorder_s: str) -> None:
    recorded = record_processor(retry_base_delay_seconds=setting_s)

    assert environment(recorded, "record-failure")["RETRY_BASE_DELAY_S"] == recorder_s
    assert environment(recorded, "process-image")["RETRY_BASE_DELAY_S"] == str(setting_s)


@pytest.mark.parametrize("function", ["process-image", "record-failure"])
def test_both_functions_announce_where_they_are_told(record_processor: Any, function: str) -> None:
    topic, bucket = f"arn:aws:sns:{REGION}:{ACCOUNT}:told", "arn:aws:s3:::documents"
    plain = record_processor()
    recorded = record_processor(
        results_bucket={"name": "documents", "arn": bucket}, topic={"arn": topic}, notify_min_confidence=80.5
    )

    announcing = {"RESULTS_BUCKET": "documents", "TOPIC_ARN": topic, "NOTIFY_MIN_CONFIDENCE": "80.5"}
    assert environment(recorded, function) == environment(plain, function) | announcing
    assert [s for s in statements(recorded, function) if s not in statements(plain, function)] == [
        {"Effect": "Allow", "Action": ["s3:PutObject"], "Resource": f"{bucket}/*"},
        {"Effect": "Allow", "Action": ["sns:Publish"], "Resource": topic},
    ]


def test_runs_as_many_functions_as_the_quota_needs(record_processor: Any) -> None:
    mapping = record_processor(rekognition_tps=90, batch_size=5).single(
        "aws:lambda/eventSourceMapping:EventSourceMapping", "pipe-process-image"
    )

    assert mapping.inputs["scalingConfig"] == {"maximumConcurrency": 4}
    assert mapping.inputs["batchSize"] == 5
    assert mapping.inputs["eventSourceArn"] == QUEUE
    assert mapping.inputs["functionName"] == f"{FUNCTION}pipe-process-image-0a1b2c3"


def test_dead_letters_go_to_the_recorder(record_processor: Any) -> None:
    mapping = record_processor().single("aws:lambda/eventSourceMapping:EventSourceMapping", "pipe-record-failure")

    assert mapping.inputs["eventSourceArn"] == DEAD_LETTERS
    assert mapping.inputs["functionName"] == f"{FUNCTION}pipe-record-failure-0a1b2c3"


def test_batches_fail_in_part(record_processor: Any) -> None:
    mappings = record_processor().of("aws:lambda/eventSourceMapping:EventSourceMapping")

    assert [m.inputs["functionResponseTypes"] for m in mappings] == [["ReportBatchItemFailures"]] * 2


def test_bucket_tells_the_queue_once_it_may(record_processor: Any) -> None:
    notification = record_processor().single("aws:s3/bucketNotification:BucketNotification")

    assert notification.inputs["bucket"] == "pictures"
    assert notification.inputs["queues"] == [
        {"id": "uploads", "queueArn": QUEUE, "events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*", EXPIRED]}
    ]
    assert "pipe-events-policy" in notification.dependencies
